//! No secret, token or session id is ever printed, at any log level and with any fault.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::Served;
use crate::support::secrets::Marked;

/// The secrets that the sandbox received and issued, none of which may be in a log.
fn marked(served: &Served) -> Vec<String> {
    let connection: Value = serde_json::from_str(&served.ask(Method::GET, "connection", "")).expect("JSON");
    let mut secrets = Vec::new();
    collect(&connection, &mut secrets);
    let requests: Value = serde_json::from_str(&served.ask(Method::GET, "requests", "")).expect("JSON");
    for request in requests["requests"].as_array().expect("a list") {
        for header in request["headers"].as_array().expect("a list") {
            let (name, value) = (header[0].as_str().unwrap_or_default(), header[1].as_str().unwrap_or_default());
            match name.to_lowercase().as_str() {
                "authorization" => secrets.push(value.trim_start_matches("Bearer ").to_owned()),
                "cookie" => secrets.push(value.trim_start_matches("__sessiontoken=").to_owned()),
                "x-security-token" => secrets.push(value.to_owned()),
                _ => {}
            }
        }
    }
    secrets.sort();
    secrets.dedup();
    secrets
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name.contains("secret") || name == "password" => secrets.push(text.to_owned()),
                    _ => collect(value, secrets),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
        _ => {}
    }
}

#[test]
fn incident_20_nothing_secret_is_printed_or_kept_at_trace_level_with_and_without_faults() {
    let served = Served::of(&["two_instances"]);
    let mut printed = String::new();
    let echo =
        json!({"type": "status", "status": 400, "body": "{\"error\": \"invalid\", \"you_sent\": \"everything\"}"});
    let faults = [
        json!([]),
        json!([{"call": "users", "times": 1, "effect": {"type": "status", "status": 401}}]),
        json!([{"call": "users", "times": "forever", "effect": {"type": "html"}}]),
        json!([{"call": "token", "times": "forever", "effect": echo}]),
        json!([{"call": "query", "times": "forever", "effect": {"type": "truncate"}}]),
        json!([{"call": "logon", "times": "forever", "effect": {"type": "truncate"}}]),
        json!([{"call": "any", "skip": 3, "times": 1, "effect": {"type": "expire_tokens"}}]),
        json!([{"call": "query", "times": "forever", "effect": {"type": "soap_fault", "code": "SOAP-ENV:Server", "string": "x"}}]),
    ];
    for fault in faults {
        served.ask(Method::DELETE, "faults", "");
        served.ask(Method::POST, "faults", &json!({ "faults": fault }).to_string());
        for format in ["text", "json"] {
            let finished = served.sync_now(&["-vv", "--output", format]);
            printed.push_str(&finished.stdout);
            printed.push_str(&finished.stderr);
        }
    }
    served.ask(Method::DELETE, "faults", "");
    printed.push_str(&every_other_command(&served));
    let secrets = marked(&served);
    assert!(secrets.len() >= 5, "client secrets, password, bearer tokens and session tokens: {}", secrets.len());
    assert!(printed.contains("TRACE") || printed.contains("DEBUG"), "the log level is the highest");
    let state = state_file(&served);
    assert!(state.metadata().expect("a state").len() > 10_000, "the state is searched");
    let found = Marked::with(secrets).found_in(&printed, &[state]);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The output of all other commands at the highest log level.
fn every_other_command(served: &Served) -> String {
    let world = json!({"changes": [{"op": "unassign", "user": "ann@acme.com", "group": "Campaign - acme - delivery"}]});
    let run = served.sync_now(&["--output", "json", "-q"]).json();
    let run = run["run"].as_str().expect("a run").to_owned();
    served.ask(Method::POST, "world", &world.to_string());
    let mut held = served.prepared(&["--sync-now", "--output", "json", "-vv"]);
    held.env("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");
    let held = super::harness::run(&mut held);
    let digest = held.json()["instances"]
        .as_array()
        .expect("instances")
        .iter()
        .find_map(|i| i["held"].as_str().map(str::to_owned));
    let digest = digest.expect("something is held");
    let mut printed = held.stdout + &held.stderr;
    for command in [
        &["history"][..],
        &["history", &run],
        &["explain", "ann@acme.com"],
        &["access"],
        &["access", "--csv"],
        &["approve", &digest],
        &["undo", &run],
        &["undo", &run, "--apply"],
        &["config"],
        &["--sync-now", "--user", "bob@acme.com"],
        &["--sync-now", "--group", "delivery", "--dry-run"],
    ] {
        let finished = served.command(&[command, &["-vv"]].concat());
        assert!(!finished.stdout.is_empty(), "{command:?}: {}", finished.stderr);
        printed.push_str(&finished.stdout);
        printed.push_str(&finished.stderr);
    }
    printed
}

/// The state file of this sandbox.
fn state_file(served: &Served) -> PathBuf {
    let configuration = std::fs::read_to_string(&served.configuration).expect("written");
    let url = configuration.lines().find_map(|line| line.strip_prefix("url = \"sqlite://")).expect("a state file");
    PathBuf::from(url.trim_end_matches('"'))
}

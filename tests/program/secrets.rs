//! No secret, token or session id is ever printed, at any log level and with any fault.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::Served;

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
    secrets.retain(|secret| secret.len() > 5);
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

/// The forms in which a secret could be in a log.
fn forms(secret: &str) -> [String; 3] {
    let encoded = secret.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    [secret.to_owned(), encoded.collect(), base64(secret.as_bytes())]
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextet = |chunk: &[u8], at: usize| {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        char::from(ALPHABET[usize::try_from(word >> (18 - 6 * at) & 63).expect("six bits")])
    };
    bytes.chunks(3).flat_map(|chunk| (0..=chunk.len()).map(move |at| sextet(chunk, at))).collect()
}

#[test]
fn incident_20_nothing_secret_is_printed_or_kept_at_trace_level_with_and_without_faults() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
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
    let state = state_files(&served);
    assert!(state.iter().any(|(_, bytes)| bytes.len() > 10_000), "the state is searched");
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!printed.contains(&form), "a secret was printed, {} characters long", secret.len());
            for (name, bytes) in &state {
                let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
                assert!(!found, "{name} holds a secret, {} characters long", secret.len());
            }
        }
    }
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

/// The state file of this sandbox and the files of SQLite beside it.
fn state_files(served: &Served) -> Vec<(String, Vec<u8>)> {
    let configuration = std::fs::read_to_string(&served.configuration).expect("written");
    let url = configuration.lines().find_map(|line| line.strip_prefix("url = \"sqlite://")).expect("a state file");
    let state = std::path::Path::new(url.trim_end_matches('"'));
    let entries = std::fs::read_dir(state.parent().expect("a folder")).expect("readable");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let of_state = paths.filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("state.db")));
    of_state.map(|path| (path.display().to_string(), std::fs::read(&path).expect("readable"))).collect()
}

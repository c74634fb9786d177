//! Exit statuses and reports for scripts.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Served, program, run};

#[test]
fn one_command_makes_a_run_in_the_sandbox() {
    let finished = run(&mut program(&["--sync-now", "--sandbox"]));
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("5 to add, 3 to remove: 8 applied; 9 unchanged"), "{}", finished.stdout);
}

#[test]
fn a_dry_run_exits_with_2_and_changes_nothing() {
    let served = Served::of(&["first_day"]);
    let before = served.ask(Method::GET, "world", "");
    assert_eq!(served.sync_now(&["--dry-run"]).exit, Some(2));
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let (before, after) = (value(&before), value(&served.ask(Method::GET, "world", "")));
    assert_eq!(before["campaign"]["production"]["memberships"], after["campaign"]["production"]["memberships"]);
}

#[test]
fn a_second_run_reports_in_sync_and_sends_no_write() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    served.ask(Method::DELETE, "requests", "");
    let second = served.sync_now(&["--output", "json"]);
    assert_eq!((second.exit, second.json()["outcome"].as_str()), (Some(0), Some("in_sync")), "{}", second.stderr);
    let requests: Value = serde_json::from_str(&served.ask(Method::GET, "requests", "")).expect("JSON");
    let requests = requests["requests"].as_array().expect("a list");
    assert!(!requests.is_empty());
    let writes =
        requests.iter().filter(|request| request["call"].as_str().is_some_and(|call| call.starts_with("write")));
    assert_eq!(writes.count(), 0);
}

#[test]
fn the_json_report_has_the_documented_fields() {
    let report = run(&mut program(&["--sync-now", "--sandbox", "--output", "json"])).json();
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let has = |value: &Value, wanted: &[&str]| {
        let keys = keys(value);
        assert!(wanted.iter().all(|key| keys.iter().any(|known| known == key)), "{keys:?} lacks some of {wanted:?}");
    };
    has(&report, &["version", "run", "mode", "started_at", "duration_ms", "outcome", "source", "instances"]);
    assert_eq!(
        (&report["version"], &report["mode"], &report["outcome"]),
        (&json!(1), &json!("apply"), &json!("applied"))
    );
    has(&report["source"], &["organization", "users", "profiles", "calls", "read", "complete"]);
    let instance = &report["instances"][0];
    has(
        instance,
        &["name", "mode", "outcome", "held", "orphaned", "matched_profiles", "changes", "skipped", "summary"],
    );
    has(&instance["changes"][0], &["op", "operator", "group", "reason", "outcome"]);
    has(&instance["matched_profiles"][0], &["profile", "group", "members"]);
    has(&instance["skipped"][0], &["reason", "subject", "detail"]);
    assert_eq!(keys(&instance["summary"]), {
        let mut names = vec![
            "add",
            "remove",
            "create_operator",
            "create_group",
            "disable_operator",
            "applied",
            "already",
            "failed",
            "held",
            "unconfirmed",
            "pending",
            "skipped",
            "unchanged",
        ];
        names.sort_unstable();
        names
    });
}

#[test]
fn a_report_as_markdown_has_no_markup_of_names() {
    let finished = run(&mut program(&["--sync-now", "--sandbox", "hostile_names", "--output", "markdown", "-q"]));
    assert_eq!(finished.exit, Some(3), "{}", finished.stderr);
    insta::assert_snapshot!(without_run(&finished.stdout));
}

#[test]
fn a_report_as_text_has_no_control_characters_of_names() {
    let finished = run(&mut program(&["--sync-now", "--sandbox", "hostile_names", "-q"]));
    assert_eq!(finished.exit, Some(3), "{}", finished.stderr);
    insta::assert_snapshot!(without_run(&finished.stdout));
}

/// The first line names the run and its time.
fn without_run(text: &str) -> String {
    text.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn incident_19_each_fault_has_its_exit_code_and_none_is_taken_for_success() {
    let effect = |call: &str, effect: Value| json!({"call": call, "times": "forever", "effect": effect});
    let cases = [
        (5, effect("users", json!({"type": "html"}))),
        (5, effect("users", json!({"type": "status", "status": 404}))),
        (5, effect("users", json!({"type": "empty_page"}))),
        (5, effect("users", json!({"type": "omit_key", "pointer": "/users"}))),
        (5, effect("users", json!({"type": "truncate"}))),
        (5, effect("users", json!({"type": "set_value", "pointer": "/users", "value": []}))),
        (5, effect("users", json!({"type": "huge_string", "pointer": "/result", "bytes": 10_000_000}))),
        (5, effect("groups", json!({"type": "html"}))),
        (5, effect("groups", json!({"type": "set_value", "pointer": "/groups", "value": []}))),
        (5, effect("groups", json!({"type": "truncate"}))),
        (5, effect("groups", json!({"type": "status", "status": 404}))),
        (5, effect("query", json!({"type": "html"}))),
        (5, effect("query", json!({"type": "truncate"}))),
        (5, effect("query", json!({"type": "deep_xml", "depth": 5000}))),
        (5, effect("query", json!({"type": "entity_declaration"}))),
        (5, effect("query", json!({"type": "soap_fault", "code": "SOAP-ENV:Server", "string": "SOP-330011 Error"}))),
        (6, effect("users", json!({"type": "status", "status": 503}))),
        (6, effect("users", json!({"type": "status", "status": 504}))),
        (6, effect("users", json!({"type": "reset"}))),
        (6, effect("users", json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}))),
        (6, effect("groups", json!({"type": "status", "status": 429}))),
        (6, effect("token", json!({"type": "status", "status": 500}))),
        (6, effect("token", json!({"type": "reset"}))),
        (6, effect("query", json!({"type": "status", "status": 503}))),
        (6, effect("query", json!({"type": "status", "status": 429}))),
        (6, effect("query", json!({"type": "reset"}))),
        (77, effect("users", json!({"type": "status", "status": 403}))),
        (77, effect("users", json!({"type": "status", "status": 401}))),
        (77, effect("token", json!({"type": "status", "status": 400, "body": "{\"error\":\"invalid_client\"}"}))),
        (
            77,
            effect("query", json!({"type": "status", "status": 403, "body": "XSV-350012 Invalid login or password."})),
        ),
    ];
    let served = Served::of(&["first_day"]);
    let memberships = || {
        let world: Value = serde_json::from_str(&served.ask(Method::GET, "world", "")).expect("JSON");
        world["campaign"]["production"]["memberships"].clone()
    };
    let before = memberships();
    for (at, (exit, fault)) in cases.into_iter().enumerate() {
        served.ask(Method::DELETE, "faults", "");
        served.ask(Method::POST, "faults", &json!({"faults": [fault]}).to_string());
        let configuration = served.configuration.to_str().expect("UTF-8").to_owned();
        let mut command = program(&["--sync-now", "--config", &configuration, "--output", "json", "-q"]);
        // The run must not wait for a pause.
        command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__MAX_WAIT", "0s");
        // Each case has its own state: later runs would keep to a pause that Adobe asked for once.
        let state = served.path(&format!("state{at}/state.db"));
        command.env("CAMPAIGN_GROUP_SYNC__STATE__URL", format!("sqlite://{}", state.display()));
        let finished = run(&mut command);
        assert_eq!(finished.exit, Some(exit), "{fault}: {}{}", finished.stdout, finished.stderr);
        assert_ne!(finished.json()["outcome"], "in_sync", "{fault}");
        assert_eq!(memberships(), before, "{fault}");
    }
}

#[test]
fn wrong_usage_exits_with_64() {
    for line in [
        &["--no-such-option"][..],
        &["--dry-run"],
        &["--sync-now", "--sandbox", "no_such_scenario"],
        &["--sync-now", "--sandbox", "--instance", "nowhere"],
        &["sandbox", "no_such_scenario"],
        &["sandbox", "/nowhere/at/all.toml"],
    ] {
        let finished = run(&mut program(line));
        assert_eq!(finished.exit, Some(64), "{line:?}: {}", finished.stderr);
        assert!(finished.stdout.is_empty() && !finished.stderr.is_empty(), "{line:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for line in [&["--help"][..], &["--version"], &["sandbox", "--help"]] {
        let finished = run(&mut program(line));
        assert_eq!((finished.exit, finished.stderr.as_str()), (Some(0), ""), "{line:?}");
    }
}

#[test]
fn a_run_for_one_instance_does_not_change_the_others() {
    let served = Served::of(&["two_instances"]);
    let report = served.sync_now(&["--instance", "STAGE", "--output", "json"]).json();
    let names: Vec<_> = report["instances"].as_array().expect("a list").iter().map(|i| i["name"].clone()).collect();
    assert_eq!(names, ["stage"]);
    let other = served.sync_now(&["--output", "json"]).json();
    assert_eq!(other["instances"][0]["name"], "production");
    assert_eq!(
        (&other["instances"][0]["outcome"], &other["instances"][1]["outcome"]),
        (&json!("applied"), &json!("in_sync"))
    );
}

#[test]
fn all_problems_of_a_configuration_are_reported_together_and_exit_with_78() {
    let served = Served::of(&["first_day"]);
    let broken = served.path("broken.toml");
    let text = std::fs::read_to_string(&served.configuration).expect("written");
    let text = text.replace("association_mask = \"Campaign - acme - (.*)\"", "asociation_mask = \"(.*) - (.*)\"");
    std::fs::write(&broken, text.replace("groups_per_minute = 1000000", "groups_per_minute = 0")).expect("written");
    let path = broken.to_str().expect("UTF-8");
    for command in [&["--sync-now", "--config", path][..], &["config", "--config", path]] {
        let finished = run(&mut program(command));
        assert_eq!(finished.exit, Some(78), "{}", finished.stderr);
        for part in ["asociation_mask", "association_mask", "groups_per_minute", "broken.toml"] {
            assert!(finished.stderr.contains(part), "{part} is missing: {}", finished.stderr);
        }
        assert_eq!(finished.stderr.matches("there is no such key").count(), 1, "reported once: {}", finished.stderr);
    }
}

#[test]
fn the_effective_configuration_shows_sources_and_no_secret() {
    let served = Served::of(&["first_day"]);
    let path = served.configuration.to_str().expect("UTF-8").to_owned();
    let mut command = program(&["config", "--config", &path]);
    command.env("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "7");
    let finished = run(&mut command);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let line = |key: &str| finished.stdout.lines().find(|line| line.starts_with(key)).expect(key).to_owned();
    assert!(line("guard.max_removals ").contains("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS"));
    assert!(line("experience_cloud.ims_url").contains("sandbox.toml"));
    assert!(line("guard.max_new_groups").contains("default"));
    assert!(line("experience_cloud.client_secret ").contains("(set)"));
}

#[test]
fn the_sandbox_stops_on_a_signal_and_deletes_its_secrets() {
    let served = Served::of(&["first_day"]);
    let text = std::fs::read_to_string(&served.configuration).expect("written");
    let secret = text.lines().find_map(|line| line.strip_prefix("client_secret_file = ")).expect("a secret file");
    let secret = std::path::PathBuf::from(secret.trim_matches('"'));
    assert!(secret.exists());
    served.terminate();
    assert!(!secret.exists());
}

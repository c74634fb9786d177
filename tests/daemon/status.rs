//! `status`, a pause of Adobe, and the memory of an idle daemon.

use std::time::Duration;

use serde_json::json;

use super::harness::{Harness, NEVER, get, process_status};

#[test]
fn status_without_a_daemon_shows_the_last_run_and_exits_with_status_3() {
    let harness = Harness::of("first_day", NEVER);
    let none = harness.command(&["status"]);
    assert_eq!(none.exit, Some(3), "{none:?}");
    assert!(none.stdout.contains("no daemon answers") && none.stdout.contains("last run      none"), "{}", none.stdout);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    let status = harness.command(&["status", "--output", "json"]);
    assert_eq!(status.exit, Some(3), "{status:?}");
    let document = status.json();
    assert_eq!((&document["version"], &document["state"]), (&json!(1), &json!("failing")));
    assert_eq!(document["last_run"]["outcome"], "applied");
    assert!(document["last_success"].is_string() && document["next_run"].is_null(), "{document}");
}

#[test]
fn status_of_a_daemon_has_the_documented_fields_and_exits_with_status_0() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let status = harness.command(&["status", "--output", "json"]);
    assert_eq!(status.exit, Some(0), "{status:?}");
    let mut keys: Vec<_> = status.json().as_object().expect("an object").keys().cloned().collect();
    let mut promised = [
        "version",
        "state",
        "reason",
        "last_run",
        "last_success",
        "last_clean",
        "next_run",
        "throttled_until",
        "held",
        "holds",
        "notifications",
        "organization",
        "leader",
    ];
    keys.sort();
    promised.sort_unstable();
    assert_eq!(keys, promised);
    for form in ["text", "markdown"] {
        let shown = harness.command(&["status", "--output", form]);
        assert!(
            shown.exit == Some(0) && shown.stdout.starts_with("starting: no run has ended since the start\n"),
            "{shown:?}"
        );
    }
}

#[test]
fn check_reports_the_state_of_the_daemon_and_starts_no_run() {
    let harness = Harness::of("first_day", NEVER);
    let found = || {
        let report = harness.command(&["check", "--offline", "--output", "json"]).json();
        let findings = report["findings"].as_array().expect("a list").clone();
        findings.into_iter().find(|one| one["id"] == "host.daemon").expect("always there")
    };
    let none = found();
    assert_eq!(none["verdict"], "not_checked", "{none}");
    assert!(none["evidence"].as_str().is_some_and(|text| text.starts_with("no daemon answers at ")), "{none}");
    let _daemon = harness.daemon();
    assert_eq!(found()["verdict"], "warning", "{}", found());
    assert_eq!(harness.history(), Vec::<serde_json::Value>::new());
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    let well = found();
    assert_eq!(well["verdict"], "ok", "{well}");
    assert!(well["evidence"].as_str().is_some_and(|text| text.starts_with("idle: all changes were applied")), "{well}");
    harness.fault("query", &json!({"type": "html"}));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(5));
    let failing = found();
    assert_eq!((&failing["verdict"], &failing["cause"]), (&json!("failed"), &json!("incomplete")), "{failing}");
}

#[test]
fn incident_7_a_pause_of_an_hour_is_shown_survives_a_restart_and_delays_no_client() {
    let harness = Harness::of("first_day", NEVER);
    let throttle = json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]});
    harness.fault("groups", &throttle);
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(6));
    daemon.hear("STATUS=throttled: rate limited until 20");
    let before = harness.status();
    assert_eq!(before["state"], "throttled");
    assert!(before["throttled_until"].is_string(), "{before}");
    let (exit, took) = daemon.terminate();
    assert!(exit == Some(0) && took < Duration::from_secs(2), "{exit:?} {took:?}");
    harness.ask(reqwest::Method::DELETE, "requests", "");
    let mut daemon = harness.daemon();
    let after = harness.status();
    assert_eq!((&after["state"], &after["throttled_until"]), (&json!("throttled"), &before["throttled_until"]));
    let waiting = harness.begin(&["--sync-now", "--wait"]);
    daemon.hear("STATUS=waiting");
    assert_eq!(harness.status()["state"], "waiting");
    let (exit, took) = daemon.terminate();
    assert!(exit == Some(0) && took < Duration::from_secs(2), "{exit:?} {took:?}");
    assert_eq!(waiting.finish().exit, Some(1));
    assert!(harness.calls().is_empty(), "{:?}", harness.calls());
}

#[test]
fn health_is_served_and_an_address_in_use_is_reported() {
    let harness = Harness::of("first_day", NEVER);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = harness.prepared(&[]);
    let refused = super::process::run(command.env("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", &address));
    assert_eq!(refused.exit, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&address), "{refused:?}");
    let mut daemon = harness.starting_daemon(&[("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0")]);
    daemon.hear("READY=1");
    let log = daemon.log();
    let url = log.split("status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("told");
    assert_eq!(get(&format!("{url}healthz")).0, 200);
    assert_eq!(get(&format!("{url}readyz")).0, 503, "nothing has worked yet");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    daemon.hear("STATUS=idle");
    assert_eq!(get(&format!("{url}readyz")).0, 200);
    let status: serde_json::Value = serde_json::from_str(&get(&format!("{url}status")).1).expect("JSON");
    assert_eq!(status, harness.status());
    let (code, page) = get(&format!("{url}?person=bob%40acme.com"));
    assert!(code == 200 && page.contains("bob@acme.com"), "{page}");
    let (exit, took) = daemon.terminate();
    assert!(exit == Some(0) && took < Duration::from_secs(2), "{exit:?} {took:?}");
}

#[test]
fn a_held_plan_blocks_until_it_is_approved() {
    let harness = Harness::of("first_day", "[guard]\nmax_removals = 1\n[schedule]\ncron = \"off\"\n");
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    daemon.hear("STATUS=blocked");
    let status = harness.status();
    let digest = status["held"][0].as_str().expect("a digest").to_owned();
    assert_eq!(daemon.terminate().0, Some(0));
    let mut daemon = harness.daemon();
    assert_eq!(harness.status()["state"], "blocked", "also after a restart");
    let mut talk = harness.talk();
    let answer = talk.say(&json!({"ask": "approve", "digest": digest, "approver": "ann"}).to_string());
    let approval = &answer["approval"];
    assert_eq!((&answer["answer"], &approval["outcome"]), (&json!("approval"), &json!("approved")), "{answer}");
    assert_eq!(approval["instances"][0]["changes"], 3, "{answer}");
    assert_eq!(approval["next_run"]["begins"], "now", "{answer}");
    daemon.hear("STATUS=idle");
    assert_eq!(harness.status()["held"], json!([]));
}

#[test]
fn an_idle_daemon_needs_little_memory() {
    let harness = Harness::of("first_day", NEVER);
    let daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    // Pages of the program file are shared with the kernel's cache, and many in an unoptimized build: what the program
    // itself takes is the rest.
    let own = process_status(daemon.id(), "VmRSS") - process_status(daemon.id(), "RssFile");
    assert!(own < 25 * 1024, "{own} kB");
}

//! What an administrator on call sees of a daemon: its log level, what a run waits for, a repeated approval.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{Daemon, Harness, NEVER},
    process::LOG_LEVEL,
};

const HOLDING: &str = "[guard]\nmax_removals = 1\n";

fn reload(harness: &Harness, daemon: &mut Daemon, more: &str) {
    harness.configure(more);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
}

/// Whether a dry run now leaves debug lines in the log of the daemon.
fn logs_details(harness: &Harness, daemon: &Daemon) -> bool {
    let before = daemon.log().len();
    assert_eq!(harness.command(&["--sync-now", "--dry-run"]).exit, Some(2));
    daemon.log()[before..].contains("DEBUG")
}

#[test]
fn a_new_log_level_takes_effect_after_a_reload() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.starting_daemon(&[(LOG_LEVEL, "")]);
    daemon.hear("READY=1");
    assert!(!logs_details(&harness, &daemon), "{}", daemon.log());
    reload(&harness, &mut daemon, &format!("{NEVER}[log]\nlevel = \"debug\"\n"));
    assert!(logs_details(&harness, &daemon), "{}", daemon.log());
    assert!(!daemon.log().contains("takes effect after a restart"), "{}", daemon.log());
    reload(&harness, &mut daemon, &format!("{NEVER}[log]\nlevel = \"warn\"\n"));
    assert!(!logs_details(&harness, &daemon), "{}", daemon.log());
    reload(&harness, &mut daemon, &format!("{NEVER}[log]\nformat = \"json\"\n"));
    assert!(
        daemon.log().contains("log.format was changed: the new value takes effect after a restart"),
        "{}",
        daemon.log()
    );
}

#[test]
fn a_run_that_waits_for_a_pause_shows_the_time_at_which_it_continues() {
    let harness = Harness::of("first_day", NEVER);
    harness.fault("groups", &json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}));
    let first = harness.command(&["--sync-now"]);
    assert_eq!(first.exit, Some(6), "{first:?}");
    for remedy in ["--wait waits for it", "`campaign-group-sync unpause`"] {
        assert!(first.stdout.contains(remedy), "the first report of a pause says what to do: {first:?}");
    }
    harness.ask(Method::DELETE, "faults", "");
    let until = |status: &Value| status["throttled_until"].as_str().expect("a time").to_owned();

    // Without a daemon the lock says that a run is under way, and the state until when it waits.
    let alone = harness.begin(&["--sync-now", "--wait"]);
    let told = loop {
        let status = harness.command(&["status", "--output", "json"]);
        assert_eq!(status.exit, Some(3), "{status:?}");
        if status.stdout.contains("is under way") {
            break status.json();
        }
    };
    let reason = told["reason"].as_str().expect("a sentence");
    assert!(reason.contains(&format!("and waits until {}", until(&told))), "{reason}");
    alone.signal("-TERM");
    alone.finish();

    let mut daemon = harness.daemon();
    let waiting = harness.begin(&["--sync-now", "--wait"]);
    daemon.hear("STATUS=waiting");
    let told = harness.status();
    let reason = told["reason"].as_str().expect("a sentence");
    assert!(reason.starts_with("a run is under way: "), "{reason}");
    assert!(reason.contains(&format!("waiting until {}", until(&told))), "{reason}");
    assert_eq!(harness.command(&["unpause"]).exit, Some(0));
    assert_eq!(waiting.finish().exit, Some(0));
}

#[test]
fn an_approval_that_is_repeated_is_recorded_once() {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let held = harness.command(&["--sync-now", "--output", "json"]);
    assert_eq!(held.exit, Some(4), "{held:?}");
    let digest = held.json()["instances"][0]["held"].as_str().expect("a digest").to_owned();
    let approve = || {
        let approved = harness.command(&["approve", &digest, "--output", "json"]);
        assert_eq!(approved.exit, Some(0), "{approved:?}");
        approved.json()
    };
    let (first, again) = (approve(), approve());
    assert!(first["message"].as_str().expect("a sentence").contains(" is approved by "), "{first}");
    let message = again["message"].as_str().expect("a sentence");
    assert!(message.contains(" was already approved by ") && message.contains(", valid until "), "{message}");
    assert_eq!((&again["outcome"], &again["expires_at"]), (&json!("approved"), &first["expires_at"]), "{again}");
    let given = harness.command(&["history", "--approvals", "--output", "json"]).json();
    assert_eq!(given["approvals"].as_array().map(Vec::len), Some(1), "{given}");
}

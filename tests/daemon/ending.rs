//! How the daemon ends, and what is left when it is killed.

use std::{fs, time::Duration};

use serde_json::json;

use super::harness::{ALWAYS, Harness, NEVER, run};

#[test]
fn a_waiting_daemon_ends_within_2_seconds() {
    for signal in ["-TERM", "-INT"] {
        let harness = Harness::of("first_day", NEVER);
        let mut daemon = harness.daemon();
        daemon.signal(signal);
        let (exit, took) = daemon.ended();
        assert_eq!(exit, Some(0), "{signal}: {}", daemon.log());
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
        assert!(!harness.socket().exists(), "{signal}");
    }
}

#[test]
fn a_daemon_that_is_stopped_during_a_run_finishes_the_current_change_and_the_history_says_interrupted() {
    let harness = Harness::of("first_day", ALWAYS);
    harness.fault("write", &json!({"type": "delay", "ms": 1500}));
    let mut daemon = harness.daemon();
    daemon.hear("production: 0 of 8 changes");
    let (exit, took) = daemon.terminate();
    assert_eq!(exit, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    let history = harness.history();
    assert_eq!((history.len(), &history[0]["outcome"]), (1, &json!("interrupted")), "{history:?}");
    let summary = &history[0]["summary"];
    assert!(summary["applied"].as_u64() > Some(0) && summary["pending"].as_u64() > Some(0), "{summary}");
}

#[test]
fn a_run_that_does_not_stop_in_time_is_aborted_and_the_history_says_interrupted() {
    let harness = Harness::of("first_day", ALWAYS);
    harness.fault("write", &json!({"type": "delay", "ms": 60_000}));
    let mut daemon = harness.daemon();
    daemon.hear("production: 0 of 8 changes");
    let (exit, took) = daemon.terminate();
    assert_eq!(exit, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(harness.history()[0]["outcome"], "interrupted");
}

#[test]
fn incident_23_killed_during_a_run_it_starts_again_at_once() {
    let harness = Harness::of("first_day", ALWAYS);
    harness.fault("write", &json!({"type": "delay", "ms": 60_000}));
    let mut daemon = harness.daemon();
    daemon.hear("production: 0 of 8 changes");
    daemon.signal("-KILL");
    assert_eq!(daemon.ended().0, None);
    assert!(fs::symlink_metadata(harness.socket()).is_ok(), "the socket of the dead daemon is left");
    harness.ask(reqwest::Method::DELETE, "faults", "");
    let mut next = harness.daemon();
    next.hear("STATUS=idle: ");
    let history = harness.history();
    assert_eq!(history.last().expect("the first run")["outcome"], "interrupted", "{history:?}");
}

#[test]
fn incident_23_a_second_daemon_exits_with_status_7_and_names_the_first() {
    let harness = Harness::of("first_day", NEVER);
    let daemon = harness.daemon();
    let second = harness.command(&[]);
    assert_eq!(second.exit, Some(7), "{second:?}");
    assert!(second.stderr.contains(&format!("(process {} ", daemon.id())), "{}", second.stderr);
    assert_eq!(harness.status()["state"], "starting", "the first is not disturbed");
}

#[test]
fn a_daemon_of_another_state_at_the_same_socket_exits_with_status_7_as_well() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let mut other = harness.prepared(&[]);
    other.env("CAMPAIGN_GROUP_SYNC__STATE__URL", format!("sqlite://{}", harness.path("other.db").display()));
    let finished = run(&mut other);
    assert_eq!(finished.exit, Some(7), "{finished:?}");
    assert_eq!(harness.status()["state"], "starting", "the first is not disturbed");
}

#[test]
fn a_stopped_run_without_a_daemon_finishes_the_current_change() {
    let harness = Harness::of("first_day", NEVER);
    harness.fault("write", &json!({"type": "delay", "ms": 1500}));
    let run = harness.begin(&["--sync-now", "--output", "json"]);
    harness.await_call("write");
    run.signal("-TERM");
    let finished = run.finish();
    assert_eq!((finished.exit, &finished.json()["outcome"]), (Some(1), &json!("interrupted")), "{finished:?}");
    assert_eq!(harness.history()[0]["outcome"], "interrupted");
}

#[test]
fn an_invalid_configuration_exits_with_status_78() {
    let harness = Harness::of("first_day", "[guard]\nmax_removal = 3\n");
    assert_eq!(harness.command(&[]).exit, Some(78));
}

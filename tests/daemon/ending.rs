//! How the daemon ends, and what is left when it is killed.

use std::{fs, time::Duration};

use serde_json::json;

use super::support::{ALWAYS, NEVER, Scene};

#[test]
fn a_waiting_daemon_ends_within_2_seconds() {
    for signal in ["-TERM", "-INT"] {
        let scene = Scene::of("first_day", NEVER);
        let mut daemon = scene.daemon();
        daemon.signal(signal);
        let (exit, took) = daemon.ended();
        assert_eq!(exit, Some(0), "{signal}: {}", daemon.log());
        assert!(took < Duration::from_secs(2), "{signal}: {took:?}");
        assert!(!scene.socket().exists(), "{signal}");
    }
}

#[test]
fn a_daemon_that_is_stopped_during_a_run_finishes_the_current_change_and_the_history_says_interrupted() {
    let scene = Scene::of("first_day", ALWAYS);
    scene.fault("write", &json!({"type": "delay", "ms": 1500}));
    let mut daemon = scene.daemon();
    daemon.hear("production: 0 of 8 changes");
    let (exit, took) = daemon.terminate();
    assert_eq!(exit, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    let history = scene.history();
    assert_eq!((history.len(), &history[0]["outcome"]), (1, &json!("interrupted")), "{history:?}");
    let summary = &history[0]["summary"];
    assert!(summary["applied"].as_u64() > Some(0) && summary["pending"].as_u64() > Some(0), "{summary}");
}

#[test]
fn a_run_that_does_not_stop_in_time_is_aborted_and_the_history_says_interrupted() {
    let scene = Scene::of("first_day", ALWAYS);
    scene.fault("write", &json!({"type": "delay", "ms": 60_000}));
    let mut daemon = scene.daemon();
    daemon.hear("production: 0 of 8 changes");
    let (exit, took) = daemon.terminate();
    assert_eq!(exit, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(scene.history()[0]["outcome"], "interrupted");
}

#[test]
fn incident_23_killed_during_a_run_it_starts_again_at_once() {
    let scene = Scene::of("first_day", ALWAYS);
    scene.fault("write", &json!({"type": "delay", "ms": 60_000}));
    let mut daemon = scene.daemon();
    daemon.hear("production: 0 of 8 changes");
    daemon.signal("-KILL");
    assert_eq!(daemon.ended().0, None);
    assert!(fs::symlink_metadata(scene.socket()).is_ok(), "the socket of the dead daemon is left");
    scene.ask(reqwest::Method::DELETE, "faults", "");
    let mut next = scene.daemon();
    next.hear("STATUS=idle: ");
    let history = scene.history();
    assert_eq!(history.last().expect("the first run")["outcome"], "interrupted", "{history:?}");
}

#[test]
fn incident_23_a_second_daemon_exits_with_status_7_and_names_the_first() {
    let scene = Scene::of("first_day", NEVER);
    let daemon = scene.daemon();
    let second = scene.command(&[]);
    assert_eq!(second.exit, Some(7), "{second:?}");
    assert!(second.stderr.contains(&format!("(process {} ", daemon.id())), "{}", second.stderr);
    assert_eq!(scene.status()["state"], "starting", "the first is not disturbed");
}

#[test]
fn a_daemon_of_another_state_at_the_same_socket_exits_with_status_7_as_well() {
    let scene = Scene::of("first_day", NEVER);
    let _daemon = scene.daemon();
    let mut other = scene.prepared(&[]);
    other.env("CAMPAIGN_GROUP_SYNC__STATE__URL", format!("sqlite://{}", scene.path("other.db").display()));
    let output = other.output().expect("started");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(scene.status()["state"], "starting", "the first is not disturbed");
}

#[test]
fn a_stopped_run_without_a_daemon_finishes_the_current_change() {
    let scene = Scene::of("first_day", NEVER);
    scene.fault("write", &json!({"type": "delay", "ms": 1500}));
    let run = scene.begin(&["--sync-now", "--output", "json"]);
    scene.await_call("write");
    run.signal("-TERM");
    let finished = run.finish();
    assert_eq!((finished.exit, &finished.json()["outcome"]), (Some(1), &json!("interrupted")), "{finished:?}");
    assert_eq!(scene.history()[0]["outcome"], "interrupted");
}

#[test]
fn an_invalid_configuration_exits_with_status_78() {
    let scene = Scene::of("first_day", "[guard]\nmax_removal = 3\n");
    assert_eq!(scene.command(&[]).exit, Some(78));
}

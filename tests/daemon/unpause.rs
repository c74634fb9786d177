//! `unpause`: a pause that Adobe has lifted is forgotten, and the daemon goes on without a restart.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{Harness, NEVER, program, run},
    nodes::Nodes,
};

fn throttle(harness: &Harness) {
    harness.fault("groups", &json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}));
}

/// A daemon whose last run met a pause of Adobe, which has been lifted since.
fn paused_daemon(harness: &Harness) -> super::harness::Daemon {
    throttle(harness);
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(6));
    daemon.hear("STATUS=throttled");
    harness.ask(Method::DELETE, "faults", "");
    daemon
}

fn without_times(mut answer: Value) -> Value {
    for key in ["until", "forgotten_at", "message", "next_run"] {
        answer[key].take();
    }
    answer
}

#[test]
fn incident_35_a_throttled_daemon_makes_its_run_at_once_when_the_pause_is_forgotten() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = paused_daemon(&harness);
    let until = harness.status()["throttled_until"].clone();
    let unpaused = harness.command(&["unpause", "--output", "json"]);
    assert_eq!(unpaused.exit, Some(0), "{unpaused:?}");
    let answer = unpaused.json();
    assert_eq!((&answer["version"], &answer["outcome"]), (&json!(1), &json!("forgotten")), "{answer}");
    assert_eq!((&answer["until"], &answer["next_run"]["begins"]), (&until, &json!("now")), "{answer}");
    assert!(answer["client_id"].is_string() && answer["approver_uid"].is_u64(), "{answer}");
    daemon.hear("STATUS=idle: all changes were applied");
    let status = harness.status();
    assert!(status["throttled_until"].is_null() && status["state"] == "idle", "{status}");
    // Who did it can be explained later, from the log and from the history of the run.
    let by = format!("uid {}", answer["approver_uid"]);
    let until = until.as_str().expect("a time");
    let told =
        |text: &str| text.lines().any(|line| line.contains(until) && line.contains("forgotten") && line.contains(&by));
    assert!(told(&daemon.log()), "{}", daemon.log());
    let run = harness.history()[0]["run"].as_str().expect("a run").to_owned();
    let report = harness.command(&["history", &run]).stdout;
    assert!(told(&report), "{report}");
}

#[test]
fn a_run_of_the_daemon_that_waits_for_the_pause_goes_on_when_it_is_forgotten() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = paused_daemon(&harness);
    let waiting = harness.begin(&["--sync-now", "--wait"]);
    daemon.hear("STATUS=waiting");
    let answer = harness.command(&["unpause", "--output", "json"]).json();
    assert_eq!(answer["next_run"]["begins"], "after_the_current_run", "{answer}");
    let waited = waiting.finish();
    assert_eq!(waited.exit, Some(0), "{waited:?}");
    let runs = harness.history();
    assert_eq!(runs.len(), 2, "the run that waited is the run: {runs:?}");
}

#[test]
fn without_a_daemon_the_pause_is_forgotten_in_place_and_without_a_pause_one_line_says_so() {
    let harness = Harness::of("first_day", NEVER);
    let none = || {
        let none = harness.command(&["unpause"]);
        assert_eq!((none.exit, none.stdout.lines().count()), (Some(0), 1), "{none:?}");
        assert!(none.stdout.starts_with("There is no pause to forget"), "{none:?}");
        let answer = harness.command(&["unpause", "--output", "json"]).json();
        assert_eq!(
            (&answer["outcome"], &answer["until"], &answer["next_run"]),
            (&json!("no_pause"), &Value::Null, &Value::Null)
        );
    };
    none();
    throttle(&harness);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(6));
    let refused = harness.command(&["--sync-now"]);
    assert!(refused.exit == Some(6) && refused.stdout.contains("run `campaign-group-sync unpause`"), "{refused:?}");
    assert!(harness.status()["throttled_until"].is_string());
    harness.ask(Method::DELETE, "faults", "");
    let mut command = harness.prepared(&["unpause"]);
    let forgotten = run(command.env("SUDO_USER", "zoe\nall is well"));
    assert_eq!((forgotten.exit, forgotten.stdout.lines().count()), (Some(0), 1), "{forgotten:?}");
    let text = &forgotten.stdout;
    assert!(text.contains(" until 20") && text.contains("client id ") && text.contains("uid "), "{text}");
    assert!(harness.status()["throttled_until"].is_null());
    none();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
}

#[test]
fn over_the_socket_the_answer_is_the_one_in_place_and_needs_no_secrets() {
    let (with, without) = (Harness::of("first_day", NEVER), Harness::of("first_day", NEVER));
    let _daemon = paused_daemon(&with);
    throttle(&without);
    assert_eq!(without.command(&["--sync-now"]).exit, Some(6));
    let text = std::fs::read_to_string(with.configuration()).expect("readable");
    let lines = text
        .lines()
        .map(|line| if line.starts_with("client_secret_file") { "client_secret_file = \"/nowhere\"" } else { line });
    let other = with.path("other.toml");
    std::fs::write(&other, lines.flat_map(|line| [line, "\n"]).collect::<String>()).expect("written");
    let over = run(program(&["unpause", "--output", "json"]).arg("--config").arg(&other));
    let place = without.command(&["unpause", "--output", "json"]);
    assert_eq!((over.exit, place.exit), (Some(0), Some(0)), "{over:?} {place:?}");
    assert_eq!(without_times(over.json()), without_times(place.json()));
    assert_eq!(place.json()["next_run"], Value::Null);
}

#[test]
fn the_leader_notices_a_pause_that_was_forgotten_through_a_follower() {
    let Some(nodes) = Nodes::of("first_day", NEVER) else { return };
    let (mut leader, follower) = nodes.leader_and_follower();
    throttle(&nodes.harness);
    assert_eq!(leader.command(&["--sync-now"]).exit, Some(6));
    leader.daemon.hear("STATUS=throttled");
    nodes.harness.ask(Method::DELETE, "faults", "");
    let answer = follower.command(&["unpause", "--output", "json"]).json();
    assert_eq!((&answer["outcome"], &answer["until"].is_string()), (&json!("forgotten"), &true), "{answer}");
    assert_eq!(answer["next_run"]["begins"], "on_the_leader", "{answer}");
    // The node that leads notices, and makes the run that the pause kept from reading.
    leader.daemon.hear("STATUS=idle: all changes were applied");
    assert!(leader.status()["throttled_until"].is_null(), "{}", leader.status());
    assert_eq!(leader.command(&["unpause", "--output", "json"]).json()["outcome"], "no_pause");
}

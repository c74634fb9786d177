//! `approve` with a daemon: the run that makes the plan begins at once where it can, and the answer says when it
//! begins.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{Daemon, Harness, NEVER},
    nodes::Nodes,
};

const HOLDING: &str = "[guard]\nmax_removals = 1\n";

/// A daemon whose first run held a plan, and its digest. `more` is added to the configuration for the time after that
/// run.
fn holding(harness: &Harness) -> (Daemon, String) {
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    daemon.hear("STATUS=blocked");
    let digest = harness.status()["held"][0].as_str().expect("a digest").to_owned();
    (daemon, digest)
}

fn approve(harness: &Harness, digest: &str, more: &[&str]) -> Value {
    let mut line = vec!["approve", digest, "--output", "json"];
    line.extend(more);
    let approved = harness.command(&line);
    assert_eq!(approved.exit, Some(0), "{approved:?}");
    approved.json()
}

/// The configuration in force from now on.
fn reload(harness: &Harness, daemon: &mut Daemon, more: &str) {
    harness.configure(more);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
}

/// The configuration of the sandbox with an interval between two requests for page 0, and the way to read.
fn with_interval(harness: &Harness, read: &str) {
    let text = std::fs::read_to_string(harness.configuration()).expect("readable");
    let text =
        text.replace("first_page_interval = \"0s\"", &format!("first_page_interval = \"2h\"\nread = \"{read}\""));
    std::fs::write(harness.configuration(), text).expect("written");
}

#[test]
fn an_approval_begins_a_run_at_once_that_makes_the_plan() {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let (mut daemon, digest) = holding(&harness);
    let answer = approve(&harness, &digest, &[]);
    assert_eq!((&answer["version"], &answer["outcome"]), (&json!(1), &json!("approved")), "{answer}");
    assert_eq!((&answer["next_run"]["begins"], &answer["next_run"]["at"]), (&json!("now"), &Value::Null), "{answer}");
    assert_eq!(answer["instances"][0]["changes"], 3, "what is released: {answer}");
    daemon.hear("STATUS=idle: all changes were applied");
    assert_eq!(harness.status()["held"], json!([]));
    assert_eq!(harness.history().len(), 2);
}

#[test]
fn an_approval_for_later_begins_no_run_and_says_when_the_next_one_is() {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let (mut daemon, digest) = holding(&harness);
    let answer = approve(&harness, &digest, &["--later"]);
    assert_eq!(answer["next_run"]["begins"], "as_scheduled", "{answer}");
    assert_eq!(answer["next_run"]["at"], harness.status()["next_run"], "{answer}");
    reload(&harness, &mut daemon, &format!("{HOLDING}[schedule]\ncron = \"off\"\n"));
    let answer = approve(&harness, &digest, &["--later"]);
    assert_eq!(answer["next_run"]["begins"], "when_asked_for", "{answer}");
    assert!(answer["message"].as_str().expect("a sentence").contains("--sync-now"), "{answer}");
    assert_eq!(harness.history().len(), 1);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0), "the approval counts");
}

#[test]
fn within_the_interval_an_approval_begins_a_run_only_where_profiles_can_be_read_one_by_one() {
    for (read, begins) in [("auto", "now"), ("organization", "as_scheduled")] {
        let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
        with_interval(&harness, read);
        let (mut daemon, digest) = holding(&harness);
        let answer = approve(&harness, &digest, &[]);
        assert_eq!(answer["next_run"]["begins"], begins, "{read}: {answer}");
        let message = answer["message"].as_str().expect("a sentence");
        assert_eq!(message.contains("first_page_interval"), read == "organization", "{message}");
        if read == "auto" {
            daemon.hear("STATUS=idle");
            assert_eq!(harness.status()["held"], json!([]));
        } else {
            assert_eq!((harness.history().len(), &harness.status()["state"]), (1, &json!("blocked")));
        }
    }
}

#[test]
fn during_a_pause_an_approval_begins_no_run_and_names_the_command_that_ends_the_pause() {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let (mut daemon, digest) = holding(&harness);
    harness.fault("groups", &json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(6));
    daemon.hear("STATUS=throttled");
    harness.ask(Method::DELETE, "faults", "");
    let answer = approve(&harness, &digest, &[]);
    assert_eq!(answer["next_run"]["begins"], "as_scheduled", "{answer}");
    assert!(answer["message"].as_str().expect("a sentence").contains("campaign-group-sync unpause"), "{answer}");
    // The run that the forgotten pause kept from reading makes the approved plan.
    assert_eq!(harness.command(&["unpause"]).exit, Some(0));
    daemon.hear("STATUS=idle: all changes were applied");
    assert_eq!(harness.status()["held"], json!([]));
}

/// A daemon that holds a plan and makes another run, which waits for a pause of Adobe; the plan is approved meanwhile,
/// the pause forgotten. Answers the exit status of that run, and how many runs there are once nothing is held.
fn approved_during(run: &[&str]) -> (Option<i32>, usize) {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let (mut daemon, digest) = holding(&harness);
    harness.fault("groups", &json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}));
    let mut line = vec!["--sync-now", "--wait"];
    line.extend(run);
    let waiting = harness.begin(&line);
    daemon.hear("STATUS=waiting");
    harness.ask(Method::DELETE, "faults", "");
    let answer = approve(&harness, &digest, &[]);
    assert_eq!(answer["next_run"]["begins"], "after_the_current_run", "{answer}");
    assert_eq!(harness.command(&["unpause"]).exit, Some(0));
    let waited = waiting.finish();
    daemon.hear("STATUS=idle: all changes were applied");
    assert_eq!(harness.status()["held"], json!([]));
    (waited.exit, harness.history().len())
}

#[test]
fn an_approval_during_a_run_that_makes_the_plan_begins_no_other_run() {
    assert_eq!(approved_during(&[]), (Some(0), 2));
}

#[test]
fn an_approval_during_a_run_that_leaves_the_plan_held_begins_another_one_after_it() {
    assert_eq!(approved_during(&["--dry-run"]), (Some(2), 3));
}

#[test]
fn a_follower_begins_no_run_and_names_the_leader() {
    let Some(nodes) = Nodes::of("first_day", &format!("{NEVER}{HOLDING}")) else { return };
    let (mut leader, follower) = nodes.leader_and_follower();
    assert_eq!(leader.command(&["--sync-now"]).exit, Some(4));
    leader.daemon.hear("STATUS=blocked");
    let digest = leader.status()["held"][0].as_str().expect("a digest").to_owned();
    let answer = follower.command(&["approve", &digest, "--output", "json"]).json();
    assert_eq!(answer["next_run"]["begins"], "on_the_leader", "{answer}");
    assert!(
        answer["message"].as_str().expect("a sentence").contains(leader.status()["leader"].as_str().expect("a name"))
    );
    // The node that leads begins it, with the leadership.
    let answer = leader.command(&["approve", &digest, "--output", "json"]).json();
    assert_eq!(answer["next_run"]["begins"], "now", "{answer}");
    leader.daemon.hear("STATUS=idle: all changes were applied");
}

//! Several daemons on one database: one leads, another takes over, nothing is made twice.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{ALWAYS, NEVER},
    nodes::{Gate, LEADS, Nodes},
    schedule::hourly,
};

#[test]
fn of_two_nodes_one_makes_the_runs_and_both_answer() {
    let Some(nodes) = Nodes::of("first_day", ALWAYS) else { return };
    let (mut leader, other) = nodes.leader_and_follower();
    for _ in 0..3 {
        leader.daemon.hear("STATUS=running");
        leader.daemon.hear("STATUS=idle: ");
    }
    assert!(!other.daemon.log().contains("run begins"), "{}", other.daemon.log());
    let (led, followed) = (leader.status(), other.status());
    assert!(led["leader"].is_string(), "{led}");
    assert_eq!(led["leader"], followed["leader"]);
    assert_eq!(followed["state"], "idle");
    let reason = format!("is a follower; {} is the leader", led["leader"].as_str().expect("a name"));
    assert!(followed["reason"].as_str().is_some_and(|why| why.ends_with(&reason)), "{followed}");
    assert!(followed["next_run"].is_string(), "{followed}");
    assert!(leader.leads() && !other.leads());
    // It looks at what the other one does every now and then.
    other.await_ready();
    leader.await_ready();
}

/// What a node reports whose version is older than the schema of the state.
const OUTDATED: &str = "STATUS=failing: this node makes no runs until it is upgraded: the state database ";

#[test]
fn after_a_newer_version_migrated_the_state_no_older_node_writes_or_leads_until_it_is_upgraded() {
    let Some(nodes) = Nodes::of("first_day", ALWAYS) else { return };
    let (mut leader, mut follower) = nodes.leader_and_follower();
    leader.daemon.hear("STATUS=idle: ");
    nodes.migrate_by(1);
    leader.daemon.hear(OUTDATED);
    follower.daemon.hear(OUTDATED);
    let events = nodes.events();
    for node in [&leader, &follower] {
        let status = node.status();
        assert_eq!((&status["state"], &status["leader"]), (&json!("failing"), &Value::Null));
        let (ready, why) = node.get("readyz");
        assert_eq!(ready, 503);
        for expected in ["neither the leader nor a follower", "newer version of this program (schema ", "install that"]
        {
            assert!(why.contains(expected), "{expected}: {why}");
        }
        assert!(!node.leads());
        let requested = node.command(&["--sync-now"]);
        assert_eq!(requested.exit, Some(78), "{requested:?}");
        let approved = node.command(&["approve", "0123456789abcdef"]);
        assert_ne!(approved.exit, Some(0), "{approved:?}");
    }
    assert_eq!(nodes.events(), events, "an older node wrote to the state");
    // One of the nodes is upgraded: it alone leads.
    assert_eq!(follower.daemon.terminate().0, Some(0));
    let alone = nodes.harness.command(&["--sync-now"]);
    assert_eq!(alone.exit, Some(78), "{alone:?}");
    nodes.migrate_by(-1);
    leader.daemon.hear(LEADS);
    leader.daemon.hear("STATUS=idle: in sync");
    assert!(nodes.events() > events);
    assert_eq!(leader.daemon.terminate().0, Some(0));
}

#[test]
fn the_leader_is_killed_and_another_makes_the_missed_run_once() {
    let Some(nodes) = Nodes::of("first_day", &hourly()) else { return };
    let (mut leader, mut follower) = nodes.leader_and_follower();
    assert_eq!(leader.command(&["--sync-now"]).exit, Some(0));
    nodes.set_back();
    leader.daemon.signal("-KILL");
    assert_eq!(leader.daemon.ended().0, None);
    follower.daemon.hear(LEADS);
    follower.daemon.hear("STATUS=running");
    follower.daemon.hear("STATUS=idle: in sync");
    assert!(follower.leads());
    let mut third = nodes.node("c");
    third.hear_following();
    assert_eq!(follower.daemon.terminate().0, Some(0));
    third.daemon.hear(LEADS);
    assert_eq!(third.status()["last_run"]["outcome"], "in_sync");
    assert_eq!(third.daemon.terminate().0, Some(0));
    assert!(!third.daemon.log().contains("run begins"), "{}", third.daemon.log());
    assert_eq!(nodes.harness.history().len(), 2);
}

#[test]
fn a_new_leader_knows_the_pause() {
    let Some(nodes) = Nodes::of("first_day", &hourly()) else { return };
    let (leader, mut follower) = nodes.leader_and_follower();
    let throttle = json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]});
    nodes.harness.fault("groups", &throttle);
    assert_eq!(leader.command(&["--sync-now"]).exit, Some(6));
    let until = leader.status()["throttled_until"].clone();
    assert!(until.is_string());
    nodes.set_back();
    nodes.harness.ask(Method::DELETE, "faults", "");
    nodes.harness.ask(Method::DELETE, "requests", "");
    leader.daemon.signal("-KILL");
    follower.daemon.hear("STATUS=throttled: rate limited until 20");
    follower.daemon.hear("STATUS=running");
    follower.daemon.hear("STATUS=throttled: rate limited until 20");
    assert_eq!(follower.status()["throttled_until"], until);
    assert!(nodes.harness.calls().is_empty(), "{:?}", nodes.harness.calls());
}

#[test]
fn a_leader_whose_session_is_cut_stops_before_its_next_write_and_another_takes_over() {
    let Some(nodes) = Nodes::of("first_day", NEVER) else { return };
    let (mut leader, mut follower) = nodes.leader_and_follower();
    nodes.harness.fault("write", &json!({"type": "delay", "ms": 3000}));
    nodes.configure(ALWAYS);
    follower.reload();
    leader.reload();
    nodes.harness.await_call("write");
    nodes.cut_the_leaders_session();
    follower.daemon.hear(LEADS);
    follower.daemon.hear("STATUS=idle: all changes were applied");
    let writes = writes(&nodes);
    let different: BTreeSet<_> = writes.iter().collect();
    assert_eq!((writes.len(), different.len()), (2, 2), "nothing is written twice: {writes:?}");
    let history = nodes.harness.history();
    let first = history.last().expect("the first run");
    assert!(["failed", "interrupted"].contains(&first["outcome"].as_str().expect("a word")), "{first}");
    let second = history.iter().find(|run| run["outcome"] == "applied").expect("the run of the other node");
    assert_eq!((&second["summary"]["add"], &second["summary"]["remove"]), (&json!(0), &json!(3)), "what was left");
    assert!(!leader.leads() && follower.leads());
    leader.hear_following();
}

/// The bodies of all writes that came to Campaign, in their order.
fn writes(nodes: &Nodes) -> Vec<String> {
    let requests: Value = serde_json::from_str(&nodes.harness.ask(Method::GET, "requests", "")).expect("JSON");
    let requests = requests["requests"].as_array().expect("a list");
    requests.iter().filter(|request| request["call"] == "write").map(|request| request["body"].to_string()).collect()
}

#[test]
fn a_node_that_is_cut_off_stops_leading_and_returns_as_a_follower() {
    let Some(nodes) = Nodes::of("first_day", NEVER) else { return };
    let gate = Gate::new(&nodes);
    gate.open();
    let mut first = nodes.node_behind("a", &gate);
    first.daemon.hear(LEADS);
    let mut second = nodes.node("b");
    second.hear_following();
    gate.shut();
    first.daemon.hear("STATUS=failing: ");
    second.daemon.hear(LEADS);
    let status = first.status();
    assert_eq!((&status["state"], &status["leader"]), (&json!("failing"), &json!(null)), "{status}");
    gate.open();
    first.hear_following();
    assert_eq!(first.status()["leader"], second.status()["leader"]);
}

#[test]
fn a_database_that_does_not_answer_is_reported_and_retried() {
    let Some(nodes) = Nodes::of("first_day", NEVER) else { return };
    let gate = Gate::new(&nodes);
    let mut node = nodes.node_behind("a", &gate);
    let why = node.daemon.hear("STATUS=failing: this node cannot reach the database that the nodes share: ");
    assert!(!why.contains("://"), "{why}");
    assert_eq!(node.get("healthz").0, 200);
    assert!(node.status()["next_run"].is_string(), "alerts go by it");
    let (code, body) = node.get("readyz");
    assert!(code == 503 && body.contains("neither the leader nor a follower"), "{body}");
    assert!(!node.leads());
    gate.open();
    node.daemon.hear(LEADS);
    assert_eq!(node.command(&["--sync-now"]).exit, Some(0));
    node.daemon.hear("STATUS=idle: all changes were applied");
    node.await_ready();
    gate.shut();
    node.daemon.hear("STATUS=failing: this node is no longer the leader");
    node.daemon.hear("STATUS=failing: this node cannot reach the database that the nodes share: ");
    assert_eq!(node.get("readyz").0, 503);
    gate.open();
    node.daemon.hear(LEADS);
    node.await_ready();
    assert_eq!(node.daemon.terminate().0, Some(0));
}

#[test]
fn every_node_makes_requested_runs_and_records_approvals() {
    let more = format!("[guard]\nmax_removals = 1\n{NEVER}");
    let Some(nodes) = Nodes::of("first_day", &more) else { return };
    let (mut leader, mut follower) = nodes.leader_and_follower();
    assert_eq!(follower.command(&["--sync-now"]).exit, Some(4));
    follower.daemon.hear("STATUS=running");
    follower.hear_following();
    let status = follower.status();
    assert_eq!((&status["state"], &status["last_run"]["outcome"]), (&json!("idle"), &json!("held")), "{status}");
    let digest = status["held"][0].as_str().expect("a digest");
    assert_eq!(follower.command(&["approve", digest]).exit, Some(0));
    assert_eq!(leader.command(&["--sync-now"]).exit, Some(0));
    leader.daemon.hear("STATUS=idle: all changes were applied");
    nodes.harness.fault("groups", &json!({"type": "delay", "ms": 60_000}));
    let _under_way = leader.begin(&["--sync-now"]);
    leader.daemon.hear("STATUS=running");
    let beside = follower.command(&["--sync-now"]);
    assert_eq!(beside.exit, Some(7), "one node runs at a time: {beside:?}");
}

#[test]
fn another_address_of_the_database_takes_effect_after_a_restart() {
    let Some(nodes) = Nodes::of("first_day", NEVER) else { return };
    let mut daemon = nodes.harness.starting_daemon(&[]);
    daemon.hear(LEADS);
    let text = std::fs::read_to_string(nodes.harness.configuration()).expect("readable");
    std::fs::write(nodes.harness.configuration(), text.replace("?options=", "?application_name=x&options="))
        .expect("written");
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    assert!(
        daemon.log().contains("state.url was changed: the new value takes effect after a restart"),
        "{}",
        daemon.log()
    );
}

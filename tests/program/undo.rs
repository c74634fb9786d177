//! `undo`: an ordinary plan reverts the membership changes of a run.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use super::harness::{Finished, Served, run};

fn memberships(served: &Served) -> Value {
    let world: Value = serde_json::from_str(&served.ask(Method::GET, "world", "")).expect("JSON");
    let mut pairs = world["campaign"]["production"]["memberships"].as_array().expect("a list").clone();
    pairs.sort_by_key(ToString::to_string);
    Value::from(pairs)
}

/// An undo with limits that hold nothing, not started yet.
fn prepared(served: &Served, arguments: &[&str]) -> Command {
    let mut undo = served.prepared(arguments);
    for key in ["MAX_REMOVALS_PERCENT", "MAX_GROUP_REMOVALS_PERCENT"] {
        undo.env(format!("CAMPAIGN_GROUP_SYNC__GUARD__{key}"), "100");
    }
    undo
}

fn unlimited(served: &Served, arguments: &[&str]) -> Finished {
    run(&mut prepared(served, arguments))
}

#[test]
fn an_undo_shows_its_plan_and_makes_it_with_apply() {
    let served = Served::of(&["first_day"]);
    let before = memberships(&served);
    let report = served.sync_now(&["--output", "json"]).json();
    let run = report["run"].as_str().expect("a name");
    let after = memberships(&served);
    assert_ne!(before, after);

    let shown = unlimited(&served, &["undo", run, "--output", "json"]);
    assert_eq!(shown.exit, Some(2), "{}{}", shown.stdout, shown.stderr);
    let summary = &shown.json()["instances"][0]["summary"];
    assert_eq!((&summary["add"], &summary["remove"], &summary["pending"]), (&3.into(), &5.into(), &8.into()));
    assert_eq!(memberships(&served), after, "nothing was written");

    let undone = unlimited(&served, &["undo", run, "--apply", "--output", "json"]);
    assert_eq!(undone.exit, Some(0), "{}{}", undone.stdout, undone.stderr);
    assert_eq!(memberships(&served), before);
}

#[test]
fn the_guards_hold_an_undo_and_an_approval_releases_it() {
    let served = Served::of(&["first_day"]);
    let before = memberships(&served);
    let report = served.sync_now(&["--output", "json"]).json();
    let run = report["run"].as_str().expect("a name");
    let held = served.command(&["undo", run, "--apply", "--output", "json"]);
    assert_eq!(held.exit, Some(4), "{}{}", held.stdout, held.stderr);
    let instance = &held.json()["instances"][0];
    assert_eq!((&instance["summary"]["applied"], &instance["summary"]["held"]), (&3.into(), &5.into()), "{instance}");
    let digest = instance["held"].as_str().expect("a digest");
    assert_eq!(served.command(&["approve", digest]).exit, Some(0));
    let released = served.command(&["undo", run, "--apply"]);
    assert_eq!(released.exit, Some(0), "{}{}", released.stdout, released.stderr);
    assert_eq!(memberships(&served), before);
}

#[test]
fn the_next_run_holds_an_undone_change() {
    let served = Served::of(&["first_day"]);
    let report = served.sync_now(&["--output", "json"]).json();
    let first = report["run"].as_str().expect("a name");
    let undone = unlimited(&served, &["undo", first, "--apply"]);
    let left = memberships(&served);
    let next = served.sync_now(&[]);
    assert_eq!(next.exit, Some(4), "{}{}{}", undone.stdout, next.stdout, next.stderr);
    assert_eq!(memberships(&served), left);
}

#[test]
fn a_run_without_changes_has_nothing_to_undo() {
    let served = Served::of(&["first_day"]);
    let dry = served.sync_now(&["--dry-run", "--output", "json"]).json();
    let before = memberships(&served);
    let undone = served.command(&["undo", dry["run"].as_str().expect("a name"), "--apply", "--output", "json"]);
    assert_eq!((undone.exit, &undone.json()["outcome"]), (Some(0), &"in_sync".into()), "{}", undone.stderr);
    assert_eq!(memberships(&served), before);
}

#[test]
fn on_a_signal_an_undo_finishes_the_current_change_and_skips_the_rest() {
    let served = Served::of(&["first_day"]);
    let report = served.sync_now(&["--output", "json"]).json();
    let run = report["run"].as_str().expect("a name");
    served.ask(Method::DELETE, "requests", "");
    let fault = r#"{"faults": [{"call": "write", "times": "forever", "effect": {"type": "delay", "ms": 1500}}]}"#;
    served.ask(Method::POST, "faults", fault);
    let mut undo = prepared(&served, &["undo", run, "--apply", "--output", "json"]);
    let finished = served.terminated_at("write", &mut undo);
    assert_eq!((finished.exit, &finished.json()["outcome"]), (Some(1), &"interrupted".into()), "{finished:?}");
    let summary = &finished.json()["instances"][0]["summary"];
    assert_eq!((&summary["applied"], &summary["pending"]), (&3.into(), &5.into()), "{summary}");
    let history = served.command(&["history", "--output", "json"]).json();
    assert_eq!(history["runs"][0]["outcome"], "interrupted", "{history}");
}

#[test]
fn on_a_signal_while_it_reads_an_undo_writes_nothing() {
    let served = Served::of(&["first_day"]);
    let report = served.sync_now(&["--output", "json"]).json();
    let (run, before) = (report["run"].as_str().expect("a name"), memberships(&served));
    served.ask(Method::DELETE, "requests", "");
    let fault = r#"{"faults": [{"call": "query", "times": "forever", "effect": {"type": "delay", "ms": 60000}}]}"#;
    served.ask(Method::POST, "faults", fault);
    let mut undo = prepared(&served, &["undo", run, "--apply", "--output", "json"]);
    let finished = served.terminated_at("query", &mut undo);
    assert_eq!((finished.exit, &finished.json()["outcome"]), (Some(1), &"interrupted".into()), "{finished:?}");
    assert_eq!(memberships(&served), before);
}

//! One state belongs to one organization: another one is refused by name, and an administrator can assign the state.

use std::fs;

use reqwest::Method;
use serde_json::json;

use super::harness::{Finished, Served};

/// The id of an organization that is not the one of the sandbox.
const OTHER: &str = "FEDCBA9876543210FEDCBA98@AdobeOrg";

/// A sandbox after a run, and the id of its organization.
fn after_a_run() -> (Served, String) {
    let served = Served::of(&["first_day"]);
    let made = served.sync_now(&[]);
    assert_eq!(made.exit, Some(0), "{}", made.stderr);
    let text = fs::read_to_string(&served.configuration).expect("written");
    let id = text.split("organization_id").nth(1).and_then(|rest| rest.split('"').nth(1)).expect("an id").to_owned();
    (served, id)
}

/// Changes the organization of the configuration.
fn configure(served: &Served, from: &str, to: &str) {
    let text = fs::read_to_string(&served.configuration).expect("written");
    fs::write(&served.configuration, text.replace(from, to)).expect("written");
}

fn assert_refused(finished: &Finished, ids: [&str; 2]) {
    assert_eq!(finished.exit, Some(78), "{finished:?}");
    let text = format!("{} {}", finished.stdout, finished.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [ids[0], ids[1], "belongs to organization", "state.db", "state assign"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

fn head(served: &Served) -> String {
    served.command(&["history", "--verify", "--output", "json"]).json()["head"].to_string()
}

#[test]
fn another_organization_on_the_same_state_is_refused_by_name_and_writes_nothing() {
    let (served, id) = after_a_run();
    let before = head(&served);
    configure(&served, &id, OTHER);
    assert_refused(&served.sync_now(&[]), [&id, OTHER]);
    assert_refused(&served.sync_now(&["--dry-run"]), [&id, OTHER]);
    assert_refused(&served.sync_now(&["--approve", "0123456789abcdef"]), [&id, OTHER]);
    assert_refused(&served.command(&["approve", "0123456789abcdef"]), [&id, OTHER]);
    assert_refused(&served.command(&[]), [&id, OTHER]);
    assert_refused(&served.command(&["check", "--offline"]), [&id, OTHER]);
    assert_refused(&served.command(&["review"]), [&id, OTHER]);
    assert_refused(&served.command(&["review", "--done"]), [&id, OTHER]);
    configure(&served, OTHER, &id);
    assert_eq!(head(&served), before);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
}

#[test]
fn the_user_of_a_state_and_the_state_are_named_to_an_assignment_and_to_a_second_daemon() {
    let (served, id) = after_a_run();
    let text = fs::read_to_string(&served.configuration).expect("written");
    let state = text.split("sqlite://").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    for suffix in [".lock", ".daemon.lock"] {
        let path = format!("{state}{suffix}");
        fs::write(&path, "the user of it (process 1)").expect("written");
        let lock = fs::File::open(&path).expect("readable");
        lock.lock().expect("locked");
        let refused = served.command(&["state", "assign", &id]);
        let expected = format!("the state {state} is in use: the user of it (process 1); ");
        assert_eq!(refused.exit, Some(7), "{refused:?}");
        assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
        if suffix == ".daemon.lock" {
            let refused = served.command(&[]);
            assert_eq!(refused.exit, Some(7), "{refused:?}");
            let expected = format!("with the state {state}: the user of it (process 1); stop that daemon");
            assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
        }
    }
}

#[test]
fn an_assignment_names_the_configured_id_is_recorded_and_holds_removals() {
    let (served, id) = after_a_run();
    let refused = served.command(&["state", "assign", OTHER]);
    assert_eq!(refused.exit, Some(64), "{refused:?}");
    let same = served.command(&["state", "assign", &id, "--output", "json"]);
    assert_eq!((same.exit, &same.json()["before"]), (Some(0), &json!(null)), "{same:?}");
    configure(&served, &id, OTHER);
    let assigned = served.command(&["state", "assign", OTHER, "--output", "json"]);
    assert_eq!(assigned.exit, Some(0), "{assigned:?}");
    assert_eq!((&assigned.json()["before"], &assigned.json()["organization"]), (&json!(id), &json!(OTHER)));
    configure(&served, OTHER, &id);
    assert_refused(&served.sync_now(&[]), [&id, OTHER]);
    assert_eq!(served.command(&["state", "assign", &id]).exit, Some(0));
    let verified = served.command(&["history", "--verify", "--output", "json"]).json();
    assert_eq!(verified["whole"], true, "{verified}");
    let change = json!({"op": "join", "instance": "production", "login": "ines@acme.com", "group": "workflow"});
    served.ask(Method::POST, "world", &json!({"changes": [change]}).to_string());
    let held = served.sync_now(&["--output", "json"]);
    assert_eq!(held.exit, Some(4), "{held:?}");
    assert!(held.stdout.contains("assigned to organization"), "{}", held.stdout);
}

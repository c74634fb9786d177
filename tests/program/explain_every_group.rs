//! `explain` for every group that a user has, should have or had: the record, the next run, and failures to read.

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Finished, Served, run};

/// The guard holds every removal.
const NO_REMOVALS: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");

fn held_run(served: &Served) -> Value {
    let mut command = served.prepared(&["--sync-now", "--output", "json"]);
    run(command.env(NO_REMOVALS.0, NO_REMOVALS.1)).json()
}

fn explained(served: &Served, arguments: &[&str]) -> Value {
    let finished = served.command(&[&["explain"], arguments, &["--output", "json"]].concat());
    assert_eq!(finished.exit, Some(0), "{}{}", finished.stdout, finished.stderr);
    finished.json()
}

fn group<'a>(document: &'a Value, name: &str) -> &'a Value {
    let groups = document["instances"][0]["groups"].as_array().expect("groups");
    groups.iter().find(|group| group["group"] == name).unwrap_or_else(|| panic!("no group {name}: {document}"))
}

/// The record of a group: kind and outcome of each event.
fn record(group: &Value) -> Vec<(&str, &str)> {
    let word = |event: &'static str, value: &Value| value[event].as_str().map(str::to_owned).unwrap_or_default();
    let events = group["record"].as_array().expect("a list");
    let words = events.iter().map(|event| (word("what", event), word("outcome", event)));
    words.map(|(what, outcome)| (&*what.leak(), &*outcome.leak())).collect()
}

fn change_world(served: &Served, change: &Value) {
    let answer = served.ask(Method::POST, "world", &json!({"changes": [change]}).to_string());
    assert!(answer.contains("\"campaign\""), "{answer}");
}

fn by_hand(served: &Served, op: &str, login: &str, group: &str) {
    change_world(served, &json!({"op": op, "instance": "production", "login": login, "group": group}));
}

/// The text in one line, regardless of wrapping.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fits_80_columns(finished: &Finished) {
    for line in finished.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line:?} is too long");
    }
}

#[test]
fn a_failure_to_read_exits_with_its_status_and_shows_the_record() {
    let fault = |call: &str, effect: Value| json!({"call": call, "times": "forever", "effect": effect});
    let status = |status: u16| json!({"type": "status", "status": status});
    let cases = [
        (5, fault("query", json!({"type": "html"}))),
        (6, fault("query", status(503))),
        (77, fault("query", json!({"type": "status", "status": 403, "body": "XSV-350012 Invalid login or password."}))),
        (5, fault("user", json!({"type": "html"}))),
        (6, fault("user", status(503))),
        (6, fault("user", json!({"type": "reset"}))),
        (77, fault("user", status(403))),
        (77, fault("token", json!({"type": "status", "status": 400, "body": "{\"error\":\"invalid_client\"}"}))),
        (6, fault("user", json!({"type": "status", "status": 429, "headers": [["retry-after", "3244"]]}))),
        // The pause of the previous case still applies, without another call.
        (6, json!({"call": "users", "effect": {"type": "html"}})),
    ];
    let served = Served::of(&["first_day"]);
    let report = served.sync_now(&["--output", "json"]).json();
    let removed_by = report["run"].as_str().expect("a name");
    for (exit, fault) in cases {
        served.ask(Method::DELETE, "faults", "");
        served.ask(Method::POST, "faults", &json!({"faults": [fault]}).to_string());
        let ask = |more: &[&str]| {
            let mut command = served.prepared(&[&["explain", "ines@acme.com"], more].concat());
            run(command.env("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__MAX_WAIT", "0s"))
        };
        let finished = ask(&[]);
        let text = flowing(&finished.stdout);
        assert_eq!(finished.exit, Some(exit), "{fault}: {text}{}", finished.stderr);
        assert!(text.contains("content: "), "{fault}: {text}");
        assert!(text.contains(&format!("removed by run {removed_by}")), "{fault}: {text}");
        assert!(
            ["could not be read: ", "Admin Console: ", "Admin Console, because"].iter().any(|part| text.contains(part)),
            "{fault}: {text}"
        );
        assert!(text.contains("next run not known"), "{fault}: {text}");
        fits_80_columns(&finished);
        let document = ask(&["--output", "json"]).json();
        let systems = if fault["call"] == "token" { 2 } else { 1 };
        assert_eq!(document["unanswered"].as_array().map(Vec::len), Some(systems), "{document}");
    }
}

#[test]
fn an_explanation_of_one_user_costs_few_calls() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    for (user, most) in [("karl@acme.com", 5), ("ann@acme.com", 6), ("ines@acme.com", 6)] {
        served.ask(Method::DELETE, "requests", "");
        explained(&served, &[user]);
        let requests: Value = serde_json::from_str(&served.ask(Method::GET, "requests", "")).expect("JSON");
        let requests = requests["requests"].as_array().expect("a list");
        let calls: Vec<_> = requests.iter().filter_map(|request| request["call"].as_str()).collect();
        assert!(calls.len() <= most, "{user}: {calls:?}");
        assert!(calls.iter().all(|call| ["token", "user", "query"].contains(call)), "{user}: {calls:?}");
        let queries = requests.iter().filter(|request| request["call"] == "query");
        assert!(
            queries.clone().all(|query| query["body"].as_str().is_some_and(|body| body.contains("<where>"))),
            "{user}: no whole table"
        );
    }
}

#[test]
fn an_operator_of_a_missing_user_is_explained_with_removed_and_remaining_memberships() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let document = explained(&served, &["karl@acme.com"]);
    assert_eq!(
        (&document["findings"][0]["station"], &document["findings"][0]["verdict"]),
        (&json!("user"), &json!("no"))
    );
    let delivery = group(&document, "delivery");
    assert_eq!((&delivery["is_member"], &delivery["is_wanted"]), (&json!(false), &json!(false)));
    assert_eq!(record(delivery), [("first_seen", ""), ("remove", "applied")]);
    let text = flowing(&served.command(&["explain", "Karl@ACME.com"]).stdout);
    for part in [
        "knows no active user \"Karl@ACME.com\"",
        "is operator \"karl@acme.com\"",
        "a leaver: Adobe has no active user of this login",
        "in the group when a run first saw it",
        "removed by run 01",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_change_made_in_campaign_is_in_the_record_and_the_next_run_is_explained() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    by_hand(&served, "join", "ines@acme.com", "workflow");
    by_hand(&served, "leave", "ann@acme.com", "delivery");
    let now = explained(&served, &["ines@acme.com", "workflow"]);
    assert_eq!(group(&now, "workflow")["next_run"]["does"], "remove", "{now}");
    let now = explained(&served, &["ann@acme.com", "delivery"]);
    assert_eq!(group(&now, "delivery")["next_run"]["does"], "add", "{now}");
    let held = held_run(&served);
    let digest = held["instances"][0]["held"].as_str().expect("held").to_owned();

    // The change stays held with the limits of the run that held it.
    let mut command = served.prepared(&["explain", "ines@acme.com", "--output", "json"]);
    let document = run(command.env(NO_REMOVALS.0, NO_REMOVALS.1)).json();
    let workflow = group(&document, "workflow");
    assert_eq!((&workflow["is_member"], &workflow["is_wanted"]), (&json!(true), &json!(false)));
    assert_eq!(record(workflow), [("appeared", ""), ("remove", "held")]);
    let next = &workflow["next_run"];
    assert_eq!((&next["does"], &next["digest"]), (&json!("held"), &json!(digest)), "{next}");
    assert!(next["held_since"].is_string(), "{next}");
    let mut command = served.prepared(&["explain", "ines@acme.com"]);
    let finished = run(command.env(NO_REMOVALS.0, NO_REMOVALS.1));
    fits_80_columns(&finished);
    let text = flowing(&finished.stdout);
    assert!(text.contains(&format!("campaign-group-sync approve {digest}")), "{text}");
    assert!(text.contains("added in Campaign, by hand or at a sign-in"), "{text}");

    let delivery = explained(&served, &["ann@acme.com"]);
    let delivery = group(&delivery, "delivery");
    assert_eq!(record(delivery), [("first_seen", ""), ("vanished", ""), ("add", "applied")]);
    assert_eq!(delivery["next_run"]["does"], "nothing");
}

#[test]
fn undone_and_approved_changes_are_in_the_record() {
    let served = Served::of(&["first_day"]);
    let first = served.sync_now(&["--output", "json"]).json();
    let first = first["run"].as_str().expect("a name");
    let undone = served.command(&["undo", first, "--apply", "--output", "json"]);
    assert_eq!(undone.exit, Some(4), "{}{}", undone.stdout, undone.stderr);
    let document = explained(&served, &["ines@acme.com"]);
    let content = group(&document, "content");
    assert_eq!(record(content), [("first_seen", ""), ("remove", "applied"), ("add", "applied")]);
    assert_eq!(content["record"][2]["undo_of"], first, "{content}");
    let held = served.sync_now(&["--output", "json"]).json();
    let digest = held["instances"][0]["held"].as_str().expect("an undone change is held").to_owned();
    assert_eq!(served.command(&["approve", &digest]).exit, Some(0));
    let approved = explained(&served, &["ines@acme.com", "content"]);
    let text = group(&approved, "content")["next_run"]["text"].as_str().expect("a sentence").to_owned();
    assert!(text.contains(&format!("approved as {digest}")), "{text}");
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let done = explained(&served, &["ines@acme.com", "content"]);
    let last = group(&done, "content")["record"].as_array().and_then(|events| events.last().cloned()).expect("events");
    assert_eq!((&last["what"], &last["outcome"]), (&json!("remove"), &json!("applied")), "{last}");
    assert!(last["approved_by"].as_str().is_some_and(|by| by.contains("uid")), "{last}");
}

#[test]
fn a_login_without_address_is_searched_in_campaign_only() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    served.ask(Method::DELETE, "requests", "");
    let finished = served.command(&["explain", "admin"]);
    assert_eq!(finished.exit, Some(0), "{}{}", finished.stdout, finished.stderr);
    let text = flowing(&finished.stdout);
    assert!(text.contains("operator \"admin\" does not sign in through Adobe: never changed"), "{text}");
    assert!(text.contains("give the e-mail address of the user"), "{text}");
    let requests = served.ask(Method::GET, "requests", "");
    assert!(!requests.contains("\"user\""), "{requests}");
}

#[test]
fn the_name_of_a_product_profile_selects_its_operator_group() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let document = explained(&served, &["ann@acme.com", "campaign - acme - Delivery"]);
    assert_eq!(group(&document, "delivery")["is_member"], true, "{document}");
    assert_eq!(document["instances"][0]["groups"].as_array().map(Vec::len), Some(1));
    let unknown = explained(&served, &["ann@acme.com", "no such group"]);
    assert_eq!(group(&unknown, "no such group")["is_wanted"], Value::Null);
}

#[test]
fn names_of_any_length_and_kind_are_handled() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let long = "x".repeat(50_000);
    for arguments in
        [&["explain", &*long][..], &["explain", "ann@acme.com", &long], &["explain", " "], &["explain", ""]]
    {
        let finished = served.command(arguments);
        assert_eq!(finished.exit, Some(64), "{}", finished.stderr.chars().take(500).collect::<String>());
        assert!(finished.stdout.is_empty() && finished.stderr.len() < 400, "{} bytes", finished.stderr.len());
    }
    for odd in
        ["ann@acme.com\nrun 01 applied", "a\u{202e}nn@acme.com", "ann\u{1b}[2J@acme.com", "' or @id > 0@acme.com"]
    {
        for output in ["text", "markdown"] {
            let finished = served.command(&["explain", odd, odd, "--output", output]);
            assert_eq!(finished.exit, Some(0), "{odd:?}: {}", finished.stderr);
            let all = finished.stdout.clone() + &finished.stderr;
            let is_harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
            assert!(all.chars().all(is_harmless), "{all:?}");
            assert!(!all.lines().any(|line| line.starts_with("run 01")), "{all}");
        }
    }
    let spaced = explained(&served, &["  ANN@acme.com "]);
    assert_eq!(spaced["person"], "ANN@acme.com");
    assert_eq!(group(&spaced, "delivery")["is_member"], true);
}

#[test]
fn before_the_first_run_the_groups_of_the_profiles_are_explained() {
    let served = Served::of(&["first_day"]);
    let document = explained(&served, &["dev@acme.com"]);
    let delivery = group(&document, "delivery");
    assert_eq!((&delivery["is_member"], &delivery["is_wanted"]), (&json!(false), &Value::Null));
    assert_eq!((&delivery["next_run"]["does"], record(delivery).len()), (&json!("unknown"), 0));
    let text = flowing(&served.command(&["explain", "dev@acme.com"]).stdout);
    for part in ["make a run first", "no run has read the product profiles yet", "is operator \"dev@acme.com\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_explanation_says_that_an_observed_instance_is_not_written() {
    let served = Served::of(&["first_day"]);
    let observe = ("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__MODE", "observe");
    let mut command = served.prepared(&["--sync-now", "-q"]);
    assert_eq!(run(command.env(observe.0, observe.1)).exit, Some(2));
    let mut command = served.prepared(&["explain", "ines@acme.com"]);
    let finished = run(command.env(observe.0, observe.1));
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let text = flowing(&finished.stdout);
    assert!(
        text.contains("writes nothing (mode = \"observe\"); with \"apply\" it removes \"ines@acme.com\""),
        "{text}"
    );
}

#[test]
fn the_explanation_has_a_heading_and_a_version() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let document = explained(&served, &["ann@acme.com"]);
    assert_eq!((&document["version"], &document["unanswered"]), (&json!(1), &json!([])));
    for output in ["text", "markdown"] {
        let finished = served.command(&["explain", "ann@acme.com", "--output", output]);
        let organization = document["organization"].as_str().expect("an id");
        for part in [organization, "nstance production", "T"] {
            assert!(finished.stdout.contains(part), "{part}: {}", finished.stdout);
        }
    }
    fits_80_columns(&served.command(&["explain", "ann@acme.com"]));
}

#[test]
fn a_run_for_an_unknown_user_says_that_only_the_given_users_were_read() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&["-q"]).exit, Some(0));
    let finished = served.sync_now(&["--user", "nobody@acme.com", "-q"]);
    assert_eq!(finished.exit, Some(3), "{}{}", finished.stdout, finished.stderr);
    let text = &finished.stdout;
    assert!(text.contains("only the given users were read: 0 active users found"), "{text}");
    assert!(!text.contains(": 0 users,"), "{text}");
}

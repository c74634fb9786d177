//! `explain`: why a user is in a group or not.

use reqwest::Method;
use serde_json::Value;

use super::harness::Served;

fn group<'a>(document: &'a Value, name: &str) -> &'a Value {
    let groups = document["instances"][0]["groups"].as_array().expect("groups");
    groups.iter().find(|group| group["group"] == name).expect("a group of this user")
}

fn stations(findings: &Value) -> Vec<&str> {
    findings.as_array().expect("a list").iter().map(|finding| finding["station"].as_str().expect("named")).collect()
}

#[test]
fn a_lost_membership_is_explained_with_the_run_that_removed_it() {
    let served = Served::of(&["first_day"]);
    let run = served.sync_now(&["--output", "json"]).json();
    let run = run["run"].as_str().expect("a name");
    let finished = served.command(&["explain", "ines@acme.com", "content", "--output", "json"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let document = finished.json();
    assert_eq!(document["person"], "ines@acme.com");
    let content = group(&document, "content");
    assert_eq!(content["is_member"], false);
    assert!(stations(&content["findings"]).contains(&"last_change"), "{content}");
    let text = served.command(&["explain", "ines@acme.com", "content"]).stdout;
    assert!(text.contains("content: not a member") && text.contains(run), "{text}");
}

#[test]
fn without_a_group_lost_memberships_are_explained_too() {
    let served = Served::of(&["first_day"]);
    let run = served.sync_now(&["--output", "json"]).json();
    let run = run["run"].as_str().expect("a name");
    let document = served.command(&["explain", "ines@acme.com", "--output", "json"]).json();
    let content = group(&document, "content");
    assert_eq!(content["is_member"], false);
    assert!(stations(&content["findings"]).contains(&"last_change"), "{content}");
    let text = served.command(&["explain", "ines@acme.com"]).stdout;
    assert!(text.contains("content: not a member") && text.contains(run), "{text}");
}

#[test]
fn before_the_first_run_the_user_is_explained_and_the_missing_data_named() {
    let served = Served::of(&["first_day"]);
    let finished = served.command(&["explain", "ann@acme.com"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let text = finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("is a user of the organization"), "{text}");
    assert!(text.contains("make a run first"), "{text}");
}

#[test]
fn a_membership_is_explained() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let finished = served.command(&["explain", "ann@acme.com"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("ann@acme.com ("), "{}", finished.stdout);
    for group in ["delivery: a member", "report: a member"] {
        assert!(finished.stdout.contains(group), "{}", finished.stdout);
    }
    let markdown = served.command(&["explain", "ann@acme.com", "--output", "markdown"]).stdout;
    assert!(markdown.contains("### delivery: a member"), "{markdown}");
}

#[test]
fn an_explanation_requests_no_page_0() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    served.ask(Method::DELETE, "requests", "");
    assert_eq!(served.command(&["explain", "ann@acme.com"]).exit, Some(0));
    let requests: Value = serde_json::from_str(&served.ask(Method::GET, "requests", "")).expect("JSON");
    let calls: Vec<_> =
        requests["requests"].as_array().expect("a list").iter().map(|request| request["call"].clone()).collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| *call != "users" && *call != "groups"), "{calls:?}");
}

#[test]
fn a_failure_to_read_is_part_of_the_explanation() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let fault = r#"{"faults": [{"call": "query", "times": "forever", "effect": {"type": "html"}}]}"#;
    served.ask(Method::POST, "faults", fault);
    let finished = served.command(&["explain", "ann@acme.com", "--output", "json"]);
    assert_eq!(finished.exit, Some(5), "{}", finished.stderr);
    let document = finished.json();
    let findings = document["instances"][0]["findings"].as_array().expect("a list").clone();
    assert!(findings.iter().any(|finding| finding["verdict"] == "unknown"), "{document}");
}

#[test]
fn an_unknown_user_gets_an_explanation_too() {
    let served = Served::of(&["first_day"]);
    let finished = served.command(&["explain", "nobody@acme.com", "--output", "json"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let document = finished.json();
    let user = document["findings"].as_array().expect("a list").first().expect("something about the user").clone();
    assert_eq!((&user["station"], &user["verdict"]), (&"user".into(), &"no".into()), "{document}");
}

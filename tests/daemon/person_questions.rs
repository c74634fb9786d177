//! Lookups of a user on the page of a running daemon, measured at the server that receives the calls.

use std::thread;

use reqwest::Method;
use serde_json::Value;

use super::harness::{Daemon, Harness, NEVER, get};

/// Calls for users that one minute allows: enough for the run below beside the fifth that questions get.
const USERS_PER_MINUTE: usize = 10;

/// As many lookups as a key that is held down sends.
const QUESTIONS: usize = 50;

/// A daemon and the address of its page.
fn daemon(harness: &Harness, users_per_minute: usize) -> (Daemon, String) {
    let environment = [
        ("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0"),
        ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__USERS_PER_MINUTE", &users_per_minute.to_string()),
        ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__READ", "profiles"),
    ];
    let mut daemon = harness.starting_daemon(&environment);
    daemon.hear("READY=1");
    let log = daemon.log();
    let page = log.split("the status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next());
    (daemon, page.expect("an address in the log").to_owned())
}

fn requests(harness: &Harness) -> Vec<Value> {
    let document: Value = serde_json::from_str(&harness.ask(Method::GET, "requests", "")).expect("JSON");
    document["requests"].as_array().expect("a list").clone()
}

/// When each call for users arrived, in milliseconds, in order.
fn user_calls(requests: &[Value]) -> Vec<u64> {
    let counts = |request: &&Value| ["users", "members", "user"].iter().any(|call| request["call"] == *call);
    requests.iter().filter(counts).map(|request| request["arrival_ms"].as_u64().expect("a time")).collect()
}

/// Outcome and calls of one run of the daemon.
fn run(harness: &Harness) -> (Value, Value) {
    let report = harness.command(&["--sync-now", "--output", "json"]).json();
    (report["outcome"].clone(), report["source"]["calls"].clone())
}

#[test]
fn incident_36_a_flood_of_lookups_takes_no_calls_from_a_run() {
    let alone = Harness::of("first_day", NEVER);
    let (_daemon, _) = daemon(&alone, USERS_PER_MINUTE);
    let expected = run(&alone);
    assert_eq!(expected.0, "applied");

    let harness = Harness::of("first_day", NEVER);
    let (_flooded, page) = daemon(&harness, USERS_PER_MINUTE);
    let question = format!("{page}?person=ann%40acme.com");
    let flood: Vec<_> = (0..5)
        .map(|_| {
            let question = question.clone();
            thread::spawn(move || (0..QUESTIONS / 5).map(|_| get(&question)).collect::<Vec<_>>())
        })
        .collect();
    let found = run(&harness);
    let answers: Vec<_> = flood.into_iter().flat_map(|asking| asking.join().expect("answered")).collect();

    assert_eq!(found, expected, "the run is as without the flood");
    assert_eq!(answers.len(), QUESTIONS);
    let refused = answers.iter().filter(|(status, _)| *status == 503).count();
    assert!(answers.iter().all(|(status, _)| [200, 503].contains(status)), "{answers:?}");
    assert!(refused >= QUESTIONS - USERS_PER_MINUTE / 5, "{refused} of {QUESTIONS} questions were refused");
    assert!(answers.iter().any(|(_, page)| page.contains("retry at 20")), "{answers:?}");
    let calls = user_calls(&requests(&harness));
    for window in calls.windows(USERS_PER_MINUTE + 1) {
        let minute = window.last().expect("not empty") - window.first().expect("not empty");
        assert!(minute >= 60_000, "more than {USERS_PER_MINUTE} calls within {minute} ms");
    }
}

#[test]
fn incident_36_lookup_can_be_switched_off_by_a_reload_and_then_costs_no_call() {
    let harness = Harness::of("first_day", NEVER);
    let (mut daemon, page) = daemon(&harness, 10 * USERS_PER_MINUTE);
    let question = format!("{page}?person=ann%40acme.com");
    assert_eq!(get(&question).0, 200);
    let of_umapi = |request: &&Value| request["body"].as_str().is_some_and(|body| body.contains("user_management_sdk"));
    let tokens =
        |requests: &[Value]| requests.iter().filter(|request| request["call"] == "token").filter(of_umapi).count();
    let before = requests(&harness);
    assert_eq!(tokens(&before), 1, "{before:?}");
    let text = std::fs::read_to_string(harness.configuration()).expect("readable");
    let off = text.replace("[http]\n", "[http]\nperson_lookup = \"off\"\n");
    assert_ne!(text, off);
    std::fs::write(harness.configuration(), off).expect("written");
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    let (status, body) = get(&question);
    assert!(status == 403 && body.contains("http.person_lookup"), "{status}: {body}");
    assert_eq!(requests(&harness).len(), before.len(), "no call was made");
    std::fs::write(harness.configuration(), text).expect("written");
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    assert_eq!(get(&question).0, 200);
    assert_eq!(tokens(&requests(&harness)), 1, "a reload with the same credential keeps the token");
}

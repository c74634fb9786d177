//! `review` through the control socket: for users who may use the socket and may not read the secrets or the state.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use super::{
    explaining::without_secrets,
    harness::{Finished, Harness, NEVER, program, run},
};

fn ask(configuration: &str, arguments: &[&str]) -> Finished {
    run(program(&["review"]).args(arguments).arg("--config").arg(configuration))
}

fn without_time(mut document: Value) -> Value {
    document["at"].take();
    document
}

#[test]
fn the_daemon_makes_the_review_for_users_who_may_not_read_the_state_and_records_it_with_their_user() {
    let harness = Harness::of("first_day", NEVER);
    let daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now", "-q"]).exit, Some(0));
    let configuration = without_secrets(&harness);
    let by_daemon = ask(&configuration, &["--output", "json"]);
    assert_eq!(by_daemon.exit, Some(0), "{by_daemon:?}");
    let in_place = harness.command(&["review", "--output", "json"]).json();
    assert_eq!(without_time(by_daemon.json()), without_time(in_place.clone()));
    let html = ask(&configuration, &["--output", "html"]);
    assert!(html.exit == Some(0) && html.stdout.starts_with("<!DOCTYPE html>"), "{html:?}");
    assert_eq!(ask(&configuration, &["--instance", "nowhere"]).exit, Some(64));

    let mut talk = harness.talk();
    let request = json!({"ask": "review", "instance": "production", "done": {"reviewer": "zoe\nall is well"}});
    let answer = talk.say(&request.to_string());
    let recorded = &answer["review"]["recorded"];
    let uid = std::fs::metadata("/proc/self").expect("a process").uid();
    assert_eq!((&recorded["uid"], &recorded["claimed"]), (&json!(uid), &json!("zoe\\nall is well")), "{answer}");
    let last = harness.command(&["review", "--output", "json"]).json()["instances"][0]["last_review"].clone();
    assert_eq!(last["reviewed_by"], recorded["reviewed_by"], "{last}");
    let log = daemon.log();
    assert!(log.lines().any(|line| line.contains("the access was reviewed by ")), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("all is well")), "{log}");

    let digest = in_place["digest"].as_str().expect("a digest");
    let done = ask(&configuration, &["--done", digest]);
    assert!(done.exit == Some(0) && done.stdout.starts_with("Recorded as reviewed by "), "{done:?}");
    let refused = ask(&configuration, &["--done", "0123456789abcdef"]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (Some(4), ""), "{refused:?}");
    let verified = harness.command(&["history", "--verify"]);
    assert_eq!(verified.exit, Some(0), "{verified:?}");
}

#[test]
fn a_daemon_before_its_first_run_says_that_nothing_is_recorded() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    let configuration = without_secrets(&harness);
    let nothing = ask(&configuration, &[]);
    assert!(nothing.exit == Some(0) && nothing.stdout.starts_with("Nothing is recorded"), "{nothing:?}");
    let refused = ask(&configuration, &["--done"]);
    assert!(refused.exit == Some(64) && refused.stderr.contains("no run has read"), "{refused:?}");
}

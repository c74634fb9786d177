//! `approve`: held changes wait for an approval and are made by the next run.

use serde_json::Value;

use super::harness::{Finished, Served, run};

/// The guard holds every removal.
const NO_REMOVALS: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");

fn guarded_run(served: &Served, more: &[&str]) -> Finished {
    let mut command = served.prepared(&["--sync-now", "--output", "json"]);
    run(command.env(NO_REMOVALS.0, NO_REMOVALS.1).args(more))
}

fn held_in(report: &Value) -> String {
    report["instances"][0]["held"].as_str().expect("something is held").to_owned()
}

#[test]
fn an_approval_releases_a_held_plan_for_the_next_run_only() {
    let served = Served::of(&["first_day"]);
    let first = guarded_run(&served, &[]);
    assert_eq!(first.exit, Some(4), "{}", first.stderr);
    let digest = held_in(&first.json());

    let mut command = served.prepared(&["approve", &digest, "--output", "json"]);
    let approved = run(command.env("SUDO_USER", "zoe"));
    assert_eq!(approved.exit, Some(0), "{}", approved.stderr);
    let answer = approved.json();
    assert_eq!((&answer["outcome"], &answer["approver"]), (&"approved".into(), &"zoe".into()));
    assert_eq!(answer["instances"][0]["changes"], 3);
    assert_eq!(answer["instances"][0]["released"].as_array().map(Vec::len), Some(3), "{answer}");

    let second = guarded_run(&served, &[]);
    assert_eq!(second.exit, Some(0), "{}{}", second.stdout, second.stderr);
    assert_eq!(second.json()["instances"][0]["summary"]["applied"], 3);
    let third = guarded_run(&served, &[]);
    assert_eq!(third.json()["outcome"], "in_sync");

    let again = served.command(&["approve", &digest]);
    assert_eq!(again.exit, Some(0), "{}", again.stderr);
    assert!(again.stdout.contains(&digest) && again.stdout.contains("zoe"), "who approved it: {}", again.stdout);
}

#[test]
fn incident_41_the_name_of_an_approver_forges_no_line_and_the_user_of_the_process_stands_beside_it() {
    let served = Served::of(&["first_day"]);
    let digest = held_in(&guarded_run(&served, &[]).json());
    let mut command = served.prepared(&["approve", &digest, "--output", "json"]);
    let answer = run(command.env("SUDO_USER", "zoe\nforged line")).json();
    assert_eq!(answer["approver"], "zoe\\nforged line", "{answer}");
    assert!(answer["approver_uid"].is_u64(), "{answer}");
    let mut command = served.prepared(&["approve", &digest]);
    let text = run(command.env("SUDO_USER", "zoe\nforged line")).stdout;
    assert!(text.contains("uid ") && !text.lines().any(|line| line.starts_with("forged line")), "{text}");
}

#[test]
fn a_report_names_the_command_that_releases_held_changes() {
    let served = Served::of(&["first_day"]);
    let mut command = served.prepared(&["--sync-now"]);
    let text = run(command.env(NO_REMOVALS.0, NO_REMOVALS.1)).stdout;
    let digest = text.split("held as ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a digest");
    assert!(text.contains(&format!("campaign-group-sync approve {digest}")), "{text}");
    let approved = served.command(&["approve", digest]);
    assert_eq!(approved.exit, Some(0), "{}", approved.stderr);
    assert!(approved.stdout.contains("karl@acme.com"), "what is released: {}", approved.stdout);
    assert!(approved.stdout.contains(" until 20"), "how long: {}", approved.stdout);
}

#[test]
fn an_unknown_digest_releases_nothing_and_the_held_digests_are_listed() {
    let served = Served::of(&["first_day"]);
    let nothing = served.command(&["approve", "0123456789abcdef"]);
    assert_eq!(nothing.exit, Some(4), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("nothing is held"), "{}", nothing.stderr);

    let digest = held_in(&guarded_run(&served, &[]).json());
    let wrong = served.command(&["approve", "0123456789abcdef"]);
    assert_eq!((wrong.exit, wrong.stdout.as_str()), (Some(4), ""));
    assert!(wrong.stderr.contains(&digest), "{}", wrong.stderr);
    let wrong = served.command(&["approve", "0123456789abcdef", "--output", "json"]);
    assert_eq!((wrong.exit, &wrong.json()["outcome"]), (Some(4), &"not_held".into()));
    assert_eq!(wrong.json()["held"], serde_json::json!([digest]));
    assert_eq!(guarded_run(&served, &[]).exit, Some(4), "still held");
}

#[test]
fn an_invalid_digest_is_wrong_usage() {
    let served = Served::of(&["first_day"]);
    for digest in ["", "0123", "0123456789abcdeg", "0123456789abcdef0"] {
        let finished = served.command(&["approve", digest]);
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{digest}: {}", finished.stderr);
    }
}

#[test]
fn an_expired_approval_releases_nothing() {
    let served = Served::of(&["first_day"]);
    let digest = held_in(&guarded_run(&served, &[]).json());
    let mut command = served.prepared(&["approve", &digest]);
    assert_eq!(run(command.env("CAMPAIGN_GROUP_SYNC__GUARD__APPROVAL_TTL", "0s")).exit, Some(0));
    assert_eq!(guarded_run(&served, &[]).exit, Some(4));
}

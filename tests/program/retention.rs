//! Commands about the past report that older entries were deleted.

use std::time::Duration;

use campaign_group_sync::{
    domain::{
        GroupObservation, InstanceName, OperatorGroupName, OperatorLogin, Outcome, ProductProfileName, RunId, RunMode,
    },
    journal::{Journal, LockAttempt, Retention, RetentionPeriod},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::recording::{Recording as _, RunBegin};
use super::{
    harness::{Served, run},
    recorded::with_journal,
    reports::report,
};

fn day(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("a time") + TimeDelta::days(number)
}

async fn whole_run(journal: &Journal, run: &str, started_at: DateTime<Utc>) {
    let begin = RunBegin { run: RunId::new(run), mode: RunMode::Apply, scope: None, started_at, instances: Vec::new() };
    journal.begin_run(&begin).await.expect("begun");
    let mut ended = report(run, started_at, Vec::new());
    ended.outcome = Outcome::InSync;
    journal.end_run(&ended).await.expect("ended");
}

/// A run a day for 60 days; all but the last weeks are deleted.
async fn with_deletions() -> Served {
    with_journal(async |journal| {
        let members = [OperatorLogin::new("ann@acme.com")];
        let seen = GroupObservation {
            group: OperatorGroupName::new("delivery"),
            profile: ProductProfileName::new("Campaign - acme - delivery"),
            members: members.into(),
        };
        let empty = GroupObservation { members: Vec::new(), ..seen.clone() };
        journal.observe(&InstanceName::new("production"), day(0), &[seen], true).await.expect("seen");
        journal.observe(&InstanceName::new("production"), day(1), &[empty], true).await.expect("seen");
        for number in 0..60 {
            whole_run(journal, &format!("01KSD00000000000000000{number:04}"), day(number)).await;
        }
        let LockAttempt::Acquired(lock) = journal.lock("a run").await.expect("a lock") else {
            panic!("the lock is held")
        };
        let kept = RetentionPeriod::For(Duration::from_secs(10 * 24 * 3600));
        let retention = Retention { runs: kept, changes: kept };
        journal.delete_old(&lock, retention, day(60)).await.expect("writable").expect("something is old");
        drop(lock);
        journal.close().await;
    })
    .await
}

#[tokio::test]
async fn commands_about_deleted_entries_say_since_when_the_record_is_complete() {
    let served = with_deletions().await;
    let list = served.command(&["history", "--output", "json"]).json();
    let since = list["deleted_before"]["changes"].as_str().expect("a time").to_owned();
    assert_eq!((&list["version"], &list["deleted_before"]["runs"]), (&json!(1), &json!(since)));
    assert_eq!(list["runs"].as_array().map(Vec::len), Some(20), "the default limit");
    let text = served.command(&["history", "--limit", "100"]).stdout;
    let note = format!("Runs without a change before {since} were deleted (state.keep_runs).\n");
    assert!(text.contains(&note), "{text}");
    assert!(!served.command(&["history", "--limit", "3"]).stdout.contains("deleted"), "there are older ones");
    let changes = served.command(&["history", "--user", "ann@acme.com"]).stdout;
    assert!(changes.contains(&format!("Changes and ended memberships before {since} were deleted")), "{changes}");

    for command in [&["history", "01KSD000000000000000000003"][..], &["undo", "01KSD000000000000000000003"]] {
        let finished = served.command(command);
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{command:?}");
        assert!(finished.stderr.contains("state.keep_runs"), "{command:?}: {}", finished.stderr);
    }

    let then = run(&mut served.prepared(&["access", "--output", "json", "--at", "2026-05-30T00:00:00Z"]));
    assert_eq!((then.exit, then.stdout.as_str()), (Some(64), ""));
    assert!(then.stderr.contains(&since) && then.stderr.contains("state.keep_changes"), "{}", then.stderr);
    let now = served.command(&["access", "--output", "json"]);
    let document: Value = now.json();
    assert_eq!((now.exit, &document["version"], &document["complete_since"]), (Some(0), &json!(1), &json!(since)));

    let why = served.command(&["explain", "ann@acme.com"]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(why.contains(&format!("changes and ended memberships before {since} were deleted")), "{why}");

    let verified = served.command(&["history", "--verify", "--output", "json"]);
    let document = verified.json();
    assert_eq!((verified.exit, &document["whole"]), (Some(0), &json!(true)), "{document:#}");
    let settings: Vec<_> = document["deletions"].as_array().expect("a list").iter().map(|it| &it["setting"]).collect();
    assert!(settings.contains(&&json!("state.keep_runs")) && settings.contains(&&json!("state.keep_changes")));
    let text = served.command(&["history", "--verify"]).stdout;
    assert!(text.contains("The record is unchanged") && text.contains("state.keep_runs deleted"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80 || line.starts_with("Its head")), "{text}");
}

#[test]
fn before_the_first_run_an_empty_list_is_explained_on_standard_error() {
    let served = Served::of(&["first_day"]);
    for command in [&["access", "--csv"][..], &["access", "--output", "json"]] {
        let finished = served.command(command);
        assert_eq!(finished.exit, Some(0));
        assert!(finished.stderr.contains("no run had read Campaign by then"), "{}", finished.stderr);
    }
}

#[test]
fn the_configuration_shows_how_long_records_are_kept() {
    let served = Served::of(&["first_day"]);
    let kept = |runs: &str, changes: &str| {
        let mut command = served.prepared(&["config"]);
        command.env("CAMPAIGN_GROUP_SYNC__STATE__KEEP_RUNS", runs);
        run(command.env("CAMPAIGN_GROUP_SYNC__STATE__KEEP_CHANGES", changes))
    };
    let shown = kept("0s", "1095d");
    assert_eq!(shown.exit, Some(0), "{}", shown.stderr);
    for (key, value) in [("keep_runs", "0s"), ("keep_changes", "1095d")] {
        let is_it = |line: &str| line.contains(key) && line.contains(value);
        assert!(shown.stdout.lines().any(is_it), "{}", shown.stdout);
    }
    let refused = kept("always", "20y");
    assert_eq!(refused.exit, Some(78), "{}", refused.stderr);
    for key in ["state.keep_runs", "state.keep_changes"] {
        assert!(refused.stderr.contains(key) && refused.stderr.contains("forever"), "{}", refused.stderr);
    }
}

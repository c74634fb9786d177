//! How many bytes a record uses, and that the state file returns free space.

use std::{fs, time::Duration};

use campaign_group_sync::{
    domain::{
        AfterPlan, ChangeKind, ChangeOutcome, InstanceMode, InstancePlan, InstanceReport, Outcome, RunEvent, RunMode,
        SkipReason, Skipped, SourceReport, Summary,
    },
    journal::{Journal, Retention, RetentionPeriod},
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::recording::{Recording as _, RunBegin};
use super::{
    fixture::JournalFixture,
    retention::lock,
    sample::{at, begin, change, plan, report, run_id},
};

const TWO_HOURS: i64 = 2 * 3600;

/// How many bytes of the state are in use.
async fn used(fixture: &JournalFixture) -> i64 {
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(fixture.file())).await.expect("a file");
    let mut number = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a number")
    };
    let (all, free) = (number("pragma page_count").await, number("pragma freelist_count").await);
    let used = (all - free) * number("pragma page_size").await;
    connection.close().await.expect("closed");
    used
}

/// An observed instance, with this number of pending changes and of skipped operators.
fn observed(changes: usize) -> InstanceReport {
    let pending =
        (0..changes).map(|number| change(ChangeKind::Add, &format!("firstname.lastname{number}@acme.com"), "delivery"));
    let skipped = (0..changes).map(|number| {
        let subject = format!("someone.else{number}@acme.com");
        Skipped::new(SkipReason::NoOperator, subject, "no operator has this login")
    });
    let (pending, skipped): (Vec<_>, Vec<_>) = (pending.collect(), skipped.collect());
    let summary = Summary::of(&pending, skipped.len(), 7);
    InstanceReport { mode: InstanceMode::Observe, skipped, summary, ..plan(pending) }
}

/// Records a run every two hours, as a daemon in observe mode does.
async fn observe(journal: &Journal, instance: &InstanceReport, runs: std::ops::Range<i64>, keep: Option<Duration>) {
    for number in runs {
        let (run, started_at) = (format!("01KB0000000000000000{number:06}"), at(number * TWO_HOURS));
        let begin = RunBegin { scope: None, ..begin(&run, RunMode::Apply, started_at) };
        journal.begin_run(&begin).await.expect("begun");
        let ended = report(&run, started_at, Outcome::ChangesPending, instance.clone());
        let source = SourceReport { ..ended.source.clone() };
        journal.record(&run_id(&run), started_at, &RunEvent::SourceRead(&source)).await.expect("read");
        let planned = InstancePlan { report: instance, next: AfterPlan::Nothing, new_skips: &[] };
        journal.record(&run_id(&run), started_at, &RunEvent::Planned(&planned)).await.expect("planned");
        journal.end_run(&ended).await.expect("ended");
        if let Some(keep) = keep {
            delete_old(journal, keep, number * TWO_HOURS).await;
        }
    }
}

async fn delete_old(journal: &Journal, keep: Duration, seconds: i64) {
    let lock = lock(journal).await;
    let retention = Retention { runs: RetentionPeriod::For(keep), changes: RetentionPeriod::Forever };
    journal.delete_old(&lock, retention, at(seconds)).await.expect("writable");
    journal.release_free_space(&lock).await.expect("writable");
}

#[tokio::test]
async fn a_hundred_repetitions_of_a_pending_plan_use_less_space_than_the_plan() {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    let instance = observed(1_000);
    let empty = used(&fixture).await;
    observe(&journal, &instance, 0..1, None).await;
    let first = used(&fixture).await;
    observe(&journal, &instance, 1..101, None).await;
    let all = used(&fixture).await;
    println!(
        "first run of 1,000 pending changes: {} bytes; each of 100 repetitions: {}",
        first - empty,
        (all - first) / 100
    );
    assert!(all - first < first - empty, "{} bytes, and {} for the first", all - first, first - empty);
}

#[tokio::test]
async fn a_run_that_was_deleted_leaves_a_few_digests() {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    let (instance, keep) = (observed(50), Duration::from_secs(10 * 24 * 3600));
    observe(&journal, &instance, 0..200, Some(keep)).await;
    let before = used(&fixture).await;
    observe(&journal, &instance, 200..400, Some(keep)).await;
    let each = (used(&fixture).await - before) / 200;
    println!("a deleted run leaves {each} bytes");
    assert!(journal.runs(1_000).await.expect("readable").len() < 150);
    assert!(each < 900, "{each} bytes a run");
    assert!(journal.verify(None).await.expect("readable").is_whole());
}

#[tokio::test]
async fn the_file_shrinks_after_many_deletions_also_if_an_earlier_version_created_it() {
    for made_earlier in [false, true] {
        let fixture = JournalFixture::in_a_folder();
        let journal = fixture.open().await;
        if made_earlier {
            journal.close().await;
            let options = SqliteConnectOptions::new().filename(fixture.file());
            let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
            for sql in ["pragma auto_vacuum = none", "vacuum"] {
                sqlx::query(sql).execute(&mut connection).await.expect(sql);
            }
            connection.close().await.expect("closed");
        }
        let journal = fixture.open().await;
        for number in 0..40 {
            // Each plan differs from the one before it.
            let mut instance = observed(200);
            instance.changes[0].reason = format!("for the {number}th reason").into();
            observe(&journal, &instance, number..number + 1, None).await;
        }
        journal.close().await;
        let before = fs::metadata(fixture.file()).expect("a file").len();
        let journal = fixture.open().await;
        delete_old(&journal, Duration::ZERO, 41 * TWO_HOURS).await;
        let verification = journal.verify(None).await.expect("readable");
        assert!(verification.is_whole(), "{verification:#?}");
        let changes = journal.run("01KB0000000000000000000039").await.expect("readable").expect("kept").instances;
        assert!(changes[0].changes.iter().all(|change| change.outcome == ChangeOutcome::Pending));
        journal.close().await;
        let after = fs::metadata(fixture.file()).expect("a file").len();
        assert!(after < before / 2, "{after} of {before} bytes (made by an earlier version: {made_earlier})");
    }
}

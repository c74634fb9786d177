//! Runs and their changes: started, ended, interrupted.

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, Outcome, RunMode, RunReport, Summary},
    journal::{FindRunError, Journal, LockAttempt, RecordHead},
};

use super::recording::{Recording as _, Settlement};
use super::{
    fixture::JournalFixture,
    sample::{at, begin, begin_and_die, change, key, plan, production, report, run_id, settled},
};

async fn ended(journal: &Journal, run: &str, seconds: i64) {
    journal.begin_run(&begin(run, RunMode::Apply, at(seconds))).await.expect("begun");
    journal.end_run(&report(run, at(seconds), Outcome::Applied, plan(Vec::new()))).await.expect("ended");
}

#[tokio::test]
async fn the_report_of_a_run_is_read_as_it_was_written_also_after_a_restart() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
        let mut added = change(ChangeKind::Add, "ann@acme.com", "delivery");
        journal.record_plan(&run_id("01JA"), at(1), &plan(vec![added.clone()])).await.expect("planned");
        let applied = Settlement { key: added.key(), outcome: ChangeOutcome::Applied, detail: None };
        journal.settled(&run_id("01JA"), &production(), at(2), &[applied]).await.expect("settled");
        (added.outcome, added.at) = (ChangeOutcome::Applied, Some(at(2)));
        let written = report("01JA", at(0), Outcome::Applied, plan(vec![added]));
        journal.end_run(&written).await.expect("ended");
        drop(journal);

        let journal = fixture.open().await;
        let found = journal.run("01JA").await.expect("readable").expect("known");
        assert!(found.record.as_deref().is_some_and(|head| RecordHead::parse(head).is_some()), "{found:?}");
        assert_eq!(RunReport { record: None, ..found }, written);
        let runs = journal.runs(10).await.expect("readable");
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].started_at, runs[0].outcome), (at(0), Some(Outcome::Applied)));
        assert_eq!(runs[0].summary, written.instances[0].summary);
    }
}

#[tokio::test]
async fn the_outcome_of_each_change_is_read_as_it_was_recorded_during_the_run_and_at_its_end() {
    let outcomes = [ChangeOutcome::Applied, ChangeOutcome::Already, ChangeOutcome::Failed, ChangeOutcome::Unconfirmed];
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let logins = ["ann@acme.com", "bob@acme.com", "carla@acme.com", "dev@acme.com"];
        let mut changes = logins.map(|login| change(ChangeKind::Add, login, "delivery"));
        journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
        journal.record_plan(&run_id("01JA"), at(1), &plan(changes.to_vec())).await.expect("planned");
        let settled = changes.iter().zip(outcomes);
        let settled = settled.map(|(change, outcome)| Settlement { key: change.key(), outcome, detail: None });
        journal.settled(&run_id("01JA"), &production(), at(2), &settled.collect::<Vec<_>>()).await.expect("settled");
        let read = async || {
            let report = journal.run("01JA").await.expect("readable").expect("known");
            report.instances[0].changes.iter().map(|change| change.outcome).collect::<Vec<_>>()
        };
        assert_eq!(read().await, outcomes, "during the run");
        for (change, outcome) in changes.iter_mut().zip(outcomes) {
            (change.outcome, change.at) = (outcome, Some(at(2)));
        }
        let ended = report("01JA", at(0), Outcome::Partial, plan(changes.to_vec()));
        journal.end_run(&ended).await.expect("ended");
        assert_eq!(read().await, outcomes, "at its end");
    }
}

#[tokio::test]
async fn the_last_recorded_runs_are_listed_first_up_to_the_limit() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (run, seconds) in [("01JB", 20), ("01JC", 30), ("01JA", 10)] {
            ended(&journal, run, seconds).await;
        }
        let runs = journal.runs(2).await.expect("readable");
        assert_eq!(runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["01JA", "01JC"]);
    }
}

#[tokio::test]
async fn a_run_is_found_by_a_unique_beginning_of_its_id() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (run, seconds) in [("01JAB", 1), ("01JAC", 2), ("01JA", 3)] {
            ended(&journal, run, seconds).await;
        }
        let found = async |name: &str| journal.find_run(name).await.map(|report| report.run).ok();
        assert_eq!(found("01JAC").await.as_deref(), Some("01JAC"));
        assert_eq!(found("01jac").await.as_deref(), Some("01JAC"));
        assert_eq!(found("01JA").await.as_deref(), Some("01JA"), "a full id takes precedence");
        for name in ["01J", "", "  ", "01JAD", "01JABX", "%", "_1JAB"] {
            assert_eq!(found(name).await, None, "{name:?}");
        }
    }
}

#[tokio::test]
async fn the_runs_of_an_ambiguous_beginning_are_listed_newest_first() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (run, seconds) in [("01JAB", 1), ("01JAC", 2), ("01KAA", 3)] {
            ended(&journal, run, seconds).await;
        }
        let error = journal.find_run("01ja").await.expect_err("ambiguous");
        let FindRunError::Ambiguous { candidates, more, .. } = &error else { panic!("{error}") };
        let runs: Vec<_> = candidates.iter().map(|candidate| (candidate.run.as_str(), candidate.started_at)).collect();
        assert_eq!((runs, *more), (vec![("01JAC", at(2)), ("01JAB", at(1))], false));
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() == 3 && lines[0].contains("\"01ja\"") && lines[1].starts_with("  01JAC ("), "{text}");
        let error = journal.find_run("01JZ").await.expect_err("unknown");
        assert!(matches!(error, FindRunError::Unknown(_)) && error.to_string().contains("history"), "{error}");
        for number in 0..11 {
            ended(&journal, &format!("01M{number}"), number).await;
        }
        let error = journal.find_run("01M").await.expect_err("ambiguous");
        assert!(matches!(&error, FindRunError::Ambiguous { candidates, more: true, .. } if candidates.len() == 10));
    }
}

#[tokio::test]
async fn the_report_of_a_run_that_died_has_what_it_had_done() {
    for fixture in JournalFixture::all().await {
        begin_and_die(&fixture.open().await, "01JA", at(0)).await;

        let journal = fixture.open().await;
        let found = journal.run("01JA").await.expect("readable").expect("known");
        assert_eq!(found.outcome, Outcome::Interrupted);
        let outcomes: Vec<_> = found.instances[0]
            .changes
            .iter()
            .map(|change| {
                (change.operator.as_deref().unwrap_or(""), change.outcome, change.detail.as_deref().unwrap_or(""))
            })
            .collect();
        let sent = "was being written when the run ended; Campaign may have made it";
        assert_eq!(
            outcomes,
            [
                ("Ann@acme.com", ChangeOutcome::Applied, "ann@acme.com was seen"),
                ("Bob@acme.com", ChangeOutcome::Pending, sent),
                ("Cid@acme.com", ChangeOutcome::Pending, "not tried: the run ended before that"),
            ]
        );
        assert_eq!(found.instances[0].warnings, ["mind the gap"]);
        let expected = Summary { add: 3, applied: 1, pending: 2, unchanged: 7, ..Summary::default() };
        assert_eq!(found.instances[0].summary, expected);
        let runs = journal.runs(1).await.expect("readable");
        assert_eq!((runs[0].outcome, runs[0].summary), (Some(Outcome::Interrupted), expected));
    }
}

#[tokio::test]
async fn the_next_run_marks_the_one_that_died() {
    for fixture in JournalFixture::all().await {
        begin_and_die(&fixture.open().await, "01JA", at(0)).await;
        let journal = fixture.open().await;
        let before = journal.run("01JA").await.expect("readable");
        // While the next run holds the lock, the dead one must not be shown as running.
        let LockAttempt::Acquired(_lock) = journal.lock("run 01JB").await.expect("a lock") else {
            panic!("the lock is held")
        };
        journal.begin_run(&begin("01JB", RunMode::Apply, at(60))).await.expect("begun");

        assert_eq!(journal.run("01JA").await.expect("readable"), before);
        let outcomes: Vec<_> = journal.runs(9).await.expect("readable").into_iter().map(|run| run.outcome).collect();
        assert_eq!(outcomes, [None, Some(Outcome::Interrupted)]);
        let bob = journal.operator_record(&production(), &["bob@acme.com".into()], 9).await.expect("readable");
        assert_eq!(
            bob.changes[0].change.detail.as_deref(),
            Some("was being written when the run ended; Campaign may have made it")
        );
    }
}

#[tokio::test]
async fn a_run_whose_lock_is_held_is_running() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let LockAttempt::Acquired(lock) = journal.lock("run 01JA").await.expect("a lock") else {
            panic!("the lock is held")
        };
        begin_and_die(&journal, "01JA", at(0)).await;
        assert_eq!(journal.runs(1).await.expect("readable")[0].outcome, None);
        let found = journal.run("01JA").await.expect("readable").expect("known");
        assert_ne!(found.outcome, Outcome::Interrupted);
        assert_eq!(found.instances[0].changes[1].detail, None);
        drop(lock);
    }
}

#[tokio::test]
async fn a_run_that_died_before_it_planned_changed_nothing() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
        let found = journal.run("01JA").await.expect("readable").expect("known");
        assert_eq!(found.instances[0].outcome, Outcome::Interrupted);
        assert_eq!(found.instances[0].summary, Summary::default());
    }
}

#[tokio::test]
async fn a_dry_run_that_died_has_no_change_that_was_being_written() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.begin_run(&begin("01JA", RunMode::DryRun, at(0))).await.expect("begun");
        let added = change(ChangeKind::Add, "ann@acme.com", "delivery");
        journal.record_plan(&run_id("01JA"), at(1), &plan(vec![added])).await.expect("planned");
        let found = journal.run("01JA").await.expect("readable").expect("known");
        assert_eq!(found.instances[0].changes[0].detail, None);
        let found = journal.operator_record(&production(), &["ann@acme.com".into()], 9).await.expect("readable");
        assert!(found.changes.is_empty(), "{found:?}");
    }
}

#[tokio::test]
async fn the_record_of_an_operator_has_the_newest_changes_in_order_for_any_spelling() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (run, seconds, group) in [("01JA", 0, "Delivery"), ("01JB", 60, "Delivery"), ("01JC", 120, "Ops")] {
            journal.begin_run(&begin(run, RunMode::Apply, at(seconds))).await.expect("begun");
            let changes = vec![
                change(ChangeKind::Add, "Ann@Acme.com", group),
                change(ChangeKind::Add, "bob@acme.com", group),
                change(ChangeKind::DisableOperator, "Ann@Acme.com", ""),
            ];
            journal.record_plan(&run_id(run), at(seconds), &plan(changes)).await.expect("planned");
            let settlement = settled("ann@acme.com", &group.to_lowercase(), ChangeOutcome::Failed);
            journal.settled(&run_id(run), &production(), at(seconds + 5), &[settlement]).await.expect("settled");
        }
        let found = async |limit: usize| {
            let record =
                journal.operator_record(&production(), &[" ANN@acme.COM".into()], limit).await.expect("readable");
            let adds = record.changes.iter().filter(|past| past.change.op == ChangeKind::Add);
            let found: Vec<_> = adds.map(|past| (past.run.to_string(), past.at, past.change.outcome)).collect();
            (found, record.changes.len(), record.is_cut)
        };
        let expected = [("01JA", 5), ("01JB", 65), ("01JC", 125)]
            .map(|(run, seconds)| (run.to_owned(), at(seconds), ChangeOutcome::Failed));
        assert_eq!(found(9).await, (expected.to_vec(), 6, false));
        assert_eq!(found(2).await, (expected[2..].to_vec(), 2, true));
    }
}

#[tokio::test]
async fn a_plan_of_many_changes_is_written_in_order() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
        let changes: Vec<_> =
            (0..2_500).map(|number| change(ChangeKind::Add, &format!("user{number}@acme.com"), "delivery")).collect();
        journal.record_plan(&run_id("01JA"), at(0), &plan(changes.clone())).await.expect("planned");
        journal.record_plan(&run_id("01JA"), at(0), &plan(changes.clone())).await.expect("planned again");
        let sent = [key(ChangeKind::Add, "user2000@acme.com", "delivery")];
        journal.about_to_write(&run_id("01JA"), &production(), at(1), &sent, None).await.expect("sent");
        let found = journal.run("01JA").await.expect("readable").expect("known").instances.remove(0);
        assert!(found.changes.iter().map(|change| &change.operator).eq(changes.iter().map(|change| &change.operator)));
        assert_ne!(found.changes[2_000].detail, found.changes[2_001].detail);
    }
}

#[tokio::test]
async fn the_watch_is_called_before_and_after_the_transaction_of_every_write() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        assert_eq!(fixture.steps(), (1, 1), "the schema");
        begin_and_die(&journal, "01JA", at(0)).await;
        assert_eq!(fixture.steps(), (5, 5));
        journal.runs(9).await.expect("readable");
        journal.run("01JA").await.expect("readable");
        assert_eq!(fixture.steps(), (5, 5), "readers write nothing");
    }
}

//! Times that a clock that was ahead has written, after the clock is right again.

use campaign_group_sync::{
    domain::{ChangeKind, GroupObservation, OperatorGroupName, OperatorLogin, Outcome, ProductProfileName, RunMode},
    journal::{Journal, MemberDetail},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    retention::{delete_old, runs_for},
    sample::{at, begin, change, digest, held, plan, production, report},
};

const DIGEST: &str = "00000000000000aa";

/// The time of a clock that is years ahead, at this second.
fn ahead(seconds: i64) -> DateTime<Utc> {
    at(seconds) + TimeDelta::days(9 * 365)
}

async fn run(journal: &Journal, run: &str, started_at: DateTime<Utc>) {
    journal.begin_run(&begin(run, RunMode::Apply, started_at)).await.expect("begun");
    journal.end_run(&report(run, started_at, Outcome::InSync, plan(Vec::new()))).await.expect("ended");
}

async fn is_approved(journal: &Journal, seconds: i64) -> bool {
    let history = journal.history(&production(), at(seconds)).await.expect("readable");
    !history.approvals.is_empty()
}

#[tokio::test]
async fn incident_28_an_approval_by_a_clock_that_was_ahead_counts_no_longer_than_its_time_to_live() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.record_held(&production(), Some(&held(DIGEST, "01JA", ahead(0), &["ann"])), true).await.expect("held");
        let given = journal.approve(&digest(DIGEST), &"eve".into(), ahead(0), ahead(3600)).await;
        assert_eq!(given.expect("approved").len(), 1);
        run(&journal, "01JB", at(10)).await;
        assert!(is_approved(&journal, 10 + 3599).await);
        assert!(!is_approved(&journal, 10 + 3600).await, "an hour after the first run with a right clock");
        // The time is corrected once: a later run does not extend it again.
        run(&journal, "01JC", at(20)).await;
        assert!(!is_approved(&journal, 10 + 3600).await);
    }
}

#[tokio::test]
async fn incident_28_a_plan_held_by_a_clock_that_was_ahead_is_held_since_the_correction() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.record_held(&production(), Some(&held(DIGEST, "01JA", ahead(0), &["ann"])), true).await.expect("held");
        run(&journal, "01JB", at(10)).await;
        assert_eq!(journal.held().await.expect("readable")[0].at, at(10));
    }
}

/// Runs once a day, then `wrong` times with a wrong clock; returns the runs that are left.
async fn left_after(journal: &Journal, wrong: i64, shown: impl Fn(i64) -> DateTime<Utc>) -> Vec<String> {
    const DAY: i64 = 24 * 60 * 60;
    for day in 0..60 {
        run(journal, &format!("01J{day:03}"), at(day * DAY)).await;
    }
    delete_old(journal, runs_for(30), 59 * DAY).await;
    for number in 0..wrong {
        run(journal, &format!("01K{number:03}"), shown(number)).await;
        delete_old(journal, runs_for(30), 59 * DAY).await;
    }
    run(journal, "01L000", at(60 * DAY)).await;
    delete_old(journal, runs_for(30), 60 * DAY).await;
    let runs = journal.runs(1000).await.expect("readable");
    assert!(runs.iter().all(|run| run.started_at <= at(60 * DAY)), "{runs:#?}");
    runs.into_iter().map(|run| run.run).filter(|run| run.starts_with("01J")).collect()
}

#[tokio::test]
async fn incident_28_a_clock_that_was_wrong_for_a_day_deletes_no_run() {
    const DAY: i64 = 24 * 60 * 60;
    for fixture in JournalFixture::all().await {
        let right = left_after(&fixture.open().await, 0, at).await;
        assert_eq!(right.last().map(String::as_str), Some("01J019"), "the 12 newest, and 30 days before them");
        let fresh = async || match fixture.options.location {
            campaign_group_sync::journal::JournalLocation::Sqlite(_) => Some(JournalFixture::in_a_folder()),
            campaign_group_sync::journal::JournalLocation::Postgres(_) => JournalFixture::shared().await,
        };
        let check = async |what: &str, wrong: i64, shown: &(dyn Fn(i64) -> DateTime<Utc> + Sync)| {
            let Some(fixture) = fresh().await else { return };
            let left = left_after(&fixture.open().await, wrong, shown).await;
            // On the 60th day.
            let young = (30..60).map(|day| format!("01J{day:03}"));
            assert!(young.into_iter().all(|run| left.contains(&run)), "{what}: {left:?}");
        };
        check("ahead by 9 years", 11, &|number| ahead(59 * DAY + number * 7200)).await;
        check("ahead by 25 days", 11, &|number| at(84 * DAY + number * 7200)).await;
        check("behind by 9 years", 11, &|number| at(59 * DAY + number * 7200) - TimeDelta::days(9 * 365)).await;
        check("behind by 40 days", 11, &|number| at(19 * DAY + number * 7200)).await;
        check("never set", 11, &|number| DateTime::from_timestamp(number, 0).expect("a time")).await;
    }
}

#[tokio::test]
async fn incident_28_a_clock_that_stays_ahead_by_years_makes_no_run_older_than_its_own_runs_do() {
    const DAY: i64 = 24 * 60 * 60;
    for fixture in JournalFixture::all().await {
        let left = left_after(&fixture.open().await, 60, |number| ahead(59 * DAY + number * 7200)).await;
        assert_eq!(left.last().map(String::as_str), Some("01J033"), "4 days, and the 12 newest runs");
    }
}

#[tokio::test]
async fn incident_28_who_was_seen_by_a_clock_that_was_ahead_has_access_now() {
    let seen = |members: &[&str]| GroupObservation {
        group: OperatorGroupName::new("delivery"),
        profile: ProductProfileName::new("Campaign - acme - delivery"),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    };
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let members = async |seconds: i64, now: i64| {
            let access = journal.access(at(seconds), at(now), MemberDetail::Cause).await.expect("readable");
            let groups = access.into_iter().flat_map(|instance| instance.groups);
            groups.flat_map(|group| group.logins().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        journal.observe(&production(), at(0), &[seen(&["ann", "bob"])], true).await.expect("seen");
        journal.observe(&production(), ahead(1), &[seen(&["ann", "cid"])], true).await.expect("seen");
        assert_eq!(members(2, 2).await, ["ann", "cid"], "before the next run");
        run(&journal, "01JB", at(10)).await;
        assert_eq!(members(11, 1000).await, ["ann", "cid"]);
        assert_eq!(members(9, 1000).await, ["ann", "bob"]);
    }
}

#[tokio::test]
async fn incident_28_runs_by_a_clock_that_was_ahead_do_not_hide_what_later_runs_wrote() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for number in 0..5 {
            journal.begin_run(&begin(&format!("01JA{number}"), RunMode::Apply, ahead(number))).await.expect("begun");
            let nothing = report(&format!("01JA{number}"), ahead(number), Outcome::Failed, plan(Vec::new()));
            journal
                .end_run(&campaign_group_sync::domain::RunReport { instances: Vec::new(), ..nothing })
                .await
                .expect("ended");
        }
        let planned = plan(vec![change(ChangeKind::Add, "ann", "delivery")]);
        journal.begin_run(&begin("01JB", RunMode::Apply, at(0))).await.expect("begun");
        journal.end_run(&report("01JB", at(0), Outcome::Failed, planned)).await.expect("ended");
        assert!(journal.was_written_to(&production()).await.expect("readable"));
    }
}

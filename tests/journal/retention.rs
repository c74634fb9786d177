//! What retention deletes, what it never deletes, and that the record can be verified afterwards.

use std::time::Duration;

use campaign_group_sync::{
    domain::{
        AfterPlan, BegunApproval, ChangeKind, ChangeOutcome, Evidence, GroupObservation, InstanceMode, InstancePlan,
        InstanceReport, ObservedGroups, OperatorGroupName, OperatorLogin, Outcome, ProductProfileName, RunEvent,
        RunMode, RunReport, SettledChanges,
    },
    journal::{
        DeletionSummary, FindRunError, Journal, KeepSetting, LockAttempt, MemberDetail, RecordHead, Retention,
        RetentionPeriod, RunLock,
    },
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::recording::{Recording as _, RunBegin, Settlement};
use super::{
    fixture::JournalFixture,
    sample::{at, begin, change, digest, held, key, plan, production, report, run_id},
};

const DAY: i64 = 24 * 3600;

/// Keeps changes forever, and runs for this number of days.
pub(crate) fn runs_for(days: u64) -> Retention {
    Retention { runs: RetentionPeriod::For(Duration::from_secs(days * 24 * 3600)), changes: RetentionPeriod::Forever }
}

/// Keeps both for this number of days.
fn all_for(days: u64) -> Retention {
    let kept = RetentionPeriod::For(Duration::from_secs(days * 24 * 3600));
    Retention { runs: kept, changes: kept }
}

/// The lock of a run. A server ends a session, and with it the lock of the time before, some time after it was dropped.
pub(crate) async fn lock(journal: &Journal) -> RunLock {
    let lock = async {
        loop {
            match journal.lock("a run").await.expect("a lock") {
                LockAttempt::Acquired(lock) => return lock,
                LockAttempt::Held(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), lock).await.expect("the lock of the time before is released")
}

/// Deletes what is old, as a run does once it has ended.
pub(crate) async fn delete_old(journal: &Journal, retention: Retention, seconds: i64) -> Option<DeletionSummary> {
    let lock = lock(journal).await;
    journal.delete_old(&lock, retention, at(seconds)).await.expect("writable")
}

/// A run over everything without a change.
async fn idle(journal: &Journal, run: &str, seconds: i64) {
    whole(journal, run, RunMode::Apply, seconds).await;
    journal.end_run(&report(run, at(seconds), Outcome::InSync, plan(Vec::new()))).await.expect("ended");
}

async fn whole(journal: &Journal, run: &str, mode: RunMode, seconds: i64) {
    let begin = RunBegin { scope: None, ..begin(run, mode, at(seconds)) };
    journal.begin_run(&begin).await.expect("begun");
}

/// A run that leads to no write, with a removal that is pending or held.
async fn records_plan(journal: &Journal, run: &str, mode: RunMode, seconds: i64, instance: InstanceReport) {
    whole(journal, run, mode, seconds).await;
    let planned = InstancePlan { report: &instance, next: AfterPlan::Nothing, new_skips: &[] };
    journal.record(&run_id(run), at(seconds), &RunEvent::Planned(&planned)).await.expect("planned");
    let ended = RunReport { mode, ..report(run, at(seconds), Outcome::ChangesPending, instance) };
    journal.end_run(&ended).await.expect("ended");
}

/// A run that adds this operator, approved by this approver.
async fn adds(journal: &Journal, run: &str, seconds: i64, operator: &str, approver: Option<&str>) {
    whole(journal, run, RunMode::Apply, seconds).await;
    let mut added = change(ChangeKind::Add, operator, "delivery");
    added.approved_by = approver.map(str::to_owned);
    journal.record_plan(&run_id(run), at(seconds), &plan(vec![added.clone()])).await.expect("planned");
    let sent = [added.key()];
    journal.about_to_write(&run_id(run), &production(), at(seconds), &sent, None).await.expect("sent");
    (added.outcome, added.at) = (ChangeOutcome::Applied, Some(at(seconds)));
    let changes = [added.clone()];
    let settled = SettledChanges { instance: &production(), changes: &changes, evidence: Evidence::ReadBack };
    journal.record(&run_id(run), at(seconds), &RunEvent::Settled(&settled)).await.expect("settled");
    journal.end_run(&report(run, at(seconds), Outcome::Applied, plan(vec![added]))).await.expect("ended");
}

/// An observation of the group by this run.
async fn sees(journal: &Journal, run: &str, seconds: i64, members: &[&str]) {
    let groups = [GroupObservation {
        group: OperatorGroupName::new("delivery"),
        profile: ProductProfileName::new("Campaign - acme - delivery"),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    }];
    let observed = ObservedGroups { instance: &production(), groups: &groups, is_all: true };
    journal.record(&run_id(run), at(seconds), &RunEvent::Observed(&observed)).await.expect("recorded");
}

/// A run a day without a change.
async fn idle_days(journal: &Journal, days: std::ops::Range<i64>) {
    for day in days {
        idle(journal, &format!("01JD{day:04}"), day * DAY).await;
    }
}

async fn runs(journal: &Journal) -> Vec<String> {
    journal.runs(1000).await.expect("readable").into_iter().map(|run| run.run).collect()
}

/// Everything in the state that decisions depend on, to compare it before and after a deletion.
async fn what_decides(journal: &Journal, seconds: i64) -> String {
    let history = journal.history(&production(), at(seconds)).await.expect("readable");
    let unread = journal.unread_changes(&production()).await.expect("readable");
    let written = journal.was_written_to(&production()).await.expect("readable");
    let (held, holds) = (journal.held().await.expect("readable"), journal.holds().await.expect("readable"));
    let access = journal.access(at(seconds), at(seconds), MemberDetail::Cause).await.expect("readable");
    let without_end = journal.runs_without_end().await.expect("readable");
    format!("{history:?}\n{unread:?}\n{written}\n{held:?}\n{holds:?}\n{access:?}\n{without_end:?}")
}

async fn is_whole(journal: &Journal, known: Option<&RecordHead>) {
    let verification = journal.verify(known).await.expect("readable");
    assert!(verification.is_whole(), "{verification:#?}");
}

#[tokio::test]
async fn old_runs_without_changes_are_deleted_and_changes_are_kept() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let pending = || plan(vec![change(ChangeKind::Add, "ann@acme.com", "delivery")]);
        let observed = || InstanceReport { mode: InstanceMode::Observe, ..pending() };
        let mut removal = change(ChangeKind::Remove, "cid@acme.com", "delivery");
        (removal.outcome, removal.detail) = (ChangeOutcome::Held, Some("too many".to_owned()));
        adds(&journal, "01JADDS", 0, "bob@acme.com", None).await;
        records_plan(&journal, "01JDRY", RunMode::DryRun, 10, pending()).await;
        records_plan(&journal, "01JOBSERVES", RunMode::Apply, 20, observed()).await;
        records_plan(&journal, "01JAGAIN", RunMode::Apply, 30, observed()).await;
        records_plan(&journal, "01JHOLDS", RunMode::Apply, 40, plan(vec![removal.clone()])).await;
        records_plan(&journal, "01JHOLDSON", RunMode::Apply, 50, plan(vec![removal])).await;
        idle(&journal, "01JIDLE", 60).await;
        let before = what_decides(&journal, 130 * DAY).await;
        idle_days(&journal, 1..120).await;
        for number in 0..12 {
            records_plan(&journal, &format!("01JLATE{number:02}"), RunMode::DryRun, 120 * DAY + number, pending())
                .await;
        }
        assert_eq!(
            delete_old(&journal, Retention { runs: RetentionPeriod::Forever, ..runs_for(0) }, 121 * DAY).await,
            None
        );
        let head = journal.verify(None).await.expect("readable").head;
        let deleted = delete_old(&journal, runs_for(90), 121 * DAY).await.expect("something is old");
        let left = runs(&journal).await;
        // The last run of an outcome is kept, and with it the run whose rows it shares.
        assert_eq!(&left[left.len() - 4..], ["01JHOLDS", "01JAGAIN", "01JDRY", "01JADDS"], "{left:?}");
        assert_eq!(deleted.runs + left.len(), 7 + 119 + 12);
        assert!(left.contains(&"01JD0030".to_owned()) && !left.contains(&"01JD0028".to_owned()), "{left:?}");
        assert_eq!(delete_old(&journal, runs_for(90), 121 * DAY).await, None, "at once, nothing more is old");
        assert_eq!(what_decides(&journal, 130 * DAY).await, before);
        is_whole(&journal, Some(&head)).await;
        is_whole(&journal, Some(&deleted.head)).await;
        let error = journal.find_run("01jobserv").await.expect_err("deleted");
        assert!(matches!(&error, FindRunError::Deleted { run, .. } if run == "01JOBSERVES"), "{error}");
        assert!(error.to_string().contains("state.keep_runs"), "{error}");
    }
}

#[tokio::test]
async fn a_retention_of_zero_keeps_the_newest_runs_and_what_is_needed() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        whole(&journal, "01JHOLDS", RunMode::Apply, 1).await;
        let record = held("00112233445566aa", "01JHOLDS", at(1), &["bob@acme.com"]);
        journal.record_held(&production(), Some(&record), true).await.expect("held");
        journal.end_run(&report("01JHOLDS", at(1), Outcome::Held, plan(Vec::new()))).await.expect("ended");
        adds(&journal, "01JADDED", 2, "ann@acme.com", None).await;
        whole(&journal, "01JLOST", RunMode::Apply, 3).await;
        let lost = change(ChangeKind::Add, "dan@acme.com", "delivery");
        journal.record_plan(&run_id("01JLOST"), at(3), &plan(vec![lost.clone()])).await.expect("planned");
        journal.about_to_write(&run_id("01JLOST"), &production(), at(3), &[lost.key()], None).await.expect("sent");
        idle(&journal, "01JCLEAN", 4).await;
        let before = what_decides(&journal, 50 * DAY).await;
        for number in 0..30 {
            let run = format!("01JN{number:02}");
            whole(&journal, &run, RunMode::Apply, 10 + number).await;
            let failed = report(&run, at(10 + number), Outcome::Unavailable, plan(Vec::new()));
            journal.end_run(&failed).await.expect("ended");
        }
        delete_old(&journal, all_for(0), 100).await.expect("something is old");
        let mut left = runs(&journal).await;
        assert_eq!(left.len(), 12 + 4, "{left:?}");
        let old = left.split_off(12);
        assert_eq!(old, ["01JCLEAN", "01JLOST", "01JADDED", "01JHOLDS"]);
        assert_eq!(what_decides(&journal, 50 * DAY).await, before);
        is_whole(&journal, None).await;
        // An approval still finds its held plan.
        let given = journal.approve(&digest("00112233445566aa"), &"eve".into(), at(200), at(9_000)).await;
        assert_eq!(given.expect("held")[0].run, run_id("01JHOLDS"));
    }
}

/// Sixty days of runs: members join and leave in the first ones, one is added later, and the runs between change
/// nothing.
async fn two_months(journal: &Journal) {
    whole(journal, "01JFIRST", RunMode::Apply, 0).await;
    sees(journal, "01JFIRST", 0, &["old@acme.com", "gone@acme.com"]).await;
    journal.end_run(&report("01JFIRST", at(0), Outcome::InSync, plan(Vec::new()))).await.expect("ended");
    adds(journal, "01JADDED", 10, "ann@acme.com", Some("root (uid 0)")).await;
    whole(journal, "01JSAW", RunMode::Apply, 20).await;
    sees(journal, "01JSAW", 20, &["old@acme.com", "ann@acme.com"]).await;
    journal.end_run(&report("01JSAW", at(20), Outcome::InSync, plan(Vec::new()))).await.expect("ended");
    idle_days(journal, 1..30).await;
    adds(journal, "01JLATER", 30 * DAY, "bob@acme.com", None).await;
    idle_days(journal, 31..60).await;
}

#[tokio::test]
async fn old_changes_are_deleted_and_open_memberships_stay() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        two_months(&journal).await;
        let (before, access) = (
            what_decides(&journal, 70 * DAY).await,
            journal.access(at(70 * DAY), at(70 * DAY), MemberDetail::Cause).await,
        );
        let head = journal.verify(None).await.expect("readable").head;
        delete_old(&journal, all_for(40), 60 * DAY).await.expect("something is old");
        assert_eq!(what_decides(&journal, 70 * DAY).await, before);
        let access_now = journal.access(at(70 * DAY), at(70 * DAY), MemberDetail::Cause).await.expect("readable");
        assert_eq!(access_now, access.expect("readable"));
        let ann =
            access_now[0].groups[0].members.iter().find(|member| member.login == "ann@acme.com").expect("a member");
        assert_eq!(ann.granted_by, Some(run_id("01JADDED")));
        assert_eq!(ann.approved_by.as_deref(), Some("root (uid 0)"), "although the run is deleted");
        let logins = journal.access(at(70 * DAY), at(70 * DAY), MemberDetail::Login).await.expect("readable");
        let without_causes = access_now.into_iter().map(|mut instance| {
            let members = instance.groups.iter_mut().flat_map(|group| &mut group.members);
            members.for_each(|member| (member.granted_by, member.approved_by) = (None, None));
            instance
        });
        assert_eq!(logins, without_causes.collect::<Vec<_>>());
        let error = journal.find_run("01JADDED").await.expect_err("deleted");
        assert!(error.to_string().contains("state.keep_changes"), "{error}");
        let since = journal.deleted_before().await.expect("readable").changes.expect("deleted");
        assert!(since > at(20) && since < at(30 * DAY), "{since}");
        let then = journal.access(since, at(70 * DAY), MemberDetail::Cause).await.expect("readable");
        assert_eq!(then[0].groups[0].logins().collect::<Vec<_>>(), ["ann@acme.com", "old@acme.com"]);
        is_whole(&journal, Some(&head)).await;
        // Later runs.
        whole(&journal, "01JNEXT", RunMode::Apply, 61 * DAY).await;
        sees(&journal, "01JNEXT", 61 * DAY, &["ann@acme.com", "bob@acme.com", "eve@acme.com"]).await;
        journal.end_run(&report("01JNEXT", at(61 * DAY), Outcome::InSync, plan(Vec::new()))).await.expect("ended");
        is_whole(&journal, Some(&head)).await;
        idle_days(&journal, 62..130).await;
        delete_old(&journal, all_for(40), 130 * DAY).await.expect("something is old");
        is_whole(&journal, Some(&head)).await;
        let setting = journal.verify(None).await.expect("readable").deletions.last().map(|deletion| deletion.setting);
        assert!(matches!(setting, Some(KeepSetting::KeepRuns | KeepSetting::KeepChanges)));
    }
}

/// A state with deletions of both kinds, and the head of its record before them.
async fn with_deletions() -> (JournalFixture, RecordHead) {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    two_months(&journal).await;
    let head = journal.verify(None).await.expect("readable").head;
    delete_old(&journal, all_for(40), 60 * DAY).await.expect("something is old");
    is_whole(&journal, Some(&head)).await;
    journal.close().await;
    (fixture, head)
}

async fn touch(fixture: &JournalFixture, statements: &[&str]) {
    let options = SqliteConnectOptions::new().filename(fixture.file());
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
    for sql in statements {
        let result = sqlx::query(AssertSqlSafe(*sql)).execute(&mut connection).await.expect("a statement");
        assert!(result.rows_affected() > 0, "{sql}");
    }
    connection.close().await.expect("closed");
}

#[tokio::test]
async fn incident_55_rows_that_were_deleted_by_hand_are_detected_beside_those_that_retention_deleted() {
    for sql in [
        // Deleted events, also those of which only a digest was left.
        "delete from events where run = '01JLATER' and kind = 'settled'",
        "delete from deleted_events where position = 3",
        "delete from deleted_events",
        "delete from events where kind = 'deletion'",
        "update events set body = replace(body, '01JFIRST', '01JOTHER') where kind = 'deletion'",
        "update deleted_events set digest = replace(digest, '0', '1') where position = 3",
        "update deleted_events set position = 1 where position = 3",
        // Events that are reduced to their digests, as retention does.
        "insert into deleted_events (position, digest)
             select position, '0000000000000000000000000000000000000000000000000000000000000000' from events
             where run = '01JLATER' and kind = 'settled';
         delete from events where run = '01JLATER' and kind = 'settled'",
        // The memberships that a deletion sealed.
        "delete from stays where login_folded = 'ann@acme.com'",
        "update stays set approved_by = 'mallory' where login_folded = 'ann@acme.com'",
        "update stays set granted_by = '01JLATER' where login_folded = 'ann@acme.com'",
        "update stays set approved_by = 'mallory', vouched = null where login_folded = 'bob@acme.com'",
        "update stays set vouched = null where login_folded = 'ann@acme.com'",
        "update stays set until = since where login_folded = 'ann@acme.com'",
        "insert into stays (instance, group_folded, login_folded, login, since, vouched)
             values ('production', 'delivery', 'eve@acme.com', 'eve@acme.com', 1, 1)",
        "insert into stays (instance, group_folded, login_folded, login, since)
             values ('production', 'delivery', 'eve@acme.com', 'eve@acme.com', 1)",
    ] {
        let (fixture, _) = with_deletions().await;
        touch(&fixture, &sql.split(';').collect::<Vec<_>>()).await;
        let verification = fixture.open().await.verify(None).await.expect("readable");
        assert!(!verification.is_whole(), "{sql}");
    }
}

#[tokio::test]
async fn a_forged_deletion_after_a_known_head_is_reported_with_its_deleted_runs() {
    let (fixture, _) = with_deletions().await;
    let journal = fixture.open().await;
    let verification = journal.verify(None).await.expect("readable");
    let (head, deletions) = (verification.head.clone(), verification.deletions);
    assert!(deletions.iter().all(|deletion| deletion.position <= head.position));
    // A user who may write to the state may also delete as retention does: the chain is valid, but the verification
    // lists it.
    delete_old(&journal, all_for(0), 60 * DAY).await.expect("something is old");
    let verification = journal.verify(Some(&head)).await.expect("readable");
    let later: Vec<_> = verification.deletions.iter().filter(|deletion| deletion.position > head.position).collect();
    assert!(!later.is_empty() && verification.is_whole(), "{verification:#?}");
    // A rebuilt record, with a deletion in it that the head does not know, is not the one of the head.
    journal.close().await;
    touch(&fixture, &["update events set body = replace(body, '2', '3') where kind = 'deletion'"]).await;
    let verification = fixture.open().await.verify(Some(&head)).await.expect("readable");
    assert!(!verification.is_whole());
}

#[tokio::test]
async fn a_settled_change_of_a_dead_run_and_an_approval_in_use_are_kept_when_their_run_is_deleted() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        whole(&journal, "01JHELD", RunMode::Apply, 0).await;
        let record = held("00112233445566aa", "01JHELD", at(0), &["bob@acme.com", "cid@acme.com"]);
        journal.record_held(&production(), Some(&record), true).await.expect("held");
        journal.end_run(&report("01JHELD", at(0), Outcome::Held, plan(Vec::new()))).await.expect("ended");
        let expires = at(400 * DAY);
        journal.approve(&digest("00112233445566aa"), &"eve".into(), at(1), expires).await.expect("approved");
        whole(&journal, "01JUSES", RunMode::Apply, 2).await;
        let removals = ["bob@acme.com", "cid@acme.com"].map(|who| change(ChangeKind::Remove, who, "delivery"));
        journal.record_plan(&run_id("01JUSES"), at(2), &plan(removals.to_vec())).await.expect("planned");
        let begun = BegunApproval { digest: &digest("00112233445566aa"), is_all: true };
        let sent = [key(ChangeKind::Remove, "bob@acme.com", "delivery")];
        journal.about_to_write(&run_id("01JUSES"), &production(), at(2), &sent, Some(begun)).await.expect("sent");
        let applied = Settlement { key: sent[0].clone(), outcome: ChangeOutcome::Applied, detail: None };
        journal.settled(&run_id("01JUSES"), &production(), at(3), &[applied]).await.expect("settled");
        idle_days(&journal, 1..100).await;
        let before = what_decides(&journal, 100 * DAY).await;
        assert!(before.contains("InUse"), "{before}");
        delete_old(&journal, all_for(5), 100 * DAY).await.expect("something is old");
        assert_eq!(what_decides(&journal, 100 * DAY).await, before);
        assert_eq!(journal.given_approvals(9).await.expect("readable").len(), 1);
        is_whole(&journal, None).await;
    }
}

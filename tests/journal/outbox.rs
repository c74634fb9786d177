//! Notifications: written with their event, once for each target; and the times of attempts.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{
        ChangeKind, ChangeOutcome, Evidence, HeldRecord, InstanceReport, Notification, NotificationKind,
        NotificationTarget, Orphan, Outcome, RunEvent, RunMode, RunReport, SettledChanges, Summary,
        WantedNotifications,
    },
    journal::{AfterFailure, ClaimedNotification, Journal, OutageReport},
};
use chrono::{SubsecRound as _, TimeDelta, Utc};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, begin, change, held, plan, production, report, run_id},
};

const ONE: &str = "00000000000000aa";
const OTHER: &str = "00000000000000bb";

fn wanted(targets: &[NotificationTarget]) -> WantedNotifications {
    WantedNotifications {
        kinds: NotificationKind::EVENTS.into_iter().collect(),
        targets: targets.iter().copied().collect(),
        instances: BTreeSet::from([production().folded()]),
    }
}

async fn with_notifications(fixture: &JournalFixture) -> Journal {
    fixture.open().await.with_notifications(wanted(&[NotificationTarget::Webhook]))
}

/// Claims everything that is due for the webhook at this second, and delivers it.
async fn delivered(journal: &Journal, second: i64) -> Vec<Notification> {
    let mut all = Vec::new();
    while let Some(claimed) = journal.claim_notification(NotificationTarget::Webhook, at(second)).await.expect("read") {
        journal.notification_delivered(&claimed, at(second)).await.expect("written");
        all.push(claimed.notification);
    }
    all
}

async fn kinds(journal: &Journal, second: i64) -> Vec<NotificationKind> {
    delivered(journal, second).await.into_iter().map(|notification| notification.kind).collect()
}

async fn hold(journal: &Journal, record: &HeldRecord) {
    journal.record_held(&production(), Some(record), !record.is_dry_run).await.expect("held");
}

/// A run over everything that ended like this, with this report of its instance.
async fn run(journal: &Journal, name: &str, second: i64, outcome: Outcome, instance: InstanceReport) -> RunReport {
    let whole = super::recording::RunBegin { scope: None, ..begin(name, RunMode::Apply, at(second)) };
    journal.begin_run(&whole).await.expect("begun");
    let ended = report(name, at(second), outcome, InstanceReport { outcome, ..instance });
    journal.end_run(&ended).await.expect("ended");
    ended
}

#[tokio::test]
async fn a_held_digest_is_notified_once_to_each_target() {
    for fixture in JournalFixture::all().await {
        let targets = [NotificationTarget::Command, NotificationTarget::Mail];
        let journal = fixture.open().await.with_notifications(wanted(&targets));
        hold(&journal, &held(ONE, "01JA", at(0), &["ann", "bob"])).await;
        hold(&journal, &held(ONE, "01JB", at(60), &["ann", "bob"])).await;
        let mut ids = BTreeSet::new();
        for target in targets {
            let claimed = journal.claim_notification(target, at(61)).await.expect("read").expect("one is due");
            assert_eq!(journal.claim_notification(target, at(61)).await.expect("read"), None, "once");
            let Notification { kind, instance, digest, operators, counts, run, .. } = claimed.notification;
            assert_eq!(
                (kind, instance.as_deref(), run.as_deref()),
                (NotificationKind::Held, Some("production"), Some("01JA"))
            );
            assert_eq!((digest.as_deref(), counts.get("remove")), (Some(ONE), Some(&2)));
            assert_eq!(operators, ["ann", "bob"]);
            ids.insert(claimed.id);
        }
        assert_eq!(ids.len(), 1, "one id for all targets");
        assert_eq!(journal.claim_notification(NotificationTarget::Webhook, at(61)).await.expect("read"), None);
        hold(&journal, &held(OTHER, "01JC", at(120), &["ann"])).await;
        assert!(journal.claim_notification(NotificationTarget::Mail, at(121)).await.expect("read").is_some());
    }
}

#[tokio::test]
async fn a_dry_run_sends_no_notification_and_the_real_run_after_it_does() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        hold(&journal, &HeldRecord { is_dry_run: true, ..held(ONE, "01JA", at(0), &["ann"]) }).await;
        assert_eq!(kinds(&journal, 1).await, []);
        hold(&journal, &held(ONE, "01JB", at(60), &["ann"])).await;
        assert_eq!(kinds(&journal, 61).await, [NotificationKind::Held]);
    }
}

#[tokio::test]
async fn refused_credentials_are_notified_once_until_the_first_success_over_everything() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        run(&journal, "01JA", 0, Outcome::Refused, plan(Vec::new())).await;
        run(&journal, "01JB", 60, Outcome::Refused, plan(Vec::new())).await;
        assert_eq!(kinds(&journal, 61).await, [NotificationKind::Failed]);
        drop(journal);
        let journal = with_notifications(&fixture).await;
        run(&journal, "01JC", 120, Outcome::Refused, plan(Vec::new())).await;
        run(&journal, "01JD", 180, Outcome::Unavailable, plan(Vec::new())).await;
        journal.begin_run(&begin("01JE", RunMode::Apply, at(240))).await.expect("narrowed");
        journal.end_run(&report("01JE", at(240), Outcome::InSync, plan(Vec::new()))).await.expect("ended");
        assert_eq!(kinds(&journal, 241).await, [], "reported before, also by an earlier process");
        run(&journal, "01JF", 300, Outcome::Held, plan(Vec::new())).await;
        run(&journal, "01JG", 360, Outcome::InSync, plan(Vec::new())).await;
        assert_eq!(kinds(&journal, 361).await, [NotificationKind::Recovered]);
        run(&journal, "01JH", 420, Outcome::Refused, plan(Vec::new())).await;
        assert_eq!(kinds(&journal, 421).await, [NotificationKind::Failed], "another outage");
    }
}

#[tokio::test]
async fn a_success_in_another_instance_ends_no_outage() {
    for fixture in JournalFixture::all().await {
        let mut both = wanted(&[NotificationTarget::Webhook]);
        both.instances.insert("stage".into());
        let journal = fixture.open().await.with_notifications(both);
        run(&journal, "01JA", 0, Outcome::Refused, plan(Vec::new())).await;
        run(&journal, "01JB", 60, Outcome::InSync, plan(Vec::new())).await;
        assert_eq!(kinds(&journal, 61).await, [NotificationKind::Failed]);
    }
}

#[tokio::test]
async fn an_outage_is_notified_once_whether_the_daemon_or_a_run_finds_it() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        let overdue = Notification::overdue(at(0), None, "4h");
        assert_eq!(journal.report_outage(&overdue).await.expect("enqueued"), OutageReport::Enqueued);
        assert_eq!(journal.report_outage(&overdue).await.expect("known"), OutageReport::AlreadyReported);
        run(&journal, "01JA", 60, Outcome::Refused, plan(Vec::new())).await;
        assert_eq!(kinds(&journal, 61).await, [NotificationKind::Failed]);
    }
}

#[tokio::test]
async fn changes_are_notified_once_for_each_run_and_instance_with_their_numbers() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        let made = |who| {
            let mut made = change(ChangeKind::Add, who, "delivery");
            made.outcome = ChangeOutcome::Applied;
            made
        };
        let changes =
            vec![made("ann@acme.com"), made("bob@acme.com"), change(ChangeKind::Add, "cid@acme.com", "delivery")];
        let summary = Summary::of(&changes, 0, 7);
        run(&journal, "01JA", 0, Outcome::Applied, InstanceReport { summary, ..plan(changes) }).await;
        let notifications = delivered(&journal, 1).await;
        let [applied] = notifications.as_slice() else { panic!("{notifications:?}") };
        assert_eq!((applied.kind, applied.counts.get("applied")), (NotificationKind::Applied, Some(&2)));
        assert_eq!(applied.operators, ["ann@acme.com", "bob@acme.com"]);
        let late = [made("cid@acme.com")];
        let settled = SettledChanges { instance: &production(), changes: &late, evidence: Evidence::NextRun };
        journal.record(&run_id("01JA"), at(60), &RunEvent::Settled(&settled)).await.expect("settled");
        let notifications = delivered(&journal, 61).await;
        let [late] = notifications.as_slice() else { panic!("{notifications:?}") };
        assert!(late.text.contains("a later run confirmed it") && late.run.as_deref() == Some("01JA"), "{late:?}");
    }
}

#[tokio::test]
async fn a_finding_is_notified_once_until_it_is_gone_and_comes_back() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        let orphan =
            |group: &str| Orphan { group: group.to_owned(), profile: "Campaign - acme - x".to_owned(), members: 3 };
        let with = |groups: &[&str]| InstanceReport {
            orphaned: groups.iter().map(|group| orphan(group)).collect(),
            ..plan(Vec::new())
        };
        run(&journal, "01JA", 0, Outcome::InSync, with(&["ops"])).await;
        run(&journal, "01JB", 60, Outcome::InSync, with(&["Ops", "night"])).await;
        let notifications = delivered(&journal, 61).await;
        let texts: Vec<&str> = notifications.iter().map(|one| one.text.rsplit(": ").next().expect("a list")).collect();
        assert_eq!(texts, ["ops", "night"], "each once");
        run(&journal, "01JC", 120, Outcome::Incomplete, with(&[])).await;
        run(&journal, "01JD", 180, Outcome::InSync, with(&["ops", "night"])).await;
        assert_eq!(kinds(&journal, 181).await, [], "a run that could not read says nothing of what is gone");
        run(&journal, "01JE", 240, Outcome::InSync, with(&["night"])).await;
        run(&journal, "01JF", 300, Outcome::InSync, with(&["ops", "night"])).await;
        assert_eq!(kinds(&journal, 301).await, [NotificationKind::Finding]);
    }
}

#[tokio::test]
async fn unwanted_notifications_are_not_written_and_a_new_target_gets_none_of_before() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"])).await;
        let only_failures = WantedNotifications {
            kinds: BTreeSet::from([NotificationKind::Failed]),
            ..wanted(&[NotificationTarget::Webhook])
        };
        hold(&journal.with_notifications(only_failures), &held(OTHER, "01JB", at(60), &["ann"])).await;
        let later = with_notifications(&fixture).await;
        assert_eq!(kinds(&later, 61).await, []);
        hold(&later, &held(ONE, "01JC", at(120), &["ann"])).await;
        assert_eq!(kinds(&later, 121).await, [NotificationKind::Held]);
    }
}

async fn claimed(journal: &Journal, second: i64) -> Option<ClaimedNotification> {
    journal.claim_notification(NotificationTarget::Webhook, at(second)).await.expect("read")
}

#[tokio::test]
async fn an_attempt_is_retried_at_its_time_also_by_another_process_until_it_is_given_up() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"])).await;
        let first = claimed(&journal, 1).await.expect("due");
        let other = with_notifications(&fixture).await;
        assert_eq!(claimed(&other, 30).await, None, "an attempt is under way");
        journal.notification_failed(&first, "no", AfterFailure::RetryAt(at(40)), at(2)).await.expect("written");
        assert_eq!(claimed(&other, 39).await, None);
        let second = claimed(&other, 40).await.expect("due");
        assert_eq!((&second.id, second.attempts), (&first.id, 2));
        assert!(claimed(&journal, 101).await.is_some(), "the process that began it may be gone");
        let state = &journal.notification_targets().await.expect("read")[0];
        assert_eq!((state.waiting, state.failed, state.error.as_deref()), (1, 1, Some("no")));
        assert_eq!(state.failing_since, Some(at(2).trunc_subsecs(0)));
        journal.notification_failed(&second, "no", AfterFailure::GiveUp, at(102)).await.expect("written");
        assert_eq!(claimed(&journal, 10_000).await, None);
        let state = &journal.notification_targets().await.expect("read")[0];
        assert_eq!((state.waiting, state.failed, state.given_up), (0, 2, 1));
    }
}

#[tokio::test]
async fn incident_28_a_clock_that_was_ahead_keeps_no_notification_back() {
    for fixture in JournalFixture::all().await {
        let journal = with_notifications(&fixture).await;
        let year = TimeDelta::days(365);
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"])).await;
        let ahead = at(0) + year;
        let first = journal.claim_notification(NotificationTarget::Webhook, ahead).await.expect("read").expect("due");
        let retry = AfterFailure::RetryAt(ahead + TimeDelta::seconds(5));
        journal.notification_failed(&first, "no", retry, ahead).await.expect("written");
        assert!(claimed(&journal, 60).await.is_some(), "the clock is right again");
        assert_eq!(claimed(&journal, 61).await, None, "and attempts are spaced again");
    }
}

#[tokio::test]
async fn no_more_than_two_hundred_wait_for_a_target_and_what_is_given_up_is_counted() {
    let fixture = JournalFixture::in_a_folder();
    let journal = with_notifications(&fixture).await;
    for number in 0..203_i64 {
        hold(&journal, &held(&format!("{number:016x}"), "01JA", at(number), &["ann"])).await;
    }
    let state = &journal.notification_targets().await.expect("read")[0];
    assert_eq!((state.waiting, state.given_up), (200, 3));
    let oldest = claimed(&journal, 300).await.expect("due");
    assert_eq!(oldest.notification.digest.as_deref(), Some("0000000000000003"), "the oldest were given up");
}

#[tokio::test]
async fn the_notifications_of_a_target_that_is_not_configured_any_more_are_deleted() {
    for fixture in JournalFixture::all().await {
        let both = [NotificationTarget::Mail, NotificationTarget::Webhook];
        let journal = fixture.open().await.with_notifications(wanted(&both));
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"])).await;
        journal.forget_other_targets([NotificationTarget::Mail]).await.expect("written");
        assert_eq!(kinds(&journal, 1).await, []);
        assert!(journal.claim_notification(NotificationTarget::Mail, at(1)).await.expect("read").is_some());
    }
}

#[tokio::test]
async fn a_notification_is_written_with_its_event_or_not_at_all() {
    let fixture = JournalFixture::in_a_folder();
    let journal = with_notifications(&fixture).await;
    hold(&journal, &held(ONE, "01JA", Utc::now(), &["ann"])).await;
    let before = fixture.steps();
    hold(&journal, &held(OTHER, "01JA", Utc::now(), &["ann"])).await;
    let (begun, durable) = fixture.steps();
    assert_eq!((begun - before.0, durable - before.1), (1, 1), "one transaction for both");
}

//! Held plans, approvals, and what an undo left behind.

use campaign_group_sync::{
    domain::{ApprovalState, ApprovedChange, Approver, BegunApproval, ChangeKey, ChangeKind, HeldRecord, SystemUser},
    journal::{ApproveError, Journal},
};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, digest, held, key, production, run_id},
};

const ONE: &str = "00000000000000aa";
const OTHER: &str = "00000000000000bb";

async fn hold(journal: &Journal, record: &HeldRecord, replaces_all: bool) {
    journal.record_held(&production(), Some(record), replaces_all).await.expect("held");
}

async fn held_digests(journal: &Journal) -> Vec<String> {
    journal.held().await.expect("readable").into_iter().map(|record| record.digest.to_string()).collect()
}

fn removal(operator: &str) -> ChangeKey {
    key(ChangeKind::Remove, operator, "delivery")
}

async fn approved_changes(journal: &Journal, seconds: i64) -> Vec<ApprovedChange> {
    let history = journal.history(&production(), at(seconds)).await.expect("readable");
    history.approvals.into_iter().flat_map(|approval| approval.changes).collect()
}

/// A run over everything begins to apply what was approved under this digest.
async fn begin(journal: &Journal, text: &str) {
    let digest = digest(text);
    let begun = BegunApproval { digest: &digest, is_all: true };
    journal.about_to_write(&run_id("01JA"), &production(), at(1), &[], Some(begun)).await.expect("begun");
}

#[tokio::test]
async fn the_user_of_the_approving_process_is_stored_with_the_name() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"]), true).await;
        let root = SystemUser { uid: 0, name: Some("root".to_owned()) };
        let approver = Approver::claimed("carol").as_user(Some(root));
        journal.approve(&digest(ONE), &approver, at(1), at(100)).await.expect("approved");
        let history = journal.history(&production(), at(2)).await.expect("readable");
        assert_eq!(history.approvals[0].approver, approver);
        begin(&journal, ONE).await;
        let refused = journal.approve(&digest(ONE), &"mal".into(), at(2), at(100)).await.expect_err("begun before");
        assert!(refused.to_string().contains("root (uid 0, who gave the name carol)"), "{refused}");
    }
}

#[tokio::test]
async fn a_full_run_replaces_held_plans_and_a_narrowed_one_adds_to_them() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let first = held(ONE, "01JA", at(0), &["ann", "bob"]);
        hold(&journal, &first, true).await;
        assert_eq!(journal.held().await.expect("readable"), [first]);
        hold(&journal, &HeldRecord { is_narrowed: true, ..held(OTHER, "01JB", at(1), &["cid"]) }, false).await;
        assert_eq!(held_digests(&journal).await, [ONE, OTHER]);
        hold(&journal, &held(OTHER, "01JC", at(2), &["cid"]), true).await;
        assert_eq!(held_digests(&journal).await, [OTHER]);
        journal.record_held(&production(), None, false).await.expect("nothing to say");
        assert_eq!(held_digests(&journal).await, [OTHER]);
        journal.record_held(&production(), None, true).await.expect("released");
        assert!(held_digests(&journal).await.is_empty());
    }
}

#[tokio::test]
async fn the_held_plan_of_a_dry_run_can_be_approved_and_does_not_hold_later_changes() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &HeldRecord { is_dry_run: true, ..held(ONE, "01JA", at(0), &["ann"]) }, false).await;
        assert!(journal.history(&production(), at(0)).await.expect("readable").held.is_empty());
        assert_eq!(journal.approve(&digest(ONE), &"eve".into(), at(1), at(100)).await.expect("approved").len(), 1);
    }
}

#[tokio::test]
async fn a_dry_run_does_not_release_what_a_real_run_holds() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let real = held(ONE, "01JA", at(0), &["ann"]);
        hold(&journal, &real, true).await;
        hold(&journal, &HeldRecord { is_dry_run: true, ..held(ONE, "01JB", at(1), &["ann"]) }, false).await;
        let history = journal.history(&production(), at(2)).await.expect("readable");
        assert_eq!(history.held, real.held);
        assert_eq!(journal.held().await.expect("readable"), [real]);
    }
}

#[tokio::test]
async fn an_approval_is_valid_until_it_expires() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let record = held(ONE, "01JA", at(0), &["ann", "bob"]);
        hold(&journal, &record, true).await;
        let approved = journal.approve(&digest(ONE), &"eve".into(), at(1), at(100)).await.expect("approved");
        let approved = &approved[0];
        assert_eq!((&approved.changes, &approved.run), (&record.changes, &record.run));
        assert_eq!(approved.expires_at, at(100));
        assert_eq!(approved_changes(&journal, 99).await, record.changes);
        assert!(approved_changes(&journal, 100).await.is_empty());
        let history = journal.history(&production(), at(99)).await.expect("readable");
        assert_eq!((&history.approvals[0].approver, history.approvals[0].state), (&"eve".into(), ApprovalState::Given));
    }
}

#[tokio::test]
async fn times_are_compared_as_numbers_and_not_as_text() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"]), true).await;
        // 9,999,999,999,999 ms is earlier than 10,000,000,000,000 ms; as text it would be later.
        let end_of_thirteen_digits = 9_999_999_999_999 - at(0).timestamp_millis();
        let late = at(0) + chrono::TimeDelta::milliseconds(end_of_thirteen_digits);
        let later = late + chrono::TimeDelta::milliseconds(1);
        journal.approve(&digest(ONE), &"eve".into(), at(1), late).await.expect("approved");
        assert!(journal.history(&production(), later).await.expect("readable").approvals.is_empty());
        journal.approve(&digest(ONE), &"mal".into(), at(1), later).await.expect("approved");
        assert_eq!(journal.history(&production(), late).await.expect("readable").approvals.len(), 1);
    }
}

#[tokio::test]
async fn spent_changes_are_deleted_from_their_approval_and_the_last_one_ends_it() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let record = held(ONE, "01JA", at(0), &["ann", "bob"]);
        hold(&journal, &record, true).await;
        journal.approve(&digest(ONE), &"eve".into(), at(1), at(100)).await.expect("approved");
        journal.spend(&production(), &[removal("ann")]).await.expect("nothing to spend");
        assert_eq!(approved_changes(&journal, 2).await, record.changes, "no run has begun to apply it");
        begin(&journal, ONE).await;
        assert!(held_digests(&journal).await.is_empty());
        journal.spend(&production(), &[removal("ann"), removal("zoe")]).await.expect("spent");
        let history = journal.history(&production(), at(2)).await.expect("readable");
        assert_eq!(history.approvals[0].state, ApprovalState::InUse);
        assert_eq!(approved_changes(&journal, 2).await, record.changes[1..]);
        journal.spend(&production(), &[removal("bob")]).await.expect("spent");
        assert!(journal.history(&production(), at(2)).await.expect("readable").approvals.is_empty());
        let written = fixture.steps().1;
        journal.spend(&production(), &[removal("bob")]).await.expect("nothing to spend");
        assert_eq!(fixture.steps().1, written, "nothing to spend, nothing to write");
    }
}

#[tokio::test]
async fn a_digest_that_is_not_held_is_refused_with_those_that_are() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        hold(&journal, &held(ONE, "01JA", at(0), &["ann"]), true).await;
        let refused = journal.approve(&digest(OTHER), &"eve".into(), at(1), at(100)).await.expect_err("not held");
        assert_eq!(refused.to_string(), format!("no held plan has the digest {OTHER}; held plans: {ONE}"));
        journal.approve(&digest(ONE), &"eve".into(), at(1), at(100)).await.expect("approved");
        begin(&journal, ONE).await;
        let refused = journal.approve(&digest(ONE), &"mal".into(), at(2), at(100)).await.expect_err("applied before");
        assert!(matches!(refused, ApproveError::AppliedBefore { approver, .. } if approver == "eve".into()));
    }
}

#[tokio::test]
async fn approving_a_plan_that_is_held_again_renews_the_approval() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let record = held(ONE, "01JA", at(0), &["ann"]);
        hold(&journal, &record, true).await;
        journal.approve(&digest(ONE), &"eve".into(), at(1), at(100)).await.expect("approved");
        begin(&journal, ONE).await;
        journal.spend(&production(), &[removal("ann")]).await.expect("spent");
        hold(&journal, &record, true).await;
        journal.approve(&digest(ONE), &"mal".into(), at(2), at(200)).await.expect("approved again");
        let history = journal.history(&production(), at(150)).await.expect("readable");
        assert_eq!(history.approvals.len(), 1);
        assert_eq!((history.approvals[0].approver.name(), &history.approvals[0].changes), ("mal", &record.changes));
        assert_eq!(history.approvals[0].state, ApprovalState::Given);
    }
}

#[tokio::test]
async fn undone_changes_are_stored_until_they_are_spent() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        let undone = [removal("ann"), removal("bob")];
        journal.remember_undone(&production(), &run_id("01JA"), &undone).await.expect("remembered");
        journal.remember_undone(&production(), &run_id("01JB"), &undone).await.expect("remembered again");
        assert_eq!(journal.history(&production(), at(0)).await.expect("readable").undone, undone);
        journal.spend(&production(), &undone[..1]).await.expect("spent");
        assert_eq!(journal.history(&production(), at(0)).await.expect("readable").undone, undone[1..]);
    }
}

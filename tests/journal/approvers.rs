//! The list of approvals: the users that the kernel reported, every approval, and the run that used it.

use campaign_group_sync::{
    domain::{
        Approver, BegunApproval, ChangeKind, ChangeOutcome, ChangeReport, Evidence, RunEvent, RunMode, SettledChanges,
        SystemUser,
    },
    journal::{Journal, MemberDetail},
};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, begin, change, digest, held, plan, production, run_id},
};

const ONE: &str = "00000000000000aa";

fn user(uid: u32, name: &str) -> SystemUser {
    SystemUser { uid, name: Some(name.to_owned()) }
}

fn through_sudo(claimed: &str) -> Approver {
    Approver::claimed(claimed).as_user(Some(user(0, "root"))).signed_in_as(Some(user(1004, "carol")))
}

/// The approvals as `DIGEST by WHO used by RUN`, newest first.
async fn given(journal: &Journal) -> Vec<String> {
    let given = journal.given_approvals(10).await.expect("readable");
    let listed = given.iter().map(|one| {
        let run = one.used_by.as_ref().map_or("none", |run| run.as_str());
        format!("{} by {} used by {run}", one.digest, one.approver)
    });
    listed.collect()
}

#[tokio::test]
async fn incident_41_the_user_who_signed_in_is_remembered_beside_the_user_of_the_process() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.record_held(&production(), Some(&held(ONE, "01JA", at(0), &["ann"])), true).await.expect("held");
        journal.approve(&digest(ONE), &through_sudo("zoe"), at(1), at(100)).await.expect("approved");
        let history = journal.history(&production(), at(2)).await.expect("readable");
        assert_eq!(
            (&history.approvals[0].approver, history.approvals[0].given_at),
            (&through_sudo("zoe"), Some(at(1)))
        );
        let expired = journal.expired_approval(&production(), &digest(ONE), at(100)).await.expect("readable");
        assert_eq!(expired.map(|(approver, _)| approver), Some(through_sudo("zoe")));
    }
}

#[tokio::test]
async fn the_list_keeps_every_approval_of_the_same_digest() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (round, who) in [(0, "ann"), (10, "bob")] {
            journal
                .record_held(&production(), Some(&held(ONE, "01JA", at(round), &["eve"])), true)
                .await
                .expect("held");
            journal.approve(&digest(ONE), &who.into(), at(round + 1), at(100)).await.expect("approved");
            if round == 0 {
                let digest = digest(ONE);
                let begun = BegunApproval { digest: &digest, is_all: true };
                journal.about_to_write(&run_id("01JB"), &production(), at(2), &[], Some(begun)).await.expect("begun");
            }
        }
        assert_eq!(
            given(&journal).await,
            [format!("{ONE} by bob used by none"), format!("{ONE} by ann used by 01JB"),]
        );
    }
}

#[tokio::test]
async fn incident_41_a_change_keeps_who_approved_it_and_when_its_outcome_was_seen() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        journal.begin_run(&begin("01JA", RunMode::Apply, at(0))).await.expect("begun");
        let by = through_sudo("carol").to_string();
        let released =
            ChangeReport { approved_by: Some(by.clone()), ..change(ChangeKind::Remove, "ann@acme.com", "Delivery") };
        let other = change(ChangeKind::Add, "bob@acme.com", "Delivery");
        journal
            .record_plan(&run_id("01JA"), at(1), &plan(vec![released.clone(), other.clone()]))
            .await
            .expect("planned");
        let keys = [released.key(), other.key()];
        journal.about_to_write(&run_id("01JA"), &production(), at(2), &keys, None).await.expect("sent");
        let seen = |change: ChangeReport| ChangeReport { outcome: ChangeOutcome::Applied, at: Some(at(3)), ..change };
        let settled = [seen(released), seen(other)];
        let event = SettledChanges { instance: &production(), changes: &settled, evidence: Evidence::ReadBack };
        journal.record(&run_id("01JA"), at(4), &RunEvent::Settled(&event)).await.expect("settled");
        let report = journal.run("01JA").await.expect("readable").expect("known");
        let listed: Vec<_> =
            report.instances[0].changes.iter().map(|change| (change.approved_by.clone(), change.at)).collect();
        assert_eq!(listed, [(Some(by), Some(at(3))), (None, Some(at(3)))]);
        let verified = journal.verify(None).await.expect("readable");
        assert!(verified.is_whole(), "{:?}", verified.faults);
        let access = journal.access(at(5), at(6), MemberDetail::Cause).await.expect("readable");
        assert!(access.is_empty(), "no group was observed yet");
    }
}

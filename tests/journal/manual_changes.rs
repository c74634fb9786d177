//! Memberships that changed in Campaign without a run.

use campaign_group_sync::{
    domain::{
        ChangeKind, ChangeOutcome, GroupObservation, OperatorGroupName, OperatorLogin, ProductProfileName, RunMode,
    },
    journal::{Journal, ManualChangeKind},
};

use super::{
    fixture::JournalFixture,
    recording::Recording as _,
    sample::{at, begin, change, key, plan, production, run_id, settled},
};

pub(crate) fn seen(group: &str, members: &[&str]) -> GroupObservation {
    GroupObservation {
        group: OperatorGroupName::new(group),
        profile: ProductProfileName::new(format!("Campaign - acme - {group}")),
        members: members.iter().map(|login| OperatorLogin::new(*login)).collect(),
    }
}

async fn observe(journal: &Journal, seconds: i64, groups: &[GroupObservation]) {
    journal.observe(&production(), at(seconds), groups, true).await.expect("observed");
}

/// `30: Ann appeared in Delivery`, newest first.
async fn reported(journal: &Journal, after: i64) -> Vec<String> {
    let changes = journal.manual_changes(after, 100).await.expect("readable").changes;
    let words = |kind| match kind {
        ManualChangeKind::Appeared => "appeared in",
        ManualChangeKind::Vanished => "vanished from",
    };
    let line = |change: campaign_group_sync::journal::ManualChange| {
        assert_eq!(change.instance, "production");
        assert_eq!(change.seen_by, Some(run_id("01JOBSERVER")));
        let seconds = (change.seen_at - at(0)).num_seconds();
        format!("{seconds}: {} {} {}", change.login, words(change.kind), change.group)
    };
    changes.into_iter().map(line).collect()
}

#[tokio::test]
async fn a_membership_that_no_run_made_or_ended_is_reported_as_changed_in_campaign() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("Delivery", &["Ann", "Bob"])]).await;
        assert!(reported(&journal, 0).await.is_empty(), "the first observation reports no change");
        observe(&journal, 20, &[seen("Delivery", &["Ann", "Bob"])]).await;
        observe(&journal, 30, &[seen("Delivery", &["Bob", "Cid"]), seen("Ops", &["Dan"])]).await;
        assert_eq!(reported(&journal, 0).await, ["30: Cid appeared in Delivery", "30: Ann vanished from Delivery"]);
        // The profile was renamed: the group was managed before, so that this is not a first observation.
        let renamed = GroupObservation {
            profile: ProductProfileName::new("Campaign - acme - other"),
            ..seen("Delivery", &["Bob", "Eve"])
        };
        observe(&journal, 40, &[renamed]).await;
        let all = reported(&journal, 0).await;
        assert_eq!(
            &all[..2],
            ["40: Eve appeared in Delivery", "40: Cid vanished from Delivery"],
            "Ops is not managed any more"
        );
        assert_eq!(all.len(), 4);
        let searched_to = journal.manual_changes(0, 100).await.expect("readable").searched_to;
        assert!(reported(&journal, searched_to).await.is_empty(), "nothing is reported twice");
        assert_eq!(journal.manual_changes(0, 1).await.expect("readable").changes.len(), 1);
    }
}

#[tokio::test]
async fn a_membership_that_a_run_made_is_no_manual_change() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        observe(&journal, 10, &[seen("delivery", &["ann"])]).await;
        let run = run_id("01A");
        journal.begin_run(&begin("01A", RunMode::Apply, at(20))).await.expect("begun");
        let planned = plan(vec![change(ChangeKind::Add, "bob", "delivery")]);
        journal.record_plan(&run, at(21), &planned).await.expect("planned");
        let changes = [key(ChangeKind::Add, "bob", "delivery")];
        journal.about_to_write(&run, &production(), at(22), &changes, None).await.expect("recorded");
        let made = [settled("bob", "delivery", ChangeOutcome::Applied)];
        journal.settled(&run, &production(), at(23), &made).await.expect("settled");
        observe(&journal, 30, &[seen("delivery", &["ann", "bob"])]).await;
        assert!(reported(&journal, 0).await.is_empty());
        observe(&journal, 40, &[seen("delivery", &["ann"])]).await;
        assert_eq!(reported(&journal, 0).await, ["40: bob vanished from delivery"]);
    }
}

//! Disablements that a run has to make, and that were not seen yet.

use campaign_group_sync::{
    domain::{
        ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, FoldedName, InstanceName, ProductProfileName, RunMode,
    },
    journal::Journal,
};

use super::recording::{Recording as _, Settlement};
use super::{
    fixture::JournalFixture,
    sample::{at, begin, change, key, plan, production, run_id},
};

/// A run that removes both from the group and disables them; the disablement of Bob is held.
async fn planned(journal: &Journal, run: &str, seconds: i64) {
    journal.begin_run(&begin(run, RunMode::Apply, at(seconds))).await.expect("begun");
    let disabling = |who: &str| ChangeReport {
        group: None,
        profile: "Campaign - acme - Delivery".into(),
        ..change(ChangeKind::DisableOperator, who, "")
    };
    let changes = vec![
        change(ChangeKind::Remove, "Ann@Acme.com", "Delivery"),
        change(ChangeKind::Remove, "bob@acme.com", "Delivery"),
        disabling("Ann@Acme.com"),
        ChangeReport { outcome: ChangeOutcome::Held, ..disabling("bob@acme.com") },
    ];
    journal.record_plan(&run_id(run), at(seconds), &plan(changes)).await.expect("planned");
}

async fn sent(journal: &Journal, run: &str, keys: &[ChangeKey]) {
    journal.about_to_write(&run_id(run), &production(), at(1), keys, None).await.expect("sent");
}

fn leaving(who: &str) -> ChangeKey {
    key(ChangeKind::Remove, who, "delivery")
}

fn disabling(who: &str) -> ChangeKey {
    key(ChangeKind::DisableOperator, who, "")
}

async fn settled(journal: &Journal, run: &str, key: ChangeKey, outcome: ChangeOutcome) {
    let settlement = Settlement { key, outcome, detail: None };
    journal.settled(&run_id(run), &production(), at(2), &[settlement]).await.expect("settled");
}

async fn unfinished(journal: &Journal) -> Vec<(FoldedName, ProductProfileName)> {
    let history = journal.history(&production(), at(9)).await.expect("readable");
    history.unfinished_disablements.into_iter().map(|unfinished| (unfinished.operator, unfinished.profile)).collect()
}

fn ann() -> Vec<(FoldedName, ProductProfileName)> {
    vec![("ann@acme.com".into(), ProductProfileName::new("Campaign - acme - Delivery"))]
}

#[tokio::test]
async fn a_disablement_is_unfinished_from_the_first_removal_that_was_sent() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        planned(&journal, "01JA", 0).await;
        assert_eq!(unfinished(&journal).await, [], "nothing was sent");
        sent(&journal, "01JA", &[key(ChangeKind::Add, "ann@acme.com", "ops")]).await;
        assert_eq!(unfinished(&journal).await, [], "no removal was sent");
        sent(&journal, "01JA", &[leaving("ann@acme.com"), leaving("bob@acme.com")]).await;
        assert_eq!(unfinished(&journal).await, ann(), "what is held is not begun");
        let other = journal.history(&InstanceName::new("staging"), at(9)).await.expect("readable");
        assert_eq!(other.unfinished_disablements, []);
    }
}

#[tokio::test]
async fn only_a_disablement_that_was_seen_is_finished() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        planned(&journal, "01JA", 0).await;
        sent(&journal, "01JA", &[leaving("ann@acme.com")]).await;
        settled(&journal, "01JA", leaving("ann@acme.com"), ChangeOutcome::Applied).await;
        sent(&journal, "01JA", &[disabling("ann@acme.com")]).await;
        for outcome in [ChangeOutcome::Failed, ChangeOutcome::Pending] {
            settled(&journal, "01JA", disabling("ann@acme.com"), outcome).await;
            assert_eq!(unfinished(&journal).await, ann(), "{outcome:?}");
        }
        journal.begin_run(&begin("01JB", RunMode::Apply, at(60))).await.expect("begun");
        assert_eq!(unfinished(&journal).await, ann(), "the run that died is marked");
        settled(&journal, "01JA", disabling("ann@acme.com"), ChangeOutcome::Applied).await;
        assert_eq!(unfinished(&journal).await, []);
    }
}

#[tokio::test]
async fn an_operator_who_joins_a_group_again_has_no_unfinished_disablement() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        planned(&journal, "01JA", 0).await;
        sent(&journal, "01JA", &[leaving("ann@acme.com")]).await;
        let joining = |who| key(ChangeKind::Add, who, "delivery");
        settled(&journal, "01JA", joining("ann@acme.com"), ChangeOutcome::Failed).await;
        settled(&journal, "01JA", joining("zoe@acme.com"), ChangeOutcome::Applied).await;
        assert_eq!(unfinished(&journal).await, ann());
        settled(&journal, "01JA", joining("ann@acme.com"), ChangeOutcome::Already).await;
        assert_eq!(unfinished(&journal).await, []);
    }
}

#[tokio::test]
async fn a_finished_disablement_is_deleted_and_may_begin_again() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for (run, seconds) in [("01JA", 0), ("01JB", 60)] {
            planned(&journal, run, seconds).await;
            sent(&journal, run, &[leaving("ann@acme.com")]).await;
            sent(&journal, run, &[leaving("ann@acme.com")]).await;
            assert_eq!(unfinished(&journal).await, ann());
            journal.spend(&production(), &[disabling("bob@acme.com"), leaving("ann@acme.com")]).await.expect("spent");
            assert_eq!(unfinished(&journal).await, ann());
            journal.spend(&production(), &[disabling("ann@acme.com")]).await.expect("spent");
            assert_eq!(unfinished(&journal).await, []);
        }
    }
}

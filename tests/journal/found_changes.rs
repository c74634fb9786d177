//! The search for past changes and runs, on both databases.

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, InstanceName, RunMode},
    journal::{ChangeFilter, Journal, RunFilter},
};

use super::recording::Recording as _;
use super::{
    fixture::JournalFixture,
    sample::{at, begin, begin_and_die, change, plan, run_id},
};

/// The changes as `RUN op operator`.
async fn found(journal: &Journal, filter: ChangeFilter) -> Vec<String> {
    let found = journal.found_changes(&filter, 10).await.expect("readable");
    let listed = found.iter().map(|found| {
        let operator = found.change.operator.as_deref().unwrap_or_default();
        format!("{} {} {operator}", found.run.as_str(), found.change.op.as_str())
    });
    listed.collect()
}

#[tokio::test]
async fn changes_and_runs_are_found_by_all_criteria_together() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        begin_and_die(&journal, "01JA", at(0)).await;
        journal.begin_run(&begin("01JB", RunMode::Apply, at(100))).await.expect("begun");
        let removed = change(ChangeKind::Remove, "ANN@acme.com", "Delivery");
        journal.record_plan(&run_id("01JB"), at(100), &plan(vec![removed])).await.expect("planned");

        let ann = || ChangeFilter { operator: Some("ann@ACME.com".to_owned()), ..ChangeFilter::default() };
        assert_eq!(found(&journal, ann()).await, ["01JB remove ANN@acme.com", "01JA add Ann@acme.com"]);
        let added = ChangeFilter { op: Some(ChangeKind::Add), ..ann() };
        assert_eq!(found(&journal, added).await, ["01JA add Ann@acme.com"]);
        let early = ChangeFilter { until: Some(at(100)), ..ann() };
        assert_eq!(found(&journal, early).await, ["01JA add Ann@acme.com"]);
        let late = ChangeFilter { since: Some(at(100)), group: Some("DELIVERY".to_owned()), ..ChangeFilter::default() };
        assert_eq!(found(&journal, late).await, ["01JB remove ANN@acme.com"]);
        let applied = ChangeFilter { outcome: Some(ChangeOutcome::Applied), ..ChangeFilter::default() };
        assert_eq!(found(&journal, applied).await, ["01JA add Ann@acme.com"]);
        let elsewhere = ChangeFilter { instance: Some(InstanceName::new("stage")), ..ann() };
        assert!(found(&journal, elsewhere).await.is_empty());

        let runs = async |filter: RunFilter| {
            let runs = journal.runs_of(&filter, 10).await.expect("readable");
            runs.into_iter().map(|run| run.run).collect::<Vec<_>>()
        };
        assert_eq!(runs(RunFilter { since: Some(at(100)), ..RunFilter::default() }).await, ["01JB"]);
        assert_eq!(runs(RunFilter { until: Some(at(100)), ..RunFilter::default() }).await, ["01JA"]);
        let named = |name: &str| RunFilter { instance: Some(InstanceName::new(name)), ..RunFilter::default() };
        assert_eq!(runs(named("PRODUCTION")).await, ["01JB", "01JA"]);
        assert!(runs(named("product")).await.is_empty());
    }
}

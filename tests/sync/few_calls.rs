//! How many calls of Campaign the changes of a run cost, and which of them are made at the same time.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{ChangeOutcome, Outcome, RunMode, RunStep, Watcher},
    sandbox::{Effect, Fault, LoggedRequest, Scenario},
    sync::{self, RunRequest, StopSwitch},
};

use super::harness::{Harness, count, request};

/// A hundred additions or more, which take several collections, and some removals.
async fn many_changes() -> Harness {
    let mut harness = Harness::with(Scenario::named("large").expect("built in").with_users(2_000)).await;
    harness.options.limits.max_removals_percent = 100;
    harness.options.limits.max_group_removals_percent = 100;
    harness
}

fn is_write(request: &LoggedRequest) -> bool {
    request.call == "write"
}

fn is_of_memberships(request: &LoggedRequest) -> bool {
    request.call == "query" && request.body.contains("schema=\"xtk:operatorGroup\"")
}

#[tokio::test]
async fn each_collection_costs_one_write_and_one_query_of_what_it_concerns() {
    let harness = many_changes().await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let applied = count(&report, ChangeOutcome::Applied);
    assert_eq!(applied, 240, "200 additions and 40 removals");
    let requests = harness.sandbox.requests();
    let first_write = requests.iter().position(is_write).expect("a write");
    let (before, after) = requests.split_at(first_write);
    let writes = after.iter().filter(|request| is_write(request)).count();
    assert_eq!(writes, 200 / 50 + 1);
    assert_eq!(after.iter().filter(|request| is_of_memberships(request)).count(), writes);
    // The snapshot is seconds old: after it, the logins are confirmed by id, and memberships are not looked at again.
    let snapshot_pages = before.iter().filter(|request| is_of_memberships(request)).count();
    harness.run(RunMode::DryRun).await;
    let dry_run = harness.sandbox.requests();
    assert_eq!(dry_run.iter().filter(|request| is_of_memberships(request)).count(), snapshot_pages);
    let by_id = |request: &&LoggedRequest| request.call == "query" && request.body.contains("@id IN (");
    assert_eq!(before.iter().filter(by_id).count(), applied.div_ceil(200));
}

#[tokio::test]
async fn memberships_are_looked_at_again_before_a_write_where_the_snapshot_is_old() {
    let harness = many_changes().await.with_another_look();
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let requests = harness.sandbox.requests();
    let last_by_id = requests.iter().rposition(|request| request.body.contains("@id IN (")).expect("confirmed logins");
    let looks = requests.iter().skip(last_by_id).take_while(|request| !is_write(request));
    assert!(looks.filter(|request| is_of_memberships(request)).count() >= 2);
}

#[tokio::test]
async fn a_collection_is_read_back_and_recorded_while_the_next_one_is_written() {
    let harness = many_changes().await;
    // The second collection is never answered.
    harness.sandbox.inject(Fault::new("write", Effect::Delay { ms: 10 * 60 * 1000 }).skip(1));
    let request = request(RunMode::Apply);
    let watcher = Watcher::none();
    let recorded = async {
        loop {
            if recorded_as_applied(&harness).await == 50 {
                let requests = harness.sandbox.requests();
                return requests.iter().filter(|one| is_write(one)).map(|one| one.status).collect::<Vec<_>>();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        report = sync::run(&harness.options, &harness.journal, &request, &watcher) => panic!("ended: {report:#?}"),
        writes = recorded => assert_eq!(writes, [200, 0]),
    }
}

#[tokio::test]
async fn after_a_write_without_a_response_nothing_more_is_sent_and_the_one_before_it_is_recorded() {
    let harness = many_changes().await;
    harness.sandbox.inject(Fault::new("write", Effect::LoseAnswer).skip(1).forever());
    harness.sandbox.inject(Fault::new("query", Effect::status(503)).schema("xtk:operatorGroup").skip(3).forever());
    let report = harness.sync().await;
    let requests = harness.sandbox.requests();
    let sent: BTreeSet<&str> = requests.iter().filter(|one| is_write(one)).map(|one| one.body.as_str()).collect();
    assert_eq!(sent.len(), 2, "the second collection is tried again, and no third one is sent");
    assert_eq!((count(&report, ChangeOutcome::Applied), recorded_as_applied(&harness).await), (50, 50), "{report:#?}");
    let details =
        report.instances.iter().flat_map(|instance| &instance.changes).filter_map(|one| one.detail.as_deref());
    let (unread, untried): (Vec<&str>, Vec<&str>) =
        details.filter(|detail| detail.contains("tried")).partition(|detail| detail.starts_with("tried, and"));
    assert_eq!((unread.len(), untried.len()), (50, 100), "{report:#?}");
}

#[tokio::test]
async fn a_stop_while_collections_are_written_finishes_the_one_in_flight() {
    let harness = many_changes().await;
    let (switch, stop) = StopSwitch::new();
    let watcher = Watcher::of_progress(move |progress| {
        if matches!(progress.step, RunStep::Applying { done: 50, .. }) {
            switch.stop();
        }
    });
    harness.sandbox.clear_requests();
    let request = RunRequest { stop, ..request(RunMode::Apply) };
    let report = sync::run(&harness.options, &harness.journal, &request, &watcher).await;
    assert_eq!(report.outcome, Outcome::Interrupted, "{report:#?}");
    let outcomes = [ChangeOutcome::Applied, ChangeOutcome::Pending].map(|outcome| count(&report, outcome));
    assert_eq!((outcomes, harness.writes()), ([100, 140], 2), "{report:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::Applied, "the next run goes on");
}

/// How many changes of the run the journal says are made.
async fn recorded_as_applied(harness: &Harness) -> usize {
    let runs = harness.journal.runs(1).await.expect("a history");
    let Some(run) = runs.first() else { return 0 };
    let Some(report) = harness.journal.run(&run.run).await.expect("a history") else { return 0 };
    count(&report, ChangeOutcome::Applied)
}

//! How many calls of Campaign the changes of a run cost, and which of them are made at the same time.

use campaign_group_sync::{
    domain::{ChangeOutcome, Outcome, RunMode, Watcher},
    sandbox::{Effect, Fault, LoggedRequest, Scenario},
    sync,
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
    // The second collection takes effect, and is never answered.
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

/// How many changes of the run the journal says are made.
async fn recorded_as_applied(harness: &Harness) -> usize {
    let runs = harness.journal.runs(1).await.expect("a history");
    let Some(run) = runs.first() else { return 0 };
    let Some(report) = harness.journal.run(&run.run).await.expect("a history") else { return 0 };
    count(&report, ChangeOutcome::Applied)
}

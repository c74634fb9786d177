//! Stopping a run: it finishes the change in progress, and ends at once where nothing is in progress.

use campaign_group_sync::{
    domain::{Outcome, Progress, RunMode, RunReport, RunStep, Watcher},
    sandbox::{Change, Effect, Fault},
    sync::{self, RunRequest, StopSwitch},
};

use super::harness::{Harness, request};

/// A run that is stopped as soon as it reports this progress.
async fn stopped_at(harness: &Harness, is_it: impl Fn(&Progress) -> bool + Send + Sync + 'static) -> RunReport {
    harness.sandbox.clear_requests();
    let (switch, stop) = StopSwitch::new();
    let watcher = Watcher::of_progress(move |progress| {
        if is_it(progress) {
            switch.stop();
        }
    });
    sync::run(&harness.options, &harness.journal, &RunRequest { stop, ..request(RunMode::Apply) }, &watcher).await
}

/// Where somebody is to lose a group, and nothing else is to be done.
async fn one_leaves() -> Harness {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.world().apply(&[Change::unassign("ann@acme.com", "Campaign - acme - delivery")]).expect("applied");
    harness
}

#[tokio::test]
async fn a_run_that_is_stopped_during_the_second_read_ends_at_once_and_writes_nothing() {
    let harness = one_leaves().await;
    harness.sandbox.inject(Fault::new("members", Effect::Delay { ms: 3_600_000 }).forever());
    let report = stopped_at(&harness, |progress| progress.step == RunStep::Confirming).await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Interrupted, 0), "{report:#?}");
    harness.sandbox.clear_faults();
    assert_eq!(harness.sync().await.outcome, Outcome::Applied, "the next run goes on");
}

#[tokio::test]
async fn a_run_that_is_stopped_while_it_reads_ends_at_once_and_writes_nothing() {
    let harness = one_leaves().await;
    for is_it in [|progress: &Progress| progress.instance.is_none(), |progress: &Progress| progress.instance.is_some()]
    {
        let report = stopped_at(&harness, is_it).await;
        assert_eq!((report.outcome, harness.writes()), (Outcome::Interrupted, 0), "{report:#?}");
    }
    assert_eq!(harness.sync().await.outcome, Outcome::Applied, "the next run goes on");
}

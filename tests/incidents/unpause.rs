//! A pause that Adobe has lifted, and that an administrator has the program forget: a run that waits for it goes on.

use std::time::Duration;

use campaign_group_sync::{
    domain::{OrganizationId, Outcome, RunMode, RunReport, RunStep, Watcher},
    experience_cloud::ReadChoice,
    sandbox::{Effect, Fault},
    sync::{self, RunRequest, WaitPolicy},
};
use chrono::Utc;
use tokio::{sync::mpsc, time::timeout};

use super::{
    harness::{Harness, request},
    process::DEADLINE,
};

fn organization(harness: &Harness) -> OrganizationId {
    harness.options.experience_cloud.organization_id.clone()
}

/// Has the pause forgotten, as soon as one is recorded.
async fn forget(harness: &Harness) {
    let (organization, approver) = (organization(harness), "ann".into());
    let forget = async || harness.journal.cancel_pause(&organization, "client", &approver, Utc::now()).await;
    while forget().await.expect("written").is_none() {}
}

/// Makes a run that waits out pauses. As soon as it waits, the faults end, and another process has the pause forgotten.
async fn run_whose_pause_is_forgotten(harness: &Harness, is_waiting: fn(&RunStep) -> bool) -> RunReport {
    let (tell, mut waits) = mpsc::unbounded_channel();
    let watcher = Watcher::of_progress(move |progress| {
        if is_waiting(&progress.step) {
            tell.send(()).expect("heard");
        }
    });
    let patient = RunRequest { wait_policy: WaitPolicy::Unbounded, ..request(RunMode::Apply) };
    let mut run = Box::pin(sync::run(&harness.options, &harness.journal, &patient, &watcher));
    tokio::select! {
        report = &mut run => panic!("it did not wait: {report:#?}"),
        _ = waits.recv() => {}
    }
    harness.sandbox.clear_faults();
    // The run records the pause meanwhile, and goes on, as it would in another process.
    let ((), report) = tokio::join!(forget(harness), timeout(DEADLINE, &mut run));
    report.expect("the run goes on")
}

#[tokio::test]
async fn incident_35_a_run_that_waits_for_a_remembered_pause_goes_on_when_it_is_forgotten() {
    let harness = Harness::of("first_day").await;
    let hour = Duration::from_secs(3600);
    harness.journal.set_pause(&organization(&harness), hour, Utc::now()).await.expect("written");
    let is_waiting = |step: &RunStep| matches!(step, RunStep::WaitingUntil { .. });
    let report = run_whose_pause_is_forgotten(&harness, is_waiting).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
}

#[tokio::test]
async fn incident_35_a_run_that_met_a_pause_inside_a_call_goes_on_when_it_is_forgotten() {
    for call in ["members", "token"] {
        let mut harness = Harness::of("first_day").await;
        harness.options.experience_cloud.read = ReadChoice::Profiles;
        harness.sandbox.inject(Fault::new(call, Effect::too_many_requests("3600")).forever());
        let is_waiting = |step: &RunStep| matches!(step, RunStep::Waiting { length } if length.as_secs() > 60);
        let report = run_whose_pause_is_forgotten(&harness, is_waiting).await;
        assert_eq!(report.outcome, Outcome::Applied, "{call}: {report:#?}");
    }
}

#[tokio::test]
async fn incident_35_a_run_that_is_made_during_a_forgotten_pause_says_who_had_it_forgotten() {
    let harness = Harness::of("first_day").await;
    let organization = organization(&harness);
    harness.journal.set_pause(&organization, Duration::from_secs(3600), Utc::now()).await.expect("written");
    forget(&harness).await;
    let report = harness.sync().await;
    let remembered = harness.journal.run(&report.run).await.expect("readable").expect("there").warnings;
    let said =
        |warning: &String| warning.contains("until 20") && warning.contains("ann") && warning.contains("forgotten");
    assert!(report.warnings.iter().any(said), "{:?}", report.warnings);
    assert!(remembered.iter().any(said), "{remembered:?}");
    // Also where Adobe refuses the calls again.
    harness.sandbox.inject(Fault::new("groups", Effect::too_many_requests("3600")).forever());
    let refused = harness.sync().await;
    assert_eq!(refused.outcome, Outcome::Throttled);
    assert!(refused.warnings.iter().any(said), "{:?}", refused.warnings);
}

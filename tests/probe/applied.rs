//! A run that writes to an instance that was probed: what the documented forms do not reach, the learned ones do.

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, InstanceMode, Outcome, RunMode, RunReport, Watcher},
    probe::ProbeOutcome,
    sandbox::campaign::{InstanceBehavior, JoinForm, LeaveForm},
    sync::{self, SyncOptions},
};

use super::{
    harness::{ProbeHarness, STAGE},
    options::request,
};
use crate::sync::harness::options;

/// An instance in which a run adds two memberships and removes one.
async fn harness(change: impl FnOnce(&mut InstanceBehavior)) -> ProbeHarness {
    ProbeHarness::with(|stage| {
        stage.memberships.retain(|pair| pair != &("ann@acme.com".to_owned(), "delivery".to_owned()));
        stage.memberships.push(("ann@acme.com".to_owned(), "workflow".to_owned()));
        change(&mut stage.behavior);
    })
    .await
}

/// A run that writes to the probed instance alone.
async fn run(harness: &ProbeHarness) -> RunReport {
    let mut options: SyncOptions = options(&harness.sandbox.connection());
    options.instances.retain(|instance| instance.policy.instance.as_str() == STAGE);
    options.instances.iter_mut().for_each(|instance| instance.mode = InstanceMode::Apply);
    harness.sandbox.clear_requests();
    sync::run(&options, &harness.journal, &request(RunMode::Apply), &Watcher::none()).await
}

/// Number of changes of this kind with this outcome.
fn count(report: &RunReport, op: ChangeKind, outcome: ChangeOutcome) -> usize {
    let changes = report.instances.iter().flat_map(|instance| &instance.changes);
    changes.filter(|change| change.op == op && change.outcome == outcome).count()
}

/// The calls of the last run that write a collection.
fn collections(harness: &ProbeHarness) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.body.contains("operatorGroup-collection")).count()
}

async fn probe(harness: &ProbeHarness) {
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Settled, "{report:#?}");
}

#[tokio::test]
async fn a_run_adds_members_in_the_form_that_a_probe_found() {
    for form in [JoinForm::Insert, JoinForm::Links] {
        let harness = harness(|behavior| behavior.join_form = form).await;
        let before = run(&harness).await;
        assert_eq!(count(&before, ChangeKind::Add, ChangeOutcome::Failed), 2, "{form:?}: {before:#?}");
        probe(&harness).await;
        let after = run(&harness).await;
        assert_eq!(count(&after, ChangeKind::Add, ChangeOutcome::Applied), 2, "{form:?}: {after:#?}");
        assert_eq!(run(&harness).await.outcome, Outcome::InSync, "{form:?}");
    }
}

#[tokio::test]
async fn a_run_removes_members_in_the_form_that_a_probe_found() {
    let harness = harness(|behavior| behavior.leave_form = LeaveForm::DeleteCollection).await;
    let before = run(&harness).await;
    assert_eq!(count(&before, ChangeKind::Remove, ChangeOutcome::Failed), 1, "{before:#?}");
    probe(&harness).await;
    let others = harness.world().memberships.len();
    let after = run(&harness).await;
    assert_eq!(count(&after, ChangeKind::Remove, ChangeOutcome::Applied), 1, "{after:#?}");
    assert_eq!(harness.world().memberships.len(), others - 1, "it removed that membership and no other");
    assert_eq!(run(&harness).await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn a_run_sends_no_collection_to_an_instance_that_refuses_them() {
    let harness = harness(|behavior| behavior.collections = false).await;
    probe(&harness).await;
    let report = run(&harness).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert_eq!(count(&report, ChangeKind::Add, ChangeOutcome::Applied), 2, "{report:#?}");
    assert_eq!(collections(&harness), 0);
}

#[tokio::test]
async fn without_a_probe_a_run_writes_as_before() {
    let harness = harness(|_| {}).await;
    let report = run(&harness).await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let requests = harness.sandbox.requests();
    let bodies: String = requests.iter().map(|request| request.body.as_str()).collect();
    assert!(bodies.contains("_operation=\"insertOrUpdate\" _key=\"[@operator-id],[@group-id]\""), "{bodies}");
    assert_eq!(collections(&harness), 1);
}

#[tokio::test]
async fn answers_about_another_address_are_not_used() {
    let harness = harness(|behavior| behavior.join_form = JoinForm::Links).await;
    let learned = {
        probe(&harness).await;
        harness.answers().await
    };
    let (instance, address) = (&harness.instance.policy.instance, harness.instance.campaign.url.to_string());
    let none = campaign_group_sync::domain::InstanceAnswers::default();
    harness.journal.remember_instance_answers(instance, &address, &none).await.expect("remembered");
    harness.journal.remember_instance_answers(instance, "https://moved.example", &learned).await.expect("remembered");
    let report = run(&harness).await;
    assert_eq!(count(&report, ChangeKind::Add, ChangeOutcome::Failed), 2, "{report:#?}");
}

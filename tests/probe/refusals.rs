//! What is refused before the first call that writes.

use campaign_group_sync::{
    domain::{InstanceMode, InstanceName, RememberedScratch, SCRATCH_GROUP, SCRATCH_OPERATOR, ScratchKind},
    journal::LockAttempt,
    probe::{ProbeOutcome, ProbeReport},
    sandbox::{Change, Effect, Fault, campaign::InstanceChange},
};
use chrono::Utc;

use super::harness::{ProbeHarness, STAGE};

/// Probes, and makes sure that nothing was written and nothing changed.
async fn refused(harness: &ProbeHarness, parts: &[&str]) -> ProbeReport {
    let before = harness.world();
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::NotAllowed, "{report:#?}");
    let error = report.error.clone().unwrap_or_default();
    for part in parts {
        assert!(error.contains(part), "{part} is missing: {error}");
    }
    assert_eq!(harness.writes(), 0);
    assert_eq!(harness.world(), before);
    report
}

#[tokio::test]
async fn an_instance_to_which_runs_write_is_not_probed() {
    let mut harness = ProbeHarness::new().await;
    harness.instance.mode = InstanceMode::Apply;
    refused(&harness, &["instances.stage", "mode = \"apply\"", "mode = \"observe\""]).await;
    assert!(harness.sandbox.requests().is_empty(), "{:?}", harness.sandbox.requests());
}

#[tokio::test]
async fn an_instance_that_is_called_production_is_not_probed() {
    let mut harness = ProbeHarness::new().await;
    harness.instance.policy.instance = InstanceName::new("acme-Prod");
    refused(&harness, &["its name in the configuration is \"acme-Prod\""]).await;
    assert!(harness.sandbox.requests().is_empty(), "{:?}", harness.sandbox.requests());
}

#[tokio::test]
async fn an_instance_at_a_production_host_is_not_probed() {
    let mut harness = ProbeHarness::new().await;
    harness.instance.campaign.url = super::options::url("https://acme-mkt-prod1.campaign.adobe.com");
    refused(&harness, &["the host of its address", "acme-mkt-prod1"]).await;
    assert!(harness.sandbox.requests().is_empty(), "{:?}", harness.sandbox.requests());
}

#[tokio::test]
async fn an_instance_that_reports_a_production_name_is_not_probed() {
    let part = "the name that it reports for itself is \"acme_mkt_prod1\"";
    let named = async || ProbeHarness::behaving(|behavior| behavior.instance_name = "acme_mkt_prod1".to_owned()).await;
    refused(&named().await, &[part]).await;
    // A security zone may hide it on the page that needs no session.
    let harness = named().await;
    harness.sandbox.inject(Fault::new("any", Effect::replace_text("instance=", "hidden=")).forever());
    refused(&harness, &[part]).await;
    assert!(harness.sandbox.requests().iter().any(|request| request.call == "logon"));
}

#[tokio::test]
async fn records_with_a_scratch_name_that_this_state_did_not_create_are_not_touched() {
    let group = InstanceChange::AddOperatorGroup { name: SCRATCH_GROUP.to_owned(), label: None };
    let operator = InstanceChange::AddOperator {
        login: SCRATCH_OPERATOR.to_owned(),
        label: Some("made by hand".to_owned()),
        email: None,
        authentication: None,
        disabled: false,
    };
    for (change, part) in [(group, "an operator group zz_cgs_probe"), (operator, "made by hand")] {
        let harness = ProbeHarness::new().await;
        harness.sandbox.world().apply(&[Change::instance(STAGE, change)]).expect("added");
        refused(&harness, &[part, "does not touch it"]).await;
        assert_eq!(harness.scratch_left().len(), 1);
    }
}

#[tokio::test]
async fn a_record_that_was_made_by_hand_after_a_killed_probe_is_not_taken_for_its_own() {
    let harness = ProbeHarness::new().await;
    let intended =
        RememberedScratch { kind: ScratchKind::Group, label: "campaign-group-sync probe 01J".to_owned(), id: None };
    let address = harness.instance.campaign.url.to_string();
    harness.journal.remember_scratch_record(&address, &intended, Utc::now()).await.expect("remembered");
    let by_hand = InstanceChange::AddOperatorGroup { name: SCRATCH_GROUP.to_owned(), label: None };
    harness.sandbox.world().apply(&[Change::instance(STAGE, by_hand)]).expect("added");
    refused(&harness, &["an operator group zz_cgs_probe"]).await;
    assert_eq!(harness.scratch_left(), [SCRATCH_GROUP]);
}

#[tokio::test]
async fn a_probe_does_not_work_beside_a_run() {
    let harness = ProbeHarness::new().await;
    let LockAttempt::Acquired(lock) = harness.journal.lock("run 01J").await.expect("a lock") else {
        panic!("the lock is held")
    };
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Locked, "{report:#?}");
    assert!(report.error.as_deref().is_some_and(|error| error.contains("run 01J")), "{report:#?}");
    assert!(harness.sandbox.requests().is_empty());
    drop(lock);
    assert_eq!(harness.probe().await.outcome, ProbeOutcome::Settled);
}

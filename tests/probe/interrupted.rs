//! A probe that is stopped, or whose calls fail: every record that it created is removed.

use campaign_group_sync::{
    probe::{ProbeOutcome, ProbeReport},
    sandbox::{Change, Effect, Fault, campaign::InstanceChange},
    sync::StopSwitch,
};

use super::harness::{ProbeHarness, STAGE};

/// Number of writes of a probe that nothing interrupts.
async fn all_writes() -> usize {
    let harness = ProbeHarness::new().await;
    assert_eq!(harness.probe().await.outcome, ProbeOutcome::Settled);
    harness.writes()
}

/// Probes an instance in which this happens at the write with this number.
async fn with_effect_at(at: usize, effect: Effect) -> (ProbeHarness, ProbeReport) {
    let harness = ProbeHarness::new().await;
    harness.sandbox.inject(at_write(at, effect));
    let report = harness.probe().await;
    (harness, report)
}

/// A fault that acts on the write with this number.
pub(super) fn at_write(at: usize, effect: Effect) -> Fault {
    Fault::new("write", effect).skip(at.try_into().expect("small"))
}

#[tokio::test]
async fn a_probe_that_is_stopped_at_any_write_removes_its_records() {
    let writes = all_writes().await;
    let (mut interrupted, mut settled) = (0, 0);
    for at in 0..writes {
        let harness = ProbeHarness::new().await;
        harness.sandbox.inject(at_write(at, Effect::Delay { ms: 30 }));
        let (switch, stop) = StopSwitch::new();
        let stopping = async {
            while harness.writes() <= at {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            switch.stop();
        };
        let (report, ()) = tokio::join!(harness.probe_until(&stop), stopping);
        match report.outcome {
            ProbeOutcome::Interrupted => interrupted += 1,
            // The last writes are those of the removal.
            ProbeOutcome::Settled => settled += 1,
            other => panic!("stopped at write {at}: {other:?}: {report:#?}"),
        }
        assert!(report.left.is_empty(), "stopped at write {at}: {report:#?}");
        harness.assert_clean(&format!("stopped at write {at}")).await;
    }
    assert!(interrupted > settled && settled >= 2, "{interrupted} interrupted, {settled} settled");
}

#[tokio::test]
async fn a_session_that_is_lost_at_any_write_is_renewed_and_nothing_is_left() {
    let writes = all_writes().await;
    for at in 0..writes {
        let changes = vec![Change::instance(STAGE, InstanceChange::ExpireSessions)];
        let (harness, report) = with_effect_at(at, Effect::Change { changes }).await;
        assert_eq!(report.outcome, ProbeOutcome::Settled, "write {at}: {report:#?}");
        let sign_ins = harness.sandbox.requests().iter().filter(|request| request.call == "logon").count();
        assert_eq!(sign_ins, 2, "write {at}");
        harness.assert_clean(&format!("session lost at write {at}")).await;
    }
}

#[tokio::test]
async fn a_write_whose_response_is_lost_is_settled_by_reading() {
    let writes = all_writes().await;
    for at in 0..writes {
        let (harness, report) = with_effect_at(at, Effect::LoseAnswer).await;
        assert_eq!(report.outcome, ProbeOutcome::Settled, "write {at}: {report:#?}");
        harness.assert_clean(&format!("response lost at write {at}")).await;
    }
}

#[tokio::test]
async fn records_that_could_not_be_removed_are_removed_by_the_next_probe() {
    let writes = all_writes().await;
    for at in 0..writes {
        let harness = ProbeHarness::new().await;
        let down = at_write(at, Effect::status(503)).forever();
        harness.sandbox.inject(down);
        // Not even reading is possible then.
        let begun = harness.probe().await;
        assert_eq!(begun.outcome, ProbeOutcome::Unavailable, "write {at}: {begun:#?}");
        harness.sandbox.clear_faults();
        let left = harness.scratch_left();
        assert_eq!(left.is_empty(), harness.remembered().await.is_empty() || at == 0, "write {at}: {left:?}");
        let next = harness.probe().await;
        assert_eq!(next.outcome, ProbeOutcome::Settled, "write {at}: {next:#?}");
        harness.assert_clean(&format!("down from write {at} on")).await;
    }
}

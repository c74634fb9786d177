//! A probe that is killed: at every step of the journal, and at every write it sends. The next probe removes what is
//! left, and says so.
//!
//! The process that dies is this test program, started once more with [`dying_probe`] alone.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use campaign_group_sync::{
    probe::{ProbeOutcome, ProbeReport, probe},
    sandbox::{ConnectionParameters, Effect, Fault},
    sync::Stop,
};

use super::{
    harness::{ProbeHarness, open, stage},
    interrupted::at_write,
    process::{dying_at, end, test_process},
};

/// How long a process that is to die may live.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the dying process is told.
const CONNECTION: &str = "TEST_PROBE_CONNECTION";
const STATE: &str = "TEST_PROBE_STATE";
const STEP: &str = "TEST_PROBE_STEP";

fn start(harness: &ProbeHarness, step: Option<usize>) -> Child {
    let connection = serde_json::to_string(&harness.sandbox.connection()).expect("JSON");
    let mut command = test_process(module_path!(), "dying_probe");
    command.env(CONNECTION, connection).env(STATE, harness.state());
    if let Some(step) = step {
        command.env(STEP, step.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

#[test]
#[ignore = "this is the process that the tests of this file start and kill"]
fn dying_probe() {
    let variable = |name| std::env::var(name).ok();
    let connection: ConnectionParameters =
        serde_json::from_str(&variable(CONNECTION).expect("told by the test that starts this")).expect("JSON");
    let last = variable(STEP).map(|step| step.parse::<usize>().expect("a number"));
    let state = variable(STATE).expect("told");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(async {
        let journal = open(state.as_ref(), Some(dying_at(last))).await;
        Box::pin(probe(&stage(&connection), &journal, &Stop::never(), &|_| {})).await
    });
    assert_eq!(report.outcome, ProbeOutcome::Settled, "{report:#?}");
}

/// The next probe, and what it says of the one before.
async fn next_probe(harness: &ProbeHarness, what: &str) -> ProbeReport {
    let (left, remembered) = (harness.scratch_left(), harness.remembered().await);
    assert!(left.is_empty() || !remembered.is_empty(), "{what}: the state does not know of {left:?}");
    let report = harness.probe().await;
    assert_eq!(report.outcome, ProbeOutcome::Settled, "{what}: {report:#?}");
    harness.assert_clean(what).await;
    let first = report.steps.first().expect("steps");
    assert_eq!(first.tried.contains("an earlier probe"), !remembered.is_empty(), "{what}: {first:?}");
    for name in left.iter().filter(|name| !name.contains(" in ")) {
        assert!(first.answer.contains(name.as_str()), "{what}: {name} was removed and is not named: {first:?}");
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_of_the_journal_the_next_probe_removes_what_is_left() {
    let (mut step, mut with_records) = (0, 0);
    loop {
        let harness = ProbeHarness::new().await;
        let status = end(start(&harness, Some(step)));
        if status.success() {
            break;
        }
        with_records += usize::from(!harness.scratch_left().is_empty());
        next_probe(&harness, &format!("killed at step {step}")).await;
        step += 1;
    }
    assert!(step >= 10 && with_records >= 4, "{step} steps, {with_records} with records: is the watch called?");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_write_that_it_sends_the_next_probe_removes_what_is_left() {
    let undisturbed = ProbeHarness::new().await;
    assert_eq!(undisturbed.probe().await.outcome, ProbeOutcome::Settled);
    let writes = undisturbed.writes();
    for (at, is_carried_out) in (0..writes).flat_map(|at| [(at, false), (at, true)]) {
        let harness = ProbeHarness::new().await;
        // The sandbox carries a call out after its delay. A lost response is that of a call that was carried out; the
        // call is then sent a second time.
        let mut last = at;
        if is_carried_out {
            harness.sandbox.inject(at_write(at, Effect::LoseAnswer));
            last += 1;
        }
        let never = Effect::Delay { ms: 10 * 60 * 1000 };
        harness.sandbox.inject(Fault::new("write", never).skip(last.try_into().expect("small")));
        let mut child = start(&harness, None);
        let begin = Instant::now();
        while harness.writes() <= last {
            assert!(begin.elapsed() < DEADLINE, "write {at} was never sent");
            assert!(child.try_wait().expect("a child of ours").is_none(), "the probe ended before write {at}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        child.kill().expect("killed");
        end(child);
        harness.sandbox.clear_faults();
        next_probe(&harness, &format!("killed at write {at}, carried out: {is_carried_out}")).await;
    }
}

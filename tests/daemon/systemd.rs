//! Messages to systemd.

use super::{
    harness::{Harness, NEVER},
    schedule::{hourly, set_back},
};

const TWO_PROBLEMS: &str = "[schedule]\ncron = \"0 0 25 * * *\"\n[guard]\nmax_removal = 3\n";

#[test]
fn systemd_receives_readiness_and_state() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.starting_daemon(&[]);
    daemon.hear("READY=1");
    daemon.hear("STATUS=starting: no run has ended since the start; next run ");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    daemon.hear("STATUS=running: a run is under way");
    let status = daemon.hear("STATUS=idle: all changes were applied; next run ");
    assert!(status.contains("last success 20"), "{status}");
    daemon.signal("-TERM");
    daemon.hear("STOPPING=1");
    assert_eq!(daemon.ended().0, Some(0));
}

#[test]
fn the_watchdog_is_fed_while_the_daemon_waits_and_while_it_runs() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.starting_daemon(&[("WATCHDOG_USEC", "300000")]);
    for _ in 0..4 {
        daemon.hear("WATCHDOG=1");
    }
    harness.fault("groups", &serde_json::json!({"type": "delay", "ms": 60_000}));
    let run = harness.begin(&["--sync-now"]);
    daemon.hear("STATUS=running");
    for _ in 0..4 {
        daemon.hear("WATCHDOG=1");
    }
    daemon.signal("-TERM");
    assert_eq!(run.finish().exit, Some(1));
}

#[test]
fn a_reload_is_announced_and_takes_effect() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    assert!(harness.status()["next_run"].as_str().is_some_and(|next| next.contains("-02-29T03:00:00Z")));
    harness.configure("[schedule]\ncron = \"0 0 4 1 1 *\"\n");
    daemon.signal("-HUP");
    assert!(daemon.hear("RELOADING=1").contains("MONOTONIC_USEC="));
    daemon.hear("READY=1");
    assert!(harness.status()["next_run"].as_str().is_some_and(|next| next.contains("-01-01T04:00:00Z")));
}

#[test]
fn a_reload_during_a_run_disturbs_neither_the_run_nor_the_daemon() {
    let harness = Harness::of("first_day", &hourly());
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    set_back(&harness.state(), 2 * 60 * 60 * 1000);
    harness.fault("groups", &serde_json::json!({"type": "delay", "ms": 1500}));
    let mut daemon = harness.daemon();
    daemon.hear("STATUS=running");
    harness.configure(NEVER);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    assert_eq!(harness.status()["state"], "running");
    daemon.hear("STATUS=idle");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 3, "the new schedule has no tick");
}

#[test]
fn a_failed_reload_keeps_the_previous_configuration_and_is_reported() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    let socket = harness.socket();
    harness.configure(TWO_PROBLEMS);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("reload failed, the previous configuration stays active: ");
    daemon.hear("READY=1");
    let log = daemon.log();
    for problem in ["guard.max_removal (", "schedule.cron ("] {
        assert!(
            log.contains(&format!("reload failed, the previous configuration stays active: {problem}")),
            "{problem}: {log}"
        );
    }
    assert!(socket.exists());
    harness.configure(NEVER);
    let status = harness.status();
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("reload failed")), "{status}");
    assert!(status["next_run"].as_str().is_some_and(|next| next.contains("-02-29T03:00:00Z")), "{status}");
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    assert_eq!(harness.status()["reason"], "no run has ended since the start");
}

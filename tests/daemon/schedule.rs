//! Runs on the schedule: one at a time, one for all that were missed, and one try with refused credentials.

use chrono::{Timelike as _, Utc};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::harness::{ALWAYS, Daemon, Harness, NEVER};

/// Once an hour, half an hour from now: the tests set the last run back by two.
pub(crate) fn hourly() -> String {
    hourly_with_jitter("0s")
}

fn hourly_with_jitter(jitter: &str) -> String {
    let minute = (Utc::now().minute() + 30) % 60;
    format!("[schedule]\ncron = \"0 {minute} * * * *\"\njitter = \"{jitter}\"\n")
}

/// A daemon with a tick that was missed and waits for a jitter of hours.
fn with_waiting_tick() -> (Harness, Daemon) {
    let harness = Harness::of("first_day", &hourly_with_jitter("24h"));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    set_back(&harness.state(), 2 * 60 * 60 * 1000);
    let daemon = harness.daemon();
    (harness, daemon)
}

fn reload(harness: &Harness, daemon: &mut Daemon, schedule: &str) {
    harness.configure(schedule);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
}

#[test]
fn ticks_that_come_during_a_run_never_start_another() {
    let harness = Harness::of("first_day", ALWAYS);
    harness.fault("groups", &json!({"type": "delay", "ms": 1200}));
    let mut daemon = harness.daemon();
    for _ in 0..3 {
        daemon.hear("STATUS=running");
        daemon.hear("STATUS=idle");
    }
    assert_eq!(daemon.terminate().0, Some(0));
    let log = daemon.log();
    let bounds =
        log.lines().filter_map(|line| ["run begins", "run ends"].into_iter().find(|&bound| line.contains(bound)));
    for (at, bound) in bounds.enumerate() {
        assert_eq!(bound, ["run begins", "run ends"][at % 2], "{log}");
    }
    assert!(!log.contains("locked"), "{log}");
}

#[test]
fn missed_ticks_become_one_run() {
    let harness = Harness::of("first_day", &hourly());
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    set_back(&harness.state(), 2 * 60 * 60 * 1000);
    let mut daemon = harness.daemon();
    daemon.hear("STATUS=running");
    daemon.hear("STATUS=idle: in sync");
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 2);
}

#[test]
fn without_a_missed_tick_the_first_run_is_at_the_next_one() {
    let harness = Harness::of("first_day", NEVER);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    let mut daemon = harness.daemon();
    let status = harness.status();
    assert_eq!((&status["state"], &status["last_run"]["outcome"]), (&json!("starting"), &json!("applied")), "{status}");
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 1);
}

#[test]
fn a_narrowed_run_does_not_count_for_a_missed_tick() {
    let harness = Harness::of("first_day", &hourly());
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    set_back(&harness.state(), 2 * 60 * 60 * 1000);
    let success = harness.status()["last_success"].clone();
    assert_eq!(harness.command(&["--sync-now", "--group", "report"]).exit, Some(0));
    assert_eq!(harness.status()["last_success"], success, "it says nothing of the whole");
    let mut daemon = harness.daemon();
    daemon.hear("STATUS=running");
    daemon.hear("STATUS=idle: in sync");
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 3);
}

#[test]
fn a_tick_that_waits_for_its_jitter_makes_its_run_after_a_reload_of_the_schedule() {
    let (harness, mut daemon) = with_waiting_tick();
    reload(&harness, &mut daemon, NEVER);
    daemon.hear("STATUS=running");
    daemon.hear("STATUS=idle: in sync");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 3, "the tick has one run");
}

#[test]
fn a_tick_that_waits_for_another_run_makes_its_run_after_reloads_of_the_schedule() {
    let (harness, mut daemon) = with_waiting_tick();
    harness.fault("groups", &json!({"type": "delay", "ms": 1500}));
    let requested = harness.begin(&["--sync-now"]);
    daemon.hear("STATUS=running");
    reload(&harness, &mut daemon, NEVER);
    reload(&harness, &mut daemon, "[schedule]\ncron = \"0 0 4 29 2 *\"\njitter = \"0s\"\n");
    daemon.hear("STATUS=idle: in sync");
    daemon.hear("STATUS=running");
    daemon.hear("STATUS=idle: in sync");
    assert_eq!(requested.finish().exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 3);
}

#[test]
fn a_schedule_that_is_switched_off_makes_no_run_for_a_tick_that_waits() {
    const OFF: &str = "[schedule]\ncron = \"off\"\njitter = \"0s\"\n";
    let (harness, mut daemon) = with_waiting_tick();
    reload(&harness, &mut daemon, OFF);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    reload(&harness, &mut daemon, NEVER);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 3);
}

/// All runs began so many milliseconds earlier.
pub(crate) fn set_back(state: &str, milliseconds: i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(state);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("opened");
        let update = sqlx::query("update runs set started_at = started_at - $1").bind(milliseconds);
        assert!(update.execute(&mut connection).await.expect("written").rows_affected() > 0);
    });
}

#[test]
fn incident_21_refused_credentials_are_reported_after_one_attempt() {
    let harness = Harness::of("first_day", &hourly());
    harness.fault("token", &json!({"type": "status", "status": 400, "body": "{\"error\":\"invalid_client\"}"}));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(77));
    set_back(&harness.state(), 2 * 60 * 60 * 1000);
    harness.ask(reqwest::Method::DELETE, "requests", "");
    let mut daemon = harness.daemon();
    daemon.hear("STATUS=failing: credentials");
    let status = harness.status();
    assert_eq!((&status["state"], &status["last_success"]), (&json!("failing"), &json!(null)), "{status}");
    assert_eq!(harness.calls(), ["token"], "one try a cycle");
}

#[test]
fn a_schedule_that_is_due_more_often_than_adobe_allows_is_logged_at_the_start() {
    let harness = Harness::of("first_day", &hourly());
    let mut daemon = harness.starting_daemon(&[("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__FIRST_PAGE_INTERVAL", "2h")]);
    daemon.hear("READY=1");
    assert!(daemon.log().contains("is due more often than every 2h"), "{}", daemon.log());
}

#[test]
fn without_a_schedule_only_requested_runs_are_made() {
    let harness = Harness::of("first_day", "[schedule]\ncron = \"off\"\n");
    let mut daemon = harness.daemon();
    assert_eq!(harness.status()["next_run"], json!(null));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    assert_eq!(harness.history().len(), 1);
}

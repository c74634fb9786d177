//! A daemon that starts after its clock was ahead by years.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    harness::Harness,
    schedule::{hourly, set_back},
};

const NINE_YEARS: i64 = 9 * 365 * 24 * 60 * 60 * 1000;

#[test]
fn incident_28_runs_of_a_clock_that_was_ahead_keep_neither_the_schedule_waiting_nor_the_daemon_ready() {
    let harness = Harness::of("first_day", &hourly());
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    set_back(&harness.state(), -NINE_YEARS);
    let time =
        |value: &serde_json::Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok()).expect("a time");
    let mut daemon = harness.daemon();
    let status = harness.status();
    assert!(time(&status["last_success"]) <= Utc::now(), "{status}");
    assert!(time(&status["next_run"]) <= Utc::now() + chrono::TimeDelta::hours(1), "{status}");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(daemon.terminate().0, Some(0));
    let started: Vec<_> = harness.history().iter().map(|run| time(&run["started_at"])).collect();
    assert_eq!(started.len(), 2);
    assert!(started.iter().all(|at| *at <= Utc::now()), "{started:?}");
    assert_ne!(json!(null), harness.status()["last_success"]);
}

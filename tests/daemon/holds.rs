//! A decision that waits is no outage: health, status, metrics and report of a held plan, and a reload that failed.

use std::fs;

use serde_json::{Value, json};

use super::harness::{Daemon, Harness, NEVER, get, program, run};

/// Holds all three removals of the first day; runs are asked for by hand.
const HOLDING: &str = "[guard]\nmax_removals = 1\n[schedule]\ncron = \"off\"\n";

const LISTEN: [(&str, &str); 1] = [("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0")];

/// The locks that `SQLite` holds on a file end when its process closes any handle of that file: then the next process
/// that closes the state deletes the log that the daemon goes on using.
#[test]
fn a_command_beside_the_daemon_leaves_the_log_of_the_state_where_it_is() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    let log = std::path::PathBuf::from(format!("{}-wal", harness.state()));
    assert!(log.exists(), "{}", log.display());
    assert_eq!(harness.history().len(), 1);
    assert!(log.exists(), "the command deleted it");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(0));
    assert_eq!(harness.history().len(), 2, "the daemon and the command see one record");
    assert_eq!(daemon.terminate().0, Some(0));
}

/// A daemon that serves HTTP, and its address.
fn served(harness: &Harness) -> (Daemon, String) {
    let before = fs::read_to_string(harness.path("log")).unwrap_or_default().len();
    let mut daemon = harness.starting_daemon(&LISTEN);
    daemon.hear("READY=1");
    let log = daemon.log();
    let new = log.get(before..).expect("the log grows");
    let url = new.split("status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("told");
    (daemon, url.to_owned())
}

/// The value of a metric, with its labels.
fn metric(url: &str, series: &str) -> f64 {
    let metrics = get(&format!("{url}metrics")).1;
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is missing: {metrics}")).parse().expect("a number")
}

fn seconds(time: &Value) -> f64 {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str().expect("a time")).expect("a time");
    time.timestamp().to_string().parse().expect("a number")
}

#[test]
fn a_run_that_holds_something_is_a_success_and_the_daemon_stays_ready() {
    let harness = Harness::of("first_day", HOLDING);
    let (mut daemon, url) = served(&harness);
    let finished = harness.command(&["--sync-now", "--output", "json"]);
    assert_eq!(finished.exit, Some(4), "{finished:?}");
    let report = finished.json()["instances"][0].clone();
    let status = daemon.hear("STATUS=blocked: ");
    assert!(status.contains("; held since 20") && status.contains("; last success 20"), "{status}");
    assert_eq!(get(&format!("{url}readyz")), (200, "ready\n".to_owned()));
    let before: Value = serde_json::from_str(&get(&format!("{url}status")).1).expect("JSON");
    assert_eq!((&before["state"], &before["last_clean"]), (&json!("blocked"), &Value::Null), "{before}");
    assert!(before["last_success"].is_string(), "{before}");
    let hold =
        json!({"digest": report["held"], "instance": report["name"], "since": report["held_since"], "changes": 3});
    assert!(report["held"].is_string() && report["held_since"].is_string(), "{report}");
    assert_eq!((&before["held"], &before["holds"]), (&json!([report["held"]]), &json!([hold])), "{before}");
    let name = report["name"].as_str().expect("a name");
    let since = format!("campaign_group_sync_held_since_timestamp_seconds{{instance=\"{name}\"}}");
    let clean = "campaign_group_sync_last_clean_timestamp_seconds";
    assert!((metric(&url, &since) - seconds(&report["held_since"])).abs() < 0.5);
    assert!(metric(&url, clean).abs() < 0.5);
    assert_eq!(daemon.terminate().0, Some(0));

    let (mut daemon, url) = served(&harness);
    let after = harness.status();
    for key in ["state", "last_success", "last_clean", "held", "holds"] {
        assert_eq!(after[key], before[key], "{key} after a restart: {after}");
    }
    assert!((metric(&url, &since) - seconds(&report["held_since"])).abs() < 0.5, "also before the first run");
    let digest = report["held"].as_str().expect("a digest");
    assert_eq!(harness.command(&["approve", digest]).exit, Some(0));
    daemon.hear("STATUS=idle");
    let released = harness.status();
    assert_eq!((&released["held"], &released["holds"]), (&json!([]), &json!([])), "{released}");
    assert!(released["last_clean"].is_string(), "{released}");
    assert!(metric(&url, &since).abs() < 0.5 && metric(&url, clean) > 0.5, "nothing is held any more");
}

#[test]
fn a_hold_stays_in_the_status_while_its_instance_cannot_be_read() {
    let harness = Harness::of("first_day", HOLDING);
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    daemon.hear("STATUS=blocked");
    let before = harness.status();
    harness.fault("query", &json!({"type": "html"}));
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(5));
    daemon.hear("STATUS=failing");
    let after = harness.status();
    assert_eq!((&after["held"], &after["holds"]), (&before["held"], &before["holds"]), "{after}");
    assert_eq!(after["last_success"], before["last_success"], "a run that could not read is no success");
}

#[test]
fn a_dry_run_holds_nothing() {
    let harness = Harness::of("first_day", HOLDING);
    let mut daemon = harness.daemon();
    let dry = harness.command(&["--sync-now", "--dry-run", "--output", "json"]);
    assert_eq!(dry.exit, Some(4), "{dry:?}");
    let report = dry.json()["instances"][0].clone();
    assert!(report["held"].is_string() && report["held_since"].is_null(), "{report}");
    daemon.hear("STATUS=starting");
    assert_eq!(harness.status()["holds"], json!([]));
}

#[test]
fn a_failed_reload_is_shown_also_to_a_caller_who_cannot_use_the_file() {
    let harness = Harness::of("first_day", NEVER);
    let mut daemon = harness.daemon();
    let whole = fs::read_to_string(harness.configuration()).expect("readable");
    let socket = harness.socket();
    let socket = ("CAMPAIGN_GROUP_SYNC__CONTROL__SOCKET", socket.to_str().expect("UTF-8"));
    let shown = |environment: &[(&str, &str)]| {
        let mut command = program(&["status"]);
        command.arg("--config").arg(harness.configuration()).envs(environment.iter().copied());
        run(&mut command)
    };
    harness.configure("[guard]\nmax_removal = 7\n");
    daemon.signal("-HUP");
    daemon.hear("reload failed, the previous configuration stays active: ");
    daemon.hear("READY=1");
    let failed = "reload failed, the previous configuration stays active: guard.max_removal";
    let wrong = shown(&[]);
    assert!(wrong.exit == Some(0) && wrong.stdout.contains(failed), "{wrong:?}");
    assert!(wrong.stderr.contains("guard.max_removal"), "the file has the problem still: {wrong:?}");
    // Of a file that is not readable at all, not even the socket is known.
    for place in ["[guard\n", "\u{0}"] {
        fs::write(harness.configuration(), place).expect("written");
        let unreadable = shown(&[socket]);
        assert!(unreadable.exit == Some(0) && unreadable.stdout.contains(failed), "{unreadable:?}");
    }
    fs::remove_file(harness.configuration()).expect("removed");
    let missing = shown(&[socket]);
    assert!(missing.exit == Some(0) && missing.stdout.contains(failed), "{missing:?}");
    assert_eq!(daemon.terminate().0, Some(0));
    let alone = shown(&[socket]);
    assert!(alone.exit == Some(78) && alone.stdout.is_empty(), "without a daemon, the file is the answer: {alone:?}");
    fs::write(harness.configuration(), whole).expect("written");
    assert_eq!(shown(&[]).exit, Some(3));
}

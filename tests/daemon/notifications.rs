//! Notifications of the built program to real receivers: a command, a webhook and a mail server.

use std::{collections::BTreeSet, fs};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{ALWAYS, Harness, NEVER, get},
    receivers::{Behavior, Log, await_text, mail_server, script, webhook},
};

/// Holds all three removals of the first day; runs are asked for by hand.
const HOLDING: &str = "[guard]\nmax_removals = 1\n[schedule]\ncron = \"off\"\n";

const OK: Behavior = Behavior::Answers("200 OK");

struct Targets {
    configuration: String,
    webhook: Log,
    mail: Log,
}

/// All three targets; the command is this script, in the folder of the harness.
fn targets(folder: &std::path::Path, behavior: (Behavior, Behavior), command: &str, events: &str) -> Targets {
    let (url, webhook) = webhook(behavior.0);
    let (smtp, mail) = mail_server(behavior.1);
    let command = script(&folder.join("tell"), command);
    let configuration = format!(
        "[notify]\nevents = {events}\ncommand = [\"{}\", \"{}\"]\nwebhook = \"{url}/hook?key=secret\"\n\
         mail = {{ to = [\"ops@acme.com\", \"admin@acme.com\"], from = \"sync@acme.com\", smtp = \"{smtp}\" }}\n",
        command.display(),
        folder.display()
    );
    Targets { configuration, webhook, mail }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The status of the targets, once it is such.
fn await_targets(harness: &Harness, is_such: impl Fn(&Value) -> bool) -> Vec<Value> {
    let begin = std::time::Instant::now();
    loop {
        let status = harness.status();
        let targets = status["notifications"].as_array().expect("a list").clone();
        if targets.len() == 3 && targets.iter().all(&is_such) {
            return targets;
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{status}");
    }
}

/// Takes a notification where the file `open` is there, and refuses it before; each attempt leaves a line.
const GATED: &str = "echo attempt >>\"$1/attempts\"\n[ -e \"$1/open\" ] || { echo not yet >&2; exit 1; }\n\
                     cat >>\"$1/taken\"\necho >>\"$1/taken\"";

#[test]
fn a_held_removal_is_delivered_once_to_each_target_although_the_daemon_is_killed_before() {
    let folder = folder();
    let refusing = (Behavior::Answers("503 Busy"), Behavior::Answers("451 4.3.0 later"));
    let targets = targets(folder.path(), refusing, GATED, "[\"held\"]");
    let harness = Harness::of("first_day", &format!("{HOLDING}{}", targets.configuration));
    let mut daemon = harness.daemon();
    let finished = harness.command(&["--sync-now", "--output", "json"]);
    assert_eq!(finished.exit, Some(4), "{finished:?}");
    let report = finished.json()["instances"][0].clone();
    targets.webhook.await_such(1, |_| true);
    targets.mail.await_such(1, |_| true);
    await_text(&folder.path().join("attempts"));
    await_targets(&harness, |state| state["failed"].as_u64() >= Some(1) && state["waiting"] == 1);
    daemon.signal("-KILL");
    daemon.ended();
    assert!(!daemon.log().contains("key=secret"), "{}", daemon.log());

    targets.webhook.behave(OK);
    targets.mail.behave(Behavior::Answers("250 ok"));
    fs::write(folder.path().join("open"), "").expect("written");
    let mut daemon = harness.daemon();
    let states = await_targets(&harness, |state| state["waiting"] == 0 && state["delivered"] == 1);
    assert!(states.iter().all(|state| state["error"].is_null() && state["failed"].as_u64() >= Some(1)), "{states:?}");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4), "held as before: no news");
    assert_eq!(daemon.terminate().0, Some(0));

    let [posted] = &targets.webhook.taken()[..] else { panic!("{:?}", targets.webhook.all()) };
    let [mailed] = &targets.mail.taken()[..] else { panic!("{:?}", targets.mail.all()) };
    let told = fs::read_to_string(folder.path().join("taken")).expect("readable");
    let [told] = &told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    let (posted, told): (Value, Value) = (posted.json(), serde_json::from_str(told).expect("JSON"));
    assert_eq!((&posted["kind"], &posted["digest"]), (&json!("held"), &report["held"]), "{posted}");
    assert_eq!((&posted["instance"], &posted["counts"]["remove"]), (&report["name"], &json!(3)), "{posted}");
    assert!(posted.get("people").is_none(), "a webhook is told numbers alone: {posted}");
    assert_eq!(told["people"].as_array().map(Vec::len), Some(3), "{told}");
    assert_eq!(posted["id"], told["id"]);
    let id = posted["id"].as_str().expect("an id");
    assert_eq!(mailed.headers.get("message-id").map(String::as_str), Some(format!("<{id}@acme.com>").as_str()));
    assert!(mailed.path.contains("ops@acme.com") && mailed.path.contains("admin@acme.com"), "{}", mailed.path);
    let approve = format!("campaign-group-sync approve {}", report["held"].as_str().expect("a digest"));
    assert!(mailed.body.replace("=\n", "").contains(&approve), "{}", mailed.body);
}

#[test]
fn targets_that_hang_delay_neither_runs_nor_other_targets_nor_the_end() {
    let folder = folder();
    let hanging = "echo $$ >\"$1/process\"\nsleep 1000 &\necho $! >\"$1/child\"\nwait";
    let targets = targets(folder.path(), (Behavior::Hangs, Behavior::Answers("250 ok")), hanging, "[\"held\"]");
    let harness = Harness::of("first_day", &format!("{HOLDING}{}", targets.configuration));
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    targets.webhook.await_such(1, |_| true);
    let processes = [await_text(&folder.path().join("process")), await_text(&folder.path().join("child"))];
    targets.mail.await_such(1, |received| received.is_taken);
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4), "the next run is made meanwhile");
    let (exit, took) = daemon.terminate();
    assert_eq!(exit, Some(0));
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    let begin = std::time::Instant::now();
    // A process that was killed may not have been reaped yet by its new parent.
    let is_alive = |process: &String| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while processes.iter().any(is_alive) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "left behind: {processes:?}");
    }
}

#[test]
fn a_run_without_a_daemon_delivers_before_it_exits_and_what_is_left_is_delivered_by_the_next() {
    let folder = folder();
    let refusing = (Behavior::Answers("503 Busy"), Behavior::Answers("250 ok"));
    let targets = targets(folder.path(), refusing, "cat >>\"$1/taken\"", "[\"held\", \"applied\", \"finding\"]");
    let harness = Harness::of("first_day", &format!("{HOLDING}{}", targets.configuration));
    let first = harness.command(&["--sync-now"]);
    assert_eq!(first.exit, Some(4), "a target that is down changes nothing: {first:?}");
    assert!(first.stderr.contains("answered with HTTP status 503"), "{first:?}");
    assert!(!first.stderr.contains("secret"), "{first:?}");
    let kinds = |log: &Log| -> BTreeSet<String> {
        log.taken().iter().filter_map(|one| Some(one.headers.get("subject")?.split(':').next()?.to_owned())).collect()
    };
    let subjects = ["held", "applied"].map(|kind| format!("[campaign-group-sync] {kind}"));
    assert_eq!(kinds(&targets.mail), BTreeSet::from(subjects), "{:?}", targets.mail.taken());
    let status = harness.command(&["status", "--output", "json"]).json();
    let webhook = &status["notifications"][1];
    assert_eq!((&webhook["target"], &webhook["waiting"]), (&json!("webhook"), &json!(2)), "{status}");
    assert!(webhook["error"].as_str().expect("an error").contains("503"), "{status}");
    targets.webhook.behave(OK);
    // The next attempt is due after some seconds; runs until then leave it.
    let begin = std::time::Instant::now();
    while targets.webhook.taken().len() < 2 {
        assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{:?}", targets.webhook.all());
    }
    let ids: BTreeSet<String> = targets.webhook.taken().iter().map(|one| one.json()["id"].to_string()).collect();
    assert_eq!((ids.len(), targets.webhook.taken().len()), (2, 2));
    let dry = harness.command(&["--sync-now", "--dry-run"]);
    assert_eq!((dry.exit, targets.webhook.taken().len()), (Some(4), 2), "a dry run tells nothing");
}

#[test]
fn an_outage_is_reported_once_over_restarts_and_so_is_the_recovery() {
    let folder = folder();
    let targets =
        targets(folder.path(), (OK, Behavior::Answers("250 ok")), "cat >/dev/null", "[\"failed\", \"recovered\"]");
    let harness = Harness::of("first_day", NEVER);
    harness.command(&["--sync-now"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(age_runs(&harness.state()));
    harness.fault("query", &json!({"type": "html"}));
    harness.configure(&format!("{ALWAYS}{}", targets.configuration));
    for start in ["first", "second"] {
        let mut daemon = harness.daemon();
        daemon.hear("STATUS=failing");
        targets.webhook.await_such(1, |_| true);
        let told = told_once(&targets.webhook);
        assert_eq!(told.len(), 1, "{start}: {told:?}");
        assert_eq!(told[0]["kind"], "failed", "{start}: {told:?}");
        assert!(told[0]["text"].as_str().expect("a text").contains("no run has succeeded since"), "{told:?}");
        assert_eq!(daemon.terminate().0, Some(0), "{start}");
    }
    let mut daemon = harness.daemon();
    daemon.hear("STATUS=failing");
    harness.ask(Method::DELETE, "faults", "");
    targets.webhook.await_such(1, |received| received.json()["kind"] == "recovered");
    targets.mail.await_such(2, |received| received.is_taken);
    assert_eq!(daemon.terminate().0, Some(0));
    let told = told_once(&targets.webhook);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1]["kind"], "recovered", "{told:?}");
}

/// The delivered notifications, in their order. A daemon that is stopped between a delivery and its record delivers
/// again, under the same id.
fn told_once(receiver: &Log) -> Vec<Value> {
    let mut ids = BTreeSet::new();
    let documents = receiver.all().into_iter().map(|received| received.json());
    documents.filter(|document| ids.insert(document["id"].to_string())).collect()
}

/// Makes all runs of a state two hours older.
async fn age_runs(state: &str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{state}")).await.expect("a state");
    for sql in [
        "update runs set started_at = started_at - 7200000",
        "update runs set report = json_set(report, '$.started_at',
             strftime('%Y-%m-%dT%H:%M:%SZ', started_at / 1000, 'unixepoch')) where report is not null",
    ] {
        sqlx::query(sql).execute(&mut connection).await.expect("changed");
    }
    connection.close().await.expect("closed");
}

#[test]
fn status_and_metrics_show_a_target_that_is_down_and_a_reload_changes_targets() {
    let folder = folder();
    let refusing = (Behavior::Answers("503 Busy"), Behavior::Answers("250 ok"));
    let targets = targets(folder.path(), refusing, "cat >/dev/null", "[\"held\"]");
    let harness = Harness::of("first_day", &format!("{HOLDING}{}", targets.configuration));
    let mut daemon = harness.starting_daemon(&[("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0")]);
    daemon.hear("READY=1");
    let log = daemon.log();
    let url = log.split("status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("told");
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    await_targets(&harness, |state| state["delivered"] == 1 || state["failed"].as_u64() >= Some(1));
    let metrics = get(&format!("{url}metrics")).1;
    for series in [
        "campaign_group_sync_notifications_waiting{target=\"webhook\"} 1",
        "campaign_group_sync_notifications_delivered_total{target=\"mail\"} 1",
        "campaign_group_sync_notifications_given_up_total{target=\"webhook\"} 0",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    let text = harness.command(&["status"]).stdout;
    assert!(text.contains("webhook: not delivered since") && text.contains("1 waiting"), "{text}");
    harness.configure(HOLDING);
    daemon.signal("-HUP");
    daemon.hear("RELOADING=1");
    daemon.hear("READY=1");
    let begin = std::time::Instant::now();
    while harness.status()["notifications"] != json!([]) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{}", harness.status());
    }
    assert_eq!(daemon.terminate().0, Some(0));
    let left = harness.command(&["status", "--output", "json"]).json();
    assert_eq!(left["notifications"], json!([]), "what waited for the webhook is forgotten: {left}");
}

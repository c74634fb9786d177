//! `explain` through the control socket: for users who may use the socket and may not read the secrets or the state.

use std::fs;

use serde_json::{Value, json};

use super::harness::{Finished, Harness, NEVER, program, run};

/// A running daemon, and a configuration beside it whose secrets are not there: the command has to ask the daemon.
pub(super) fn without_secrets(harness: &Harness) -> String {
    let text = fs::read_to_string(harness.configuration()).expect("readable");
    let lines = text.lines().map(|line| match line.split_once("client_secret_file = ") {
        Some((before, _)) => format!("{before}client_secret_file = \"/nonexistent/secret\""),
        None => line.to_owned(),
    });
    let path = harness.path("asking.toml");
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

fn ask(configuration: &str, arguments: &[&str]) -> Finished {
    let mut command = program(&["explain"]);
    run(command.args(arguments).arg("--config").arg(configuration))
}

#[test]
fn the_daemon_answers_explain_for_users_who_may_not_read_the_secrets_with_the_same_exit_statuses() {
    let harness = Harness::of("first_day", NEVER);
    let _daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now", "-q"]).exit, Some(0));
    let configuration = without_secrets(&harness);
    let finished = ask(&configuration, &["ines@acme.com", "--output", "json"]);
    assert_eq!(finished.exit, Some(0), "{}{}", finished.stdout, finished.stderr);
    let by_daemon = finished.json();
    let in_place = harness.command(&["explain", "ines@acme.com", "--output", "json"]).json();
    let timeless = |mut document: Value| {
        document["at"] = Value::Null;
        document
    };
    assert_eq!(timeless(by_daemon), timeless(in_place));

    let one = ask(&configuration, &["ines@acme.com", "content", "--output", "json"]).json();
    assert_eq!(one["instances"][0]["groups"].as_array().map(Vec::len), Some(1), "{one}");

    harness.fault("query", &json!({"type": "html"}));
    let finished = ask(&configuration, &["ines@acme.com"]);
    assert_eq!(finished.exit, Some(5), "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("removed by run 01"), "the record is told: {}", finished.stdout);
}

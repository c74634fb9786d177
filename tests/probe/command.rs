//! The command: what is asked, what is printed, and the exit statuses.

use std::{fs::File, process::Command, process::Stdio};

use reqwest::Method;
use serde_json::Value;

use super::process::{Finished, ServedSandbox, Started, program, run};

/// A served sandbox with a configuration in which no run writes to `stage`.
struct Served {
    sandbox: ServedSandbox,
    folder: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let sandbox = ServedSandbox::start(&["two_instances"]);
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = sandbox.configuration.replace("mode = \"apply\"", "mode = \"observe\"");
        std::fs::write(folder.path().join("config.toml"), configuration).expect("written");
        Self { sandbox, folder }
    }

    /// A probe on whose standard input this text is typed.
    fn prepared(&self, typed: &str, arguments: &[&str]) -> Command {
        let input = self.folder.path().join("input");
        std::fs::write(&input, typed).expect("written");
        let mut command = program(&["probe"]);
        command.args(arguments).arg("--config").arg(self.folder.path().join("config.toml"));
        command.stdin(Stdio::from(File::open(&input).expect("readable")));
        command
    }

    fn probe(&self, typed: &str, arguments: &[&str]) -> Finished {
        run(&mut self.prepared(typed, arguments))
    }

    fn writes(&self) -> usize {
        self.sandbox.calls().iter().filter(|call| super::harness::is_write(call)).count()
    }

    fn scratch_names(&self) -> usize {
        self.sandbox.ask(Method::GET, "world", "").matches("zz").count()
    }
}

#[test]
fn a_probe_needs_the_name_of_the_instance_again() {
    let served = Served::new();
    for (typed, part) in [
        ("", "no name was typed, not stage"),
        ("\n", "no name was typed, not stage"),
        ("production\n", "\"production\" was typed, not stage"),
        ("stag\n", "\"stag\" was typed"),
        ("y\n", "\"y\" was typed"),
    ] {
        let finished = served.probe(typed, &["stage"]);
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{finished:?}");
        for part in [part, "nothing was written", "zz_cgs_probe", "zz-cgs-probe@example.invalid", "removes both"] {
            assert!(finished.stderr.contains(part), "{part} is missing: {}", finished.stderr);
        }
        assert!(served.sandbox.calls().is_empty(), "{:?}", served.sandbox.calls());
    }
}

#[test]
fn a_probe_prints_each_step_in_text_json_and_markdown() {
    let served = Served::new();
    let text = served.probe("stage\n", &["stage"]);
    assert_eq!(text.exit, Some(0), "{text:?}");
    for part in ["Probe of stage", "T3  add the operator to the group: insertOrUpdate by ids", "settles:", "T8, by an"]
    {
        assert!(text.stdout.contains(part), "{part} is missing: {}", text.stdout);
    }
    let widest = text.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 80), "{widest:?}: {}", text.stdout);
    let json = served.probe("stage\n", &["stage", "--output", "json"]);
    let document = json.json();
    assert_eq!((json.exit, &document["version"], &document["outcome"]), (Some(0), &1.into(), &"settled".into()));
    assert_eq!(document["answers"]["join_form"]["answer"], "insert_or_update_by_ids");
    let steps = document["steps"].as_array().expect("a list");
    for step in steps {
        assert!(["id", "tried", "answer", "settles"].iter().all(|key| step[key].is_string()), "{step}");
    }
    let markdown = served.probe("stage\n", &["stage", "--output", "markdown"]);
    assert!(markdown.stdout.starts_with("# Probe of stage\n"), "{}", markdown.stdout);
    assert!(markdown.stdout.contains("| T9 | remove the scratch records |"), "{}", markdown.stdout);
    assert_eq!(served.scratch_names(), 0);
}

#[test]
fn refusals_exit_with_a_status_of_their_own_and_write_nothing() {
    let served = Served::new();
    let production = served.probe("production\n", &["production"]);
    assert_eq!(production.exit, Some(78), "{production:?}");
    assert!(production.stdout.contains("\"production\", which has a word"), "{}", production.stdout);
    let unknown = served.probe("stage\n", &["nowhere"]);
    assert_eq!((unknown.exit, unknown.stdout.as_str()), (Some(64), ""), "{unknown:?}");
    let configuration = served.folder.path().join("config.toml");
    let text = std::fs::read_to_string(&configuration).expect("readable");
    std::fs::write(&configuration, text.replace("mode = \"observe\"", "mode = \"apply\"")).expect("written");
    let applied = served.probe("stage\n", &["stage", "--output", "json"]);
    assert_eq!((applied.exit, &applied.json()["outcome"]), (Some(78), &Value::from("not_allowed")), "{applied:?}");
    assert_eq!((served.writes(), served.sandbox.calls().len()), (0, 0));
}

#[test]
fn ctrl_c_ends_the_questions_and_removes_the_records() {
    let served = Served::new();
    let slow = r#"{"faults": [{"call": "write", "times": "forever", "effect": {"type": "delay", "ms": 100}}]}"#;
    served.sandbox.ask(Method::POST, "faults", slow);
    let started = Started::of(&mut served.prepared("stage\n", &["stage"]));
    served.sandbox.await_call("write");
    started.signal("-INT");
    let finished = started.finish();
    assert_eq!(finished.exit, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("stopping: the scratch records are removed"), "{}", finished.stderr);
    assert!(finished.stdout.contains("the probe was stopped. No scratch record is left."), "{}", finished.stdout);
    assert_eq!(served.scratch_names(), 0);
}

#[test]
fn an_instance_of_the_sandbox_can_be_probed_without_a_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    std::fs::write(&input, "stage\n").expect("written");
    let mut command = program(&["probe", "stage", "--sandbox"]);
    command.stdin(Stdio::from(File::open(&input).expect("readable")));
    let finished = run(&mut command);
    assert_eq!(finished.exit, Some(0), "{finished:?}");
}

#[test]
fn check_shows_what_a_probe_learned() {
    let served = Served::new();
    let configuration = served.folder.path().join("config.toml");
    let finding = || {
        let mut command = program(&["check", "--instance", "stage", "--output", "json", "--config"]);
        let report = run(command.arg(&configuration)).json();
        let findings = report["findings"].as_array().expect("a list").clone();
        findings.into_iter().find(|finding| finding["id"] == "campaign.write_forms").expect("a finding")
    };
    let before = finding();
    assert_eq!(before["verdict"], "not_checked", "{before}");
    assert!(
        before["evidence"].as_str().is_some_and(|text| text.ends_with("campaign-group-sync probe stage")),
        "{before}"
    );
    assert_eq!(served.probe("stage\n", &["stage"]).exit, Some(0));
    let after = finding();
    assert_eq!(after["verdict"], "ok", "{after}");
    assert!(after["evidence"].as_str().is_some_and(|text| text.contains("joins: insertOrUpdate by ids")), "{after}");
}

#[test]
fn a_second_signal_ends_a_probe_that_cannot_remove_its_records_and_the_next_one_removes_them() {
    let served = Served::new();
    let slow =
        r#"{"faults": [{"call": "write", "skip": 1, "times": "forever", "effect": {"type": "delay", "ms": 600000}}]}"#;
    served.sandbox.ask(Method::POST, "faults", slow);
    let started = Started::of(&mut served.prepared("stage\n", &["stage"]));
    while served.writes() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    started.signal("-INT");
    // Signals of one kind that arrive together are one signal.
    std::thread::sleep(std::time::Duration::from_millis(300));
    started.signal("-TERM");
    let finished = started.finish();
    assert_eq!(finished.exit, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("abandoned by a second signal"), "{}", finished.stderr);
    served.sandbox.ask(Method::DELETE, "faults", "");
    assert!(served.scratch_names() > 0);
    let next = served.probe("stage\n", &["stage"]);
    assert_eq!(next.exit, Some(0), "{next:?}");
    assert!(next.stdout.contains("remove what an earlier probe left"), "{}", next.stdout);
    assert_eq!(served.scratch_names(), 0);
}

//! The command `check`: its output and exit status.

use std::process::{Command, Output, Stdio};

use crate::support::{process, secrets::Marked};

pub(crate) fn check(arguments: &[&str]) -> Output {
    let output = program().args(arguments).output().expect("the program runs");
    for bytes in [&output.stdout, &output.stderr] {
        Marked::of_sandbox().assert_absent(&String::from_utf8_lossy(bytes));
    }
    output
}

fn program() -> Command {
    process::program(&["check"])
}

pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn check_exits_with_0_without_mistakes_and_with_78_for_a_wrong_configuration() {
    assert_eq!(check(&["--sandbox"]).status.code(), Some(0));
    let wrong = check(&["--sandbox", "misconfigured", "--output", "json"]);
    assert_eq!(wrong.status.code(), Some(78));
    let report: serde_json::Value = serde_json::from_str(&printed(&wrong)).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    let with = |verdict: &str| -> Vec<&str> {
        findings.iter().filter(|one| one["verdict"] == verdict).filter_map(|one| one["id"].as_str()).collect()
    };
    assert_eq!(
        with("failed"),
        [
            "campaign.rights",
            "external_account.enabled",
            "external_account.callback_server",
            "external_account.mask",
            "external_account.tenant"
        ]
    );
    assert_eq!(with("warning"), ["names.look_alikes", "names.groups", "names.control_panel", "names.ambiguous"]);
}

#[test]
fn a_missing_configuration_file_is_a_finding_and_exits_with_78() {
    let output = check(&["--config", "/nonexistent/config.toml"]);
    assert_eq!(output.status.code(), Some(78));
    let text = printed(&output);
    assert!(text.contains("FAILED") && text.contains("/nonexistent/config.toml"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
}

#[test]
fn a_report_as_markdown_has_a_table_for_each_section() {
    let text = printed(&check(&["--sandbox", "misconfigured", "--output", "markdown"]));
    assert!(text.starts_with("# Check\n\n5 failed, 4 warnings, "), "{text}");
    assert!(text.contains("\n## Campaign: production\n\n| Verdict | Prerequisite | Evidence | Remedy |\n"), "{text}");
}

#[test]
fn an_unknown_scenario_or_instance_is_wrong_usage() {
    for arguments in [["--sandbox", "nowhere", "--offline"], ["--sandbox", "--instance", "nowhere"]] {
        assert_eq!(check(&arguments).status.code(), Some(64), "{arguments:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut command = program();
    let mut child = command
        .args(["--sandbox", "misconfigured"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(78), ""));
}

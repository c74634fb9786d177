//! The approver of a change: recorded as the kernel reports it, and shown with the change.

use serde_json::{Value, json};

use super::harness::{Finished, Served, run};

/// The guard holds every removal.
const NO_REMOVALS: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");

/// The claimed name of the approver, which belongs to no user of the host.
const CLAIMED: &str = "zoe-of-no-account";

fn guarded_run(served: &Served, more: &[&str]) -> Finished {
    let mut command = served.prepared(&["--sync-now", "--output", "json"]);
    run(command.env(NO_REMOVALS.0, NO_REMOVALS.1).args(more))
}

/// A sandbox whose held removals were approved under a claimed name, and the run that made them.
fn approved() -> (Served, String, Finished) {
    let served = Served::of(&["first_day"]);
    let held = guarded_run(&served, &[]).json();
    assert_eq!(held["approvals"], json!([]), "{held}");
    let digest = held["instances"][0]["held"].as_str().expect("something is held").to_owned();
    let mut command = served.prepared(&["approve", &digest]);
    let approval = run(command.env("SUDO_USER", CLAIMED));
    assert_eq!(approval.exit, Some(0), "{}", approval.stderr);
    let applied = guarded_run(&served, &[]);
    assert_eq!(applied.exit, Some(0), "{}{}", applied.stdout, applied.stderr);
    (served, digest, applied)
}

fn changes(report: &Value) -> &Vec<Value> {
    report["instances"][0]["changes"].as_array().expect("changes")
}

/// The approver in words: the user reported by the kernel, then the claimed name.
fn approver(report: &Value) -> String {
    let approver = report["approvals"][0]["approved_by"].as_str().expect("one line").to_owned();
    let uid = report["approvals"][0]["uid"].as_u64().expect("the kernel knows");
    assert!(approver.contains(&format!("(uid {uid}")), "{approver}");
    assert!(approver.ends_with(&format!("who gave the name {CLAIMED})")), "{approver}");
    assert!(!approver.starts_with(CLAIMED), "{approver}");
    approver
}

#[test]
fn incident_41_a_report_names_the_approver_of_each_released_change_as_the_kernel_reports_it() {
    let (served, digest, applied) = approved();
    let report = applied.json();
    let approval = &report["approvals"][0];
    assert_eq!((&approval["digest"], &approval["claimed"]), (&json!(digest), &json!(CLAIMED)), "{approval}");
    assert_ne!(approval["by"], CLAIMED, "{approval}");
    let by = approver(&report);
    assert_eq!(changes(&report).len(), 3);
    for change in changes(&report) {
        assert_eq!(change["approved_by"], json!(by), "{change}");
        assert!(change["at"].as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{change}");
    }
    let run = report["run"].as_str().expect("a name");
    assert_eq!(
        served.command(&["history", run, "--output", "json"]).json(),
        report,
        "the stored report is the printed one"
    );
    let text = served.command(&["history", run]).stdout;
    assert!(text.contains(&format!("3 changes approved by {by} at 20")) && text.contains(&digest), "{text}");
    let markdown = served.command(&["history", run, "--output", "markdown"]).stdout;
    assert!(markdown.contains("3 changes approved by ") && markdown.contains(CLAIMED), "{markdown}");
    let verified = served.command(&["history", "--verify"]);
    assert_eq!(verified.exit, Some(0), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn incident_41_the_log_line_of_a_released_change_names_the_approver_and_that_of_another_change_none() {
    let (served, _, applied) = approved();
    let by = approver(&applied.json());
    let lines: Vec<_> = applied.stderr.lines().filter(|line| line.contains("applied: remove")).collect();
    assert_eq!(lines.len(), 3, "{}", applied.stderr);
    assert!(lines.iter().all(|line| line.contains(", approved by ") && line.contains(&by)), "{}", applied.stderr);
    let additions = guarded_run(&Served::of(&["first_day"]), &[]);
    let lines: Vec<_> = additions.stderr.lines().filter(|line| line.contains("applied: add")).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains("approved")), "{}", additions.stderr);
    let first = served.command(&["history", "--output", "json"]).json()["runs"][1]["run"].clone();
    let first = served.command(&["history", first.as_str().expect("a name"), "--output", "json"]).json();
    let is_told =
        |change: &Value| change["approved_by"].is_null() && change["at"].is_null() == (change["outcome"] == "held");
    assert!(changes(&first).iter().all(is_told), "{first}");
}

#[test]
fn incident_41_every_approval_is_listed_with_its_users_and_the_run_that_used_it() {
    let (served, digest, applied) = approved();
    let report = applied.json();
    let listed = served.command(&["history", "--approvals", "--output", "json"]);
    assert_eq!(listed.exit, Some(0), "{}", listed.stderr);
    let document = listed.json();
    let listed = &document["approvals"][0];
    assert_eq!((&document["version"], document["approvals"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    for field in ["digest", "by", "uid", "login", "login_uid", "claimed", "at", "approved_by"] {
        assert_eq!(listed[field], report["approvals"][0][field], "{field}: {listed}");
    }
    assert_eq!((&listed["digest"], &listed["used_by_run"]), (&json!(digest), &report["run"]), "{listed}");
    assert_eq!((&listed["instance"], &listed["changes"]), (&json!("production"), &json!(3)), "{listed}");
    let text = served.command(&["history", "--approvals"]).stdout;
    assert!(text.contains(CLAIMED) && text.contains(&digest), "{text}");
}

#[test]
fn a_dry_run_with_an_approval_records_no_approver() {
    let served = Served::of(&["first_day"]);
    let digest = guarded_run(&served, &[]).json()["instances"][0]["held"].as_str().expect("held").to_owned();
    let tried = guarded_run(&served, &["--dry-run", "--approve", &digest]).json();
    assert_eq!(tried["approvals"], json!([]), "{tried}");
    assert!(changes(&tried).iter().all(|change| change["approved_by"].is_null() && change["at"].is_null()), "{tried}");
    let listed = served.command(&["history", "--approvals", "--output", "json"]).json();
    assert_eq!(listed["approvals"], json!([]), "{listed}");
}

#[test]
fn incident_41_explain_names_who_approved_the_last_change() {
    let (served, _, applied) = approved();
    let by = approver(&applied.json());
    let operator = changes(&applied.json())[0]["operator"].as_str().expect("a login").to_owned();
    let text = served.command(&["explain", &operator]).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("approved by {by}")), "{text}");
}

#[test]
fn csv_has_the_run_that_granted_a_membership_and_its_approver() {
    let served = Served::of(&["first_day"]);
    let mut command = served.prepared(&["--sync-now", "--output", "json"]);
    let first = run(command.env(NO_REMOVALS.0, NO_REMOVALS.1)).json();
    let rows = served.command(&["access", "--csv"]).stdout;
    let added = changes(&first).iter().find(|change| change["op"] == "add" && change["outcome"] == "applied");
    let added = added.expect("an added membership");
    let cells = |login: &str, group: &str| {
        let of = format!(",production,{group},{login},");
        let row = rows.split("\r\n").find(|row| row.contains(&of)).expect("a row");
        row.split(&of).nth(1).expect("the rest").split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    let (login, group) = (added["operator"].as_str().expect("a login"), added["group"].as_str().expect("a group"));
    let granted = cells(login, group);
    assert_eq!(json!(granted[0]), added["profile"], "{rows}");
    assert_eq!(json!(granted[1]), added["at"], "{rows}");
    assert_eq!(json!(granted[2]), first["run"], "{rows}");
    assert_eq!(granted[3], "", "{rows}");
    let by_hand = cells("night.batch", "delivery");
    assert_eq!((by_hand[2].as_str(), by_hand[3].as_str()), ("", ""), "{rows}");
}

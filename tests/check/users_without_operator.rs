//! Users without an operator, as the last complete run recorded them.

use campaign_group_sync::{
    check::{Finding, Verdict},
    domain::{RunMode, Scope},
    sandbox::{Change, Effect, campaign::InstanceChange},
    sync::RunRequest,
};

use super::{
    harness::{Checked, Harness},
    options::request,
};

fn finding(checked: &Checked) -> &Finding {
    let id = "names.users_without_operator";
    checked.report.findings.iter().find(|one| one.id == id).expect("always there")
}

/// Dev and Elena have profiles and no operators, which a run has recorded.
fn harness() -> Harness {
    let mut harness = Harness::sound();
    harness
        .campaign()
        .operators
        .retain(|operator| !["dev@acme.com", "elena@acme.com"].contains(&operator.name.as_str()));
    let of_hugo = Scope { users: vec!["hugo@acme.com".to_owned()], groups: Vec::new() };
    let narrowed = RunRequest { scope: of_hugo, ..request(RunMode::DryRun) };
    harness.earlier = vec![request(RunMode::DryRun), narrowed];
    harness
}

#[tokio::test]
async fn users_without_operator_come_from_the_last_complete_run() {
    let checked = harness().check().await;
    let found = finding(&checked);
    assert_eq!(found.verdict, Verdict::Ok, "{found:#?}");
    assert!(found.evidence.starts_with("2, as of run 01"), "{found:#?}");
    assert!(
        found.evidence.contains(": dev@acme.com, elena@acme.com; Campaign creates each at the first sign-in"),
        "{found:#?}"
    );
    let page_0: Vec<&str> = checked.requests.iter().map(|request| request.call.as_str()).collect();
    assert!(!page_0.iter().any(|call| ["users", "members", "write"].contains(call)), "{page_0:?}");
}

#[tokio::test]
async fn a_user_with_an_operator_by_now_is_not_reported() {
    let mut harness = harness();
    let add = |login: &str| {
        let login = login.to_owned();
        let change =
            InstanceChange::AddOperator { login, label: None, email: None, authentication: None, disabled: false };
        Change::instance("production", change)
    };
    harness.since = vec![add("Dev@acme.com")];
    assert!(finding(&harness.check().await).evidence.contains(": elena@acme.com; "));
    let mut harness = self::harness();
    harness.since = vec![add("dev@acme.com"), add("elena@acme.com")];
    assert!(finding(&harness.check().await).evidence.starts_with("none, as of run 01"));
}

#[tokio::test]
async fn an_incomplete_run_is_not_used() {
    let mut harness = harness();
    harness.inject_fault("groups", Effect::status(503));
    let found = finding(&harness.check().await).clone();
    assert_eq!(found.verdict, Verdict::NotChecked, "{found:#?}");
    assert!(found.evidence.contains("--sync-now --dry-run"), "{found:#?}");
}

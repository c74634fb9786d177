//! Faults of Adobe and of Campaign: no membership is lost, and the outcome says what happened.

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, Outcome, RunReport},
    sandbox::{Effect, Fault, Scenario, Times, campaign::SchemaPart},
};
use serde_json::json;

use super::harness::{Harness, changes, count};

/// Three pages of users, so that there is a middle.
async fn paged() -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    let listed = scenario.organization.users.len() + scenario.organization.technical_accounts;
    scenario.pages.users = listed.div_ceil(3);
    Harness::with(scenario).await
}

#[track_caller]
fn nothing_was_written(harness: &Harness, report: &RunReport, outcome: Outcome, before: &[(String, String)]) {
    assert_eq!(report.outcome, outcome, "{report:#?}");
    assert_eq!(harness.writes(), 0);
    assert_eq!(harness.memberships("production"), before);
    assert_eq!(count(report, ChangeOutcome::Applied), 0);
    assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0), "a fault was never met");
}

#[tokio::test]
async fn incident_01_a_wrong_answer_of_the_organization_leads_to_no_write() {
    let html = Effect::Html;
    let cases = [
        ("a missing page", Fault::new("users", Effect::LastPage { value: true }).page(1)),
        ("an empty middle page", Fault::new("users", Effect::EmptyPage).page(1).forever()),
        ("an early lastPage", Fault::new("users", Effect::LastPage { value: true }).page(0)),
        ("404 on page 2", Fault::new("users", Effect::status(404)).page(2).forever()),
        ("users missing", Fault::new("users", Effect::omit_key("/users")).page(1).forever()),
        ("HTML with 200", Fault::new("users", html.clone()).page(1).forever()),
        ("HTML with 200 on the first page", Fault::new("users", html.clone()).page(0).forever()),
        ("HTML for the groups listing", Fault::new("groups", html).forever()),
        ("a repeated page", Fault::new("users", Effect::RepeatPage { page: 0 }).page(1).forever()),
        ("cut JSON", Fault::new("users", Effect::Truncate { bytes: None }).page(1).forever()),
        ("a cut body", Fault::new("users", Effect::CutOff { after: None }).page(1).forever()),
        (
            "no users at all",
            Fault::new("users", Effect::SetValue { pointer: "/users".into(), value: json!([]) }).forever(),
        ),
        (
            "users of a wrong type",
            Fault::new("users", Effect::SetValue { pointer: "/users".into(), value: json!("x") }).forever(),
        ),
        (
            "no groups at all",
            Fault::new("groups", Effect::SetValue { pointer: "/groups".into(), value: json!([]) }).forever(),
        ),
        ("no lastPage", Fault::new("users", Effect::omit_key("/lastPage")).page(2).forever()),
        (
            "result: error",
            Fault::new("users", Effect::SetValue { pointer: "/result".into(), value: json!("error") })
                .page(1)
                .forever(),
        ),
    ];
    for (what, fault) in cases {
        let harness = paged().await;
        let before = harness.memberships("production");
        harness.sandbox.inject(fault);
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Incomplete, "{what}: {report:#?}");
        assert!(report.error.as_ref().is_some_and(|error| error.chars().count() < 900), "{what}: {report:#?}");
        nothing_was_written(&harness, &report, Outcome::Incomplete, &before);
    }
}

#[tokio::test]
async fn incident_01_an_incomplete_read_says_how_much_of_it_came() {
    let harness = paged().await;
    harness.sandbox.inject(Fault::new("users", Effect::LastPage { value: true }).page(0));
    let report = harness.sync().await;
    assert!(report.error.as_ref().is_some_and(|error| error.contains("incomplete read: 1 of 3 pages")), "{report:#?}");
}

#[tokio::test]
async fn without_counts_no_user_is_removed() {
    let harness = paged().await;
    let names = vec!["X-Total-Count".to_owned(), "X-Page-Count".to_owned()];
    harness.sandbox.inject(Fault::new("users", Effect::DropHeaders { names }).forever());
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:#?}");
    let lines = changes(&report);
    assert!(lines.iter().any(|line| line.starts_with("applied: add")), "{lines:?}");
    assert!(lines.iter().filter(|line| line.contains(": remove")).all(|line| line.starts_with("held")), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_and_a_rate_limit_is_waited_for_or_ends_the_run() {
    let cases = [
        (Fault::new("users", Effect::status(503)).page(1).forever(), Outcome::Unavailable),
        (Fault::new("users", Effect::Reset).page(1).forever(), Outcome::Unavailable),
        (Fault::new("users", Effect::too_many_requests("3244")).page(0).forever(), Outcome::Throttled),
        (Fault::new("token", Effect::status(500)).forever(), Outcome::Unavailable),
        (Fault::new("users", Effect::status(403)).forever(), Outcome::Refused),
        (Fault::new("query", Effect::status(503)).forever(), Outcome::Unavailable),
    ];
    for (fault, outcome) in cases {
        let harness = paged().await;
        let before = harness.memberships("production");
        harness.sandbox.inject(fault);
        let report = harness.sync().await;
        nothing_was_written(&harness, &report, outcome, &before);
    }
}

#[tokio::test]
async fn a_wrong_answer_of_campaign_leads_to_no_write() {
    let cases = [
        Effect::Html,
        Effect::Truncate { bytes: None },
        Effect::CutOff { after: None },
        Effect::DeepXml { depth: 5_000 },
        Effect::EntityDeclaration,
        Effect::soap_fault("SOP-330011 Error while executing the method", "XTK-170036 Unable to parse expression"),
        Effect::status(404),
    ];
    for schema in ["xtk:operator", "xtk:operatorGroup"] {
        for effect in &cases {
            let harness = Harness::of("first_day").await;
            let before = harness.memberships("production");
            let mut fault = Fault::new("query", effect.clone()).forever();
            fault.schema = Some(schema.to_owned());
            harness.sandbox.inject(fault);
            let report = harness.sync().await;
            nothing_was_written(&harness, &report, Outcome::Incomplete, &before);
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_distinguished_and_tried_once() {
    let mut harness = Harness::of("first_day").await;
    harness.options.experience_cloud.client_secret = "wrong".to_owned().into();
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
    assert_eq!(harness.sandbox.requests().iter().filter(|request| request.call == "token").count(), 1);
}

#[tokio::test]
async fn incident_12_one_bad_row_does_not_stop_the_others() {
    let harness = Harness::of("first_day").await;
    let fault = Effect::soap_fault(
        "SOP-330011 Error while executing the method 'Write' of service 'xtk:persist'.",
        "XSV-350023 Unable to save document of type 'Operator groups (xtk:operatorGroup)'.",
    );
    // The collection of additions, and then the first row when it is written alone.
    harness.sandbox.inject(Fault { times: Times::Count(2), ..Fault::new("write", fault) });
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:#?}");
    assert_eq!(count(&report, ChangeOutcome::Failed), 1, "{report:#?}");
    assert!(count(&report, ChangeOutcome::Applied) >= 4);
    assert_eq!(harness.sync().await.outcome, Outcome::Applied, "the next run does what was left");
}

#[tokio::test]
async fn writes_that_cannot_be_read_back_failed_and_are_not_called_untried() {
    let reads_before_writing = {
        let harness = Harness::of("first_day").await;
        harness.sync().await;
        let requests = harness.sandbox.requests();
        let before = requests.iter().take_while(|request| !request.call.to_lowercase().starts_with("write"));
        before.filter(|request| request.call == "query" && request.body.contains("\"xtk:operatorGroup\"")).count()
    };
    let harness = Harness::of("first_day").await;
    let skip = u32::try_from(reads_before_writing).expect("few");
    harness.sandbox.inject(Fault::new("query", Effect::Html).schema("xtk:operatorGroup").skip(skip).forever());
    let report = harness.sync().await;
    assert!(harness.writes() > 0 && count(&report, ChangeOutcome::Failed) == changes(&report).len(), "{report:#?}");
    let instance = report.instances.first().expect("an instance");
    for change in &instance.changes {
        let detail = change.detail.as_deref().unwrap_or_default();
        // A removal that might empty a group is not made while it is not known whether the additions to it were.
        let is_kept = change.op == ChangeKind::Remove && detail.starts_with("the additions to its group failed");
        assert!(detail.starts_with("tried, and could not be read back: ") || is_kept, "{detail}");
    }
    assert_eq!(report.outcome, Outcome::Partial, "exit code 5 would say that nothing was written");
}

#[tokio::test]
async fn a_group_whose_only_newcomer_could_not_be_added_is_not_emptied() {
    let scenario = Scenario::from_toml(
        r#"
        [organization]
        groups = [{ group_id = 1, name = "Campaign - acme - ops", type = "PRODUCT_PROFILE" }]
        users = [{ email = "ann@acme.com", groups = ["Campaign - acme - ops"] }, { email = "eve@acme.com" }]
        [campaign.production]
        tenant = "acme"
        association_mask = "Campaign - acme - (.*)"
        authentication = "ims"
        operators = [
            { name = "ann@acme.com", authentication = "ims" },
            { name = "eve@acme.com", authentication = "ims" },
        ]
        groups = [{ name = "ops" }]
        memberships = [["eve@acme.com", "ops"]]
        "#,
    )
    .expect("a scenario");
    let harness = Harness::with(scenario).await;
    let before = harness.memberships("production");
    harness.sandbox.inject(Fault::new("write", Effect::soap_fault("SOP-330011 Error", "XSV-350023 Unable to save")));
    let report = harness.sync().await;
    assert_eq!(changes(&report), ["failed: add ann@acme.com to ops", "failed: remove eve@acme.com from ops"]);
    assert_eq!((harness.memberships("production"), harness.writes()), (before, 1));
    assert_eq!(harness.sync().await.outcome, Outcome::Applied, "the next run swaps them");
}

#[tokio::test]
async fn incident_25_a_write_whose_answer_was_lost_counts_by_what_campaign_shows() {
    let harness = Harness::of("first_day").await;
    harness.sandbox.inject(Fault::new("write", Effect::LoseAnswer));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert_eq!(harness.sync().await.outcome, Outcome::InSync);
}

#[tokio::test]
async fn an_instance_that_fails_does_not_stop_another() {
    let harness = Harness::of("two_instances").await;
    let broken = harness.options.instances.first().expect("an instance").policy.instance.to_string();
    let mut fault = Fault::new("query", Effect::Html).forever();
    fault.instance = Some(broken.clone());
    harness.sandbox.inject(fault);
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Incomplete);
    for instance in &report.instances {
        assert_eq!(instance.outcome == Outcome::Incomplete, instance.name == broken, "{instance:#?}");
    }
}

#[tokio::test]
async fn an_instance_that_does_not_say_how_operators_sign_in_is_not_written() {
    let harness = Harness::of("first_day").await;
    let before = harness.memberships("production");
    let absent = vec![SchemaPart::OperatorAuthenticationType];
    harness.sandbox.world().instance_mut("production").expect("there").adjust(|dials| dials.schema_without = absent);
    let report = harness.sync().await;
    nothing_was_written(&harness, &report, Outcome::Incomplete, &before);
}

#[tokio::test]
async fn incident_20_no_secret_is_in_any_report() {
    let harness = Harness::of("first_day").await;
    let secret = harness.sandbox.connection().client_secret;
    let body = format!("<html>{secret} is what you sent</html>");
    for call in ["token", "users", "groups"] {
        harness.sandbox.clear_faults();
        let effect = Effect::Status { status: 400, headers: Vec::new(), body: body.clone() };
        harness.sandbox.inject(Fault::new(call, effect).forever());
        let report = format!("{:?}", harness.sync().await);
        assert!(!report.contains(&secret), "{report}");
        assert!(report.contains("is what you sent") || call == "token", "{report}");
    }
}

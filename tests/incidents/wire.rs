//! What the wire brings: answers that are packed, empty, endless, slow or quote somebody, and connections that break.

use std::time::Duration;

use campaign_group_sync::{
    domain::{MissingPolicy, Outcome, RunReport, SkipReason, Skipped},
    sandbox::{Effect, Fault, Scenario},
};

use super::harness::{Harness, changes};

/// A status with an empty body that says it is compressed, as gateways send it.
fn empty_and_packed(status: u16, headers: &[(&str, &str)]) -> Effect {
    let headers = headers.iter().chain([&("content-encoding", "gzip")]);
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Effect::Status { status, headers, body: String::new() }
}

/// A status whose body says it is compressed and is not.
fn garbled(status: u16) -> Effect {
    let headers = vec![("content-encoding".to_owned(), "gzip".to_owned())];
    Effect::Status { status, headers, body: "<html>no gzip</html>".to_owned() }
}

fn pages(harness: &Harness, call: &str) -> Vec<u64> {
    let requests = harness.sandbox.requests();
    requests.iter().filter(|request| request.call == call).filter_map(|request| request.page).collect()
}

fn count(harness: &Harness, call: &str) -> usize {
    harness.sandbox.requests().iter().filter(|request| request.call == call).count()
}

/// All that a report says, as a person or a program reads it.
fn all_of(report: &RunReport) -> String {
    serde_json::to_string(report).expect("a report")
}

/// The first day in pages of five users.
async fn paged() -> Harness {
    let mut scenario = Scenario::named("first_day").expect("built in");
    scenario.pages.users = 5;
    Harness::with(scenario).await
}

#[tokio::test]
async fn incident_49_an_empty_packed_429_keeps_its_pause_and_page_0_is_not_asked_again() {
    for call in ["groups", "users"] {
        let harness = Harness::of("first_day").await;
        let effect = empty_and_packed(429, &[("retry-after", "3244")]);
        harness.sandbox.inject(Fault::new(call, effect).page(0).forever());
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Throttled, "{call}: {report:#?}");
        assert_eq!(pages(&harness, call), [0], "{call}");
        let next = harness.sync().await;
        assert_eq!((next.outcome, count(&harness, call)), (Outcome::Throttled, 0), "{call}: {next:#?}");
    }
}

#[tokio::test]
async fn incident_49_an_empty_packed_401_renews_the_token() {
    for effect in [empty_and_packed(401, &[]), garbled(401)] {
        let harness = Harness::of("first_day").await;
        harness.sandbox.inject(Fault::new("users", effect.clone()));
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Applied, "{effect:?}: {report:#?}");
        assert_eq!(count(&harness, "token"), 3, "{effect:?}: one of them for Campaign");
    }
}

#[tokio::test]
async fn incident_49_the_body_of_an_error_never_changes_what_its_status_means() {
    for call in ["groups", "users", "query", "token"] {
        for effect in [empty_and_packed(503, &[]), garbled(503), garbled(500)] {
            let harness = Harness::of("first_day").await;
            harness.sandbox.inject(Fault::new(call, effect.clone()).forever());
            let report = harness.sync().await;
            assert_eq!(report.outcome, Outcome::Unavailable, "{call} {effect:?}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn incident_34_the_name_of_an_encoding_is_read_in_any_case_and_in_a_list() {
    for encoding in ["GZIP", "x-gzip", "identity, gzip", " Gzip "] {
        let harness = Harness::of("first_day").await;
        // The sandbox packs its pages; only the name differs.
        harness.sandbox.inject(Fault::new("users", Effect::RenameEncoding { to: encoding.to_owned() }).forever());
        harness.sandbox.inject(Fault::new("groups", Effect::RenameEncoding { to: encoding.to_owned() }).forever());
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Applied, "{encoding}: {report:#?}");
        assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0), "{encoding}");
    }
}

#[tokio::test]
async fn incident_35_a_pause_with_any_other_status_silences_nobody() {
    for (status, outcome) in [(404, Outcome::Incomplete), (500, Outcome::Unavailable)] {
        let harness = Harness::of("first_day").await;
        let headers = vec![("retry-after".to_owned(), "1000000000".to_owned())];
        let effect = Effect::Status { status, headers, body: String::new() };
        harness.sandbox.inject(Fault::new("users", effect));
        let report = harness.sync().await;
        assert_eq!(report.outcome, outcome, "{report:#?}");
        let next = harness.sync().await;
        assert_eq!(next.outcome, Outcome::Applied, "{status}: {next:#?}");
    }
}

#[tokio::test]
async fn incident_38_no_text_of_a_token_answer_is_shown_whatever_its_status() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.marked-token";
    for status in [200, 201, 203, 206, 302, 400, 401, 404, 418, 429, 500, 503, 599] {
        for body in [
            format!(r#"{{"access_token": "{TOKEN}", "expires_in": "soon"}}"#),
            format!(r#"{{"error": "{TOKEN}", "error_description": "{TOKEN}"}}"#),
            format!("<html>{TOKEN}</html>"),
        ] {
            let harness = Harness::of("first_day").await;
            harness.sandbox.inject(Fault::new("token", Effect::Status { status, headers: Vec::new(), body }).forever());
            let report = harness.sync().await;
            assert_ne!(report.outcome, Outcome::Applied, "{status}");
            assert!(!all_of(&report).contains("marked-token"), "{status}: {report:#?}");
            let remembered = std::fs::read(harness.state()).expect("the state");
            assert!(!remembered.windows(12).any(|window| window == b"marked-token"), "{status}");
        }
    }
}

#[tokio::test]
async fn incident_44_a_call_that_trickles_ends_at_its_deadline_and_is_not_repeated() {
    for call in ["token", "groups", "users", "query"] {
        let mut harness = Harness::of("first_day").await;
        harness.options.experience_cloud.http.call_timeout = Duration::from_millis(1500);
        for instance in &mut harness.options.instances {
            instance.campaign.http.call_timeout = Duration::from_millis(1500);
        }
        harness.sandbox.inject(Fault::new(call, Effect::Drip { ms: 1000 }).forever());
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Unavailable, "{call}: {report:#?}");
        assert!(all_of(&report).contains("run.call_timeout"), "{call}: {report:#?}");
        // Two lists of Campaign are read at the same time.
        let calls = if call == "query" { 2 } else { 1 };
        assert_eq!((count(&harness, call), harness.writes()), (calls, 0), "{call}");
    }
}

#[tokio::test]
async fn incident_44_an_answer_larger_than_its_bound_is_incomplete() {
    for call in ["groups", "users", "query"] {
        let mut harness = Harness::of("first_day").await;
        harness.options.experience_cloud.http.max_body_bytes = 100_000;
        for instance in &mut harness.options.instances {
            instance.campaign.http.max_body_bytes = 100_000;
        }
        let body = "<row/>".repeat(20_000);
        harness.sandbox.inject(Fault::new(call, Effect::Status { status: 200, headers: Vec::new(), body }).forever());
        let report = harness.sync().await;
        assert_eq!((report.outcome, harness.writes()), (Outcome::Incomplete, 0), "{call}: {report:#?}");
        assert!(all_of(&report).contains("larger than 100000 bytes"), "{call}: {report:#?}");
    }
}

/// Texts that a refusal of one row may quote.
const QUOTED: [&str; 5] =
    ["Invalid login or password", "XSV-350008", "XSV-350012", "HTTP response code is 401", "Access token has expired"];

#[tokio::test]
async fn incident_48_a_refusal_of_one_row_that_quotes_another_error_fails_alone() {
    for quoted in QUOTED {
        for (string, detail) in [
            ("SOP-330011 Error while executing the method 'Write'", format!("Connector: {quoted}. Row refused.")),
            ("SOP-330011 Error while executing the method 'Write'", format!("{quoted} said the connector")),
            (&format!("SOP-330011 the operator '{quoted}' is refused"), String::new()),
        ] {
            let harness = Harness::of("first_day").await;
            let before = harness.memberships("production");
            let id = operator_id(&harness, "dev@acme.com");
            let refused = Effect::soap_fault(string, &detail);
            harness.sandbox.inject(Fault::new("write", refused).body(&format!("operator-id=\"{id}\"")).forever());
            let report = harness.sync().await;
            assert_eq!(report.outcome, Outcome::Partial, "{string} {detail}: {report:#?}");
            let lines = changes(&report);
            for line in &lines {
                let expected = if line.contains("dev@acme.com") { "failed: " } else { "applied: " };
                assert!(line.starts_with(expected), "{string} {detail}: {lines:#?}");
            }
            assert!(lines.iter().any(|line| line.contains("dev@acme.com")) && lines.len() > 2, "{lines:#?}");
            assert_ne!(harness.memberships("production"), before);
        }
    }
}

#[tokio::test]
async fn incident_48_a_refusal_that_every_call_gets_is_about_the_session() {
    let harness = Harness::of("first_day").await;
    let expired = Effect::soap_fault("SOP-330011 Error", "the session said: XSV-350008 Session has expired");
    harness.sandbox.inject(Fault::new("write", expired.clone()));
    harness.sandbox.inject(Fault::new("query", expired).body("lineCount=\"1\""));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed > 0));
}

fn operator_id(harness: &Harness, login: &str) -> i64 {
    let world = harness.sandbox.world();
    let operators = world.instance("production").expect("an instance").world().operators;
    operators.iter().find(|operator| operator.name == login).and_then(|operator| operator.id).expect("an operator")
}

#[tokio::test]
async fn incident_52_a_kept_connection_that_breaks_costs_neither_a_pause_nor_an_attempt_nor_page_0() {
    let mut harness = paged().await;
    // One attempt: whoever counts the broken request as one fails.
    harness.options.experience_cloud.retry.attempts = 1;
    for instance in &mut harness.options.instances {
        instance.campaign.retry.attempts = 1;
    }
    harness.sandbox.inject(Fault::new("any", Effect::ResetReused).forever());
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    for call in ["groups", "users"] {
        assert_eq!(pages(&harness, call).iter().filter(|page| **page == 0).count(), 1, "{call}");
    }
    let broken = harness.sandbox.requests().iter().filter(|request| request.status == 0).count();
    assert!(broken > 3, "{broken} connections broke");
    let asked = harness
        .sandbox
        .requests()
        .iter()
        .filter(|request| ["groups", "users", "members"].contains(&request.call.as_str()))
        .count();
    assert_eq!(report.source.calls, asked as u64, "every request that went out is counted");
}

#[tokio::test]
async fn incident_52_a_connection_that_breaks_twice_is_a_failed_attempt() {
    let mut harness = paged().await;
    harness.options.experience_cloud.retry.attempts = 1;
    harness.sandbox.inject(Fault::new("users", Effect::Reset).page(2).forever());
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Unavailable, "{report:#?}");
    assert_eq!(pages(&harness, "users"), [0, 1, 2, 2]);
}

#[tokio::test]
async fn incident_50_the_rows_with_key_0_are_read_over_and_never_written() {
    let harness = Harness::of("first_day").await;
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
    let requests = harness.sandbox.requests();
    assert!(requests.iter().any(|request| request.call == "write"));
    for request in requests.iter().filter(|request| request.call == "write") {
        assert!(!request.body.contains("=\"0\""), "{}", request.body);
    }
}

#[tokio::test]
async fn incident_45_an_operator_whose_record_cannot_be_used_is_reported_and_the_others_go_on() {
    const KARL: &str = r#"name="karl@acme.com""#;
    // What becomes of karl's row; his removal from "delivery" is due.
    for (from, to) in [
        (KARL, r#"name="""#.to_owned()),
        (KARL, format!("name=\"{}\"", "x".repeat(70_000))),
        (KARL, r#"name="&nope;""#.to_owned()),
    ] {
        let harness = Harness::of("first_day").await;
        let query = Fault::new("query", Effect::replace_text(from, &to)).schema("xtk:operator").forever();
        harness.sandbox.inject(query);
        let report = harness.sync().await;
        assert_eq!(report.outcome, Outcome::Partial, "{to:.40}: {report:#?}");
        let lines = changes(&report);
        assert!(!lines.iter().any(|line| line.contains("karl")), "{lines:#?}");
        assert!(lines.iter().all(|line| line.starts_with("applied: ")) && lines.len() == 7, "{lines:#?}");
        assert!(harness.memberships("production").contains(&("karl@acme.com".to_owned(), "delivery".to_owned())));
        let notices: Vec<_> =
            report.instances[0].skipped.iter().filter(|skip| skip.reason == SkipReason::UnusableRecord).collect();
        let [notice] = notices.as_slice() else { panic!("{report:#?}") };
        assert!(
            notice.subject.starts_with("operator with id ") && notice.detail.contains("\"delivery\""),
            "{notice:?}"
        );
    }
}

#[tokio::test]
async fn incident_45_a_person_whose_operator_cannot_be_used_is_neither_added_nor_created() {
    let mut harness = Harness::of("first_day").await;
    for instance in &mut harness.options.instances {
        instance.policy.missing_operator = MissingPolicy::Create;
    }
    let before = harness.memberships("production");
    let access =
        Effect::replace_text(r#"authenticationType="ims" disabled=""#, r#"authenticationType="ims" disabled="maybe"#);
    harness.sandbox.inject(Fault::new("query", access).schema("xtk:operator").forever());
    let report = harness.sync().await;
    assert_eq!((report.outcome, changes(&report)), (Outcome::Partial, Vec::new()), "{report:#?}");
    assert_eq!(harness.memberships("production"), before);
    let unusable = |skip: &&Skipped| skip.reason == SkipReason::UnusableRecord;
    let skipped = report.instances[0].skipped.iter();
    assert!(skipped.filter(unusable).any(|skip| skip.subject == "dev@acme.com"), "{report:#?}");
}

#[tokio::test]
async fn incident_45_a_group_without_a_usable_name_concerns_nobody() {
    let harness = Harness::of("first_day").await;
    let id = harness.sandbox.world().instance("production").expect("an instance").world().groups[0].id.expect("an id");
    let row = "<operator-collection><operator id=\"-77\" name=\"\" type=\"1\"/>";
    let row = Effect::replace_text("<operator-collection>", row);
    assert!(id > -77);
    harness.sandbox.inject(Fault::new("query", row).schema("xtk:operator"));
    let report = harness.sync().await;
    assert_eq!(report.outcome, Outcome::Applied, "{report:#?}");
}

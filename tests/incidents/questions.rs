//! Explanations of a user's memberships: what they read and what they cost.

use std::num::NonZeroU32;

use campaign_group_sync::{
    domain::{Explanation, OperatorGroupName, Outcome, RunMode, Watcher},
    sandbox::LoggedRequest,
    sync,
};

use super::harness::Harness;

async fn ask(harness: &Harness, person: &str) -> Explanation {
    sync::explain(&harness.options, Some(&harness.journal), person, None).await
}

/// The sentences about the operator, and about one group.
fn told(explanation: &Explanation, group: &str) -> Vec<String> {
    let instance = explanation.instances.first().expect("an instance");
    let about = instance.groups.iter().filter(|one| one.group == group).flat_map(|one| &one.findings);
    instance.findings.iter().chain(about).map(|finding| finding.text.clone()).collect()
}

/// The queries of one schema that Campaign was sent.
fn queries(harness: &Harness, schema: &str) -> Vec<LoggedRequest> {
    let named = format!("schema=\"{schema}\"");
    let mut requests = harness.sandbox.requests();
    requests.retain(|request| request.call == "query" && request.body.contains(&named));
    requests
}

/// Requests for tokens of the credential of Experience Cloud.
fn tokens(harness: &Harness) -> usize {
    let credential = &harness.options.experience_cloud.client_id;
    let is_ours = |request: &&LoggedRequest| request.call == "token" && request.body.contains(credential.as_str());
    harness.sandbox.requests().iter().filter(is_ours).count()
}

fn change(harness: &Harness, document: &str) {
    harness.sandbox.world().apply(&[serde_json::from_str(document).expect("a change")]).expect("applied");
}

#[tokio::test]
async fn incident_36_a_lookup_reads_one_operator_and_its_memberships() {
    let harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    harness.sandbox.clear_requests();
    let explanation = ask(&harness, "ann@acme.com").await;
    let text = told(&explanation, "delivery");
    assert!(text.iter().any(|line| line.contains("is in operator group \"delivery\"")), "{text:#?}");
    let operators = queries(&harness, "xtk:operator");
    assert!(
        !operators.is_empty() && operators.iter().all(|query| query.body.contains("ann@acme.com")),
        "{operators:#?}"
    );
    let memberships = queries(&harness, "xtk:operatorGroup");
    let is_narrow = |query: &LoggedRequest| query.body.contains("[@operator-id] IN (");
    assert!(!memberships.is_empty() && memberships.iter().all(is_narrow), "{memberships:#?}");
}

#[tokio::test]
async fn a_question_finds_every_operator_whose_login_is_or_looks_like_the_name_of_the_user() {
    let harness = Harness::of("hostile_names").await;
    // Nobody is added or removed: the operators in question are in no managed group.
    harness.run(RunMode::DryRun).await;
    for (asked, operator) in [
        ("ann.berg@acme.com", "is operator \"Ann.Berg@ACME.com\""),
        ("vic@acme.com", "matches several operators: \"vic@acme.com\", \"Vic@acme.com\"; none of them is changed"),
    ] {
        let text = told(&ask(&harness, asked).await, "delivery");
        assert!(text.iter().any(|line| line == operator), "{asked}: {text:#?}");
    }
}

#[tokio::test]
async fn before_a_run_has_seen_the_operators_a_question_reads_all_of_them() {
    let harness = Harness::of("hostile_names").await;
    // A state with a listing and without any operator, as an earlier version leaves it.
    sync::listing(&harness.options, Some(&harness.journal), &Watcher::none()).await.expect("a listing");
    let text = told(&ask(&harness, "ann.berg@acme.com").await, "delivery");
    assert!(text.iter().any(|line| line == "is operator \"Ann.Berg@ACME.com\""), "{text:#?}");
}

#[tokio::test]
async fn a_limit_counts_the_members_that_the_question_does_not_read() {
    let mut harness = Harness::of("first_day").await;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    let members = |harness: &Harness| {
        let rows = harness.memberships("production");
        rows.into_iter().filter(|(_, group)| group == "delivery").count()
    };
    assert!(members(&harness) > 2, "{}", members(&harness));
    change(&harness, r#"{"op": "unassign", "user": "ann@acme.com", "group": "Campaign - acme - delivery"}"#);
    let text = told(&ask(&harness, "ann@acme.com").await, "delivery");
    assert!(text.iter().any(|line| line.starts_with("removes \"ann@acme.com\"")), "{text:#?}");
    harness.options.limits.max_group_removals_percent = 0;
    let group = OperatorGroupName::new("delivery");
    let explanation = sync::explain(&harness.options, Some(&harness.journal), "ann@acme.com", Some(&group)).await;
    let text = told(&explanation, "delivery");
    assert!(text.iter().any(|line| line.contains("exceed guard.max_group_removals_percent")), "{text:#?}");
}

#[tokio::test]
async fn incident_36_runs_and_questions_of_a_process_share_one_token() {
    let mut harness = Harness::of("first_day").await;
    let dear = NonZeroU32::new(100).expect("not zero");
    harness.options.experience_cloud.users_per_minute = dear;
    assert_eq!(harness.sync().await.outcome, Outcome::Applied);
    ask(&harness, "ann@acme.com").await;
    ask(&harness, "bob@acme.com").await;
    assert_eq!(tokens(&harness), 1);
    // Another credential is another access.
    harness.options.experience_cloud.scopes = "openid,AdobeID,user_management_sdk,more".to_owned();
    ask(&harness, "ann@acme.com").await;
    assert_eq!(tokens(&harness), 2);
}

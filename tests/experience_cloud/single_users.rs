//! Reads of one user by e-mail address.

use campaign_group_sync::{
    domain::{Failure, ProductProfileName},
    experience_cloud::{ExperienceCloudError, Membership, UserRead},
    sandbox::{Change, Effect, Fault, OrganizationChange, UmapiGroup, User},
};
use serde_json::json;

use super::harness::{CONTENT, DELIVERY, Harness, PHOTOSHOP, chain, people};

async fn ask(harness: &Harness, name: &str) -> Result<Option<UserRead>, ExperienceCloudError> {
    harness.client.fetch_user(name, Membership::Effective).await
}

async fn found(harness: &Harness, name: &str) -> UserRead {
    let read = ask(harness, name).await.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
    read.unwrap_or_else(|| panic!("{name} was not found"))
}

fn names(read: &UserRead) -> Vec<&str> {
    read.profiles.iter().map(ProductProfileName::as_str).collect()
}

#[tokio::test]
async fn a_user_is_found_in_any_letter_case_with_all_profiles_and_without_page_0() {
    let harness = Harness::of(people(10)).await;
    let read = found(&harness, " USER6@acme.com").await;
    assert_eq!(read.user.email(), Some("user6@acme.com"));
    assert_eq!(read.user.id(), Some("000000000000000000000006@acme.com"));
    assert_eq!(read.user.user_name(), None, "it equals the address");
    assert_eq!(names(&read), [PHOTOSHOP, DELIVERY, CONTENT]);
    let requests = harness.requests("user");
    assert_eq!((requests.len(), requests[0].query.as_str()), (1, "directOnly=false"));
    assert!(harness.requests("users").is_empty() && harness.requests("groups").is_empty());
    assert_eq!(harness.client.calls(), 1);
}

#[tokio::test]
async fn inherited_profiles_are_requested_unless_only_direct_ones_count() {
    let mut scenario = people(0);
    scenario.organization.groups.push(UmapiGroup::user_group(9, "Marketing", &[DELIVERY]));
    scenario.organization.users = vec![User::federated("bob@acme.com", &["Marketing"])];
    let harness = Harness::of(scenario).await;
    for (membership, expected) in
        [(Membership::Effective, vec!["Marketing", DELIVERY]), (Membership::Direct, vec!["Marketing"])]
    {
        let read = harness.client.fetch_user("bob@acme.com", membership).await.expect("an answer").expect("a user");
        assert_eq!(names(&read), expected, "{membership:?}");
    }
}

#[tokio::test]
async fn a_user_without_groups_is_found() {
    let mut scenario = people(1);
    scenario.organization.users[0].groups.clear();
    let harness = Harness::of(scenario).await;
    assert_eq!(names(&found(&harness, "user0@acme.com").await), Vec::<&str>::new());
}

#[tokio::test]
async fn unknown_addresses_find_no_user_and_special_characters_request_nothing_else() {
    let harness = Harness::of(people(3)).await;
    for name in ["nobody@acme.com", "a/b@acme.com", "a?b#c@acme.com", "100%@acme.com", "zoë@acme.com"] {
        assert_eq!(
            ask(&harness, name).await.unwrap_or_else(|error| panic!("{name}: {}", chain(&error))),
            None,
            "{name}"
        );
    }
    assert!(harness.sandbox.requests().iter().all(|request| request.call == "token" || request.call == "user"));
    let before = harness.client.calls();
    for name in ["", "  ", ".", ".."] {
        assert_eq!(ask(&harness, name).await.expect("no call"), None, "{name:?}");
    }
    assert_eq!(harness.client.calls(), before);
}

#[tokio::test]
async fn an_inactive_account_is_not_found() {
    let harness = Harness::of(people(3)).await;
    for status in ["disabled", "Locked", "removed"] {
        harness.sandbox.inject(Fault::new("user", Effect::set_value("/user/status", status)));
        assert_eq!(ask(&harness, "user0@acme.com").await.expect("an answer"), None, "{status}");
    }
    harness.sandbox.inject(Fault::new("user", Effect::set_value("/user/status", "pending")));
    found(&harness, "user0@acme.com").await;
}

#[tokio::test]
async fn status_404_means_no_user_only_if_the_response_says_so() {
    let not_found = |body: &str| Effect::Status { status: 404, headers: Vec::new(), body: body.to_owned() };
    for effect in [
        not_found(""),
        not_found("<html>nothing here</html>"),
        not_found(r#"{"result": "error.organization.not_found", "message": "Not found"}"#),
        not_found(r#"{"message": "User not found user0@acme.com"}"#),
        not_found(r#"{"result": "error.user.not_found", "user": {"email": "user0@acme.com"}}"#),
    ] {
        let harness = Harness::of(people(3)).await.disturbed(Fault::new("user", effect.clone()).forever());
        let error = ask(&harness, "user0@acme.com").await.expect_err("an invalid response");
        assert_eq!(error.failure(), Failure::Incomplete, "{effect:?}");
        assert!(chain(&error).contains("GET user user0@acme.com: not found"), "{}", chain(&error));
        assert_eq!(harness.requests("user").len(), 1, "{effect:?}");
    }
}

#[tokio::test]
async fn an_invalid_response_is_an_error() {
    for (effect, part) in [
        (Effect::Html, "not JSON"),
        (Effect::omit_key("/user"), "no \"user\""),
        (Effect::omit_key("/result"), "the result is \"\""),
        (Effect::set_value("/result", "error.internal"), "error.internal"),
        (Effect::set_value("/user/groups", "A"), "its \"groups\" is not a list"),
        (
            Effect::set_value("/user", json!(["1", "a@acme.com", "a@acme.com", "active", ["A"]])),
            "\"user\" is not an object",
        ),
        (
            Effect::Status { status: 200, headers: Vec::new(), body: r#"["success", {"id": "1"}]"#.to_owned() },
            "expected an object",
        ),
        (Effect::Truncate { bytes: None }, "EOF"),
    ] {
        let harness = Harness::of(people(3)).await.disturbed(Fault::new("user", effect.clone()).forever());
        let error = ask(&harness, "user0@acme.com").await.expect_err(part);
        assert_eq!(error.failure(), Failure::Incomplete, "{effect:?}");
        assert!(chain(&error).contains(part), "{effect:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_temporary_fault_is_retried_and_a_rate_limit_is_reported() {
    let harness = Harness::of(people(3)).await.disturbed(Fault::new("user", Effect::status(503)).times(2));
    found(&harness, "user0@acme.com").await;
    harness.sandbox.inject(Fault::new("user", Effect::too_many_requests("3244")));
    let error = ask(&harness, "user0@acme.com").await.expect_err("throttled");
    assert!(matches!(error.failure(), Failure::Throttled { retry_after: Some(_) }), "{}", chain(&error));
}

#[tokio::test]
async fn a_renamed_user_is_found_by_the_new_address_with_the_old_id() {
    let harness = Harness::of(people(3)).await;
    let id = found(&harness, "user2@acme.com").await.user.id().map(str::to_owned);
    let rename = OrganizationChange::RenameUser { user: "user2@acme.com".to_owned(), to: "two@acme.com".to_owned() };
    harness.sandbox.world().apply(&[Change::from(rename)]).expect("a change that fits");
    assert_eq!(ask(&harness, "user2@acme.com").await.expect("an answer"), None);
    assert_eq!(found(&harness, "two@acme.com").await.user.id().map(str::to_owned), id);
}

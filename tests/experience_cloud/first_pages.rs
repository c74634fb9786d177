//! Page 0 of the organization's listings: when it is requested, whether the request was sent, and Adobe's rate limit.

use std::time::Duration;

use campaign_group_sync::{
    domain::{Failure, LoginSet, ReadKind, RunStep},
    experience_cloud::{ExperienceCloudError, ProfileListing, ReadChoice, UmapiOptions},
    sandbox::{CallLimits, Effect, Fault, Scenario},
    transport::BaseUrl,
};

use super::harness::{
    CONTENT, DELIVERY, Harness, Memberships, chain, masks, memberships, memberships_of_people, people,
};

fn unused_address() -> BaseUrl {
    // Port 1 is reserved: connections to it are refused.
    BaseUrl::parse("http://127.0.0.1:1").expect("an address")
}

#[tokio::test]
async fn each_step_requests_its_own_page_0_and_the_choice_requests_none() {
    let harness = Harness::of(people(10)).await;
    let listing = harness.client.fetch_listing().await.expect("the listing");
    assert_eq!(listing.profiles().len(), 3);
    assert_eq!((harness.pages("groups"), harness.pages("users")), (vec![0], vec![]));
    let matched = listing.matched_by(masks()).expect("a match");
    let kind = harness.client.choose(&matched);
    assert_eq!((kind, harness.client.calls()), (ReadKind::Organization, 1));
    let read = harness.client.fetch_memberships(matched, LoginSet::default(), kind).await.expect("a complete read");
    assert_eq!(memberships(&read), memberships_of_people(10));
    assert_eq!((harness.pages("groups"), harness.pages("users")), (vec![0], vec![0, 1, 2, 3]));
}

#[tokio::test]
async fn a_remembered_listing_is_read_profile_by_profile_unless_the_configuration_forbids_it() {
    for (choice, expected) in [
        (ReadChoice::Auto, ReadKind::Profiles),
        (ReadChoice::Profiles, ReadKind::Profiles),
        (ReadChoice::Organization, ReadKind::Organization),
    ] {
        let harness = Harness::with(people(10), |options: &mut UmapiOptions| options.read = choice).await;
        assert_eq!(harness.client.read_choice(), choice);
        let listing = harness.client.fetch_listing().await.expect("the listing");
        let remembered = ProfileListing::remembered(listing.profiles().to_vec()).matched_by(masks()).expect("a match");
        let kind = harness.client.choose(&remembered);
        assert_eq!(kind, expected, "{choice:?}");
        let read =
            harness.client.fetch_memberships(remembered, LoginSet::default(), kind).await.expect("a complete read");
        assert_eq!(memberships(&read), memberships_of_people(10), "{choice:?}");
        let begins = |request: &campaign_group_sync::sandbox::LoggedRequest| {
            request.headers.iter().any(|(name, _)| name == "pragma")
        };
        let requests = harness.sandbox.requests();
        assert_eq!(requests.iter().filter(|request| begins(request)).count(), 2, "one a run");
    }
}

/// Ten users on four pages, two of them with a profile each.
fn sparse() -> Scenario {
    let mut scenario = people(10);
    for (number, user) in scenario.organization.users.iter_mut().enumerate() {
        user.groups = [DELIVERY, CONTENT].get(number).map(|name| (*name).to_owned()).into_iter().collect();
    }
    scenario
}

#[tokio::test]
async fn a_walk_is_abandoned_after_page_0_if_the_members_of_each_profile_cost_fewer_calls() {
    let expected: Memberships = [(DELIVERY, "user0@acme.com"), (CONTENT, "user1@acme.com")]
        .map(|(name, user)| (name.to_owned(), [user.to_owned()].into()))
        .into();
    for (choice, remembered, users, members) in [
        (ReadChoice::Auto, None, vec![0], vec![0, 0]),
        (ReadChoice::Auto, Some(10), vec![0], vec![0, 0]),
        (ReadChoice::Auto, Some(1_000_000), vec![], vec![0, 0]),
        (ReadChoice::Organization, None, vec![0, 1, 2, 3], vec![]),
        (ReadChoice::Organization, Some(1_000_000), vec![0, 1, 2, 3], vec![]),
    ] {
        let harness = Harness::with(sparse(), |options: &mut UmapiOptions| options.read = choice).await;
        let listing = harness.client.fetch_listing().await.expect("the listing");
        let matched = listing.matched_by(masks()).expect("a match").in_organization_of(remembered);
        let kind = harness.client.choose(&matched);
        let read = harness.client.fetch_memberships(matched, LoginSet::default(), kind).await.expect("a complete read");
        assert_eq!(memberships(&read), expected, "{choice:?} {remembered:?}");
        let of = if users.len() > 1 { ReadKind::Organization } else { ReadKind::Profiles };
        assert_eq!(read.proof().kind(), of, "{choice:?} {remembered:?}");
        assert_eq!((harness.pages("users"), harness.pages("members")), (users, members), "{choice:?} {remembered:?}");
    }
}

#[tokio::test]
async fn a_page_0_that_cannot_begin_a_complete_read_is_an_error_and_not_abandoned() {
    for effect in [Effect::EmptyPage, Effect::omit_key("/users"), Effect::status(404), Effect::Html] {
        let harness = Harness::of(sparse()).await.disturbed(Fault::new("users", effect.clone()).page(0));
        let error = harness.fetch().await.expect_err("an incomplete read");
        assert!(error.was_sent(), "{effect:?}: {}", chain(&error));
        assert!(harness.pages("members").is_empty(), "{effect:?}");
    }
}

#[tokio::test]
async fn a_page_0_without_counts_is_followed_by_the_rest_of_the_walk() {
    let headers = Effect::drop_headers(&["X-Total-Count", "X-Page-Count"]);
    let harness = Harness::of(sparse()).await.disturbed(Fault::new("users", headers).forever());
    let read = harness.fetch().await.expect("a read");
    assert_eq!((harness.pages("users"), read.proof().is_counted()), (vec![0, 1, 2, 3], false));
}

#[tokio::test]
async fn with_a_remembered_listing_no_user_group_counts_as_a_profile() {
    let mut scenario = people(6);
    let listing = Harness::of(scenario.clone()).await.client.fetch_listing().await.expect("the listing");
    let namesake = campaign_group_sync::sandbox::UmapiGroup::user_group(9, CONTENT, &[]);
    scenario.organization.groups.push(namesake);
    scenario.organization.users[1].groups.push("id:9".to_owned());
    let harness = Harness::of(scenario).await;
    let remembered = ProfileListing::remembered(listing.profiles().to_vec()).matched_by(masks()).expect("a match");
    let read = harness.client.fetch_memberships(remembered, LoginSet::default(), ReadKind::Organization).await;
    assert_eq!(memberships(&read.expect("a complete read")), memberships_of_people(6));
}

#[test]
fn a_listing_without_a_match_is_an_error() {
    let error = ProfileListing::remembered(Vec::new()).matched_by(masks()).expect_err("no match");
    assert!(matches!(error, ExperienceCloudError::NoMatch { profiles: 0, .. }), "{error:?}");
}

#[tokio::test]
async fn an_error_before_page_0_was_sent_says_so() {
    type Adjust = fn(&mut UmapiOptions);
    let cases: [(&str, Adjust); 3] = [
        ("connection refused by", |options| options.umapi_url = unused_address()),
        ("POST token", |options| options.ims_url = unused_address()),
        ("refused with status 400", |options| options.client_secret = "wrong".to_owned().into()),
    ];
    for (part, adjust) in cases {
        let harness = Harness::with(people(10), adjust).await;
        let error = harness.fetch().await.expect_err(part);
        assert!(!error.was_sent() && chain(&error).contains(part), "{}", chain(&error));
        let listing = Harness::of(people(10)).await.client.fetch_listing().await.expect("the listing");
        let matched = listing.matched_by(masks()).expect("a match");
        let read = harness.client.fetch_memberships(matched, LoginSet::default(), ReadKind::Organization).await;
        assert!(!read.expect_err(part).was_sent(), "{part}");
        assert!(harness.pages("groups").is_empty() && harness.pages("users").is_empty());
    }
}

#[tokio::test]
async fn an_error_after_page_0_may_have_been_served_says_so() {
    for call in ["groups", "users"] {
        for effect in [
            Effect::status(504),
            Effect::status(403),
            Effect::status(404),
            Effect::Reset,
            Effect::LoseAnswer,
            Effect::Html,
            Effect::too_many_requests("3244"),
        ] {
            let harness = Harness::of(people(10)).await.disturbed(Fault::new(call, effect.clone()).page(0));
            let error = harness.fetch().await.expect_err("a failure");
            assert!(error.was_sent(), "{call} {effect:?}: {}", chain(&error));
        }
    }
}

#[tokio::test]
async fn a_read_that_fails_to_renew_its_token_has_sent_page_0() {
    let harness = Harness::of(people(10)).await.disturbed(Fault::new("users", Effect::ExpireTokens).page(2));
    harness.sandbox.inject(Fault::new("token", Effect::status(503)).skip(1).forever());
    let error = harness.fetch().await.expect_err("no second token");
    assert!(error.was_sent() && chain(&error).contains("POST token"), "{}", chain(&error));
    assert_eq!(error.failure(), Failure::Unavailable);
}

#[tokio::test]
async fn a_requested_pause_is_recorded_whether_or_not_the_client_waits() {
    for (fault, asked, waited, succeeds) in [
        (Fault::new("users", Effect::too_many_requests("1")).page(2), 1, true, true),
        (Fault::new("users", Effect::too_many_requests("3244")).page(2), 3244, false, false),
        (Fault::new("groups", Effect::too_many_requests("3244")), 3244, false, false),
        (Fault::new("token", Effect::too_many_requests("1")), 1, true, true),
        (Fault::new("token", Effect::too_many_requests("3244")), 3244, false, false),
        (Fault::new("users", unavailable("1")).page(2), 1, true, true),
        (Fault::new("users", unavailable("7")).page(0), 7, false, false),
    ] {
        let harness = Harness::of(people(10)).await.disturbed(fault.clone()).with_ledger();
        let outcome = harness.fetch().await;
        assert_eq!(outcome.is_ok(), succeeds, "{fault:?}");
        assert_eq!(harness.pauses(), [asked], "{fault:?}");
        let waits = harness.steps().iter().any(|step| matches!(step, RunStep::Waiting { .. }));
        assert_eq!(waits, waited, "{fault:?}");
    }
}

fn unavailable(seconds: &str) -> Effect {
    let headers = vec![("Retry-After".to_owned(), seconds.to_owned())];
    Effect::Status { status: 503, headers, body: String::new() }
}

#[tokio::test]
async fn a_second_request_for_page_0_by_another_client_is_locked_out() {
    let mut scenario = people(10);
    scenario.throttle = CallLimits { first_page_interval: Some(7200), lockout: 3244, ..CallLimits::default() };
    let harness = Harness::of(scenario).await;
    harness.fetch().await.expect("the first read");
    let harness = harness.with_ledger();
    let error = harness.client.fetch_listing().await.expect_err("too early");
    let Failure::Throttled { retry_after: Some(pause) } = error.failure() else { panic!("{}", chain(&error)) };
    assert!(pause <= Duration::from_secs(3244) && pause >= Duration::from_secs(3240), "{pause:?}");
    assert!(error.was_sent());
    assert_eq!(harness.pauses(), [pause.as_secs()]);
    let first_pages = |call: &str| harness.pages(call).into_iter().filter(|page| *page == 0).count();
    assert_eq!((first_pages("groups"), first_pages("users")), (2, 1));
    assert!(
        harness
            .client
            .fetch_user("user0@acme.com", campaign_group_sync::experience_cloud::Membership::Effective)
            .await
            .is_err()
    );
}

//! Reads of the members of single profiles: to read memberships, and as the second read that confirms removals.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{Failure, LoginSet, ProductProfile, ProductProfileId, ProductProfileName, ProfileRead, ReadKind},
    experience_cloud::{ProfileListing, ReadChoice, UmapiOptions},
    sandbox::{Change, Effect, Fault, OrganizationChange, User},
};

use super::harness::{DELIVERY, Harness, chain, masks, memberships, memberships_of_people, people};

fn one_by_one(options: &mut UmapiOptions) {
    options.read = ReadChoice::Profiles;
}

fn delivery(id: Option<i64>) -> ProductProfile {
    ProductProfile { id: id.map(ProductProfileId), name: ProductProfileName::new(DELIVERY), member_count: None }
}

async fn members(harness: &Harness, profile: &ProductProfile) -> BTreeSet<String> {
    let read = harness.client.fetch_profile_members(profile, &ProfileRead::default()).await;
    let members = read.unwrap_or_else(|error| panic!("{}", chain(&error)));
    members.users.iter().filter_map(|person| person.email()).map(str::to_owned).collect()
}

#[tokio::test]
async fn reading_profile_by_profile_gives_the_same_memberships_as_listing_all_users() {
    for page_size in [1, 2, 5, 2000] {
        let mut scenario = people(25);
        scenario.pages.users = page_size;
        let harness = Harness::with(scenario, one_by_one).await;
        let snapshot = harness.fetch().await.expect("a complete read");
        assert_eq!(memberships(&snapshot), memberships_of_people(25));
        assert_eq!(snapshot.proof().kind(), ReadKind::Profiles);
        assert_eq!(snapshot.proof().users(), 17, "users with at least one of the profiles");
        assert!(snapshot.proof().is_counted());
        assert_eq!(snapshot.profiles().len(), 3, "all profiles are listed, whether they were read or not");
        assert!(harness.requests("users").is_empty());
        for request in harness.requests("members") {
            assert!(request.path.ends_with("/1") || request.path.ends_with("/2"), "by id: {}", request.path);
            assert_eq!(request.query, "directOnly=false&excludeGroups=true");
        }
    }
}

#[tokio::test]
async fn profiles_are_read_one_by_one_if_that_is_certainly_cheaper() {
    let mut scenario = people(3);
    scenario.organization.groups[2].name = "Everyone".to_owned();
    scenario.organization.users.iter_mut().for_each(|user| user.groups.retain(|group| group == DELIVERY));
    let harness = Harness::of(scenario.clone()).await;
    harness.fetch().await.expect("a complete read");
    assert_eq!((harness.pages("users"), harness.pages("members")), (vec![0], vec![]));

    let large = Effect::set_value("/groups/2/memberCount", 6001);
    let harness = Harness::of(scenario).await.disturbed(Fault::new("groups", large));
    harness.fetch().await.expect("a complete read");
    assert_eq!((harness.pages("users"), harness.pages("members")), (vec![], vec![0, 0]));
}

#[tokio::test]
async fn profiles_of_a_remembered_listing_are_read_without_any_page_0_of_the_organization() {
    let harness = Harness::of(people(10)).await;
    let listing = harness.client.fetch_listing().await.expect("the listing");
    let remembered = ProfileListing::remembered(listing.profiles().to_vec()).matched_by(masks()).expect("a match");
    harness.sandbox.clear_requests();
    let kind = harness.client.choose(&remembered);
    assert_eq!(kind, ReadKind::Profiles);
    let snapshot =
        harness.client.fetch_memberships(remembered, LoginSet::default(), kind).await.expect("a complete read");
    assert_eq!(memberships(&snapshot), memberships_of_people(10));
    assert!(harness.requests("groups").is_empty() && harness.requests("users").is_empty());
}

#[tokio::test]
async fn page_0_of_a_profile_is_retried() {
    for effect in [Effect::status(503), Effect::Reset, Effect::Html] {
        let harness = Harness::with(people(10), one_by_one).await;
        let harness = harness.disturbed(Fault::new("members", effect.clone()).page(0).times(2));
        harness.fetch().await.unwrap_or_else(|error| panic!("{effect:?}: {}", chain(&error)));
        assert_eq!(harness.sorted_pages("members"), [0, 0, 0, 0, 1, 1], "{effect:?}");
    }
}

#[tokio::test]
async fn an_incomplete_read_of_one_profile_is_an_error_of_the_whole_read() {
    for (page, effect, part) in [
        (
            0,
            Effect::LastPage { value: true },
            "members of the product profile \"Campaign - acme - delivery\": incomplete read: 1 of 2 pages",
        ),
        (0, Effect::status(404), "GET users of \"Campaign - acme - delivery\" page 0: not found"),
        (0, Effect::omit_key("/users"), "no \"users\""),
        (1, Effect::RepeatPage { page: 0 }, "no new entries"),
    ] {
        let harness = Harness::with(people(10), one_by_one).await;
        let harness = harness.disturbed(Fault::new("members", effect.clone()).page(page).forever());
        let error = harness.fetch().await.expect_err("an incomplete read");
        assert_eq!(error.failure(), Failure::Incomplete);
        assert!(chain(&error).contains(part), "{effect:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_second_read_returns_the_present_members_of_a_profile() {
    let harness = Harness::of(people(10)).await;
    let expected = &memberships_of_people(10)[DELIVERY];
    assert_eq!(&members(&harness, &delivery(Some(1))).await, expected);
    assert_eq!(harness.client.calls(), 2, "five members, three on a page");
    let gone = OrganizationChange::Unassign { user: "user0@acme.com".to_owned(), group: DELIVERY.to_owned() };
    harness.sandbox.world().apply(&[Change::from(gone)]).expect("a change that fits");
    assert!(!members(&harness, &delivery(Some(1))).await.contains("user0@acme.com"));
}

#[tokio::test]
async fn the_name_is_requested_if_there_is_no_id_or_it_is_unknown() {
    let expected = memberships_of_people(10)[DELIVERY].clone();
    for (id, paths) in [
        (None, vec!["Campaign%20-%20acme%20-%20delivery"; 2]),
        (Some(99), vec!["99", "Campaign%20-%20acme%20-%20delivery", "Campaign%20-%20acme%20-%20delivery"]),
    ] {
        let harness = Harness::of(people(10)).await;
        assert_eq!(members(&harness, &delivery(id)).await, expected);
        let asked: Vec<_> = harness.requests("members").into_iter().map(|request| request.path).collect();
        assert_eq!(asked.iter().filter_map(|path| path.rsplit('/').next()).collect::<Vec<_>>(), paths);
    }
}

#[tokio::test]
async fn a_name_with_a_dot_may_be_read_as_another_and_is_never_requested() {
    let harness = Harness::of(people(10)).await;
    let dotted = ProductProfile { name: ProductProfileName::new("Campaign - acme - v1.2"), ..delivery(None) };
    let error = harness
        .client
        .fetch_profile_members(&dotted, &ProfileRead::default())
        .await
        .expect_err("no request is possible");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("cut") && chain(&error).contains("v1.2"), "{}", chain(&error));
    assert_eq!(harness.client.calls(), 0);
}

#[tokio::test]
async fn not_found_is_never_an_empty_list() {
    let harness = Harness::of(people(10)).await;
    let gone = OrganizationChange::RemoveGroup { group: DELIVERY.to_owned() };
    harness.sandbox.world().apply(&[Change::from(gone)]).expect("a change that fits");
    let error =
        harness.client.fetch_profile_members(&delivery(Some(1)), &ProfileRead::default()).await.expect_err("not found");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("not found (status 404)"), "{}", chain(&error));
}

#[tokio::test]
async fn a_profile_may_have_no_members() {
    let mut scenario = people(10);
    scenario.organization.users.iter_mut().for_each(|user| user.groups.retain(|group| group != DELIVERY));
    assert!(members(&Harness::of(scenario).await, &delivery(Some(1))).await.is_empty());
}

#[tokio::test]
async fn a_second_read_without_counting_headers_proves_nothing() {
    let fault = Fault::new("members", Effect::drop_headers(&["x-total-count"])).forever();
    let harness = Harness::of(people(10)).await.disturbed(fault);
    let error =
        harness.client.fetch_profile_members(&delivery(Some(1)), &ProfileRead::default()).await.expect_err("no proof");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("unproven read"), "{}", chain(&error));
}

#[tokio::test]
async fn inactive_accounts_are_not_members_with_either_way_of_reading() {
    let mut scenario = people(3);
    let disabled = User { status: Some("disabled".to_owned()), ..User::federated("dora@acme.com", &[DELIVERY]) };
    scenario.organization.users.push(disabled);
    let walked = Harness::of(scenario.clone()).await;
    let read = Harness::with(scenario, one_by_one).await;
    for harness in [&walked, &read] {
        assert_eq!(memberships(&harness.fetch().await.expect("a complete read")), memberships_of_people(3));
    }
    assert!(!members(&read, &delivery(Some(1))).await.contains("dora@acme.com"));
}

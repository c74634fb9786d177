//! Complete reads, with any page size, spelling and order of the responses, and with optional fields absent.

use std::collections::BTreeSet;

use campaign_group_sync::{
    domain::{Failure, ReadKind, RunStep},
    experience_cloud::{Membership, ReadChoice, UmapiOptions},
    sandbox::{Change, Effect, Fault, PastTheEnd, UmapiGroup, User},
};

use super::harness::{
    CONTENT, DELIVERY, Harness, Memberships, PHOTOSHOP, chain, memberships, memberships_of_people, people,
};

fn one(profile: &str, members: &[&str]) -> Memberships {
    [(profile.to_owned(), members.iter().map(|&member| member.to_owned()).collect())].into()
}

#[tokio::test]
async fn the_page_size_does_not_matter() {
    for (users, groups) in [(1, 1), (2, 2), (3, 1), (7, 400), (25, 3), (26, 400), (2000, 400)] {
        for past_the_end in [PastTheEnd::Clamp, PastTheEnd::NotFound] {
            let mut scenario = people(25);
            (scenario.pages.users, scenario.pages.groups) = (users, groups);
            scenario.quirks.groups_past_the_end = past_the_end;
            // With one user on a page, profiles cost fewer calls.
            let harness = Harness::with(scenario, |options| options.read = ReadChoice::Organization).await;
            let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{users} a page: {}", chain(&error)));
            assert_eq!(memberships(&snapshot), memberships_of_people(25), "{users} a page");
            assert_eq!(snapshot.profiles().len(), 3);
            assert_eq!((snapshot.proof().kind(), snapshot.proof().users()), (ReadKind::Organization, 25));
            assert!(snapshot.proof().is_counted());
        }
    }
}

#[tokio::test]
async fn a_groups_listing_may_end_with_an_empty_page() {
    let mut scenario = people(10);
    scenario.quirks.groups_past_the_end = PastTheEnd::NotFound;
    let fault = Fault::new("groups", Effect::LastPage { value: false }).page(0);
    let harness = Harness::of(scenario).await.disturbed(fault);
    let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(snapshot.profiles().len(), 3);
    assert_eq!(harness.pages("groups"), [0, 1]);
}

#[tokio::test]
async fn technical_accounts_may_be_missing_within_the_tolerance() {
    for from in [0, 4, 25] {
        let mut scenario = people(25);
        scenario.organization.technical_accounts = 2;
        scenario.organization.technical_accounts_from = from;
        let snapshot = Harness::of(scenario).await.fetch().await.expect("a complete read");
        assert_eq!(memberships(&snapshot), memberships_of_people(25), "from {from}");
        assert_eq!(snapshot.proof().users(), 25);
    }
    let mut scenario = people(25);
    scenario.organization.technical_accounts = 11;
    scenario.pages.users = 2000;
    let error = Harness::of(scenario).await.fetch().await.expect_err("more than tolerated");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("at most 10 may be missing"), "{}", chain(&error));
}

#[tokio::test]
async fn a_page_with_only_technical_accounts_is_an_incomplete_read() {
    let mut scenario = people(9);
    scenario.organization.technical_accounts = 3;
    scenario.organization.technical_accounts_from = 3;
    let error = Harness::of(scenario).await.fetch().await.expect_err("an incomplete read");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("incomplete read: 1 of 4 pages"), "{}", chain(&error));
}

#[tokio::test]
async fn missing_users_because_the_order_changed_between_pages_are_noticed() {
    let mut scenario = people(200);
    scenario.quirks.shuffle = true;
    scenario.pages.users = 20;
    let error = Harness::of(scenario.clone()).await.fetch().await.expect_err("an incomplete read");
    assert_eq!(error.failure(), Failure::Incomplete);
    scenario.pages.users = 200;
    let snapshot = Harness::of(scenario).await.fetch().await.expect("one page is complete in any order");
    assert_eq!(memberships(&snapshot), memberships_of_people(200));
}

#[tokio::test]
async fn an_account_listed_twice_counts_once() {
    let mut scenario = people(25);
    let ann = User { id: None, ..User::federated("Ann@acme.com", &[DELIVERY]) };
    let again = User { kind: Some("FederatedId".to_owned()), ..User::federated("ann@ACME.com", &[DELIVERY, CONTENT]) };
    scenario.organization.users.insert(0, ann);
    scenario.organization.users.push(again);
    let snapshot = Harness::of(scenario).await.fetch().await.expect("a complete read");
    assert_eq!(snapshot.proof().users(), 26);
    let mut expected = memberships_of_people(25);
    for members in expected.values_mut() {
        members.insert("Ann@acme.com".to_owned());
    }
    assert_eq!(memberships(&snapshot), expected);
}

#[tokio::test]
async fn two_accounts_with_the_same_address_count_twice() {
    let mut scenario = people(1);
    let federated = User::federated("ann@acme.com", &[DELIVERY]);
    let adobe = User { kind: Some("adobeID".to_owned()), groups: vec![CONTENT.to_owned()], ..federated.clone() };
    scenario.organization.users = vec![federated, adobe];
    let snapshot = Harness::of(scenario).await.fetch().await.expect("a complete read");
    assert_eq!((snapshot.proof().users(), snapshot.users().len()), (2, 2));
}

#[tokio::test]
async fn letter_case_of_names_does_not_matter() {
    let shouting = serde_json::json!([" CAMPAIGN - ACME - DELIVERY ", "campaign - acme - delivery", "_org_admin"]);
    let fault = Fault::new("users", Effect::set_value("/users/*/groups", shouting)).forever();
    let harness = Harness::of(people(3)).await.disturbed(fault);
    let snapshot = harness.fetch().await.expect("a complete read");
    assert_eq!(memberships(&snapshot), one(DELIVERY, &["user0@acme.com", "user1@acme.com", "user2@acme.com"]));
    assert!(snapshot.unlisted().is_empty());
}

#[tokio::test]
async fn a_name_that_only_users_have_is_not_a_profile() {
    let mut scenario = people(3);
    let ghost = "Campaign - acme - delivery_0CFE9FE-provisioning";
    scenario.organization.users[1].ghost_groups = vec![ghost.to_owned(), "Ghost".to_owned()];
    let snapshot = Harness::of(scenario).await.fetch().await.expect("a complete read");
    assert_eq!(snapshot.unlisted().iter().map(ToString::to_string).collect::<Vec<_>>(), [ghost]);
    assert_eq!(snapshot.profiles().len(), 3);
    assert_eq!(memberships(&snapshot), memberships_of_people(3));
}

#[tokio::test]
async fn a_group_without_a_type_may_be_a_profile_and_other_types_are_not() {
    let mut scenario = people(3);
    scenario.organization.groups[0].kind = None;
    scenario.organization.groups[1].kind = Some("USER_GROUP".to_owned());
    let snapshot = Harness::of(scenario).await.fetch().await.expect("a complete read");
    let names: BTreeSet<_> = snapshot.profiles().iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, [DELIVERY, PHOTOSHOP].into());
    assert_eq!(memberships(&snapshot), one(DELIVERY, &["user0@acme.com", "user2@acme.com"]));
    assert_eq!(snapshot.unlisted().iter().map(ToString::to_string).collect::<Vec<_>>(), [CONTENT]);
}

#[tokio::test]
async fn every_optional_key_may_be_absent() {
    for pointer in ["/groups/*/groupId", "/groups/*/memberCount", "/groups/*/type", "/groups/*/productName"] {
        let harness = Harness::of(people(7)).await.disturbed(Fault::new("groups", Effect::omit_key(pointer)));
        let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{pointer}: {}", chain(&error)));
        assert_eq!(memberships(&snapshot), memberships_of_people(7), "{pointer}");
    }
    for pointer in ["/users/*/id", "/users/*/username", "/users/*/domain", "/users/*/type", "/users/*/status"] {
        let harness = Harness::of(people(7)).await.disturbed(Fault::new("users", Effect::omit_key(pointer)).forever());
        let snapshot = harness.fetch().await.unwrap_or_else(|error| panic!("{pointer}: {}", chain(&error)));
        assert_eq!(memberships(&snapshot), memberships_of_people(7), "{pointer}");
    }
}

#[tokio::test]
async fn without_counting_headers_a_read_is_complete_and_proves_no_absence() {
    let fault = Fault::new("users", Effect::drop_headers(&["x-total-count", "x-page-count"])).forever();
    let snapshot = Harness::of(people(10)).await.disturbed(fault).fetch().await.expect("a complete read");
    assert_eq!(memberships(&snapshot), memberships_of_people(10));
    assert!(!snapshot.proof().is_counted());
}

#[tokio::test]
async fn membership_through_a_user_group_counts_unless_only_direct_memberships_count() {
    for (membership, query, members) in [
        (Membership::Effective, "directOnly=false", vec!["ann@acme.com", "bob@acme.com"]),
        (Membership::Direct, "directOnly=true", vec!["ann@acme.com"]),
    ] {
        for read in [ReadChoice::Organization, ReadChoice::Profiles] {
            let mut scenario = people(0);
            scenario.organization.groups.push(UmapiGroup::user_group(9, "Marketing", &[DELIVERY]));
            let users = [User::federated("ann@acme.com", &[DELIVERY]), User::federated("bob@acme.com", &["Marketing"])];
            scenario.organization.users = users.to_vec();
            let choose = |options: &mut UmapiOptions| (options.membership, options.read) = (membership, read);
            let harness = Harness::with(scenario, choose).await;
            let snapshot = harness.fetch().await.expect("a complete read");
            assert_eq!(memberships(&snapshot), one(DELIVERY, &members), "{membership:?} {read:?}");
            let reads: Vec<_> = harness.requests("users").into_iter().chain(harness.requests("members")).collect();
            assert!(!reads.is_empty() && reads.iter().all(|request| request.query.contains(query)), "{reads:?}");
        }
    }
}

#[tokio::test]
async fn a_profile_that_shares_its_name_with_a_user_group_is_read_by_its_id() {
    let mut scenario = people(3);
    scenario.organization.groups.push(UmapiGroup::user_group(9, &DELIVERY.to_uppercase(), &[]));
    scenario.organization.users[1].groups.push("id:9".to_owned());
    let harness = Harness::of(scenario).await;
    let snapshot = harness.fetch().await.expect("a complete read");
    assert_eq!(memberships(&snapshot), memberships_of_people(3), "the user group's member is not the profile's");
    let members = harness.requests("members");
    assert_eq!(members.len(), 1);
    assert!(members[0].path.ends_with("/0/1"), "{}", members[0].path);
}

#[tokio::test]
async fn a_change_of_the_users_during_the_read_is_noticed() {
    let leaves = Change::from(campaign_group_sync::sandbox::OrganizationChange::RemoveUser {
        user: "user0@acme.com".to_owned(),
    });
    let fault = Fault::new("users", Effect::Change { changes: vec![leaves] }).page(2);
    let error = Harness::of(people(12)).await.disturbed(fault).fetch().await.expect_err("an inconsistent read");
    assert_eq!(error.failure(), Failure::Incomplete);
    assert!(chain(&error).contains("12 users announced on the first page, 11 on a later one"), "{}", chain(&error));
}

#[tokio::test]
async fn progress_is_reported_for_each_page() {
    let harness = Harness::of(people(7)).await;
    harness.fetch().await.expect("a complete read");
    let users = |page| RunStep::UsersPage { page, pages: Some(3) };
    assert_eq!(harness.steps(), [RunStep::GroupsPage(1), users(1), users(2), users(3)]);
}

//! Removals that a second read confirms, and those that it does not confirm.

use std::{collections::BTreeMap, sync::Arc};

use campaign_group_sync::domain::{
    AdobeUser, Limits, OperatorGroupName, OrphanedGroup, Policy, ProductProfileName, Review, SecondRead, SourceCounts,
    UnfinishedDisablement, WithoutGroups, confirmed_removals, profiles_to_confirm,
};

use super::world::{World, limits, policy, review_of, written};

/// The confirmed and unconfirmed changes if the profiles have these users at the second read.
fn confirm(world: &World, policy: &Policy, second: &[(&str, Result<&[&str], &str>)]) -> (Vec<String>, Vec<String>) {
    let (desired, planned) = world.decide(policy);
    let (organization, campaign) = (world.organization(), world.campaign());
    let wide = Limits { max_removals_percent: 100, max_group_removals_percent: 100, ..limits() };
    let Review { approved, .. } = review_of(&planned, &desired, &campaign, &wide, SourceCounts::Proven);
    let asked = profiles_to_confirm(approved.changes(), &desired);
    let asked: Vec<_> = asked.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(asked, second.iter().map(|(group, _)| *group).collect::<Vec<_>>());
    let members: BTreeMap<OperatorGroupName, Result<Arc<[AdobeUser]>, String>> = second
        .iter()
        .map(|(group, users)| {
            let users = users.map(|users| users.iter().map(|email| world.user(email)).collect());
            (OperatorGroupName::new(*group), users.map_err(ToOwned::to_owned))
        })
        .collect();
    let second = SecondRead { members: &members, users: organization.users(), logins: organization.logins() };
    let (confirmed, doubted) = confirmed_removals(approved, &second, &desired, &campaign, policy, &world.history);
    (
        confirmed.changes().iter().map(written).collect(),
        doubted.iter().map(|(change, why)| format!("{}: {why}", written(change))).collect(),
    )
}

fn world() -> World {
    World::new(
        &[("P - one", &["ann@x"]), ("P - two", &["ann@x"])],
        &["ann@x", "bob@x", "eve@x"],
        &["one", "two"],
        &[("ann@x", "one"), ("ann@x", "two"), ("bob@x", "one"), ("eve@x", "two")],
    )
}

#[test]
fn incident_03_only_a_complete_list_proves_that_a_user_is_absent() {
    let found = confirm(&world(), &policy(), &[("one", Ok(&["ann@x"])), ("two", Ok(&["ann@x", "EVE@x"]))]);
    assert_eq!(found.0, ["- bob@x one"]);
    assert_eq!(found.1, ["- eve@x two: a second read found the user in profile P - two"]);
    let found = confirm(&world(), &policy(), &[("one", Err("503")), ("two", Ok(&[]))]);
    assert_eq!(found.0, ["- eve@x two"]);
    assert_eq!(found.1, ["- bob@x one: profile P - one could not be read a second time: 503"]);
}

#[test]
fn an_operator_is_not_disabled_while_one_of_its_removals_is_in_doubt() {
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let (confirmed, doubted) = confirm(&world(), &disable, &[("one", Err("503")), ("two", Ok(&["ann@x"]))]);
    assert_eq!(confirmed, ["- eve@x two", "disable operator eve@x"]);
    assert_eq!(doubted.len(), 2, "{doubted:?}");
    assert!(doubted[1].starts_with("disable operator bob@x: a second read does not confirm"), "{doubted:?}");
}

#[test]
fn the_profile_of_a_pending_disablement_is_read_a_second_time() {
    let mut world = world();
    world.memberships.retain(|(login, _)| login != "bob@x" && login != "eve@x");
    let profile = ProductProfileName::new("p - ONE");
    let unfinished = |operator: &str| UnfinishedDisablement { operator: operator.into(), profile: profile.clone() };
    world.history.unfinished_disablements = ["bob@x", "eve@x"].map(unfinished).into();
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let (confirmed, doubted) = confirm(&world, &disable, &[("one", Ok(&["ann@x", "EVE@x"]))]);
    assert_eq!(confirmed, ["disable operator bob@x"]);
    assert_eq!(doubted, ["disable operator eve@x: a second read found the user in profile p - ONE"]);
    let (confirmed, doubted) = confirm(&world, &disable, &[("one", Err("503"))]);
    assert_eq!((confirmed, doubted.len()), (Vec::new(), 2));
}

#[test]
fn incident_15_a_user_found_again_with_a_new_login_stays() {
    let world = world().with_ids(&[("new@x", "bob")]).remembering(&[("bob", "bob@x")]);
    let second: [(&str, Result<&[&str], &str>); 2] = [("one", Ok(&["ann@x", "new@x"])), ("two", Ok(&[]))];
    let (confirmed, doubted) = confirm(&world, &policy(), &second);
    assert_eq!(confirmed, ["- eve@x two"]);
    assert_eq!(doubted, ["- bob@x one: a second read found the user in profile P - one"]);
    // Another user has the old login now, so the operator does not belong to its former user.
    let mut taken = world;
    taken.profiles[1].1.push("bob@x".into());
    taken.ids.insert("bob@x".into(), "other".into());
    let (confirmed, _) = confirm(&taken, &policy(), &second);
    assert_eq!(confirmed, ["+ bob@x two", "- bob@x one", "- eve@x two"]);
}

#[test]
fn an_orphaned_group_has_no_second_read() {
    let mut world = world();
    world.accept(&policy());
    world.profiles.remove(1);
    let empty = Policy { orphaned_group: OrphanedGroup::Empty, ..policy() };
    let (desired, planned) = world.decide(&empty);
    let orphaned: Vec<_> = planned.changes.iter().map(written).filter(|change| change.ends_with("two")).collect();
    assert_eq!(orphaned, ["- ann@x two", "- eve@x two"]);
    assert!(desired.groups.iter().all(|group| group.name.as_str() != "two"));
}

#[test]
fn incident_27_a_second_read_that_finds_a_look_alike_keeps_the_operator() {
    let second: [(&str, Result<&[&str], &str>); 2] = [("one", Ok(&["ann@x", "b\u{43e}b@x"])), ("two", Ok(&["ann@x"]))];
    let (confirmed, doubted) = confirm(&world(), &policy(), &second);
    assert_eq!(confirmed, ["- eve@x two"]);
    assert_eq!(doubted.len(), 1, "{doubted:?}");
    assert!(doubted[0].starts_with("- bob@x one: a second read found"), "{doubted:?}");
    assert!(doubted[0].contains("b\\u{43e}b@x"), "{doubted:?}");
}

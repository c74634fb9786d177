//! Removals that a second read bears out, and those that it does not.

use std::collections::BTreeMap;

use campaign_group_sync::domain::{
    AdobeUser, Limits, OperatorGroupName, OrphanedGroup, Policy, ProductProfileName, Review, SecondRead, SourceCounts,
    UnfinishedDisablement, WithoutGroups, confirmed_removals, profiles_to_confirm,
};

use super::world::{World, limits, policy, review_of, written};

/// What is confirmed and what is not, when each profile has these people at the second read.
fn confirm(world: &World, policy: &Policy, second: &[(&str, Result<&[&str], &str>)]) -> (Vec<String>, Vec<String>) {
    let (desired, planned) = world.decide(policy);
    let (organization, campaign) = (world.organization(), world.campaign());
    let wide = Limits { max_removals_percent: 100, max_group_removals_percent: 100, ..limits() };
    let Review { approved, .. } = review_of(&planned, &desired, &campaign, &wide, SourceCounts::Proven);
    let asked = profiles_to_confirm(approved.changes(), &desired);
    let asked: Vec<_> = asked.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(asked, second.iter().map(|(group, _)| *group).collect::<Vec<_>>());
    let members: BTreeMap<OperatorGroupName, Result<Vec<AdobeUser>, String>> = second
        .iter()
        .map(|(group, people)| {
            let people = people.map(|people| people.iter().map(|email| world.person(email)).collect());
            (OperatorGroupName::new(*group), people.map_err(ToOwned::to_owned))
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
fn incident_03_only_absence_from_a_complete_list_is_absence() {
    let found = confirm(&world(), &policy(), &[("one", Ok(&["ann@x"])), ("two", Ok(&["ann@x", "EVE@x"]))]);
    assert_eq!(found.0, ["- bob@x one"]);
    assert_eq!(found.1, ["- eve@x two: a second read found them in profile P - two"]);
    let found = confirm(&world(), &policy(), &[("one", Err("503")), ("two", Ok(&[]))]);
    assert_eq!(found.0, ["- eve@x two"]);
    assert_eq!(found.1, ["- bob@x one: profile P - one could not be read a second time: 503"]);
}

#[test]
fn nobody_is_disabled_of_whom_a_removal_is_in_doubt() {
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let (confirmed, doubted) = confirm(&world(), &disable, &[("one", Err("503")), ("two", Ok(&["ann@x"]))]);
    assert_eq!(confirmed, ["- eve@x two", "disable operator eve@x"]);
    assert_eq!(doubted.len(), 2, "{doubted:?}");
    assert!(doubted[1].starts_with("disable operator bob@x: a second read does not bear out"), "{doubted:?}");
}

#[test]
fn who_was_left_behind_by_an_earlier_run_is_read_a_second_time_too() {
    let mut world = world();
    world.memberships.retain(|(login, _)| login != "bob@x" && login != "eve@x");
    let profile = ProductProfileName::new("p - ONE");
    let unfinished = |operator: &str| UnfinishedDisablement { operator: operator.into(), profile: profile.clone() };
    world.history.unfinished_disablements = ["bob@x", "eve@x"].map(unfinished).into();
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let (confirmed, doubted) = confirm(&world, &disable, &[("one", Ok(&["ann@x", "EVE@x"]))]);
    assert_eq!(confirmed, ["disable operator bob@x"]);
    assert_eq!(doubted, ["disable operator eve@x: a second read found them in profile p - ONE"]);
    let (confirmed, doubted) = confirm(&world, &disable, &[("one", Err("503"))]);
    assert_eq!((confirmed, doubted.len()), (Vec::new(), 2));
}

#[test]
fn incident_15_a_person_found_again_under_a_new_login_stays() {
    let world = world().with_ids(&[("new@x", "bob")]).remembering(&[("bob", "bob@x")]);
    let second: [(&str, Result<&[&str], &str>); 2] = [("one", Ok(&["ann@x", "new@x"])), ("two", Ok(&[]))];
    let (confirmed, doubted) = confirm(&world, &policy(), &second);
    assert_eq!(confirmed, ["- eve@x two"]);
    assert_eq!(doubted, ["- bob@x one: a second read found them in profile P - one"]);
    // Somebody else has the old login now: whoever had it before says nothing about that operator.
    let mut taken = world;
    taken.profiles[1].1.push("bob@x".into());
    taken.ids.insert("bob@x".into(), "other".into());
    let (confirmed, _) = confirm(&taken, &policy(), &second);
    assert_eq!(confirmed, ["+ bob@x two", "- bob@x one", "- eve@x two"]);
}

#[test]
fn an_orphan_is_not_read_again() {
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

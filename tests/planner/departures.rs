//! Pending disablements: operators that an earlier run left in no group and did not disable.

use campaign_group_sync::domain::{
    ChangeKey, History, Manage, OperatorGroupName, OperatorLogin, Policy, ProductProfileName, Scope, SignInMethod,
    SourceCounts, UnfinishedDisablement, UserSnapshot, WithoutGroups, desired_state, plan, undo_desired_state,
};
use proptest::prelude::*;

use super::world::{World, limits, policy, written};

const DISABLED: &[&str] = &["disable operator eve@x"];
const NOTHING: &[&str] = &[];

fn disable() -> Policy {
    Policy { without_groups: WithoutGroups::Disable, ..policy() }
}

fn unfinished(operator: &str) -> UnfinishedDisablement {
    UnfinishedDisablement { operator: operator.into(), profile: ProductProfileName::new("P - one") }
}

/// Eve has lost her last group, and is not disabled yet; Zoe never had one.
fn world() -> World {
    let mut world = World::new(
        &[("P - one", &["ann@x"]), ("P - two", &[]), ("P - nowhere", &[])],
        &["ann@x", "Eve@x", "zoe@x"],
        &["one", "two", "foreign"],
        &[("ann@x", "one")],
    );
    world.history.unfinished_disablements = vec![unfinished("eve@x")];
    world
}

#[track_caller]
fn check(what: &str, policy: &Policy, disturb: impl FnOnce(&mut World), expected: &[&str]) {
    let mut world = world();
    disturb(&mut world);
    let (_, plan) = world.decide(policy);
    let found: Vec<_> = plan.changes.iter().map(|change| written(change).to_lowercase()).collect();
    assert_eq!(found, expected, "{what}: {plan:#?}");
}

#[test]
fn a_pending_disablement_is_planned_while_nothing_contradicts_it() {
    let is = |what: &str, disturb: fn(&mut World), expected: &[&str]| check(what, &disable(), disturb, expected);
    is("nothing", |_| {}, DISABLED);
    is("no run left her", |world| world.history.unfinished_disablements.clear(), NOTHING);
    is("disabled", |world| world.disabled = ["Eve@x".into()].into(), NOTHING);
    is("a password", |world| world.operators[1].1 = Some(SignInMethod::Native), NOTHING);
    is("a foreign group", |world| world.memberships.push(("Eve@x".into(), "foreign".into())), NOTHING);
    is("a profile", |world| world.profiles[1].1.push("EVE@x".into()), &["+ eve@x two"]);
    is("a profile without group", |world| world.profiles[2].1.push("eve@x".into()), NOTHING);
    is("a refused profile", |world| world.profiles.push(("p - ONE".into(), vec!["eve@x".into()])), NOTHING);
    is("gone", |world| drop(world.operators.remove(1)), NOTHING);
    is("two of one login", |world| world.operators.push(("eve@X".into(), Some(SignInMethod::Ims))), NOTHING);
    let renamed = |world: &mut World| {
        *world = world.clone().with_ids(&[("new@x", "eve")]).remembering(&[("eve", "Eve@x")]);
        world.history.unfinished_disablements = vec![unfinished("eve@x")];
        world.profiles[1].1.push("new@x".into());
    };
    check("a new login", &disable(), renamed, &["+ eve@x two"]);
}

#[test]
fn a_pending_disablement_is_planned_only_if_the_policy_permits_it() {
    check("kept", &policy(), |_| {}, NOTHING);
    let protected = Policy { protected_operators: vec![OperatorLogin::new("eve@x")], ..disable() };
    check("protected", &protected, |_| {}, NOTHING);
    let all = Policy { manage: Manage::All, ..disable() };
    check("a password, and all are managed", &all, |world| world.operators[1].1 = None, NOTHING);
}

#[test]
fn an_operator_that_loses_a_regained_group_is_disabled_once_with_the_reason_of_this_plan() {
    let mut world = world();
    world.memberships.push(("Eve@x".into(), "one".into()));
    let (_, plan) = world.decide(&disable());
    let found: Vec<_> = plan.changes.iter().map(|change| (written(change), change.reason.as_str())).collect();
    let expected = [
        ("- Eve@x one", "not a member of profile P - one"),
        ("disable operator Eve@x", "this plan leaves it in no operator group"),
    ];
    assert_eq!(found, expected.map(|(change, reason)| (change.to_owned(), reason)));
}

#[test]
fn an_operator_whose_user_has_a_profile_without_a_certain_group_is_not_disabled() {
    let mut world = world();
    world.history.unfinished_disablements.clear();
    world.memberships.push(("Eve@x".into(), "one".into()));
    let mut missing = world.clone();
    missing.profiles[2].1.push("eve@x".into());
    let mut refused = world.clone();
    refused.profiles[1].1.push("eve@x".into());
    refused.profiles.push(("p - TWO".into(), Vec::new()));
    for (world, expected) in [
        (world, &["- eve@x one", "disable operator eve@x"][..]),
        (missing, &["- eve@x one"]),
        (refused, &["- eve@x one"]),
    ] {
        let (_, plan) = world.decide(&disable());
        let found: Vec<_> = plan.changes.iter().map(|change| written(change).to_lowercase()).collect();
        assert_eq!(found, expected, "{plan:#?}");
    }
}

fn narrowed(users: &[&str], groups: &[&str]) -> Vec<String> {
    let world = world();
    let scope = Scope {
        users: users.iter().map(ToString::to_string).collect(),
        groups: groups.iter().map(|name| OperatorGroupName::new(*name)).collect(),
    };
    let (desired, _) = world.decide(&disable());
    let desired = desired.narrowed_to(
        &scope,
        &world.organization().matched_by(&disable().mask),
        &world.campaign(),
        &disable(),
        &world.history,
    );
    plan(&desired, &world.campaign(), &disable()).changes.iter().map(written).collect()
}

fn single(email: &str) -> Vec<String> {
    let world = world();
    let users = UserSnapshot::new(world.organization().profiles().to_vec(), [(world.user(email), Vec::new())]);
    let users = users.expect("has profiles");
    let desired = desired_state(&users.matched_by(&disable().mask), &world.campaign(), &disable(), &world.history)
        .expect("matches");
    plan(&desired, &world.campaign(), &disable()).changes.iter().map(written).collect()
}

#[test]
fn incident_13_a_narrowed_run_disables_no_other_operator() {
    assert_eq!(narrowed(&["EVE@x"], &[]), ["disable operator Eve@x"]);
    assert_eq!(single("eve@X"), ["disable operator Eve@x"]);
    assert_eq!(narrowed(&["ann@x"], &[]), [""; 0]);
    assert_eq!(narrowed(&[], &["one"]), [""; 0]);
    assert_eq!(narrowed(&["eve@x"], &["one"]), [""; 0]);
    assert_eq!(single("zoe@x"), [""; 0]);
}

#[test]
fn an_undo_plans_no_pending_disablement() {
    let campaign = world().campaign();
    assert_eq!(plan(&undo_desired_state(&[], &campaign, &disable()), &campaign, &disable()).changes, []);
}

#[test]
fn a_full_plan_without_the_pending_disablement_ends_it() {
    let ended = |world: &World| -> Vec<ChangeKey> {
        let (desired, plan) = world.decide(&disable());
        super::world::review_with(&world.history, &plan, &desired, &world.campaign(), &limits(), SourceCounts::Proven)
            .ended
    };
    let mut world = world();
    assert_eq!(ended(&world), []);
    world.memberships.push(("Eve@x".into(), "foreign".into()));
    assert_eq!(ended(&world), [unfinished("eve@x").key()]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_operator_that_has_or_gets_a_group_is_disabled(
        wanted in prop::collection::vec(("[a-d]@x", "one|two|nowhere"), 0..4),
        held in prop::collection::btree_set(("[a-d]@x", "one|two|foreign"), 0..4),
        left in prop::collection::btree_set("[a-d]@x", 0..4),
    ) {
        let groups = ["one", "two", "foreign"];
        let mut world = World::new(&[], &["a@x", "b@x", "c@x", "d@x"], &groups, &[]);
        world.profiles = ["one", "two", "nowhere"].map(|group| {
            let members = wanted.iter().filter(|(_, of)| of == group).map(|(login, _)| login.clone());
            (format!("P - {group}"), members.collect())
        }).into();
        world.memberships = held.iter().cloned().collect();
        world.history.unfinished_disablements = left.iter().map(|login| unfinished(login)).collect();
        let (_, plan) = world.decide(&disable());
        let after = world.after(&plan);
        let (_, without) = World { history: History::default(), ..world.clone() }.decide(&disable());
        let disabled_without = world.after(&without).disabled;
        for login in &after.disabled {
            let has_group = after.memberships.iter().any(|(of, _)| of == login);
            let had_group = held.iter().any(|(of, _)| of == login);
            let is_given = wanted.iter().any(|(of, _)| of == login);
            let is_late = left.contains(login) && !had_group && !is_given;
            prop_assert!(!has_group && (is_late || disabled_without.contains(login)), "{}", login);
        }
        prop_assert!(disabled_without.is_subset(&after.disabled));
        prop_assert_eq!(world.decide(&disable()).1, plan, "the same plan every time");
    }
}

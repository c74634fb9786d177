//! Runs that are narrowed to users or groups, and calls for single users.

use campaign_group_sync::domain::{
    AdobeUser, MissingPolicy, OperatorGroupName, OrphanedGroup, Plan, Policy, ProductProfileName, Scope, SignInMethod,
    SkipReason, UserSnapshot, desired_state, plan,
};

use super::world::{World, policy, written};

fn world() -> World {
    World::new(
        &[
            ("P - one", &["ann@x", "new@x", "lost@x"]),
            ("P - two", &["ann@x", "bob@x"]),
            ("P - nowhere", &["bob@x"]),
            ("P - twin", &["eve@x"]),
            ("p - TWIN", &["eve@x"]),
        ],
        &["ann@x", "bob@x", "eve@x"],
        &["one", "two", "twin"],
        &[("eve@x", "one"), ("bob@x", "one"), ("eve@x", "two"), ("eve@x", "twin")],
    )
}

fn create() -> Policy {
    Policy { missing_operator: MissingPolicy::Create, ..policy() }
}

#[track_caller]
fn check(plan: &Plan, changes: &[&str], skipped: &[(SkipReason, &str)]) {
    assert_eq!(plan.changes.iter().map(written).collect::<Vec<_>>(), changes, "{plan:#?}");
    let found: Vec<_> = plan.skipped.iter().map(|skipped| (skipped.reason, skipped.subject.as_str())).collect();
    assert_eq!(found, skipped);
}

fn narrowed(world: &World, policy: &Policy, users: &[&str], groups: &[&str]) -> Plan {
    let scope = Scope {
        users: users.iter().map(ToString::to_string).collect(),
        groups: groups.iter().map(|name| OperatorGroupName::new(*name)).collect(),
    };
    let (organization, campaign) = (world.organization(), world.campaign());
    let (desired, _) = world.decide(policy);
    plan(
        &desired.narrowed_to(&scope, &organization.matched_by(&policy.mask), &campaign, policy, &world.history),
        &campaign,
        policy,
    )
}

#[test]
fn incident_13_a_run_for_one_group_does_not_change_other_groups() {
    check(&narrowed(&world(), &policy(), &[], &["TWO"]), &["+ ann@x two", "+ bob@x two", "- eve@x two"], &[]);
    check(&narrowed(&world(), &policy(), &[], &["twin"]), &[], &[(SkipReason::AmbiguousProfile, "twin")]);
    check(&narrowed(&world(), &policy(), &[], &["nowhere"]), &[], &[(SkipReason::NoGroup, "nowhere")]);
    check(&narrowed(&world(), &policy(), &[], &["never"]), &[], &[(SkipReason::UnknownGroup, "never")]);
}

#[test]
fn incident_13_a_run_for_one_user_does_not_change_other_users() {
    check(&narrowed(&world(), &create(), &["ANN@x"], &[]), &["+ ann@x one", "+ ann@x two"], &[]);
    check(&narrowed(&world(), &create(), &["new@x"], &[]), &["create operator new@x", "+ new@x one"], &[]);
    check(&narrowed(&world(), &policy(), &["new@x"], &[]), &[], &[(SkipReason::NoOperator, "new@x")]);
    check(
        &narrowed(&world(), &policy(), &["eve@x"], &[]),
        &["- eve@x one", "- eve@x two"],
        &[(SkipReason::AmbiguousProfile, "twin")],
    );
    check(&narrowed(&world(), &policy(), &["eve@x"], &["two"]), &["- eve@x two"], &[]);
    check(
        &narrowed(&world(), &policy(), &["bob@x"], &[]),
        &["+ bob@x two", "- bob@x one"],
        &[(SkipReason::NoGroup, "nowhere")],
    );
}

#[test]
fn a_user_can_be_named_by_email_address_or_user_name() {
    let scope = Scope { users: vec!["ann".into()], groups: Vec::new() };
    let mut world = world();
    world.operators.push(("ann".into(), Some(SignInMethod::Ims)));
    world.memberships.push(("ann".into(), "one".into()));
    let (organization, campaign) = (world.organization(), world.campaign());
    let (desired, _) = world.decide(&policy());
    let narrowed =
        desired.narrowed_to(&scope, &organization.matched_by(&policy().mask), &campaign, &policy(), &world.history);
    check(&plan(&narrowed, &campaign, &policy()), &["- ann one"], &[]);
}

#[test]
fn a_run_for_one_user_reports_orphaned_groups_and_empties_none() {
    let mut world = world();
    world.accept(&policy());
    world.profiles.remove(1);
    let empty = Policy { orphaned_group: OrphanedGroup::Empty, ..policy() };
    let (organization, campaign) = (world.organization(), world.campaign());
    let scope = Scope { users: vec!["eve@x".into()], groups: Vec::new() };
    let (desired, full) = world.decide(&empty);
    assert!(full.changes.iter().map(written).any(|change| change == "- eve@x two"), "{full:#?}");
    let narrowed_state =
        desired.narrowed_to(&scope, &organization.matched_by(&empty.mask), &campaign, &empty, &world.history);
    assert_eq!(narrowed_state.orphans.len(), 1);
    let written: Vec<_> = plan(&narrowed_state, &campaign, &empty).changes.iter().map(written).collect();
    assert_eq!(written, ["- eve@x one"]);
    check(&narrowed(&world, &empty, &[], &["two"]), &["- eve@x two"], &[]);
    check(
        &narrowed(&world, &empty, &[], &["one"]).clone(),
        &["+ ann@x one", "- bob@x one", "- eve@x one"],
        &[(SkipReason::NoOperator, "lost@x"), (SkipReason::NoOperator, "new@x")],
    );
}

fn single(world: &World, policy: &Policy, user: AdobeUser, names: &[&str], groups: &[&str]) -> Plan {
    let names = names.iter().map(|name| ProductProfileName::new(*name)).collect();
    let profiles = world.organization().profiles().to_vec();
    let users = UserSnapshot::new(profiles, [(user, names)]).expect("has profiles");
    let campaign = world.campaign();
    let desired = desired_state(&users.matched_by(&policy.mask), &campaign, policy, &world.history).expect("matches");
    let groups: Vec<_> = groups.iter().map(|name| OperatorGroupName::new(*name)).collect();
    let scope = Scope { groups, ..Scope::default() };
    plan(
        &desired.narrowed_to(&scope, &users.matched_by(&policy.mask), &campaign, policy, &world.history),
        &campaign,
        policy,
    )
}

#[test]
fn a_single_user_call_decides_about_that_user_only() {
    let world = world();
    let ann = || world.user("Ann@x");
    check(&single(&world, &policy(), ann(), &["P - ONE", "other"], &[]), &["+ ann@x one"], &[]);
    check(&single(&world, &policy(), ann(), &["P - one", "P - two"], &["two"]), &["+ ann@x two"], &[]);
    check(&single(&world, &policy(), ann(), &[], &["never"]), &[], &[(SkipReason::UnknownGroup, "never")]);
    let eve = world.user("eve@x");
    check(&single(&world, &policy(), eve, &["P - two"], &[]), &["- eve@x one"], &[]);
    let new = world.user("new@x");
    check(&single(&world, &create(), new, &["P - one"], &[]), &["create operator new@x", "+ new@x one"], &[]);
}

#[test]
fn incident_06_a_name_that_is_not_in_the_listing_does_not_count_as_a_profile() {
    let world = world();
    check(
        &single(&world, &policy(), world.user("ann@x"), &["P - one_0CFE9FE-provisioning"], &[]),
        &[],
        &[(SkipReason::NotAProfile, "P - one_0CFE9FE-provisioning")],
    );
}

#[test]
fn a_single_user_call_does_not_show_who_has_an_old_login_now() {
    let world = world().with_ids(&[("changed@x", "eve")]).remembering(&[("eve", "eve@x")]);
    let changed = world.user("changed@x");
    check(&single(&world, &policy(), changed, &["P - one"], &[]), &[], &[(SkipReason::Renamed, "changed@x")]);
}

//! Undo of the memberships that one run changed.

use campaign_group_sync::domain::{
    ChangeOutcome, ChangeReport, OperatorGroupName, OperatorLogin, Plan, Policy, ProtectedGroup, RunId, SignInMethod,
    SkipReason, WithoutGroups, plan, undo_desired_state,
};
use proptest::prelude::*;

use super::world::{World, policy, written};

fn before() -> World {
    World::new(
        &[("P - one", &["ann@x"]), ("P - two", &["bob@x"])],
        &["ann@x", "bob@x", "eve@x"],
        &["one", "two"],
        &[("eve@x", "one"), ("eve@x", "two")],
    )
}

fn reports(plan: &Plan) -> Vec<ChangeReport> {
    plan.changes.iter().map(|change| ChangeReport::new(change, ChangeOutcome::Applied, None)).collect()
}

fn undo(world: &World, reports: &[ChangeReport], policy: &Policy) -> Plan {
    let campaign = world.campaign();
    plan(&undo_desired_state(reports, &campaign, policy), &campaign, policy).taking_back(&RunId::new("01J"))
}

#[track_caller]
fn check(plan: &Plan, changes: &[&str], skipped: &[(SkipReason, &str)]) {
    assert_eq!(plan.changes.iter().map(written).collect::<Vec<_>>(), changes, "{plan:#?}");
    assert!(plan.changes.iter().all(|change| change.reason == "takes back run 01J"));
    let found: Vec<_> = plan.skipped.iter().map(|skipped| (skipped.reason, skipped.subject.as_str())).collect();
    assert_eq!(found, skipped);
}

#[test]
fn an_undo_is_exactly_the_inverse() {
    let world = before();
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let (_, done) = world.decide(&disable);
    let after = world.after(&done);
    check(&undo(&after, &reports(&done), &disable), &["+ eve@x one", "+ eve@x two", "- ann@x one", "- bob@x two"], &[]);
}

#[test]
fn only_applied_changes_that_campaign_still_has_are_undone() {
    let world = before();
    let (_, done) = world.decide(&policy());
    let mut reports = reports(&done);
    let mut after = world.after(&done);
    after.memberships.retain(|(login, _)| login != "ann@x");
    after.memberships.push(("eve@x".into(), "one".into()));
    check(&undo(&after, &reports, &policy()), &["+ eve@x two", "- bob@x two"], &[]);
    for report in &mut reports {
        report.outcome = ChangeOutcome::Already;
    }
    check(&undo(&world.after(&done), &reports, &policy()), &[], &[]);
}

#[test]
fn changes_of_missing_operators_and_groups_are_skipped_and_reported() {
    let world = before();
    let (_, done) = world.decide(&policy());
    let reports = reports(&done);
    let mut after = world.after(&done);
    after.operators.retain(|(login, _)| login != "eve@x");
    after.groups.retain(|group| group != "two");
    after.memberships.retain(|(_, group)| group != "two");
    let skipped = [(SkipReason::NoOperator, "eve@x"), (SkipReason::NoGroup, "two")];
    check(&undo(&after, &reports, &policy()), &["- ann@x one"], &skipped);
    after.operators.extend([("EVE@x".into(), Some(SignInMethod::Ims)), ("eve@X".into(), Some(SignInMethod::Ims))]);
    let skipped = [(SkipReason::NoGroup, "two"), (SkipReason::AmbiguousIdentity, "eve@x")];
    check(&undo(&after, &reports, &policy()), &["- ann@x one"], &skipped);
    after.operators.truncate(2);
    after.operators.push(("eve@x".into(), Some(SignInMethod::Native)));
    let skipped = [(SkipReason::NoGroup, "two"), (SkipReason::NotManaged, "eve@x")];
    check(&undo(&after, &reports, &policy()), &["- ann@x one"], &skipped);
}

#[test]
fn an_undo_respects_protected_operators_and_groups() {
    let world = before();
    let (_, done) = world.decide(&policy());
    let reports = reports(&done);
    let rule = ProtectedGroup {
        name: OperatorGroupName::new("one"),
        min_members: 1,
        required: vec![OperatorLogin::new("ann@x")],
    };
    let guarded =
        Policy { protected_groups: vec![rule], protected_operators: vec![OperatorLogin::new("bob@x")], ..policy() };
    let skipped = [(SkipReason::Protected, "bob@x"), (SkipReason::ProtectedMinimum, "ann@x")];
    check(&undo(&world.after(&done), &reports, &guarded), &["+ eve@x one", "+ eve@x two"], &skipped);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_undo_restores_the_former_memberships(
        wanted in prop::collection::vec(("[a-d]@x", "one|two"), 0..8),
        held in prop::collection::btree_set(("[a-d]@x", "one|two"), 0..8),
    ) {
        let mut world = World::new(&[], &["a@x", "b@x", "c@x", "d@x"], &["one", "two"], &[]);
        world.profiles = ["one", "two"].map(|group| {
            let members = wanted.iter().filter(|(_, of)| of == group).map(|(login, _)| login.clone());
            (format!("P - {group}"), members.collect())
        }).into();
        world.memberships = held.iter().cloned().collect();
        let (_, done) = world.decide(&policy());
        let after = world.after(&done);
        let mut restored = after.after(&undo(&after, &reports(&done), &policy())).memberships;
        restored.sort_unstable();
        prop_assert_eq!(restored, world.memberships);
    }
}

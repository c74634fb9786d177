//! All worlds with a few operators and groups.

use std::collections::BTreeSet;

use campaign_group_sync::domain::{
    Change, ChangeKey, ChangeKind, History, OperatorGroupName, OrphanedGroup, Policy, Scope, WithoutGroups,
    desired_state, plan,
};

use super::world::{World, policy};

/// Every combination of current and desired memberships of three operators in three groups. Operators differ by name only,
/// so that one order of each combination is enough: 45,760 pairs of worlds instead of 262,144.
#[test]
fn applying_the_plan_reaches_the_desired_state_from_every_world() {
    const LOGINS: [&str; 3] = ["ann@x", "bob@x", "eve@x"];
    const GROUPS: [&str; 3] = ["one", "two", "three"];
    let pairs: Vec<(&str, &str)> = GROUPS.iter().flat_map(|group| LOGINS.map(|login| (login, *group))).collect();
    let chosen = |bits: u32| {
        let bit = |(at, pair): (u32, &(&'static str, &'static str))| (bits >> at & 1 == 1).then_some(*pair);
        (0..).zip(&pairs).filter_map(bit).collect::<BTreeSet<_>>()
    };
    let policy = policy();
    let mut worlds = 0;
    for wanted_bits in 0_u32..512 {
        let wanted = chosen(wanted_bits);
        let profiles = GROUPS.map(|group| {
            let members = wanted.iter().filter(|(_, of)| *of == group).map(|(login, _)| (*login).to_owned());
            (format!("P - {group}"), members.collect())
        });
        let mut world = World::new(&[], &LOGINS, &GROUPS, &[]);
        world.profiles = profiles.into();
        let organization = world.organization();
        for current_bits in 0..512 {
            let of_operator = |at: u32| [wanted_bits, current_bits].map(|bits| bits >> at & 0b100_1001);
            if !(of_operator(0) <= of_operator(1) && of_operator(1) <= of_operator(2)) {
                continue;
            }
            worlds += 1;
            let current = chosen(current_bits);
            world.memberships = current.iter().map(|(o, g)| ((*o).to_owned(), (*g).to_owned())).collect();
            let campaign = world.campaign();
            let desired =
                desired_state(&organization.matched_by(&policy.mask), &campaign, &policy, &History::default())
                    .expect("profiles match");
            let plan = plan(&desired, &campaign, &policy);
            let after = world.after(&plan);
            let reached: BTreeSet<_> = after.memberships.iter().map(|(o, g)| (o.as_str(), g.as_str())).collect();
            assert_eq!(reached, wanted, "from {current:?}");
            assert_eq!(plan.unchanged, current.intersection(&wanted).count());
            assert_eq!(plan.changes.len(), current.symmetric_difference(&wanted).count(), "no change without need");
        }
    }
    assert_eq!(worlds, 45_760);
}

/// Every combination of current and desired memberships of two operators in two managed groups and an orphaned one, for every
/// scope: the narrowed plan is exactly the part of the full plan within the scope.
#[test]
fn incident_13_a_narrowed_run_makes_exactly_its_part_of_the_full_plan() {
    const LOGINS: [&str; 2] = ["ann@x", "bob@x"];
    const GROUPS: [&str; 3] = ["one", "two", "gone"];
    let pairs: Vec<(&str, &str)> = GROUPS.iter().flat_map(|group| LOGINS.map(|login| (login, *group))).collect();
    let chosen = |bits: u32| -> Vec<(&str, &str)> {
        (0..).zip(&pairs).filter(|(at, _)| bits >> at & 1 == 1).map(|(_, pair)| *pair).collect()
    };
    let policy = Policy { orphaned_group: OrphanedGroup::Empty, without_groups: WithoutGroups::Disable, ..policy() };
    let mut before = World::new(&[("P - one", &[]), ("P - two", &[]), ("P - gone", &[])], &LOGINS, &GROUPS, &[]);
    before.accept(&policy);
    for wanted in 0..16 {
        let profiles = ["one", "two"].map(|group| {
            let members = chosen(wanted).into_iter().filter(|(_, of)| *of == group);
            (format!("P - {group}"), members.map(|(login, _)| login.to_owned()).collect())
        });
        for current in 0..64 {
            let world =
                World { profiles: profiles.clone().into(), ..World::new(&[], &LOGINS, &GROUPS, &chosen(current)) };
            let world = World { history: before.history.clone(), ..world };
            let (_, full) = world.decide(&policy);
            check_disabled(&world, &full.changes, &world.after(&full));
            let keys: BTreeSet<ChangeKey> = full.changes.iter().map(Change::key).collect();
            for login in LOGINS {
                let part = narrowed(&world, &policy, &Scope { users: vec![login.to_uppercase()], ..Scope::default() });
                assert!(part.is_subset(&keys), "{part:?} of {keys:?}");
                let own = |key: &&ChangeKey| {
                    key.operator == login.into()
                        && key.group != "gone".into()
                        && key.kind != ChangeKind::DisableOperator
                };
                let membership = |key: &&ChangeKey| key.kind != ChangeKind::DisableOperator;
                let (own, found): (Vec<_>, Vec<_>) =
                    (keys.iter().filter(own).collect(), part.iter().filter(membership).collect());
                assert_eq!(own, found, "{world:?}");
            }
            for group in GROUPS {
                let groups = vec![OperatorGroupName::new(group.to_uppercase())];
                let part = narrowed(&world, &policy, &Scope { groups, ..Scope::default() });
                assert!(part.is_subset(&keys), "{part:?} of {keys:?}");
                let of_group = |keys: &BTreeSet<ChangeKey>| -> Vec<ChangeKey> {
                    keys.iter().filter(|key| key.group == group.into()).cloned().collect()
                };
                assert_eq!(of_group(&keys), of_group(&part));
                assert!(part.iter().all(|key| key.group.is_empty() || key.group == group.into()), "{part:?}");
            }
        }
    }
}

fn narrowed(world: &World, policy: &Policy, scope: &Scope) -> BTreeSet<ChangeKey> {
    let (organization, campaign) = (world.organization(), world.campaign());
    let (desired, _) = world.decide(policy);
    let desired = desired.narrowed_to(scope, &organization.matched_by(&policy.mask), &campaign, policy, &world.history);
    plan(&desired, &campaign, policy).changes.iter().map(Change::key).collect()
}

/// Exactly the operators that lost a membership and are in no group afterwards are disabled.
#[track_caller]
fn check_disabled(before: &World, changes: &[Change], after: &World) {
    let lost = |login: &str| before.memberships.iter().any(|(of, _)| of == login);
    let is_in_none = |login: &str| !after.memberships.iter().any(|(of, _)| of == login);
    let expected: BTreeSet<&str> = before
        .operators
        .iter()
        .map(|(login, _)| login.as_str())
        .filter(|login| lost(login) && is_in_none(login))
        .collect();
    assert_eq!(after.disabled.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{changes:#?}");
}

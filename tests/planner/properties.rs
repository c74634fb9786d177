//! Properties of plans for random worlds.

use std::collections::{BTreeMap, BTreeSet};

use campaign_group_sync::domain::{
    Change, ChangeKey, ChangeKind, FollowedGroup, Identities, KnownProfiles, Limits, MissingPolicy, OperatorGroupName,
    OperatorLogin, OrganizationId, OrganizationSnapshot, OrphanedGroup, Plan, Policy, ProductProfileName,
    ProtectedGroup, Review, Scope, SecondRead, SignInMethod, SkipReason, SourceCounts, UserSnapshot, WithoutGroups,
    confirmed_removals, desired_state, identities_seen, plan, profiles_to_confirm,
};
use proptest::prelude::*;

use super::world::{World, limits, policy, proof, review_of, written};

fn any_world() -> impl Strategy<Value = World> {
    let login = || "[a-e]@x";
    let groups = vec!["one", "two", "admin", "foreign", "gone"];
    let rows = prop::collection::vec((login(), prop::sample::select(groups)), 0..16);
    let profiles = prop::collection::vec(prop::collection::vec(login(), 0..6), 3);
    let known = prop::collection::vec(("id-[a-e]", any::<prop::sample::Index>()), 0..5);
    (profiles, rows, prop::collection::btree_set(login(), 0..6), any::<[bool; 5]>(), known).prop_map(
        |(profiles, rows, operators, native, known)| {
            let logins: BTreeSet<String> = operators.into_iter().chain(rows.iter().map(|(o, _)| o.clone())).collect();
            let sign_in = native.map(|native| if native { SignInMethod::Native } else { SignInMethod::Ims });
            let rows: BTreeSet<_> = rows.into_iter().map(|(o, g)| (o, g.to_owned())).collect();
            let known = known.iter().filter(|_| !logins.is_empty());
            let known: Vec<_> =
                known.map(|(id, at)| (id.clone(), (*at.get(&logins.iter().collect::<Vec<_>>())).clone())).collect();
            let known: Vec<_> = known.iter().map(|(id, login)| (id.as_str(), login.as_str())).collect();
            let mut world = World {
                profiles: ["P - one", "P - two", "P - admin"].into_iter().map(String::from).zip(profiles).collect(),
                operators: logins.iter().cloned().zip(sign_in.map(Some)).collect(),
                groups: ["one", "two", "admin", "foreign", "gone"].map(String::from).into(),
                memberships: rows.into_iter().collect(),
                ..World::default()
            };
            world.history.known = KnownProfiles::of_groups([FollowedGroup {
                group: OperatorGroupName::new("GONE"),
                group_id: None,
                profile_id: None,
                profile: ProductProfileName::new("P - gone"),
            }]);
            let ids = ["a", "b", "c", "d", "e"].map(|name| (format!("{name}@x"), format!("ID-{name}")));
            World { ids: ids.into(), ..world }.remembering(&known)
        },
    )
}

fn strict() -> Policy {
    let admin = ProtectedGroup {
        name: OperatorGroupName::new("admin"),
        min_members: 2,
        required: vec![OperatorLogin::new("a@x")],
    };
    Policy { protected_groups: vec![admin], ..eager() }
}

/// A policy that permits every kind of change and protects no group.
fn eager() -> Policy {
    Policy {
        missing_operator: MissingPolicy::Create,
        without_groups: WithoutGroups::Disable,
        orphaned_group: OrphanedGroup::Empty,
        protected_operators: vec![OperatorLogin::new("e@x")],
        ..policy()
    }
}

fn keys(plan: &Plan) -> BTreeSet<ChangeKey> {
    plan.changes.iter().map(Change::key).collect()
}

/// The same organization with every user once, however many profiles the user has.
fn each_user_once(world: &World) -> OrganizationSnapshot {
    let emails: BTreeSet<&String> = world.profiles.iter().flat_map(|(_, members)| members).collect();
    let position = |email: &String| emails.iter().position(|known| *known == email).expect("known");
    let memberships = (0..).zip(&world.profiles).flat_map(|(profile, (_, members))| {
        members.iter().map(move |email| (profile, u32::try_from(position(email)).expect("few users")))
    });
    let organization = world.organization();
    OrganizationSnapshot::new(
        OrganizationId::new("0123456789ABCDEF01234567@AdobeOrg"),
        organization.profiles().to_vec(),
        emails.iter().map(|email| world.user(email)).collect(),
        memberships.collect(),
        Vec::new(),
        proof(),
    )
    .expect("has profiles")
    .with_holders_of(organization.logins().clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incident_25_a_second_plan_is_empty(world in any_world()) {
        let (_, first) = world.decide(&strict());
        let (_, second) = world.after(&first).decide(&strict());
        // More members may leave a protected group after its new members were added.
        let is_admin = |change: &&Change| change.group().map(OperatorGroupName::as_str) == Some("admin");
        let late: BTreeSet<_> = second.changes.iter().filter(is_admin).map(Change::operator).collect();
        let is_late = |change: &&Change| change.group().is_none() && late.contains(&change.operator());
        let rest: Vec<_> =
            second.changes.iter().filter(|change| !is_admin(change) && !is_late(change)).collect();
        prop_assert!(rest.is_empty(), "{rest:?}");
        let mut settled = world;
        for _ in 0..5 {
            let (_, plan) = settled.decide(&strict());
            settled = settled.after(&plan);
        }
        prop_assert!(settled.decide(&strict()).1.changes.is_empty());
    }

    #[test]
    fn incident_09_foreign_groups_and_protected_operators_are_untouched(world in any_world()) {
        let (_, plan) = world.decide(&strict());
        for change in &plan.changes {
            prop_assert_ne!(change.group().map(OperatorGroupName::as_str), Some("foreign"));
            let existing = world.operators.iter().any(|(login, _)| login == "e@x");
            prop_assert!(!existing || change.operator().map(OperatorLogin::as_str) != Some("e@x"));
        }
    }

    #[test]
    fn incident_08_a_protected_group_keeps_its_minimum(world in any_world()) {
        let (_, plan) = world.decide(&strict());
        let in_admin = |world: &World| world.memberships.iter().filter(|(_, group)| group == "admin").count();
        let removed = plan.changes.iter().filter(|change| written(change).ends_with(" admin") && change.is_removal()).count();
        prop_assert!(removed == 0 || in_admin(&world) - removed >= 2);
        let takes_required = plan.changes.iter().any(|change| written(change) == "- a@x admin");
        prop_assert!(!takes_required);
    }

    #[test]
    fn the_order_of_responses_does_not_matter(world in any_world(), rotate in 0..7_usize) {
        let mut turned = world.clone();
        for (_, members) in &mut turned.profiles {
            members.reverse();
        }
        if !turned.memberships.is_empty() {
            let by = rotate % turned.memberships.len();
            turned.memberships.rotate_left(by);
        }
        prop_assert_eq!(world.decide(&strict()).1, turned.decide(&strict()).1);
    }

    #[test]
    fn incident_14_letter_case_on_either_side_changes_no_settled_world(world in any_world(), upper in any::<[bool; 3]>()) {
        let mut settled = world;
        for _ in 0..5 {
            let (_, plan) = settled.decide(&strict());
            settled = settled.after(&plan);
        }
        let recase = |name: &mut String, yes: bool| if yes { *name = name.to_uppercase() };
        for (profile, members) in &mut settled.profiles {
            recase(profile, upper[0]);
            for member in members {
                recase(member, upper[0]);
            }
        }
        for (login, _) in &mut settled.operators {
            recase(login, upper[1]);
        }
        for group in &mut settled.groups {
            recase(group, upper[2]);
        }
        for (login, group) in &mut settled.memberships {
            recase(login, upper[1]);
            recase(group, upper[2]);
        }
        prop_assert!(settled.decide(&strict()).1.changes.is_empty());
    }

    #[test]
    fn removals_and_additions_never_empty_a_group_without_approval(world in any_world()) {
        let (desired, plan) = world.decide(&policy());
        let Review { approved, .. } = review_of(&plan, &desired, &world.campaign(), &limits(), SourceCounts::Proven);
        let after = world.after(&Plan { changes: approved.changes().to_vec(), ..Plan::default() });
        for group in &world.groups {
            let members = |world: &World| world.memberships.iter().filter(|(_, of)| of == group).count();
            prop_assert!(members(&world) == 0 || members(&after) > 0, "{group} was emptied");
        }
    }

    #[test]
    fn the_same_input_gives_the_same_plan(world in any_world()) {
        let (first, second) = (world.decide(&strict()), world.clone().decide(&strict()));
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }

    #[test]
    fn a_user_listed_on_several_pages_counts_once(world in any_world()) {
        let (desired, planned) = world.decide(&strict());
        let campaign = world.campaign();
        let once = desired_state(&each_user_once(&world).matched_by(&strict().mask), &campaign, &strict(), &world.history).expect("matches");
        prop_assert_eq!(&plan(&once, &campaign, &strict()).changes, &planned.changes);
        prop_assert_eq!(once.skipped, desired.skipped);
    }

    #[test]
    fn incident_13_a_narrowed_plan_is_part_of_the_full_one(
        world in any_world(),
        users in prop::collection::vec("[A-Fa-f]@x", 0..3),
        groups in prop::collection::vec("one|TWO|admin|gone|foreign|never", 0..3),
    ) {
        let (desired, full) = world.decide(&eager());
        let (organization, campaign) = (world.organization(), world.campaign());
        let scope = Scope { users: users.clone(), groups: groups.iter().map(OperatorGroupName::new).collect() };
        let narrowed = desired.narrowed_to(&scope, &organization.matched_by(&eager().mask), &campaign, &eager(), &world.history);
        let part = plan(&narrowed, &campaign, &eager());
        prop_assert!(keys(&part).is_subset(&keys(&full)), "{:?}", part.changes);
        for (group, managed) in &part.managed_members {
            prop_assert_eq!(full.managed_members.get(group), Some(managed));
        }
        let in_groups = |change: &Change| {
            change.group().is_none_or(|name| groups.iter().any(|asked| asked.eq_ignore_ascii_case(name.as_str())))
        };
        prop_assert!(groups.is_empty() || part.changes.iter().all(in_groups));
        for group in &groups {
            let is_unknown = part
                .skipped
                .iter()
                .any(|skip| skip.reason == SkipReason::UnknownGroup && skip.subject == *group);
            let is_known = match group.as_str() {
                "foreign" | "never" => false,
                "gone" => world.memberships.iter().any(|(_, of)| of == "gone"),
                _ => true,
            };
            prop_assert_eq!(is_unknown, !is_known, "{}", group);
        }
    }

    #[test]
    fn incident_13_a_narrowed_protected_group_keeps_its_minimum(
        world in any_world(),
        user in "[a-e]@x",
    ) {
        let (desired, _) = world.decide(&strict());
        let (organization, campaign) = (world.organization(), world.campaign());
        let scope = Scope { users: vec![user], groups: Vec::new() };
        let narrowed = desired.narrowed_to(&scope, &organization.matched_by(&strict().mask), &campaign, &strict(), &world.history);
        let part = plan(&narrowed, &campaign, &strict());
        let in_admin = world.memberships.iter().filter(|(_, group)| group == "admin").count();
        let removed = part.changes.iter().filter(|change| written(change).ends_with(" admin") && change.is_removal());
        let removed = removed.count();
        prop_assert!(removed == 0 || in_admin - removed >= 2);
    }

    #[test]
    fn the_plan_of_a_single_user_call_is_part_of_the_full_plan(mut world in any_world(), email in "[a-e]@x") {
        // A read of the organization keeps only users with a matching profile: the names of others are not known.
        if !world.profiles.iter().any(|(_, members)| members.contains(&email)) {
            world.history.identities = Identities::default();
        }
        let (_, full) = world.decide(&eager());
        let campaign = world.campaign();
        let names = world.profiles.iter().filter(|(_, members)| members.contains(&email));
        let names: Vec<_> = names.map(|(name, _)| ProductProfileName::new(name.to_uppercase())).collect();
        let profiles = world.organization().profiles().to_vec();
        let users = UserSnapshot::new(profiles, [(world.user(&email), names)]).expect("has profiles");
        let desired = desired_state(&users.matched_by(&eager().mask), &campaign, &eager(), &world.history).expect("matches");
        let part = plan(&desired, &campaign, &eager());
        prop_assert!(keys(&part).is_subset(&keys(&full)), "{:?}", part.changes);
        let own = |key: &&ChangeKey| {
            key.operator == email.as_str().into()
                && key.group != "gone".into()
                && key.kind != ChangeKind::DisableOperator
        };
        let missed: Vec<_> = keys(&full).iter().filter(own).filter(|key| !keys(&part).contains(key)).cloned().collect();
        // A single call does not show the operator of a renamed user.
        let stands_in =
            full.skipped.iter().chain(&part.skipped).any(|skip| skip.reason == SkipReason::Renamed);
        prop_assert!(stands_in || missed.is_empty(), "{missed:?}");
        for group in desired.groups {
            prop_assert_eq!(full.managed_members.get(&group.name), part.managed_members.get(&group.name));
        }
    }

    #[test]
    fn incident_03_a_failed_second_read_never_removes_an_operator(
        world in any_world(),
        fails in any::<[bool; 3]>(),
        back in prop::collection::vec("[a-e]@x", 0..3),
    ) {
        let (desired, planned) = world.decide(&eager());
        let (organization, campaign) = (world.organization(), world.campaign());
        let wide = Limits { max_removals_percent: 100, max_group_removals_percent: 100, ..limits() };
        let Review { approved, .. } = review_of(&planned, &desired, &campaign, &wide, SourceCounts::Proven);
        // The guard disables no operator while it holds one of its removals.
        let let_through = |change: &Change| approved.changes().contains(change);
        let held: BTreeSet<_> =
            planned.changes.iter().filter(|change| !let_through(change)).map(Change::operator).collect();
        let approved = approved.clone().only(|change| change.group().is_some() || !held.contains(&change.operator()));
        let before = approved.changes().to_vec();
        let mut members = BTreeMap::new();
        for (managed, fails) in profiles_to_confirm(approved.changes(), &desired).into_iter().zip(fails) {
            let (group, profile) = (&managed.name, &managed.profile);
            prop_assert_ne!(group.as_str(), "gone", "an orphan has no profile to read");
            let (_, first) = world.profiles.iter().find(|(name, _)| name == profile.name.as_str()).expect("known");
            let users = first.iter().chain(&back).map(|email| world.user(email)).collect::<Vec<_>>();
            members.insert(group.clone(), if fails { Err("503".to_owned()) } else { Ok(users.into()) });
        }
        let second = SecondRead { members: &members, users: organization.users(), logins: organization.logins() };
        let (confirmed, doubted) = confirmed_removals(approved, &second, &desired, &campaign, &eager(), &world.history);
        prop_assert_eq!(confirmed.changes().len() + doubted.len(), before.len());
        let managed = |change: &&Change| change.group().is_some_and(|name| name.as_str() != "gone");
        for change in confirmed.changes().iter().filter(|change| change.is_removal()).filter(managed) {
            let group = change.group().expect("a membership");
            prop_assert!(members[group].is_ok(), "{change:?}");
            let login = change.operator().map(OperatorLogin::as_str).expect("a membership");
            prop_assert!(!back.iter().any(|email| email == login), "{change:?}");
        }
        prop_assert!(doubted.iter().all(|(change, _)| change.is_removal()));
        let after = world.after(&Plan { changes: confirmed.changes().to_vec(), ..Plan::default() });
        for login in &after.disabled {
            prop_assert!(!after.memberships.iter().any(|(of, _)| of == login), "{login} was disabled with a group");
        }
    }

    #[test]
    fn identities_are_reported_once(world in any_world()) {
        let (organization, campaign) = (world.organization(), world.campaign());
        let seen = identities_seen(&organization, &campaign, &strict(), &world.history);
        let mut world = world;
        world.history.identities = seen.new.clone();
        let again = identities_seen(&organization, &campaign, &strict(), &world.history);
        prop_assert!(again.new.except(&seen.new).eq(again.new.iter()), "{again:?}");
    }

    #[test]
    fn incident_18_every_membership_is_counted_once(world in any_world()) {
        let (desired, planned) = world.decide(&strict());
        for group in desired.groups.iter().map(|group| &group.name).chain(desired.orphans.iter().map(|o| &o.name)) {
            let is_managed = |login: &str| {
                login != "e@x" && world.operators.iter().any(|(name, how)| name == login && *how == Some(SignInMethod::Ims))
            };
            let rows = world.memberships.iter().filter(|(login, of)| of == group.as_str() && is_managed(login)).count();
            prop_assert_eq!(planned.managed_members.get(group), Some(&rows));
            let leaving = planned.changes.iter().filter(|c| c.is_removal() && c.group() == Some(group)).count();
            prop_assert!(leaving <= rows);
        }
        prop_assert_eq!(keys(&planned).len(), planned.changes.len(), "no change is planned twice");
    }
}

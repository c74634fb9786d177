//! The path from two snapshots to a reviewed plan: tables, the whole small world, and properties.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

use std::collections::BTreeSet;

use campaign_group_sync::domain::{
    Action, AssociationMask, CampaignSnapshot, ChangeKind, Circumstances, DesiredState, HeldPlan, History,
    InstanceName, Limits, LogOn, Manage, Missing, Operator, OperatorGroup, OperatorGroupId, OperatorGroupName,
    OperatorId, OperatorLogin, OrganizationId, OrganizationSnapshot, OrphanedGroup, Person, Plan, Policy,
    ProductProfile, ProductProfileId, ProductProfileName, ProtectedGroup, ReadProof, Review, SkipReason, SourceCounts,
    Tolerance, WalkEvidence, WithoutGroups, desired_state, plan, review,
};
use proptest::prelude::*;

/// Two worlds written as lists of names, to be disturbed by a test.
#[derive(Clone, Debug, Default)]
struct World {
    /// (profile, e-mails of its members)
    profiles: Vec<(String, Vec<String>)>,
    /// (login, how it logs on)
    operators: Vec<(String, Option<LogOn>)>,
    groups: Vec<String>,
    /// (login, group)
    memberships: Vec<(String, String)>,
}

impl World {
    fn new(profiles: &[(&str, &[&str])], operators: &[&str], groups: &[&str], memberships: &[(&str, &str)]) -> Self {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self {
            profiles: profiles.iter().map(|(name, members)| ((*name).to_owned(), owned(members))).collect(),
            operators: operators.iter().map(|login| ((*login).to_owned(), Some(LogOn::Ims))).collect(),
            groups: owned(groups),
            memberships: memberships.iter().map(|(o, g)| ((*o).to_owned(), (*g).to_owned())).collect(),
        }
    }

    fn organization(&self) -> OrganizationSnapshot {
        let (mut people, mut memberships) = (Vec::new(), Vec::new());
        for (profile, (_, members)) in (0..).zip(&self.profiles) {
            for email in members {
                memberships.push((profile, u32::try_from(people.len()).expect("few people")));
                people.push(Person { id: None, email: Some(email.clone()), user_name: None });
            }
        }
        let profiles = (1..).zip(&self.profiles).map(|(id, (name, _))| ProductProfile {
            id: Some(ProductProfileId(id)),
            name: ProductProfileName::new(name),
            member_count: None,
        });
        OrganizationSnapshot::new(
            OrganizationId::new("0123456789ABCDEF01234567@AdobeOrg"),
            profiles.collect(),
            people,
            memberships,
            Vec::new(),
            proof(),
        )
        .expect("has profiles")
    }

    fn campaign(&self) -> CampaignSnapshot {
        let operator_id = |login: &str| {
            let at = self.operators.iter().position(|(name, _)| name == login).expect("a known operator");
            OperatorId(1001 + i64::try_from(at).expect("few operators"))
        };
        let group_id = |name: &str| {
            let at = self.groups.iter().position(|group| group == name).expect("a known group");
            OperatorGroupId(5001 + i64::try_from(at).expect("few groups"))
        };
        CampaignSnapshot::new(
            self.operators
                .iter()
                .map(|(login, log_on)| Operator {
                    id: operator_id(login),
                    login: OperatorLogin::new(login),
                    label: String::new(),
                    log_on: log_on.unwrap_or(LogOn::Native),
                    disabled: false,
                })
                .collect(),
            self.groups
                .iter()
                .map(|name| OperatorGroup {
                    id: group_id(name),
                    name: OperatorGroupName::new(name),
                    label: String::new(),
                })
                .collect(),
            self.memberships.iter().map(|(login, group)| (operator_id(login), group_id(group))),
            OperatorLogin::new("sync@techacct.adobe.com"),
        )
    }

    fn decide(&self, policy: &Policy) -> (DesiredState, Plan) {
        let campaign = self.campaign();
        let desired =
            desired_state(&self.organization(), &campaign, policy, &History::default()).expect("a matching profile");
        let plan = plan(&desired, &campaign, policy);
        (desired, plan)
    }

    fn review(&self, policy: &Policy, limits: &Limits, counts: SourceCounts) -> (Vec<String>, HeldPlan) {
        let (desired, plan) = self.decide(policy);
        let Review { approved, held, .. } = review_of(&plan, &desired, &self.campaign(), limits, counts);
        (approved.changes().iter().map(written).collect(), held)
    }

    /// The world after these changes, as Campaign would hold it.
    fn after(&self, plan: &Plan) -> Self {
        let mut world = self.clone();
        for change in &plan.changes {
            let row = || {
                let text = |name: Option<&str>| name.expect("named").to_owned();
                (
                    text(change.operator().map(OperatorLogin::as_str)),
                    text(change.group().map(OperatorGroupName::as_str)),
                )
            };
            match &change.action {
                Action::CreateGroup { group } => world.groups.push(group.to_string()),
                Action::CreateOperator { operator, .. } => {
                    world.operators.push((operator.to_string(), Some(LogOn::Ims)));
                }
                Action::Add { .. } => world.memberships.push(row()),
                Action::Remove { .. } => world.memberships.retain(|membership| *membership != row()),
                Action::DisableOperator { .. } => {}
            }
        }
        world
    }
}

fn proof() -> ReadProof {
    let walk = WalkEvidence {
        pages: 1,
        last_page_seen: true,
        page_count: Some(1),
        total_count: Some(9),
        total_count_at_end: Some(9),
        users: 9,
    };
    ReadProof::of_walk(&walk, Tolerance { share: 0.01 }).expect("complete")
}

fn review_of(
    plan: &Plan,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    limits: &Limits,
    counts: SourceCounts,
) -> Review {
    let instance = InstanceName::new("production");
    let circumstances = Circumstances { instance: &instance, limits, counts, read: None, history: &History::default() };
    review(plan, desired, campaign, &circumstances)
}

fn policy() -> Policy {
    Policy {
        instance: InstanceName::new("production"),
        mask: AssociationMask::parse("P - (.*)").expect("valid"),
        missing_operator: Missing::Skip,
        missing_group: Missing::Skip,
        manage: Manage::Ims,
        without_groups: WithoutGroups::Keep,
        orphaned_group: OrphanedGroup::Keep,
        protected_operators: Vec::new(),
        protected_groups: Vec::new(),
    }
}

fn limits() -> Limits {
    Limits {
        max_removals: 50,
        max_removals_percent: 20,
        max_group_removals_percent: 34,
        max_new_operators: 25,
        max_new_groups: 5,
        max_source_shrink_percent: 20,
    }
}

fn written(change: &campaign_group_sync::domain::Change) -> String {
    let sign = match change.kind() {
        ChangeKind::CreateGroup => "create group",
        ChangeKind::CreateOperator => "create operator",
        ChangeKind::Add => "+",
        ChangeKind::Remove => "-",
        ChangeKind::DisableOperator => "disable operator",
    };
    let names = [change.operator().map(OperatorLogin::as_str), change.group().map(OperatorGroupName::as_str)];
    [sign].into_iter().chain(names.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(world: &World, policy: &Policy, changes: &[&str], skipped: &[(SkipReason, &str)]) {
    let (_, plan) = world.decide(policy);
    assert_eq!(plan.changes.iter().map(written).collect::<Vec<_>>(), changes, "{plan:#?}");
    let found: Vec<_> = plan.skipped.iter().map(|skipped| (skipped.reason, skipped.subject.as_str())).collect();
    assert_eq!(found, skipped);
}

#[test]
fn a_joiner_is_added_and_a_leaver_removed() {
    let world = World::new(
        &[("P - delivery", &["ann@x", "bob@x"]), ("Other - delivery", &["eve@x"])],
        &["ann@x", "bob@x", "eve@x"],
        &["delivery", "foreign"],
        &[("ann@x", "delivery"), ("eve@x", "delivery"), ("eve@x", "foreign")],
    );
    check(&world, &policy(), &["+ bob@x delivery", "- eve@x delivery"], &[]);
    let (_, plan) = world.decide(&policy());
    assert_eq!((plan.unchanged, plan.managed_memberships()), (1, 2));
    insta::assert_debug_snapshot!(plan.changes.iter().map(|change| &change.reason).collect::<Vec<_>>(), @r#"
    [
        "member of profile P - delivery",
        "not a member of profile P - delivery",
    ]
    "#);
}

#[test]
fn letter_case_alone_changes_nothing() {
    let world = World::new(&[("p - DELIVERY", &["Ann@X "])], &["aNN@x"], &["Delivery"], &[("aNN@x", "Delivery")]);
    check(&world, &policy(), &[], &[]);
}

#[test]
fn what_cannot_be_placed_does_not_stop_the_rest() {
    let world = World::new(
        &[
            ("P - one", &["ann@x", "nobody@x", "twin@x"]),
            ("P - two", &["ann@x"]),
            ("p - TWO", &["ann@x"]),
            ("P - missing", &["ann@x"]),
            ("P - Same", &["ann@x"]),
        ],
        &["ann@x", "twin@x", "TWIN@x", "eve@x"],
        &["one", "two", "same", "SAME"],
        &[("TWIN@x", "one"), ("eve@x", "one"), ("eve@x", "two"), ("eve@x", "same")],
    );
    check(
        &world,
        &policy(),
        &["+ ann@x one", "- eve@x one"],
        &[
            (SkipReason::NoOperator, "nobody@x"),
            (SkipReason::NoGroup, "missing"),
            (SkipReason::AmbiguousIdentity, "twin@x"),
            (SkipReason::AmbiguousProfile, "two"),
            (SkipReason::AmbiguousGroup, "Same"),
        ],
    );
}

#[test]
fn two_accounts_of_one_address_are_one_person() {
    let world = World::new(&[("P - one", &["ann@x", "ANN@x"])], &["ann@x"], &["one"], &[]);
    check(&world, &policy(), &["+ ann@x one"], &[]);
}

#[test]
fn native_operators_are_left_alone_unless_all_are_managed() {
    let mut world =
        World::new(&[("P - one", &["ann@x", "bob@x"])], &["ann@x", "bob@x", "eve@x"], &["one"], &[("eve@x", "one")]);
    for (_, log_on) in world.operators.iter_mut().skip(1) {
        *log_on = None;
    }
    let native = [(SkipReason::NotManaged, "bob@x"), (SkipReason::NotManaged, "eve@x")];
    check(&world, &policy(), &["+ ann@x one"], &native);
    let all = Policy { manage: Manage::All, ..policy() };
    check(&world, &all, &["+ ann@x one", "+ bob@x one", "- eve@x one"], &[]);
}

#[test]
fn protected_operators_are_never_touched() {
    let logins = ["admin", "Sync@techacct.adobe.com", "other@techacct.adobe.com", "vip@x", "WebApp", "eve@x"];
    let rows: Vec<_> = logins.iter().map(|login| (*login, "one")).collect();
    let world =
        World::new(&[("P - one", &["ann@x", "admin"]), ("P - two", &["vip@x"])], &logins, &["one", "two"], &rows);
    let policy = Policy { protected_operators: vec![OperatorLogin::new("VIP@x")], ..policy() };
    let (_, plan) = world.decide(&policy);
    assert_eq!(plan.changes.iter().map(written).collect::<Vec<_>>(), ["- eve@x one"]);
    let protected: Vec<_> = plan
        .skipped
        .iter()
        .filter(|skip| skip.reason == SkipReason::Protected)
        .map(|skip| skip.subject.as_str())
        .collect();
    assert_eq!(protected, ["Sync@techacct.adobe.com", "WebApp", "other@techacct.adobe.com", "vip@x", "vip@x"]);
}

#[test]
fn a_protected_group_keeps_its_minimum_and_its_required_members() {
    let world = World::new(
        &[("P - admin", &["new@x"]), ("P - one", &[])],
        &["ann@x", "bob@x", "eve@x", "req@x", "new@x"],
        &["admin", "one"],
        &[("ann@x", "admin"), ("bob@x", "admin"), ("eve@x", "admin"), ("req@x", "admin")],
    );
    let rule = ProtectedGroup {
        name: OperatorGroupName::new("Admin"),
        min_members: 3,
        required: vec![OperatorLogin::new("REQ@x")],
    };
    let policy = Policy { protected_groups: vec![rule], ..policy() };
    let kept = [
        (SkipReason::ProtectedMinimum, "bob@x"),
        (SkipReason::ProtectedMinimum, "eve@x"),
        (SkipReason::ProtectedMinimum, "req@x"),
    ];
    check(&world, &policy, &["+ new@x admin", "- ann@x admin"], &kept);
}

#[test]
fn operators_and_groups_are_created_only_when_asked() {
    let world =
        World::new(&[("P - one", &["Ann@x", "ann@X", "bob@x"]), ("P - new", &["ann@x"])], &["bob@x"], &["one"], &[]);
    let create = Policy { missing_operator: Missing::Create, missing_group: Missing::Create, ..policy() };
    check(
        &world,
        &create,
        &["create group new", "create operator Ann@x", "+ Ann@x new", "+ Ann@x one", "+ bob@x one"],
        &[],
    );
}

#[test]
fn no_matching_profile_is_an_error_and_not_an_empty_plan() {
    let world = World::new(&[("Q - one", &["ann@x"])], &["ann@x"], &["one"], &[("ann@x", "one")]);
    let error = desired_state(&world.organization(), &world.campaign(), &policy(), &History::default())
        .expect_err("must be refused");
    assert!(error.to_string().contains("none of the 1 product profiles matches"), "{error}");
}

#[test]
fn emptying_a_group_is_held_and_everything_else_goes_on() {
    let world = World::new(
        &[("P - one", &[]), ("P - two", &["ann@x"])],
        &["ann@x", "eve@x"],
        &["one", "two"],
        &[("eve@x", "one"), ("eve@x", "two")],
    );
    let (approved, held) = world.review(&policy(), &limits(), SourceCounts::Proven);
    assert_eq!(approved, ["+ ann@x two", "- eve@x two"]);
    assert_eq!(held.changes.iter().map(|held| written(&held.change)).collect::<Vec<_>>(), ["- eve@x one"]);
    assert!(held.changes.iter().all(|held| held.why.contains("would empty group \"one\"")), "{held:?}");
}

#[test]
fn a_protected_group_that_keeps_its_minimum_is_not_emptied() {
    let world = World::new(
        &[("P - admin", &[])],
        &["ann@x", "bob@x", "eve@x"],
        &["admin"],
        &[("ann@x", "admin"), ("bob@x", "admin"), ("eve@x", "admin")],
    );
    let rule = ProtectedGroup { name: OperatorGroupName::new("admin"), min_members: 2, required: Vec::new() };
    let policy = Policy { protected_groups: vec![rule], ..policy() };
    let (approved, held) = world.review(&policy, &limits(), SourceCounts::Proven);
    assert_eq!(approved, ["- ann@x admin"]);
    assert!(held.changes.is_empty(), "{held:?}");
}

#[test]
fn limits_hold_what_they_are_about() {
    let people: Vec<String> = (0..10).map(|n| format!("p{n}@x")).collect();
    let staying: Vec<&str> = people.iter().skip(4).map(String::as_str).collect();
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let rows: Vec<_> = names.iter().map(|login| (*login, "one")).collect();
    let world = World::new(&[("P - one", &staying)], &names, &["one"], &rows);
    let wide = Limits { max_removals_percent: 100, max_group_removals_percent: 100, ..limits() };
    let cases = [
        (wide.clone(), SourceCounts::Proven, None),
        (Limits { max_removals: 3, ..wide.clone() }, SourceCounts::Proven, Some("guard.max_removals = 3")),
        (Limits { max_removals_percent: 39, ..wide.clone() }, SourceCounts::Proven, Some("max_removals_percent = 39")),
        (Limits { max_removals_percent: 40, ..wide.clone() }, SourceCounts::Proven, None),
        (
            Limits { max_group_removals_percent: 39, ..wide.clone() },
            SourceCounts::Proven,
            Some("4 removals of 10 members"),
        ),
        (wide, SourceCounts::Missing, Some("X-Total-Count")),
    ];
    for (limits, counts, expected) in cases {
        let (approved, held) = world.review(&policy(), &limits, counts);
        match expected {
            None => assert_eq!((approved.len(), held.changes.len()), (4, 0), "{limits:?}"),
            Some(part) => {
                assert_eq!((approved.len(), held.changes.len()), (0, 4), "{limits:?}");
                assert!(held.changes.iter().all(|held| held.why.contains(part)), "{held:?}");
            }
        }
    }
}

#[test]
fn too_many_creations_are_held_with_the_memberships_that_need_them() {
    let world = World::new(&[("P - one", &["a@x", "b@x", "eve@x"])], &["eve@x"], &["one"], &[]);
    let create = Policy { missing_operator: Missing::Create, ..policy() };
    let limits = Limits { max_new_operators: 1, ..limits() };
    let (approved, held) = world.review(&create, &limits, SourceCounts::Proven);
    assert_eq!(approved, ["+ eve@x one"]);
    assert_eq!(held.changes.len(), 4);
}

#[test]
fn a_held_plan_keeps_its_digest_once_the_rest_is_done() {
    let world = World::new(
        &[("P - one", &[]), ("P - two", &["ann@x"])],
        &["ann@x", "eve@x"],
        &["one", "two"],
        &[("eve@x", "one"), ("eve@x", "two")],
    );
    let (desired, planned) = world.decide(&policy());
    let Review { approved, held: first, .. } =
        review_of(&planned, &desired, &world.campaign(), &limits(), SourceCounts::Proven);
    let done = world.after(&Plan { changes: approved.changes().to_vec(), ..Plan::default() });
    let (again, second) = done.review(&policy(), &limits(), SourceCounts::Proven);
    assert!(again.is_empty(), "{again:?}");
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.digest.map(|digest| digest.to_string().len()), Some(16));

    let mut other = done;
    other.operators.push(("bob@x".into(), Some(LogOn::Ims)));
    other.memberships.push(("bob@x".into(), "one".into()));
    let (_, third) = other.review(&policy(), &limits(), SourceCounts::Proven);
    assert_ne!(second.digest, third.digest);
}

/// Every current and every wanted membership of three operators in three groups: 262,144 pairs of worlds.
#[test]
fn applying_the_plan_reaches_the_wanted_state_from_everywhere() {
    const LOGINS: [&str; 3] = ["ann@x", "bob@x", "eve@x"];
    const GROUPS: [&str; 3] = ["one", "two", "three"];
    let pairs: Vec<(&str, &str)> = GROUPS.iter().flat_map(|group| LOGINS.map(|login| (login, *group))).collect();
    let chosen = |bits: u32| {
        let bit = |(at, pair): (u32, &(&'static str, &'static str))| (bits >> at & 1 == 1).then_some(*pair);
        (0..).zip(&pairs).filter_map(bit).collect::<BTreeSet<_>>()
    };
    let policy = policy();
    for wanted_bits in 0..512 {
        let wanted = chosen(wanted_bits);
        let profiles = GROUPS.map(|group| {
            let members = wanted.iter().filter(|(_, of)| *of == group).map(|(login, _)| (*login).to_owned());
            (format!("P - {group}"), members.collect())
        });
        let mut world = World::new(&[], &LOGINS, &GROUPS, &[]);
        world.profiles = profiles.into();
        let organization = world.organization();
        for current_bits in 0..512 {
            let current = chosen(current_bits);
            world.memberships = current.iter().map(|(o, g)| ((*o).to_owned(), (*g).to_owned())).collect();
            let campaign = world.campaign();
            let desired =
                desired_state(&organization, &campaign, &policy, &History::default()).expect("profiles match");
            let plan = plan(&desired, &campaign, &policy);
            let after = world.after(&plan);
            let reached: BTreeSet<_> = after.memberships.iter().map(|(o, g)| (o.as_str(), g.as_str())).collect();
            assert_eq!(reached, wanted, "from {current:?}");
            assert_eq!(plan.unchanged, current.intersection(&wanted).count());
            assert_eq!(plan.changes.len(), current.symmetric_difference(&wanted).count(), "no change without need");
        }
    }
}

fn any_world() -> impl Strategy<Value = World> {
    let login = || "[a-e]@x";
    let rows = prop::collection::vec((login(), prop::sample::select(vec!["one", "two", "admin", "foreign"])), 0..16);
    let profiles = prop::collection::vec(prop::collection::vec(login(), 0..6), 3);
    (profiles, rows, prop::collection::btree_set(login(), 0..6), any::<[bool; 5]>()).prop_map(
        |(profiles, rows, operators, native)| {
            let logins: BTreeSet<String> = operators.into_iter().chain(rows.iter().map(|(o, _)| o.clone())).collect();
            let log_on = native.map(|native| if native { LogOn::Native } else { LogOn::Ims });
            World {
                profiles: ["P - one", "P - two", "P - admin"].into_iter().map(String::from).zip(profiles).collect(),
                operators: logins.into_iter().zip(log_on.map(Some)).collect(),
                groups: ["one", "two", "admin", "foreign"].map(String::from).into(),
                memberships: rows
                    .into_iter()
                    .map(|(o, g)| (o, g.to_owned()))
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            }
        },
    )
}

fn strict() -> Policy {
    let admin = ProtectedGroup {
        name: OperatorGroupName::new("admin"),
        min_members: 2,
        required: vec![OperatorLogin::new("a@x")],
    };
    Policy {
        missing_operator: Missing::Create,
        protected_operators: vec![OperatorLogin::new("e@x")],
        protected_groups: vec![admin],
        ..policy()
    }
}

proptest! {
    #[test]
    fn a_second_plan_is_empty(world in any_world()) {
        let (_, first) = world.decide(&strict());
        let (_, second) = world.after(&first).decide(&strict());
        // A protected group may let more members go once its new ones have arrived.
        let rest: Vec<_> =
            second.changes.iter().filter(|change| change.group().map(OperatorGroupName::as_str) != Some("admin")).collect();
        prop_assert!(rest.is_empty(), "{rest:?}");
        let mut settled = world;
        for _ in 0..5 {
            let (_, plan) = settled.decide(&strict());
            settled = settled.after(&plan);
        }
        prop_assert!(settled.decide(&strict()).1.changes.is_empty());
    }

    #[test]
    fn foreign_groups_and_protected_operators_are_untouched(world in any_world()) {
        let (_, plan) = world.decide(&strict());
        for change in &plan.changes {
            prop_assert_ne!(change.group().map(OperatorGroupName::as_str), Some("foreign"));
            let existing = world.operators.iter().any(|(login, _)| login == "e@x");
            prop_assert!(!existing || change.operator().map(OperatorLogin::as_str) != Some("e@x"));
        }
    }

    #[test]
    fn a_protected_group_never_runs_dry(world in any_world()) {
        let (_, plan) = world.decide(&strict());
        let in_admin = |world: &World| world.memberships.iter().filter(|(_, group)| group == "admin").count();
        let removed = plan.changes.iter().filter(|change| written(change).ends_with(" admin") && change.is_removal()).count();
        prop_assert!(removed == 0 || in_admin(&world) - removed >= 2);
        let takes_required = plan.changes.iter().any(|change| written(change) == "- a@x admin");
        prop_assert!(!takes_required);
    }

    #[test]
    fn the_order_of_answers_does_not_matter(world in any_world(), rotate in 0..7_usize) {
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
    fn letter_case_on_either_side_changes_no_settled_world(world in any_world(), upper in any::<[bool; 3]>()) {
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
    fn removals_and_additions_never_empty_a_group_unasked(world in any_world()) {
        let (desired, plan) = world.decide(&policy());
        let Review { approved, .. } = review_of(&plan, &desired, &world.campaign(), &limits(), SourceCounts::Proven);
        let after = world.after(&Plan { changes: approved.changes().to_vec(), ..Plan::default() });
        for group in &world.groups {
            let members = |world: &World| world.memberships.iter().filter(|(_, of)| of == group).count();
            prop_assert!(members(&world) == 0 || members(&after) > 0, "{group} was emptied");
        }
    }
}

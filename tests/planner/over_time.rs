//! Users that change their login, groups that lose their profile, operators left in no group.

use campaign_group_sync::domain::{
    FoldedName, FollowedGroup, History, Identities, KnownOperator, KnownProfiles, LoginHolder, LoginHolders, LoginSet,
    Manage, Membership, MissingPolicy, OperatorGroupName, OperatorLogin, OrphanedGroup, Policy, ProductProfileId,
    ProductProfileName, ProtectedGroup, SignInMethod, SkipReason, SourceCounts, WithoutGroups, desired_state,
    identities_seen, plan, source_read, unsettled_logins, warnings,
};

use super::world::{World, check, limits, policy, written};

/// Ann was `old@x` at last sight and is `new@x` now.
fn renamed_ann() -> World {
    World::new(
        &[("P - one", &["new@x", "bob@x"]), ("P - two", &["new@x"])],
        &["old@x", "bob@x"],
        &["one", "two"],
        &[("old@x", "one"), ("bob@x", "one")],
    )
    .with_ids(&[("new@x", "ANN"), ("bob@x", "bob")])
    .remembering(&[("ann", "old@x"), ("bob", "bob@x")])
}

#[test]
fn incident_15_a_changed_login_causes_no_removal() {
    let world = renamed_ann();
    check(&world, &policy(), &["+ old@x two"], &[(SkipReason::Renamed, "new@x")]);
    let create = Policy { missing_operator: MissingPolicy::Create, ..policy() };
    check(&world, &create, &["+ old@x two"], &[(SkipReason::Renamed, "new@x")]);
    let (_, plan) = world.decide(&policy());
    let detail = &plan.skipped.first().expect("a notice").detail;
    assert!(detail.contains("\"old@x\"") && detail.contains("\"new@x\""), "{detail}");
}

#[test]
fn incident_15_without_history_a_changed_login_is_a_removal_and_a_new_user() {
    let world = World { history: History::default(), ..renamed_ann() };
    check(&world, &policy(), &["- old@x one"], &[(SkipReason::NoOperator, "new@x")]);
}

#[test]
fn incident_15_the_old_operator_is_removed_once_the_new_login_has_an_operator() {
    let mut world = renamed_ann();
    world.operators.push(("New@x".into(), Some(SignInMethod::Ims)));
    check(&world, &policy(), &["+ New@x one", "+ New@x two", "- old@x one"], &[]);
}

#[test]
fn the_old_operator_has_no_user_once_a_native_operator_has_the_new_login() {
    let mut world = renamed_ann();
    world.operators.push(("new@x".into(), Some(SignInMethod::Native)));
    check(&world, &policy(), &["- old@x one"], &[(SkipReason::NotManaged, "new@x")]);
}

#[test]
fn an_old_login_that_another_user_has_now_belongs_to_that_user() {
    let mut world = renamed_ann();
    world.profiles.push(("P - three".into(), vec!["OLD@x".into()]));
    world.groups.push("three".into());
    world.ids.insert("OLD@x".into(), "other".into());
    check(&world, &policy(), &["+ old@x three", "- old@x one"], &[(SkipReason::NoOperator, "new@x")]);
    world.ids.remove("OLD@x");
    check(&world, &policy(), &["+ old@x three", "- old@x one"], &[(SkipReason::NoOperator, "new@x")]);
    // One record that was read twice, before and after a change of login, is one user.
    world.ids.insert("OLD@x".into(), "ann".into());
    check(&world, &policy(), &["+ old@x three", "+ old@x two"], &[(SkipReason::Renamed, "new@x")]);
}

#[test]
fn an_ambiguous_new_login_stays_ambiguous() {
    let mut world = renamed_ann();
    world.operators.extend(["new@x", "NEW@x"].map(|login| (login.to_owned(), Some(SignInMethod::Ims))));
    check(&world, &policy(), &["- old@x one"], &[(SkipReason::AmbiguousIdentity, "new@x")]);
}

#[test]
fn a_stored_operator_that_is_missing_or_not_managed_has_no_user() {
    let mut world = renamed_ann();
    world.operators[0].1 = None;
    check(&world, &policy(), &[], &[(SkipReason::NoOperator, "new@x"), (SkipReason::NotManaged, "old@x")]);
    let gone = World::new(&[("P - one", &["new@x"])], &["bob@x"], &["one"], &[]).with_ids(&[("new@x", "ann")]);
    let history = renamed_ann().history;
    let operators = vec![("zoe@x".to_owned(), Some(SignInMethod::Ims))];
    check(&World { history, ..gone.clone() }, &policy(), &["+ bob@x one"], &[(SkipReason::Renamed, "new@x")]);
    let history = World { operators, ..World::default() }.remembering(&[("ann", "zoe@x")]).history;
    let empty = World { operators: Vec::new(), history, ..gone };
    check(&empty, &policy(), &[], &[(SkipReason::NoOperator, "new@x")]);
}

#[test]
fn only_changed_identities_are_reported() {
    let mut world = renamed_ann();
    let seen = |world: &World| identities_seen(&world.organization(), &world.campaign(), &policy(), &world.history).new;
    assert_eq!(seen(&world), Identities::default(), "the stored operator of a renamed user is unchanged");
    world.operators.push(("new@x".into(), Some(SignInMethod::Ims)));
    let (ann, bob) = (("ann".into(), world.known_operator("new@x")), ("bob".into(), world.known_operator("bob@x")));
    assert_eq!(seen(&world), Identities::new([ann.clone()]));
    world.history = History::default();
    assert_eq!(seen(&world), Identities::new([ann, bob]));
}

#[test]
fn the_present_login_of_a_stored_operator_is_stored() {
    let mut world = renamed_ann();
    let unwritten = KnownOperator { login: None, ..world.known_operator("old@x") };
    let bob = ("bob".into(), world.known_operator("bob@x"));
    world.history.identities = Identities::new([("ann".into(), unwritten), bob]);
    let seen = identities_seen(&world.organization(), &world.campaign(), &policy(), &world.history);
    assert_eq!(seen.new, Identities::new([("ann".into(), world.known_operator("old@x"))]));
}

#[test]
fn the_holder_of_an_old_login_that_the_read_does_not_show_is_looked_up() {
    let world = renamed_ann();
    let organization = world.organization().with_holders_of(LoginSet::default());
    let check = |answer: Option<LoginHolder>, expected: &[&str], unsettled: usize| {
        let mut history = world.history.clone();
        history.login_holders = LoginHolders::new(answer.clone().map(|answer| ("old@x".into(), answer)));
        let (campaign, policy) = (world.campaign(), policy());
        let desired = desired_state(&organization.matched_by(&policy.mask), &campaign, &policy, &history)
            .expect("a matching profile");
        let found: Vec<_> = plan(&desired, &campaign, &policy).changes.iter().map(written).collect();
        assert_eq!(found, expected, "{answer:?}");
        assert_eq!(
            unsettled_logins(&organization.matched_by(&policy.mask), &campaign, &policy, &history).len(),
            unsettled,
            "{answer:?}"
        );
    };
    check(None, &[], 1);
    check(Some(LoginHolder::NoUser), &["+ old@x two"], 0);
    check(Some(LoginHolder::User("ann".into())), &["+ old@x two"], 0);
    check(Some(LoginHolder::User("bob".into())), &["- old@x one"], 0);
    check(Some(LoginHolder::Others), &["- old@x one"], 0);
}

#[test]
fn the_stored_operator_of_a_user_is_dropped_when_another_user_has_its_login() {
    let mut world = renamed_ann();
    let ended =
        |world: &World| identities_seen(&world.organization(), &world.campaign(), &policy(), &world.history).ended;
    assert_eq!(ended(&world), Vec::<FoldedName>::new(), "the stored operator of a renamed user stays");
    for (_, users) in &mut world.profiles {
        users.retain(|user| user != "new@x");
        users.push("old@x".to_owned());
    }
    world.ids.insert("old@x".to_owned(), "hired".to_owned());
    assert_eq!(ended(&world), ["ann".into()], "the user that has the login now would otherwise share the operator");
}

/// A world whose profile `P - gone` was deleted after a run that accepted it.
fn orphaned() -> World {
    let mut world = World::new(
        &[("P - one", &["ann@x"]), ("P - gone", &["ann@x", "eve@x"]), ("P - nowhere", &[])],
        &["ann@x", "eve@x", "vip@x", "native@x"],
        &["one", "gone"],
        &[("ann@x", "one"), ("ann@x", "gone"), ("eve@x", "gone"), ("vip@x", "gone"), ("native@x", "gone")],
    );
    world.operators[3].1 = None;
    world.accept(&policy());
    world.profiles.truncate(1);
    world
}

fn orphans(world: &World) -> Vec<String> {
    let (desired, _) = world.decide(&policy());
    desired
        .orphans
        .iter()
        .map(|orphan| format!("{} {} {}", orphan.name, orphan.profile, orphan.members.len()))
        .collect()
}

#[test]
fn incident_10_a_deleted_profile_removes_no_member_and_every_run_reports_it() {
    let mut world = orphaned();
    for _ in 0..3 {
        check(&world, &policy(), &[], &[]);
        assert_eq!(orphans(&world), ["gone P - gone 4"]);
        world.accept(&policy());
    }
    let known = world.history.known.groups().first().expect("a known group");
    assert_eq!((known.group.as_str(), known.profile_id), ("gone", Some(ProductProfileId(2))));
    world.memberships.retain(|(_, group)| group != "gone");
    assert_eq!(orphans(&world), [""; 0], "a group without members is not orphaned");
    // Later members were added in another way, and the profile may come back as another one.
    world.accept(&policy());
    assert_eq!(world.history.known.groups().len(), 2);
}

#[test]
fn incident_10_members_of_an_orphaned_group_are_removed_only_by_policy_and_with_approval() {
    let world = orphaned();
    let vip = vec![OperatorLogin::new("vip@x")];
    let empty = Policy { orphaned_group: OrphanedGroup::Empty, protected_operators: vip, ..policy() };
    let left = [(SkipReason::NotManaged, "native@x"), (SkipReason::Protected, "vip@x")];
    check(&world, &empty, &["- ann@x gone", "- eve@x gone"], &left);
    let (_, plan) = world.decide(&empty);
    assert!(plan.changes.iter().all(|change| change.reason == "profile P - gone, which stood for this group, is gone"));
    assert_eq!(plan.managed_members.get(&OperatorGroupName::new("gone")), Some(&2));
    let (approved, held) = world.review(&empty, &limits(), SourceCounts::Proven);
    assert_eq!((approved.len(), held.changes.len()), (0, 2));

    let rule = ProtectedGroup { name: OperatorGroupName::new("GONE"), min_members: 4, required: Vec::new() };
    let kept = Policy { protected_groups: vec![rule], orphaned_group: OrphanedGroup::Empty, ..policy() };
    let (_, plan) = world.decide(&kept);
    assert_eq!(plan.changes, []);
}

#[test]
fn a_group_that_two_profiles_claim_is_refused_and_not_orphaned() {
    let mut world = orphaned();
    world.profiles.extend([("P - gone".to_owned(), Vec::new()), ("p - GONE".to_owned(), Vec::new())]);
    assert_eq!(orphans(&world), [""; 0]);
}

#[test]
fn incident_15_a_renamed_profile_leaves_an_orphaned_group_and_is_reported() {
    let mut world = World::new(&[("P - one", &["ann@x"])], &["ann@x"], &["one"], &[("ann@x", "one")]);
    world.accept(&policy());
    world.profiles[0].0 = "P - ONE admins".into();
    check(&world, &policy(), &[], &[(SkipReason::NoGroup, "ONE admins")]);
    assert_eq!(orphans(&world), ["one P - one 1"]);
    let (desired, _) = world.decide(&policy());
    let read = source_read(&world.organization().matched_by(&policy().mask), &policy(), Membership::Direct);
    insta::assert_debug_snapshot!(warnings(&read, &desired, &world.campaign(), &world.history), @r#"
    [
        "profile \"P - ONE admins\" has \"admin\" in its name: Adobe gives its members access to the Control Panel",
        "profile \"P - one\" (id 1) is called \"P - ONE admins\" now",
    ]
    "#);
}

#[test]
fn a_disabled_operator_that_belongs_in_a_group_is_reported() {
    let mut world = World::new(&[("P - one", &["ann@x"])], &["ann@x"], &["one"], &[]);
    world.disabled.insert("ann@x".into());
    let (desired, _) = world.decide(&policy());
    let read = source_read(&world.organization().matched_by(&policy().mask), &policy(), Membership::Effective);
    let told = warnings(&read, &desired, &world.campaign(), &world.history);
    assert_eq!(told, ["operator \"ann@x\" belongs in \"one\" and is disabled in Campaign"]);
}

#[test]
fn every_matched_profile_is_counted_with_or_without_operator_group() {
    let world = World::new(
        &[("P - one", &["ann@x"]), ("P - nowhere", &[]), ("p - ONE", &[]), ("Other", &[])],
        &["ann@x"],
        &["one"],
        &[],
    );
    let read = source_read(&world.organization().matched_by(&policy().mask), &policy(), Membership::Direct);
    let matched: Vec<_> = read.matched.iter().map(|followed| followed.profile.as_str()).collect();
    assert_eq!(matched, ["P - nowhere", "p - ONE", "P - one"]);
    assert_eq!((read.users, read.membership.as_str(), read.manage.as_str()), (Some(9), "direct", "ims"));
    assert_eq!(read.mask, "P - (.*)");
}

#[test]
fn groups_followed_before_the_last_accepted_read_stay_known() {
    let mut world = orphaned();
    world.history = History {
        known: KnownProfiles::of_groups([FollowedGroup {
            group: OperatorGroupName::new("Gone"),
            group_id: None,
            profile_id: None,
            profile: ProductProfileName::new("P - gone"),
        }]),
        ..History::default()
    };
    assert_eq!(orphans(&world), ["gone P - gone 4"]);
    world.accept(&policy());
    assert_eq!(orphans(&world), ["gone P - gone 4"]);
}

#[test]
fn an_operator_left_in_no_group_is_disabled_if_the_policy_says_so() {
    let mut world = World::new(
        &[("P - one", &["ann@x"]), ("P - two", &["bob@x"])],
        &["ann@x", "bob@x", "eve@x", "foreign@x", "gone@x", "idle@x"],
        &["one", "two", "foreign"],
        &[
            ("ann@x", "one"),
            ("bob@x", "one"),
            ("eve@x", "one"),
            ("eve@x", "two"),
            ("foreign@x", "one"),
            ("foreign@x", "foreign"),
            ("gone@x", "one"),
        ],
    );
    world.disabled.insert("gone@x".into());
    let disable = Policy { without_groups: WithoutGroups::Disable, ..policy() };
    let removals = ["- bob@x one", "- eve@x one", "- foreign@x one", "- gone@x one", "- eve@x two"];
    let (_, plan) = world.decide(&disable);
    let found: Vec<_> = plan.changes.iter().map(written).collect();
    let expected: Vec<_> =
        ["+ bob@x two"].iter().chain(&removals).chain(&["disable operator eve@x"]).copied().collect();
    assert_eq!(found, expected);
    let (_, plan) = world.decide(&policy());
    assert_eq!(plan.changes.len(), 6, "{:#?}", plan.changes);
    // A native operator is never disabled, even if all operators are managed.
    world.operators[2].1 = None;
    let all = Policy { manage: Manage::All, ..disable };
    let (_, plan) = world.decide(&all);
    assert!(plan.changes.iter().all(|change| !written(change).starts_with("disable")), "{:#?}", plan.changes);
}

//! Which operators belong in which groups, and what is skipped.

use campaign_group_sync::domain::{
    Manage, MissingPolicy, OperatorGroupName, OperatorLogin, Policy, ProtectedGroup, SkipReason, desired_state,
};

use super::world::{World, check, policy, written};

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
fn skipped_users_do_not_prevent_other_changes() {
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
fn two_accounts_with_one_address_are_one_user() {
    let world = World::new(&[("P - one", &["ann@x", "ANN@x"])], &["ann@x"], &["one"], &[]);
    check(&world, &policy(), &["+ ann@x one"], &[]);
}

#[test]
fn native_operators_are_left_alone_unless_all_are_managed() {
    let mut world =
        World::new(&[("P - one", &["ann@x", "bob@x"])], &["ann@x", "bob@x", "eve@x"], &["one"], &[("eve@x", "one")]);
    for (_, sign_in) in world.operators.iter_mut().skip(1) {
        *sign_in = None;
    }
    let native = [(SkipReason::NotManaged, "bob@x"), (SkipReason::NotManaged, "eve@x")];
    check(&world, &policy(), &["+ ann@x one"], &native);
    let all = Policy { manage: Manage::All, ..policy() };
    check(&world, &all, &["+ ann@x one", "+ bob@x one", "- eve@x one"], &[]);
}

#[test]
fn protected_operators_are_never_changed() {
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
fn incident_08_a_protected_group_keeps_its_minimum_and_its_required_members() {
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
fn operators_and_groups_are_created_only_by_policy() {
    let world =
        World::new(&[("P - one", &["Ann@x", "ann@X", "bob@x"]), ("P - new", &["ann@x"])], &["bob@x"], &["one"], &[]);
    let create = Policy { missing_operator: MissingPolicy::Create, missing_group: MissingPolicy::Create, ..policy() };
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
    let error =
        desired_state(&world.organization().matched_by(&policy().mask), &world.campaign(), &policy(), &world.history)
            .expect_err("must be refused");
    assert!(error.to_string().contains("none of the 1 product profiles matches"), "{error}");
}

//! The guard's review of whole plans.

use campaign_group_sync::domain::{
    Limits, MissingPolicy, OperatorGroupName, Plan, Policy, ProtectedGroup, Review, SignInMethod, SourceCounts,
};

use super::world::{World, limits, policy, review_of, written};

#[test]
fn emptying_a_group_is_held_and_other_changes_are_released() {
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
fn each_limit_holds_the_changes_that_it_counts() {
    let users: Vec<String> = (0..10).map(|n| format!("p{n}@x")).collect();
    let staying: Vec<&str> = users.iter().skip(4).map(String::as_str).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
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
    let create = Policy { missing_operator: MissingPolicy::Create, ..policy() };
    let limits = Limits { max_new_operators: 1, ..limits() };
    let (approved, held) = world.review(&create, &limits, SourceCounts::Proven);
    assert_eq!(approved, ["+ eve@x one"]);
    assert_eq!(held.changes.len(), 4);
}

#[test]
fn a_held_plan_keeps_its_digest_after_the_other_changes_are_applied() {
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
    other.operators.push(("bob@x".into(), Some(SignInMethod::Ims)));
    other.memberships.push(("bob@x".into(), "one".into()));
    let (_, third) = other.review(&policy(), &limits(), SourceCounts::Proven);
    assert_ne!(second.digest, third.digest);
}

//! The digest: the same situation always has the same digest, and any difference gives another one.

use std::collections::BTreeSet;

use campaign_group_sync::domain::{Digest, Limits};

use super::fixture::{Fixture, Group, wide};

/// Two groups with held changes (the second is to be created), and one without.
fn fixture() -> Fixture {
    let mut fixture =
        Fixture::new(&[("one", "p1 p2 p3 p4", "p3 p4 p5"), ("two", "", "p1 n1"), ("three", "p1 p2", "p1 p2 p3")]);
    fixture.group("two").is_there = false;
    fixture.limits = Limits { max_group_removals_percent: 34, max_new_groups: 0, ..wide() };
    fixture
}

fn digest(fixture: &Fixture) -> Digest {
    fixture.review().held.digest.expect("something is held")
}

#[track_caller]
fn check_other(disturb: impl FnOnce(&mut Fixture)) {
    let mut disturbed = fixture();
    disturb(&mut disturbed);
    assert_ne!(digest(&disturbed), digest(&fixture()));
}

#[test]
fn a_digest_has_sixteen_digits_and_is_read_in_either_case() {
    let digest = digest(&fixture());
    assert_eq!(digest.as_str().len(), 16);
    assert_eq!(Digest::parse(&format!(" {}\n", digest.as_str().to_uppercase())), Some(digest));
    for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "０123456789abcde"] {
        assert_eq!(Digest::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_digest_is_the_same_in_every_build() {
    // Journals keep digests when the program is updated: a change of this value invalidates existing approvals.
    assert_eq!(digest(&fixture()).as_str(), "ef2574eae640ad6a");
}

#[test]
fn the_next_run_comes_to_the_same_digest() {
    let first = fixture().review();
    assert!(!first.approved.changes().is_empty());
    let second = fixture().after(first.approved.changes()).remembering(&first).review();
    assert!(second.approved.changes().is_empty());
    assert_eq!(second.held.digest, first.held.digest);
}

#[test]
fn a_part_of_the_approved_changes_is_enough() {
    let first = fixture().review();
    for change in first.approved.changes() {
        let after = fixture().after(std::slice::from_ref(change)).remembering(&first);
        assert_eq!(after.review().held.digest, first.held.digest, "{change:?}");
    }
}

#[test]
fn another_instance_has_another_digest() {
    check_other(|fixture| fixture.instance = "stage".into());
}

#[test]
fn another_profile_has_another_digest() {
    check_other(|fixture| fixture.group("one").profile = "P - other".into());
}

#[test]
fn another_held_change_has_another_digest() {
    check_other(|fixture| assert!(fixture.group("one").wanted.remove("p3")));
    check_other(|fixture| assert!(fixture.group("two").wanted.insert("p6".into())));
}

#[test]
fn another_member_of_a_touched_group_has_another_digest() {
    // An operator that is in the group and belongs in it: no change of the plan concerns it.
    check_other(|fixture| {
        fixture.group("one").current.insert("p9".into());
        fixture.group("one").wanted.insert("p9".into());
    });
    check_other(|fixture| assert!(fixture.group("one").wanted.insert("p9".into())));
}

#[test]
fn groups_that_no_held_change_touches_make_no_difference() {
    let mut other = fixture();
    other.group("three").wanted.insert("p9".into());
    assert_eq!(digest(&other), digest(&fixture()));
}

#[test]
fn the_members_of_an_orphan_count() {
    let orphan = |current: &str| {
        let mut fixture = fixture();
        let current = current.split_whitespace().map(str::to_owned).collect();
        let (name, profile, wanted) = ("gone".to_owned(), "P - gone".to_owned(), BTreeSet::default());
        fixture.groups.push(Group { name, profile, is_there: true, is_orphan: true, current, wanted });
        fixture
    };
    assert_ne!(digest(&orphan("p1")), digest(&orphan("p2")));
    // p7 is not removed, like a protected operator. The digest differs anyway.
    let both = orphan("p1 p7");
    let mut plan = both.plan();
    plan.changes.retain(|change| super::fixture::written(change) != "- p7 gone");
    let review = both.review_of(&plan, &both.desired());
    assert_ne!(review.held.digest, Some(digest(&orphan("p1"))));
}

#[test]
fn names_that_run_into_each_other_are_not_the_same() {
    let held = |groups: &[(&str, &str, &str)]| {
        let mut fixture = Fixture::new(groups);
        fixture.limits.max_removals = 0;
        digest(&fixture)
    };
    assert_ne!(held(&[("ab", "p1 pc", "pc")]), held(&[("a", "p1 pbc", "pbc")]));
    assert_ne!(held(&[("a", "p1 p2p3", "p2p3")]), held(&[("a", "p1 p2 p3", "p2 p3")]));
}

#[test]
fn neither_order_nor_letter_case_make_a_difference() {
    let unturned = fixture();
    let mut plan = unturned.plan();
    let mut desired = unturned.desired();
    plan.changes.reverse();
    desired.groups.reverse();
    assert_eq!(unturned.review_of(&plan, &desired).held.digest, Some(digest(&unturned)));

    let mut upper = fixture();
    for group in &mut upper.groups {
        group.name = group.name.to_uppercase();
        group.profile = group.profile.to_uppercase();
        group.current = group.current.iter().map(|login| login.to_uppercase()).collect();
        group.wanted = group.wanted.iter().map(|login| login.to_uppercase()).collect();
    }
    assert_eq!(digest(&upper), digest(&unturned));
}

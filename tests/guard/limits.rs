//! Each limit just below, at, and just above it.

use campaign_group_sync::domain::Limits;

use super::fixture::{Fixture, held, let_through, logins, wide};

/// A group of `members`, of which the first `leaving` are to be removed.
fn leaving(members: usize, leaving: usize) -> Fixture {
    let all = logins(members);
    let staying: Vec<_> = all.split_whitespace().skip(leaving).collect();
    Fixture::new(&[("one", &all, &staying.join(" "))])
}

#[track_caller]
fn check(mut fixture: Fixture, limits: Limits, expected: Option<&str>) {
    fixture.limits = limits;
    let planned = fixture.plan().changes.len();
    let review = fixture.review();
    match expected {
        None => assert_eq!((let_through(&review).len(), held(&review).len()), (planned, 0), "{review:?}"),
        Some(why) => {
            assert_eq!((let_through(&review).len(), held(&review).len()), (0, planned), "{review:?}");
            assert!(review.held.changes.iter().all(|held| held.why.contains(why)), "{:?}", review.held);
        }
    }
    assert!(review.is_read_accepted, "a limit raises no doubt about the read");
}

#[test]
fn removals_of_an_instance_have_a_limit() {
    let limits = || Limits { max_removals: 5, ..wide() };
    check(leaving(20, 4), limits(), None);
    check(leaving(20, 5), limits(), None);
    check(leaving(20, 6), limits(), Some("6 removals exceed guard.max_removals = 5"));
}

#[test]
fn a_limit_of_zero_holds_a_single_removal() {
    check(leaving(20, 1), Limits { max_removals: 0, ..wide() }, Some("guard.max_removals = 0"));
    check(leaving(20, 0), Limits { max_removals: 0, ..wide() }, None);
}

#[test]
fn disabling_an_operator_counts_as_a_removal() {
    let limits = || Limits { max_removals: 5, ..wide() };
    let disabling = |count| Fixture { disables_leavers: true, ..leaving(20, count) };
    check(disabling(2), limits(), None);
    check(disabling(3), limits(), Some("6 removals exceed guard.max_removals = 5"));
}

#[test]
fn removals_of_an_instance_have_a_limit_in_percent() {
    let limits = || Limits { max_removals_percent: 20, ..wide() };
    check(leaving(25, 4), limits(), None);
    check(leaving(25, 5), limits(), None);
    check(leaving(25, 6), limits(), Some("6 removals of 25 memberships exceed guard.max_removals_percent = 20"));
}

#[test]
fn a_percentage_of_the_instance_is_not_counted_below_four_removals() {
    let limits = || Limits { max_removals_percent: 20, ..wide() };
    check(leaving(5, 3), limits(), None);
    check(leaving(5, 4), limits(), Some("guard.max_removals_percent = 20"));
}

#[test]
fn removals_of_one_group_have_a_limit_in_percent() {
    let limits = || Limits { max_group_removals_percent: 34, ..wide() };
    check(leaving(100, 33), limits(), None);
    check(leaving(100, 34), limits(), None);
    check(leaving(100, 35), limits(), Some("35 removals of 100 members of group \"one\" exceed"));
    check(leaving(2, 1), limits(), None);
    check(leaving(3, 1), limits(), None);
    check(leaving(3, 2), limits(), Some("guard.max_group_removals_percent = 34"));
}

#[test]
fn a_limit_of_a_group_holds_that_group_only() {
    let mut fixture = Fixture::new(&[("one", "p1 p2 p3", "p3"), ("two", "p4 p5 p6", "p5 p6")]);
    fixture.limits = Limits { max_group_removals_percent: 34, ..wide() };
    let review = fixture.review();
    assert_eq!(let_through(&review), ["- p4 two"]);
    assert_eq!(held(&review), ["- p1 one", "- p2 one"]);
}

#[test]
fn new_operators_have_a_limit_and_their_memberships_wait() {
    let limits = || Limits { max_new_operators: 2, ..wide() };
    check(Fixture::new(&[("one", "", "n1")]), limits(), None);
    check(Fixture::new(&[("one", "", "n1 n2")]), limits(), None);
    check(
        Fixture::new(&[("one", "", "n1 n2 n3")]),
        limits(),
        Some("3 new operators exceed guard.max_new_operators = 2"),
    );
}

#[test]
fn new_groups_have_a_limit_and_their_memberships_wait() {
    let limits = || Limits { max_new_groups: 1, ..wide() };
    let new_groups = |count: usize| {
        let mut fixture = Fixture::new(&[("one", "", "p1"), ("two", "", "p2")][..count]);
        fixture.groups.iter_mut().for_each(|group| group.is_there = false);
        fixture
    };
    check(new_groups(1), limits(), None);
    check(new_groups(2), limits(), Some("2 new operator groups exceed guard.max_new_groups = 1"));
    check(new_groups(1), Limits { max_new_groups: 0, ..wide() }, Some("guard.max_new_groups = 0"));
}

#[test]
fn too_many_creations_hold_no_change_of_existing_operators() {
    let mut fixture = Fixture::new(&[("one", "p1 p2", "p1 n1 n2 p3")]);
    fixture.limits = Limits { max_new_operators: 1, ..wide() };
    let review = fixture.review();
    assert_eq!(let_through(&review), ["+ p3 one", "- p2 one"]);
    assert_eq!(held(&review), ["create n1", "create n2", "+ n1 one", "+ n2 one"]);
    let waits = &review.held.changes[2].why;
    assert!(waits.starts_with("it waits for operator \"n1\" to be created: 2 new operators exceed"), "{waits}");
}

#[test]
fn incident_11_a_group_is_not_emptied_unless_an_operator_joins_it() {
    let emptied = Some("it would empty group \"one\": its last managed member would be removed");
    check(Fixture::new(&[("one", "p1", "")]), wide(), emptied);
    check(Fixture::new(&[("one", "p1 p2 p3", "")]), wide(), emptied);
    check(Fixture::new(&[("one", "p1", "p2")]), wide(), None);
    check(Fixture::new(&[("one", "p1 p2", "p2")]), wide(), None);
}

#[test]
fn an_operator_yet_to_be_created_does_not_count_as_joining_an_emptied_group() {
    let review = Fixture::new(&[("one", "p1", "n1")]).review();
    assert_eq!(let_through(&review), ["create n1", "+ n1 one"]);
    assert_eq!(held(&review), ["- p1 one"]);
}

#[test]
fn an_operator_whose_addition_is_held_does_not_count_as_joining_an_emptied_group() {
    let mut fixture = Fixture::new(&[("one", "p1", "p2")]);
    fixture.history.undone = vec![fixture.planned("+ p2 one").key()];
    assert_eq!(held(&fixture.review()), ["+ p2 one", "- p1 one"]);
}

//! Earlier decisions about single changes: approvals, undone changes, changes held before, orphaned groups; and changes that
//! wait for others.

use campaign_group_sync::domain::{Limits, ProductProfileName};

use super::fixture::{Fixture, held, let_through, logins, named, wide};

/// Ten removals with a limit of five.
fn ten_leavers() -> Fixture {
    let (all, staying) = (logins(40), logins(40));
    let staying: Vec<_> = staying.split_whitespace().skip(10).collect();
    let mut fixture = Fixture::new(&[("one", &all, &staying.join(" "))]);
    fixture.limits = Limits { max_removals: 5, ..wide() };
    fixture
}

#[test]
fn an_approval_releases_exactly_the_changes_that_it_names() {
    let fixture = ten_leavers();
    let first = fixture.review();
    assert_eq!(held(&first).len(), 10);
    let second = fixture.approving(&first).review();
    assert_eq!(let_through(&second), held(&first));
    assert_eq!(second.held.digest, None);
    assert!(second.ended.is_empty());
}

#[test]
fn incident_24_approving_one_plan_does_not_let_another_through() {
    let mut other = Fixture::new(&[("one", "p1 p2", "p1"), ("two", "p1 p2", "p1")]);
    other.limits.max_removals = 1;
    let approved = other.review();
    let fixture = ten_leavers().approving(&approved);
    let review = fixture.review();
    assert_eq!((let_through(&review).len(), held(&review).len(), review.ended.len()), (0, 10, 0));
    let unused: Vec<_> = review.unused_approvals.iter().map(|approval| &approval.digest).collect();
    assert_eq!((unused, review.released), (vec![approved.held.digest.as_ref().expect("held")], None));
    // After a run has begun to apply it, its remaining changes are released, and no others.
    let review = fixture.in_use().review();
    // It named "- p2 one", which this plan contains, and "- p2 two", which it does not contain.
    assert_eq!(let_through(&review), ["- p2 one"]);
    assert_eq!(held(&review).len(), 9);
    // The absence of group "two" from this plan does not contradict the approval.
    assert_eq!(review.ended, []);
}

#[test]
fn an_approval_releases_nothing_after_one_more_leaver_or_one_less() {
    let approving = |fixture: Fixture| fixture.approving(&ten_leavers().review());
    let mut more = approving(ten_leavers());
    more.group("one").wanted.remove("p40");
    let review = more.review();
    assert_eq!((let_through(&review).len(), held(&review).len(), review.unused_approvals.len()), (0, 11, 1));
    assert_eq!(review.released, None);
    let mut less = approving(ten_leavers());
    less.group("one").wanted.insert("p1".into());
    let review = less.review();
    assert_eq!((let_through(&review).len(), held(&review).len(), review.unused_approvals.len()), (0, 9, 1));
}

#[test]
fn an_approval_does_not_apply_to_a_change_for_another_profile() {
    let first = ten_leavers().review();
    let mut fixture = ten_leavers().approving(&first);
    fixture.group("one").profile = "P - ONE".into();
    assert_eq!(held(&fixture.review()), [""; 0], "letter case does not make another profile");
    fixture.group("one").profile = "P - other".into();
    assert_eq!(held(&fixture.review()).len(), 10);
}

#[test]
fn without_its_approval_a_plan_is_held_again() {
    // An expired approval is not in the history.
    let first = ten_leavers().review();
    let second = ten_leavers().remembering(&first).review();
    assert_eq!(held(&second), held(&first));
    assert_eq!(second.held.digest, first.held.digest);
}

#[test]
fn incident_22_after_a_crash_the_rest_of_an_approved_plan_goes_on_and_anything_else_is_held() {
    let first = ten_leavers().review();
    let fixture = ten_leavers().remembering(&first).approving(&first);
    let done = &fixture.review().approved.changes()[..3].to_vec();
    let mut rest = fixture.after(done).in_use();
    assert_eq!(let_through(&rest.review()).len(), 7);
    assert_eq!(rest.review().ended, done.iter().map(campaign_group_sync::domain::Change::key).collect::<Vec<_>>());
    rest.group("one").wanted.remove("p40");
    let review = rest.review();
    assert_eq!((let_through(&review).len(), held(&review)), (7, vec!["- p40 one".to_owned()]));
}

#[test]
fn an_approval_takes_precedence_over_every_reason() {
    let mut fixture = Fixture::new(&[("one", "p1", ""), ("two", "p1 p2", "p2 n1")]);
    fixture.group("one").is_orphan = true;
    fixture.disables_leavers = true;
    fixture.limits = Limits { max_removals: 0, max_new_operators: 0, ..wide() };
    fixture.counts = campaign_group_sync::domain::SourceCounts::Missing;
    fixture.history.undone = fixture.plan().changes.iter().map(campaign_group_sync::domain::Change::key).collect();
    let first = fixture.review();
    assert_eq!(held(&first), ["create n1", "+ n1 two", "- p1 one", "- p1 two", "disable p1"]);
    let second = fixture.remembering(&first).approving(&first).review();
    assert_eq!(let_through(&second), held(&first));
    assert!(second.is_read_accepted);
}

#[test]
fn approved_changes_count_against_the_limits_of_the_others() {
    let mut fixture = Fixture::new(&[("one", "p1 p2 p3 p4 p5", "p4 p5")]);
    fixture.limits.max_removals = 2;
    let first = fixture.review();
    fixture = fixture.approving(&first).in_use();
    fixture.history.approvals[0].changes.truncate(2);
    let review = fixture.review();
    assert_eq!((let_through(&review).len(), held(&review)), (2, vec!["- p3 one".to_owned()]));
}

#[test]
fn held_changes_stay_held_although_additions_raise_the_base_of_percentages() {
    let mut fixture = Fixture::new(&[("one", "p1 p2 p3 p4", "p3 p4 p5 p6")]);
    fixture.limits.max_group_removals_percent = 34;
    let first = fixture.review();
    assert_eq!(
        (let_through(&first), held(&first)),
        (vec!["+ p5 one".into(), "+ p6 one".into()], vec!["- p1 one".into(), "- p2 one".into()])
    );
    let next = fixture.after(first.approved.changes());
    assert!(held(&next.review()).is_empty(), "2 of 6 are within the limit by themselves");
    let second = next.clone().remembering(&first).review();
    assert_eq!(held(&second), held(&first));
    assert_eq!(second.held.digest, first.held.digest);
    let why = &second.held.changes[0].why;
    assert!(why.starts_with("held since an earlier run") && why.contains("2 removals of 4 members"), "{why}");
    let third = next.remembering(&second).review();
    assert_eq!(third.held, second.held, "reasons do not grow from run to run");
}

#[test]
fn held_changes_are_reviewed_again_under_other_limits() {
    let first = ten_leavers().review();
    let mut fixture = ten_leavers().remembering(&first);
    fixture.limits.max_removals = 10;
    assert_eq!(let_through(&fixture.review()).len(), 10);
    fixture.limits.max_removals = 9;
    assert!(fixture.review().held.changes.iter().all(|held| held.why.contains("guard.max_removals = 9")));
    let mut same = ten_leavers().remembering(&first);
    same.group("one").wanted = same.group("one").current.clone();
    same.group("one").wanted.remove("p1");
    assert_eq!(held(&same.review()), ["- p1 one"], "one of them alone is within the limit and stays held");
}

#[test]
fn an_undone_addition_or_removal_is_held() {
    let mut fixture = Fixture::new(&[("one", "p1 p2", "p2 p3 p4")]);
    let undone = ["- p1 one", "+ p3 one"].map(|text| fixture.planned(text));
    fixture.history.undone = undone.iter().map(campaign_group_sync::domain::Change::key).collect();
    let review = fixture.review();
    assert_eq!(let_through(&review), ["+ p4 one"]);
    assert_eq!(held(&review), ["+ p3 one", "- p1 one"]);
    assert!(review.held.changes.iter().all(|held| held.why.contains("undo")), "{:?}", review.held);
    assert!(review.is_read_accepted && review.ended.is_empty());
    assert_eq!(let_through(&fixture.approving(&review).review()).len(), 3);
}

#[test]
fn the_hold_of_an_undone_change_ends_once_the_organization_contradicts_it() {
    let mut fixture = Fixture::new(&[("one", "p1 p2", "p2")]);
    let undone = fixture.planned("- p1 one").key();
    fixture.history.undone = vec![undone.clone()];
    fixture.group("one").wanted.insert("p1".into());
    assert_eq!(fixture.review().ended, [undone]);
}

#[test]
fn incident_10_removals_of_an_orphan_wait_for_an_approval() {
    let mut fixture = Fixture::new(&[("one", "p1 p2", ""), ("two", "p1 p2", "p2")]);
    fixture.group("one").is_orphan = true;
    let review = fixture.review();
    assert_eq!(let_through(&review), ["- p1 two"]);
    assert_eq!(held(&review), ["- p1 one", "- p2 one"]);
    let why = &review.held.changes[0].why;
    assert!(why.contains("lost its profile \"P - one\"") && why.contains("orphaned_group"), "{why}");
    assert!(review.is_read_accepted, "a group without profile raises no doubt about the read");
    assert_eq!(let_through(&fixture.approving(&review).review()).len(), 3);
}

#[test]
fn an_operator_is_not_disabled_while_one_of_its_removals_is_held() {
    let mut fixture = Fixture::new(&[("one", "p1", ""), ("two", "p1 p2 p3 p4 p5", "p3 p4 p5")]);
    fixture.disables_leavers = true;
    let review = fixture.review();
    assert_eq!(let_through(&review), ["- p1 two", "- p2 two", "disable p2"]);
    assert_eq!(held(&review), ["- p1 one", "disable p1"]);
    let why = &review.held.changes[1].why;
    assert!(why.contains("stays in group \"one\"") && why.contains("would empty"), "{why}");
    // Nor if only the disablement is left of an approval.
    let disable = named(&fixture.planned("disable p1"));
    fixture = fixture.approving(&review).in_use();
    fixture.history.approvals[0].changes = vec![disable];
    assert_eq!(held(&fixture.review()), ["- p1 one", "disable p1"]);
}

#[test]
fn an_approval_to_disable_an_operator_outlives_part_of_its_removals() {
    let mut fixture = Fixture::new(&[("one", "p1 p9", "p9"), ("two", "p1 p9", "p9")]);
    (fixture.disables_leavers, fixture.limits.max_removals) = (true, 0);
    let first = fixture.review();
    let approved = fixture.approving(&first).in_use();
    let rest = approved.after(&[approved.planned("- p1 one")]);
    assert_ne!(rest.planned("disable p1").profile, approved.planned("disable p1").profile);
    assert_eq!(let_through(&rest.review()), ["- p1 two", "disable p1"]);
}

#[test]
fn an_approved_membership_waits_for_its_operator() {
    let mut fixture = Fixture::new(&[("one", "p1", "p1 n1")]);
    fixture.limits.max_new_operators = 0;
    let first = fixture.review();
    let mut half = fixture.clone().approving(&first).in_use();
    half.history.approvals[0].changes = vec![named(&fixture.planned("+ n1 one"))];
    assert_eq!(held(&half.review()), ["create n1", "+ n1 one"]);
    half.history.approvals[0].changes = vec![named(&fixture.planned("create n1"))];
    assert_eq!(let_through(&half.review()), ["create n1", "+ n1 one"]);
}

#[test]
fn letter_case_makes_no_difference_to_earlier_decisions() {
    let mut fixture = Fixture::new(&[("one", "p1 p2", "p2")]);
    fixture.limits.max_removals = 0;
    let first = fixture.review();
    let mut spelled = Fixture::new(&[("ONE", "P1 P2", "P2")]);
    spelled.limits.max_removals = 0;
    spelled.group("ONE").profile = ProductProfileName::new("p - One").to_string();
    assert_eq!(let_through(&spelled.approving(&first).review()), ["- P1 ONE"]);
}

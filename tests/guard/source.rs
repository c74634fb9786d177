//! Doubts about the source: each holds removals, releases additions, and prevents that the read is accepted.

use campaign_group_sync::domain::{
    FoldedName, Memory, ProductProfileId, ProductProfileName, ProfileDoubt, ProfileRead, SourceCounts, SourceRead,
};

use super::fixture::{Fixture, held, let_through, source_read};

const BEFORE: [(i64, &str); 3] = [(1, "one"), (2, "two"), (3, "three")];

/// One removal and one addition in each of two groups, and a read like the accepted one.
fn quiet() -> Fixture {
    let mut fixture = Fixture::new(&[("one", "p1 p2 p3", "p2 p3 p4"), ("two", "p1 p2 p3", "p2 p3 p4")]);
    fixture.read = Some(source_read(Some(100), &BEFORE));
    fixture.accept(fixture.read.clone());
    fixture
}

#[track_caller]
fn check(fixture: &Fixture, expected: Option<&str>) {
    let review = fixture.review();
    let (passed, why) = (let_through(&review), review.held.changes.first().map(|held| held.why.as_str()));
    match expected {
        None => assert_eq!((passed.len(), why), (4, None)),
        Some(part) => {
            assert_eq!(passed, ["+ p4 one", "+ p4 two"]);
            assert_eq!(held(&review), ["- p1 one", "- p1 two"]);
            assert!(review.held.changes.iter().all(|held| held.why.contains(part)), "{why:?} lacks {part}");
        }
    }
    assert_eq!(review.is_read_accepted, expected.is_none());
}

fn reading(change: impl FnOnce(&mut SourceRead)) -> Fixture {
    let mut fixture = quiet();
    change(fixture.read.as_mut().expect("a read"));
    fixture
}

#[test]
fn a_read_like_the_last_one_raises_no_doubt() {
    check(&quiet(), None);
}

#[test]
fn a_new_and_empty_journal_holds_nothing() {
    let mut fixture = quiet();
    fixture.history.accepted = None;
    check(&fixture, None);
}

#[test]
fn incident_22_lost_memory_holds_all_removals() {
    let mut fixture = quiet();
    fixture.history.accepted = None;
    fixture.history.memory = Memory::Lost("the state file was corrupt".into());
    check(&fixture, Some("the stored result of earlier runs is lost (the state file was corrupt)"));
    fixture.accept(fixture.read.clone());
    check(&fixture, Some("is lost"));
}

#[test]
fn missing_counts_hold_all_removals_with_and_without_a_read() {
    let mut fixture = Fixture { counts: SourceCounts::Missing, ..quiet() };
    check(&fixture, Some("without X-Total-Count and X-Page-Count"));
    fixture.read = None;
    check(&fixture, Some("without X-Total-Count and X-Page-Count"));
}

#[test]
fn another_mask_holds_all_removals() {
    let fixture = reading(|read| read.mask = "Q - (.*)".into());
    check(&fixture, Some("the association mask was changed from \"P - (.*)\" to \"Q - (.*)\""));
}

#[test]
fn other_rules_of_membership_hold_all_removals() {
    let fixture = reading(|read| read.membership = "direct".into());
    check(&fixture, Some("experience_cloud.membership was changed from \"effective\" to \"direct\""));
    let mut back = quiet();
    back.history.accepted.as_mut().expect("accepted").membership = "direct".into();
    check(&back, Some("from \"direct\" to \"effective\""));
}

#[test]
fn managing_all_operators_holds_all_removals_and_managing_fewer_does_not() {
    check(&reading(|read| read.manage = "all".into()), Some("instances.production.manage was changed"));
    let mut fewer = quiet();
    fewer.history.accepted.as_mut().expect("accepted").manage = "all".into();
    check(&fewer, None);
}

#[test]
fn incident_04_fewer_users_than_the_limit_allows_hold_all_removals() {
    check(&reading(|read| read.users = Some(81)), None);
    check(&reading(|read| read.users = Some(80)), None);
    check(&reading(|read| read.users = Some(79)), Some("100 → 79 users since the last accepted read"));
    check(&reading(|read| read.users = Some(79)), Some("guard.max_source_shrink_percent = 20"));
    check(&reading(|read| read.users = Some(5000)), None);
}

#[test]
fn users_are_compared_only_when_both_reads_walked_the_organization() {
    check(&reading(|read| read.users = None), None);
    let mut fixture = reading(|read| read.users = Some(1));
    fixture.history.accepted.as_mut().expect("accepted").users = None;
    check(&fixture, None);
}

#[test]
fn incident_04_fewer_profiles_than_the_limit_allows_hold_all_removals() {
    let names: Vec<String> = (0..10).map(|n| format!("g{n}")).collect();
    let ten: Vec<(i64, &str)> = (1..).zip(names.iter().map(String::as_str)).collect();
    for (left, expected) in [
        (9, None),
        (8, None),
        (7, Some("10 → 7 profiles match the association mask since the last accepted read")),
        (0, Some("10 → 0 profiles match")),
    ] {
        let mut fixture = quiet();
        fixture.accept(Some(source_read(Some(100), &ten)));
        fixture.read = Some(source_read(Some(100), &ten[..left]));
        check(&fixture, expected);
    }
}

#[test]
fn incident_15_a_renamed_profile_holds_the_groups_concerned() {
    let mut fixture = quiet();
    fixture.read = Some(source_read(Some(100), &[(1, "uno"), (2, "two"), (3, "three")]));
    let review = fixture.review();
    assert_eq!(let_through(&review), ["+ p4 two", "- p1 two"]);
    assert_eq!(held(&review), ["+ p4 one", "- p1 one"]);
    let why = &review.held.changes[0].why;
    assert!(why.contains("profile \"P - one\" was renamed to \"P - uno\""), "{why}");
    assert!(
        review.is_read_accepted && review.unsettled.contains(&FoldedName::new("one")),
        "only the profile stays in doubt: {review:?}"
    );
    // And the group that it maps to now.
    fixture.read = Some(source_read(Some(100), &[(1, "one"), (3, "two")]));
    fixture.accept(Some(source_read(Some(100), &[(1, "one"), (3, "three")])));
    assert_eq!(held(&fixture.review()), ["+ p4 two", "- p1 two"]);
}

#[test]
fn a_rename_that_maps_to_the_same_group_holds_nothing() {
    let fixture = reading(|read| {
        read.matched[0].profile = ProductProfileName::new("P - ONE");
        read.matched[0].group = campaign_group_sync::domain::OperatorGroupName::new("ONE");
    });
    check(&fixture, None);
}

#[test]
fn two_profiles_that_changed_names_hold_both_groups() {
    let mut fixture = quiet();
    fixture.read = Some(source_read(Some(100), &[(1, "two"), (2, "one"), (3, "three")]));
    let review = fixture.review();
    assert_eq!((let_through(&review), held(&review).len()), (Vec::new(), 4));
    assert!(review.held.changes.iter().all(|held| held.why.contains("was renamed to")), "{review:?}");
}

#[test]
fn an_undo_has_no_doubts_about_the_source() {
    let mut fixture = quiet();
    fixture.read = None;
    fixture.history.memory = Memory::Lost("the state file was corrupt".into());
    fixture.accept(Some(source_read(Some(5000), &[(1, "uno")])));
    check(&fixture, None);
}

#[test]
fn a_doubt_without_removals_holds_nothing_and_the_read_is_accepted() {
    let mut fixture = reading(|read| read.users = Some(1));
    fixture.groups.iter_mut().for_each(|group| group.wanted.extend(group.current.clone()));
    let review = fixture.review();
    assert_eq!(let_through(&review), ["+ p4 one", "+ p4 two"]);
    assert!(review.held.changes.is_empty() && review.is_read_accepted);
}

#[test]
fn a_read_is_not_accepted_while_a_profile_is_in_doubt_whose_removals_would_be_held() {
    let in_doubt = |fixture: &Fixture, name: &str| {
        let mut desired = fixture.desired();
        let group = desired.groups.iter_mut().find(|group| group.name.as_str() == name).expect("a group");
        let (profile, why) = (group.profile.name.clone(), "a page is empty".to_owned());
        group.read = ProfileRead::Doubtful(ProfileDoubt::Incomplete { profile, why });
        desired
    };
    let mut fixture = reading(|read| read.mask = "Q - (.*)".into());
    fixture.group("two").wanted = fixture.group("two").current.clone();
    let desired = in_doubt(&fixture, "one");
    let review = fixture.review_of(&fixture.plan(), &desired);
    assert!(review.held.changes.is_empty() && !review.is_read_accepted, "{review:?}");
    assert_eq!(held(&fixture.review()), ["- p1 one"], "the next run, with a complete read");

    let mut same_mask = quiet();
    same_mask.group("two").wanted = same_mask.group("two").current.clone();
    let desired = in_doubt(&same_mask, "one");
    assert!(same_mask.review_of(&same_mask.plan(), &desired).is_read_accepted);
}

#[test]
fn the_read_is_accepted_after_an_approval_of_the_doubted_removals() {
    let fixture = reading(|read| read.users = Some(1));
    let released = fixture.clone().approving(&fixture.review()).review();
    assert!(released.held.changes.is_empty() && released.is_read_accepted);
    let mut half = fixture.clone().approving(&fixture.review()).in_use();
    half.history.approvals[0].changes.pop();
    assert!(!half.review().is_read_accepted);
}

#[test]
fn the_most_important_doubt_is_reported() {
    let mut fixture = reading(|read| {
        read.mask = "Q - (.*)".into();
        read.membership = "direct".into();
        read.users = Some(1);
    });
    fixture.limits.max_removals = 0;
    fixture.history.memory = Memory::Lost("why".into());
    fixture.counts = SourceCounts::Missing;
    let accepted = fixture.history.accepted.clone().expect("accepted");
    check(&fixture, Some("is lost"));
    fixture.history.memory = Memory::Kept;
    check(&fixture, Some("X-Total-Count"));
    fixture.counts = SourceCounts::Proven;
    check(&fixture, Some("mask was changed"));
    fixture.read.as_mut().expect("a read").mask.clone_from(&accepted.mask);
    check(&fixture, Some("membership was changed"));
    fixture.read.as_mut().expect("a read").membership.clone_from(&accepted.membership);
    check(&fixture, Some("100 → 1 users"));
    fixture.read.as_mut().expect("a read").users = accepted.users;
    fixture.read.as_mut().expect("a read").matched[0].profile_id = Some(ProductProfileId(9));
    let whys: Vec<_> = fixture.review().held.changes.into_iter().map(|held| held.why).collect();
    assert!(
        whys[1].contains("follows profile \"P - one\" (id 9)") && whys[2].contains("guard.max_removals = 0"),
        "{whys:?}"
    );
}

//! Properties for all plans, limits and earlier decisions.

use std::collections::{BTreeMap, BTreeSet};

use campaign_group_sync::domain::{
    Action, Approval, ApprovalState, ApprovedChange, Change, ChangeKey, ChangeKind, Digest, EarlierHold, Limits,
    Memory, ProductProfileId, ProductProfileName, Review, SourceCounts, SourceRead,
};
use proptest::prelude::*;

use super::fixture::{Fixture, Group, held, let_through, named, source_read, wide};

fn logins(letters: &'static str) -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set(prop::string::string_regex(letters).expect("a pattern"), 0..7)
}

fn any_group() -> impl Strategy<Value = (BTreeSet<String>, BTreeSet<String>, u8)> {
    (logins("p[0-9]"), logins("p[0-9]|n[0-3]"), 0..8_u8)
}

/// Existing groups, groups to be created, and orphaned groups.
fn any_groups() -> impl Strategy<Value = Vec<Group>> {
    prop::collection::vec(any_group(), 1..5).prop_map(|groups| {
        let group = |(at, (current, wanted, kind)): (usize, (BTreeSet<String>, BTreeSet<String>, u8))| {
            let (is_there, is_orphan) = (kind > 1, kind == 2);
            Group {
                name: format!("g{at}"),
                profile: format!("P - g{at}"),
                is_there,
                is_orphan,
                current: if is_there { current } else { BTreeSet::new() },
                wanted: if is_orphan { BTreeSet::new() } else { wanted },
            }
        };
        groups.into_iter().enumerate().map(group).collect()
    })
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let percent = || prop_oneof![Just(0), Just(20), Just(34), Just(100), 0..=100_u8];
    (0..12_usize, percent(), percent(), 0..4_usize, 0..3_usize).prop_map(
        |(max_removals, max_removals_percent, max_group_removals_percent, max_new_operators, max_new_groups)| Limits {
            max_removals,
            max_removals_percent,
            max_group_removals_percent,
            max_new_operators,
            max_new_groups,
            ..wide()
        },
    )
}

fn any_situation() -> impl Strategy<Value = Fixture> {
    (any_groups(), any_limits(), any::<bool>()).prop_map(|(groups, limits, disables_leavers)| Fixture {
        groups,
        disables_leavers,
        limits,
        ..Fixture::new(&[])
    })
}

/// Adds earlier decisions, one number for each change: approved, approved for another profile, undone, held before.
fn say(fixture: &mut Fixture, words: &[u8]) {
    let planned = fixture.plan().changes;
    let said = |word: u8| planned.iter().zip(words).filter(move |(_, of)| **of == word).map(|(change, _)| change);
    let other = |change: &Change| ApprovedChange { profile: ProductProfileName::new("Q"), ..named(change) };
    let before = |change: &Change, limits: Limits| EarlierHold { key: change.key(), why: "as before".into(), limits };
    fixture.history.approvals = vec![Approval {
        digest: Digest::parse("0123456789abcdef").expect("a digest"),
        approver: "ann".into(),
        given_at: chrono::DateTime::from_timestamp(1_795_000_000, 0),
        state: ApprovalState::InUse,
        changes: said(0).chain(said(1)).map(named).chain(said(2).map(other)).collect(),
    }];
    fixture.history.undone = said(3).chain(said(1)).map(Change::key).collect();
    let others = Limits { max_removals: 999, ..wide() };
    let held = said(4).map(|change| before(change, fixture.limits.clone()));
    fixture.history.held = held.chain(said(5).map(|change| before(change, others.clone()))).collect();
}

fn any_history() -> impl Strategy<Value = Fixture> {
    let words = prop::collection::vec(0..20_u8, 80);
    (any_situation(), words, 0..20_u8).prop_map(|(mut fixture, words, doubt)| {
        say(&mut fixture, &words);
        fixture.accept(Some(source_read(Some(100), &[(1, "g0"), (2, "g1")])));
        fixture.read.clone_from(&fixture.history.accepted);
        match (doubt, fixture.read.as_mut()) {
            (0, Some(read)) => read.users = Some(79),
            (1, Some(read)) => read.mask = "Q".into(),
            (2, Some(read)) => drop(read.matched.pop()),
            (3, _) => fixture.counts = SourceCounts::Missing,
            (4, _) => fixture.history.memory = Memory::Lost("gone".into()),
            (5, _) => fixture.read = None,
            (6, Some(read)) => read.matched[0].profile_id = Some(ProductProfileId(9)),
            (7, Some(read)) => read.matched[0].profile_id = Some(ProductProfileId(2)),
            _ => {}
        }
        fixture
    })
}

/// Whether an approval names the change, computed from the history without the guard's code.
fn is_approved(fixture: &Fixture, change: &Change) -> bool {
    let named = fixture.history.approvals.iter().flat_map(|approval| &approval.changes);
    let by_profile = |profile: &ProductProfileName| {
        change.kind() == ChangeKind::DisableOperator || profile.folded() == change.profile.folded()
    };
    named.into_iter().any(|named| named.key == change.key() && by_profile(&named.profile))
}

fn is_source_doubted(fixture: &Fixture) -> bool {
    let without_ids = |read: &Option<SourceRead>| {
        let mut read = read.clone();
        read.iter_mut().flat_map(|read| &mut read.matched).for_each(|followed| followed.profile_id = None);
        read
    };
    let differs = without_ids(&fixture.read) != without_ids(&fixture.history.accepted);
    let differs = differs || fixture.history.memory != Memory::Kept;
    fixture.counts == SourceCounts::Missing || (fixture.read.is_some() && differs)
}

/// Whether this group follows another profile than at the accepted read.
fn has_another_profile(fixture: &Fixture, group: &str) -> bool {
    let profile = |read: &Option<SourceRead>| {
        let matched = read.iter().flat_map(|read| &read.matched);
        matched.clone().find(|followed| followed.group.as_str() == group).map(|followed| followed.profile_id)
    };
    let (now, before) = (profile(&fixture.read), profile(&fixture.history.accepted));
    now.is_some() && before.is_some() && now != before
}

fn count(changes: &[&Change], wanted: impl Fn(&Change) -> bool) -> usize {
    changes.iter().filter(|change| wanted(change)).count()
}

/// Every guarantee that the changes released without approval would break.
fn broken_promises(fixture: &Fixture, review: &Review) -> Vec<String> {
    let mut broken = Vec::new();
    let limits = &fixture.limits;
    let passed: Vec<&Change> = review.approved.changes().iter().collect();
    let unasked: Vec<&Change> = passed.iter().copied().filter(|change| !is_approved(fixture, change)).collect();
    let mut promise = |is_kept: bool, what: &str| {
        if !is_kept {
            broken.push(what.to_owned());
        }
    };
    // All removals of the plan count, approved ones included.
    let planned = fixture.plan();
    let all: Vec<&Change> = planned.changes.iter().collect();
    let removals = count(&all, Change::is_removal);
    let members: usize = fixture.groups.iter().map(|group| group.current.len()).sum();
    let is_few = removals < 4 || removals * 100 <= members * usize::from(limits.max_removals_percent);
    let lets_removals_go = count(&unasked, Change::is_removal) > 0;
    promise(!lets_removals_go || (removals <= limits.max_removals && is_few), "removals of the instance");
    promise(!lets_removals_go || !is_source_doubted(fixture), "removals on the word of a doubted source");
    for group in &fixture.groups {
        let of_group = |change: &Change| change.group().is_some_and(|name| name.as_str() == group.name);
        let leaves = |change: &Change| change.kind() == ChangeKind::Remove && of_group(change);
        let comes =
            |change: &Change| of_group(change) && matches!(change.action, Action::Add { operator_id: Some(_), .. });
        let is_doubted = has_another_profile(fixture, &group.name);
        promise(!is_doubted || count(&unasked, of_group) == 0, "a change on the word of another profile");
        if count(&unasked, leaves) == 0 {
            continue;
        }
        let (leaving, managed) = (count(&all, leaves), group.current.len());
        promise(managed > leaving || count(&passed, comes) > 0, "a group was emptied");
        let is_few = managed < 3 || leaving * 100 <= managed * usize::from(limits.max_group_removals_percent);
        promise(is_few, "removals of a group");
        promise(!group.is_orphan, "removals of an orphan");
    }
    let created = |kind: ChangeKind| count(&all, |change| change.kind() == kind);
    let is_creation = |change: &Change| matches!(change.kind(), ChangeKind::CreateGroup | ChangeKind::CreateOperator);
    let is_few = created(ChangeKind::CreateOperator) <= limits.max_new_operators
        && created(ChangeKind::CreateGroup) <= limits.max_new_groups;
    promise(count(&unasked, is_creation) == 0 || is_few, "creations");
    let is_undone = |change: &Change| fixture.history.undone.contains(&change.key());
    promise(count(&unasked, is_undone) == 0, "an undone change");
    let held_before: BTreeSet<ChangeKey> =
        fixture.history.held.iter().filter(|held| held.limits == *limits).map(|held| held.key.clone()).collect();
    promise(count(&unasked, |change| held_before.contains(&change.key())) == 0, "a change held before");
    broken
}

/// Whether an operator waits only for its disablement: once it has left its groups, no plan contains it any more.
fn only_disabling_waits(review: &Review) -> bool {
    let waits = |kind| {
        let held = review.held.changes.iter().filter(move |held| held.change.kind() == kind);
        held.filter_map(|held| held.change.operator().cloned()).collect::<BTreeSet<_>>()
    };
    !waits(ChangeKind::DisableOperator).is_subset(&waits(ChangeKind::Remove))
}

/// Whether all released changes can be applied without the others.
fn stands_alone(review: &Review) -> bool {
    let held: BTreeMap<ChangeKey, &Change> =
        review.held.changes.iter().map(|held| (held.change.key(), &held.change)).collect();
    let key = |kind, group: &str, operator: &str| ChangeKey { kind, group: group.into(), operator: operator.into() };
    review.approved.changes().iter().all(|change| {
        let ChangeKey { kind, group, operator } = change.key();
        match kind {
            ChangeKind::Add => {
                !held.contains_key(&key(ChangeKind::CreateGroup, group.as_str(), ""))
                    && !held.contains_key(&key(ChangeKind::CreateOperator, "", operator.as_str()))
            }
            ChangeKind::DisableOperator => {
                held.keys().all(|held| held.kind != ChangeKind::Remove || held.operator != operator)
            }
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::Remove => true,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn no_guard_is_ever_exceeded_without_an_approval(fixture in any_history()) {
        let review = fixture.review();
        prop_assert_eq!(broken_promises(&fixture, &review), Vec::<String>::new(), "{:?}", review);
        prop_assert!(stands_alone(&review), "{:?}", review);
    }

    #[test]
    fn every_change_is_either_released_or_held_with_a_reason(fixture in any_history()) {
        let review = fixture.review();
        let is_held = |change: &Change| review.held.changes.iter().any(|held| held.change == *change);
        let (waiting, passing): (Vec<Change>, Vec<Change>) = fixture.plan().changes.into_iter().partition(is_held);
        prop_assert_eq!(review.approved.changes(), passing);
        prop_assert_eq!(review.held.changes.len(), waiting.len());
        prop_assert!(review.held.changes.iter().all(|held| !held.why.is_empty()));
        prop_assert_eq!(review.held.digest.is_some(), !waiting.is_empty());
        let doubted = waiting.iter().any(Change::is_removal) && is_source_doubted(&fixture);
        let unnamed = waiting.iter().any(|change| change.kind() == ChangeKind::Remove && !is_approved(&fixture, change));
        prop_assert!(review.is_read_accepted || doubted);
        prop_assert!(!(review.is_read_accepted && doubted && unnamed));
    }

    #[test]
    fn approved_changes_that_depend_on_no_other_are_released(fixture in any_history()) {
        for held in fixture.review().held.changes {
            let depends = matches!(held.change.kind(), ChangeKind::Add | ChangeKind::DisableOperator);
            prop_assert!(depends || !is_approved(&fixture, &held.change), "{:?}", held);
        }
    }

    #[test]
    fn the_next_run_holds_the_same_under_the_same_digest(fixture in any_history()) {
        let first = fixture.review();
        prop_assume!(!only_disabling_waits(&first));
        let second = fixture.after(first.approved.changes()).remembering(&first).review();
        prop_assert_eq!(let_through(&second), Vec::<String>::new());
        prop_assert_eq!(held(&second), held(&first));
        prop_assert_eq!(second.held.digest, first.held.digest);
    }

    #[test]
    fn after_a_run_that_ends_early_the_next_one_releases_no_more_changes(fixture in any_history(), done in 0..40_usize) {
        let first = fixture.review();
        let changes = first.approved.changes();
        let second = fixture.after(&changes[..done.min(changes.len())]).remembering(&first).review();
        let before = let_through(&first);
        prop_assert!(let_through(&second).iter().all(|change| before.contains(change)), "{:?}", second);
    }

    #[test]
    fn approving_the_digest_releases_all_that_is_held(fixture in any_history()) {
        let first = fixture.review();
        prop_assume!(!first.held.changes.is_empty() && !only_disabling_waits(&first));
        let next = fixture.after(first.approved.changes()).remembering(&first).approving(&first);
        let second = next.review();
        prop_assert_eq!(let_through(&second), held(&first));
        prop_assert!(second.is_read_accepted);
    }

    #[test]
    fn one_more_or_one_less_in_a_touched_group_gives_another_digest(
        fixture in any_situation(), chosen in any::<prop::sample::Index>(), login in "p[0-9]"
    ) {
        let first = fixture.review();
        let touched: Vec<_> = first.held.changes.iter().filter_map(|held| held.change.group()).collect();
        prop_assume!(!touched.is_empty());
        let name = touched[chosen.index(touched.len())].to_string();
        let mut other = fixture.clone();
        other.limits = Limits { max_removals: 0, max_new_groups: 0, max_new_operators: 0, ..fixture.limits.clone() };
        let strict = other.review();
        let group = other.group(&name);
        if !group.is_there || group.is_orphan || group.wanted.contains(&login) {
            let set = if group.is_orphan { &mut group.current } else { &mut group.wanted };
            let _ = set.remove(&login) || set.insert(login);
        } else {
            group.wanted.insert(login.clone());
            group.current.insert(login);
        }
        let second = other.review();
        prop_assert!(second.held.digest != strict.held.digest, "{:?}\n{:?}", strict, second);
    }

    #[test]
    fn order_and_letter_case_make_no_difference(fixture in any_history(), rotate in 0..9_usize) {
        let first = fixture.review();
        let (mut plan, mut desired) = (fixture.plan(), fixture.desired());
        let at = rotate % (plan.changes.len() + 1);
        plan.changes.rotate_left(at);
        desired.groups.reverse();
        let turned = fixture.review_of(&plan, &desired);
        let sorted = |mut names: Vec<String>| { names.sort(); names };
        prop_assert_eq!(sorted(held(&turned)), sorted(held(&first)));
        prop_assert_eq!(&turned.held.digest, &first.held.digest);

        let mut upper = fixture;
        let recase = |names: &BTreeSet<String>| names.iter().map(|name| name.to_uppercase()).collect();
        for group in &mut upper.groups {
            (group.name, group.profile) = (group.name.to_uppercase(), group.profile.to_uppercase());
            (group.current, group.wanted) = (recase(&group.current), recase(&group.wanted));
        }
        let lower = |names: Vec<String>| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
        prop_assert_eq!(lower(held(&upper.review())), held(&first));
        prop_assert_eq!(upper.review().held.digest, first.held.digest);
    }
}

//! One verdict for each change of a plan: whether it is held, and for which reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    super::{
        Action, Change, ChangeKind, DesiredState, FoldedName, Limits, OperatorGroupId, OperatorId, Plan,
        ProductProfileName, look_alikes::spellings,
    },
    Circumstances,
    earlier::{EarlierWords, Wish},
    limits::{too_many_creations, too_many_of_a_group, too_many_removals},
    source::SourceDoubts,
};

/// Why one change is held.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) why: String,
    pub(super) about: About,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The read of the organization cannot be taken at its word.
    Source,
    /// The change itself, or their number.
    Change,
}

/// The reasons of each change, in the order of the plan; `None` for what may be made.
pub(super) fn verdicts(
    plan: &Plan,
    desired: &DesiredState,
    circumstances: &Circumstances<'_>,
    doubts: &SourceDoubts,
) -> Vec<Option<Hold>> {
    let Circumstances { limits, history, .. } = *circumstances;
    let mut bench = Bench {
        cases: plan.changes.iter().map(|change| Case { change, wish: Wish::of(change), hold: None }).collect(),
        earlier: EarlierWords::new(history, limits),
    };
    // Each step looks at what the steps before it let through: the order is that of doing.
    bench.judge_creations(too_many_creations(plan, limits).as_deref(), desired, doubts);
    bench.judge_additions(doubts);
    bench.judge_removals(plan, desired, limits, doubts);
    bench.keep_operators_of_held_removals();
    bench.cases.into_iter().map(|case| case.hold).collect()
}

struct Case<'a> {
    change: &'a Change,
    wish: Wish,
    hold: Option<Hold>,
}

struct Bench<'a> {
    cases: Vec<Case<'a>>,
    earlier: EarlierWords<'a>,
}

/// What may be said against one change, beside what earlier runs said of it.
#[derive(Default)]
struct Charges<'a> {
    source: Option<&'a String>,
    profile: Option<String>,
    orphan: Option<&'a String>,
    /// A member of the profile has a name that looks like the operator's login.
    look_alike: Option<&'a String>,
    limit: Option<&'a str>,
}

impl EarlierWords<'_> {
    /// The most important reason that holds a change; an approval passes over all of them.
    fn judge(&self, wish: &Wish, charges: &Charges<'_>) -> Option<Hold> {
        if self.approve(wish) {
            return None;
        }
        if let Some(why) = charges.source {
            return Some(Hold { why: why.clone(), about: About::Source });
        }
        let why = charges
            .profile
            .clone()
            .or_else(|| charges.orphan.cloned())
            .or_else(|| charges.look_alike.cloned())
            .or_else(|| self.undone(&wish.key))
            .or_else(|| charges.limit.map(str::to_owned))
            .or_else(|| self.held(&wish.key))?;
        Some(Hold { why, about: About::Change })
    }
}

impl Bench<'_> {
    fn judge_creations(&mut self, limit: Option<&str>, desired: &DesiredState, doubts: &SourceDoubts) {
        let newcomers = doubted_newcomers(desired, doubts);
        for case in &mut self.cases {
            let key = &case.wish.key;
            let profile = match key.kind {
                ChangeKind::CreateGroup => doubts.about_profile(&key.group),
                ChangeKind::CreateOperator => newcomers.get(&key.operator).cloned(),
                ChangeKind::Add | ChangeKind::Remove | ChangeKind::DisableOperator => continue,
            };
            case.hold = self.earlier.judge(&case.wish, &Charges { profile, limit, ..Charges::default() });
        }
    }

    /// A membership waits with the operator or the group that it needs, whoever approved it: it cannot be made without.
    fn judge_additions(&mut self, doubts: &SourceDoubts) {
        let (mut groups, mut operators) = (HashMap::new(), HashMap::new());
        for case in &self.cases {
            let Some(hold) = &case.hold else { continue };
            match case.wish.key.kind {
                ChangeKind::CreateGroup => groups.insert(case.wish.key.group.clone(), hold.why.clone()),
                ChangeKind::CreateOperator => operators.insert(case.wish.key.operator.clone(), hold.why.clone()),
                ChangeKind::Add | ChangeKind::Remove | ChangeKind::DisableOperator => None,
            };
        }
        for case in &mut self.cases {
            let Action::Add { operator, operator_id, group, group_id } = &case.change.action else { continue };
            let key = &case.wish.key;
            let operator_waits = operators.get(&key.operator).filter(|_| operator_id.is_none());
            let group_waits = groups.get(&key.group).filter(|_| group_id.is_none());
            let waits = operator_waits
                .map(|why| format!("it waits for operator \"{operator}\" to be created: {why}"))
                .or_else(|| group_waits.map(|why| format!("it waits for group \"{group}\" to be created: {why}")))
                .map(|why| Hold { why, about: About::Change });
            let charges = Charges { profile: doubts.about_profile(&key.group), ..Charges::default() };
            case.hold = self.earlier.judge(&case.wish, &charges).or(waits);
        }
    }

    fn judge_removals(&mut self, plan: &Plan, desired: &DesiredState, limits: &Limits, doubts: &SourceDoubts) {
        let all = too_many_removals(plan, limits);
        let groups = too_many_of_a_group(plan, &self.joined_groups(), limits);
        let (orphans, unread) = (orphans_in_words(desired), unread_in_words(desired));
        let look_alikes = look_alikes_in_words(desired);
        for case in self.cases.iter_mut().filter(|case| case.change.is_removal()) {
            // Empty for a disabled operator, which no group has for its name.
            let group = &case.wish.key.group;
            let charges = Charges {
                source: doubts.about(group),
                profile: doubts.about_profile_left(group),
                orphan: match &case.change.action {
                    Action::DisableOperator { operator_id, .. } => unread.get(operator_id),
                    _ => orphans.get(group),
                },
                look_alike: match &case.change.action {
                    Action::Remove { operator_id, group_id, .. } => look_alikes.get(&(*group_id, *operator_id)),
                    _ => None,
                },
                limit: all.as_deref().or_else(|| groups.get(group).map(String::as_str)),
            };
            case.hold = self.earlier.judge(&case.wish, &charges);
        }
    }

    /// The groups into which somebody comes for certain, by folded name. Somebody who is yet to be created may never
    /// come, and neither may somebody whose addition is held.
    fn joined_groups(&self) -> BTreeSet<FoldedName> {
        let comes = |case: &&Case<'_>| {
            case.hold.is_none() && matches!(case.change.action, Action::Add { operator_id: Some(_), .. })
        };
        self.cases.iter().filter(comes).map(|case| case.wish.key.group.clone()).collect()
    }

    /// An operator is disabled because no group is left to them: not while one is, whoever approved it.
    fn keep_operators_of_held_removals(&mut self) {
        let mut staying: HashMap<OperatorId, (String, About)> = HashMap::new();
        for case in &self.cases {
            if let (Action::Remove { operator_id, group, .. }, Some(hold)) = (&case.change.action, &case.hold) {
                let why = format!("the operator stays in group \"{group}\" for now: {}", hold.why);
                staying.entry(*operator_id).or_insert((why, hold.about));
            }
        }
        for case in &mut self.cases {
            let Action::DisableOperator { operator_id, .. } = &case.change.action else { continue };
            if case.hold.is_none() {
                case.hold = staying.get(operator_id).map(|(why, about)| Hold { why: why.clone(), about: *about });
            }
        }
    }
}

/// Why removals wait that would take something from an operator whom somebody in the profile is called like, by group and
/// operator.
fn look_alikes_in_words(desired: &DesiredState) -> HashMap<(OperatorGroupId, OperatorId), String> {
    let mut held = HashMap::new();
    for group in &desired.groups {
        let Some(id) = group.id else { continue };
        for look_alike in &group.look_alikes {
            let names = spellings(&look_alike.names);
            let why = format!(
                "{names} is in profile \"{}\" and looks like this operator: a removal because of another spelling \
                 needs an approval",
                group.profile.name
            );
            held.insert((id, look_alike.operator), why);
        }
    }
    held
}

/// Why operators wait to be created who belong in nothing but groups that follow another profile than before, by folded
/// login.
fn doubted_newcomers(desired: &DesiredState, doubts: &SourceDoubts) -> HashMap<FoldedName, String> {
    let mut doubted: HashMap<usize, Option<String>> = HashMap::new();
    for group in desired.groups.iter().filter(|group| !group.new_members.is_empty()) {
        let why = doubts.about_profile(&group.name.folded());
        for position in &group.new_members {
            let known = doubted.entry(*position).or_insert_with(|| why.clone());
            *known = known.take().filter(|_| why.is_some());
        }
    }
    let named = doubted
        .into_iter()
        .filter_map(|(position, why)| Some((desired.new_operators.get(position)?.login.folded(), why?)));
    named.collect()
}

fn orphans_in_words(desired: &DesiredState) -> BTreeMap<FoldedName, String> {
    let in_words = |group: &str, profile: &str| {
        format!(
            "group \"{group}\" lost its profile \"{profile}\", which vanished, was renamed or does not match the mask any \
             more: orphaned_group = \"empty\" removes nobody unasked"
        )
    };
    let orphans = desired.orphans.iter();
    orphans.map(|orphan| (orphan.name.folded(), in_words(orphan.name.as_str(), orphan.profile.as_str()))).collect()
}

/// Why operators whom an earlier run did not get to disable wait, where no profile can be read a second time.
fn unread_in_words(desired: &DesiredState) -> HashMap<OperatorId, String> {
    let unread = desired.departures.iter().filter(|departure| desired.departed_from(departure.operator).is_none());
    let why = |profile: &ProductProfileName| {
        format!(
            "profile \"{profile}\", which they left, stands for no group any more, so that nobody can read a second time who \
             has it: nobody is disabled unasked"
        )
    };
    unread.map(|departure| (departure.operator, why(&departure.profile))).collect()
}

//! One verdict for each change of a plan: whether it is held, and for which reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    super::{
        Action, Change, ChangeKind, DesiredState, FoldedName, Limits, OperatorGroupId, OperatorId, Plan,
        ProductProfileName, look_alikes::spellings,
    },
    ReviewContext,
    limits::{too_many_creations, too_many_of_a_group, too_many_removals},
    prior_decisions::{ChangeIdentity, PriorDecisions},
    source::SourceDoubts,
};

/// Why one change is held.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) why: String,
    pub(super) cause: HoldCause,
}

/// What a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldCause {
    /// The read of the organization cannot be taken at its word.
    Source,
    /// The change itself, or their number.
    Change,
}

/// The reasons of each change, in the order of the plan; `None` for what may be made.
pub(super) fn holds(
    plan: &Plan,
    desired: &DesiredState,
    context: &ReviewContext<'_>,
    doubts: &SourceDoubts,
) -> Vec<Option<Hold>> {
    let ReviewContext { limits, history, .. } = *context;
    let mut rules = HoldRules {
        changes: plan
            .changes
            .iter()
            .map(|change| ReviewedChange { change, identity: ChangeIdentity::of(change), hold: None })
            .collect(),
        prior: PriorDecisions::new(history, limits),
    };
    // Each step looks at what the steps before it let through: the order is that of doing.
    rules.hold_creations(too_many_creations(plan, limits).as_deref(), desired, doubts);
    rules.hold_additions(doubts);
    rules.hold_removals(plan, desired, limits, doubts);
    rules.keep_operators_of_held_removals();
    rules.changes.into_iter().map(|reviewed| reviewed.hold).collect()
}

struct ReviewedChange<'a> {
    change: &'a Change,
    identity: ChangeIdentity,
    hold: Option<Hold>,
}

struct HoldRules<'a> {
    changes: Vec<ReviewedChange<'a>>,
    prior: PriorDecisions<'a>,
}

/// What may be said against one change, beside what earlier runs said of it.
#[derive(Default)]
struct HoldReasons<'a> {
    source: Option<&'a String>,
    profile: Option<String>,
    orphan: Option<&'a String>,
    /// A member of the profile has a name that looks like the operator's login.
    look_alike: Option<&'a String>,
    limit: Option<&'a str>,
}

impl PriorDecisions<'_> {
    /// The most important reason that holds a change; an approval passes over all of them.
    fn hold(&self, identity: &ChangeIdentity, reasons: &HoldReasons<'_>) -> Option<Hold> {
        if self.is_approved(identity) {
            return None;
        }
        if let Some(why) = reasons.source {
            return Some(Hold { why: why.clone(), cause: HoldCause::Source });
        }
        let why = reasons
            .profile
            .clone()
            .or_else(|| reasons.orphan.cloned())
            .or_else(|| reasons.look_alike.cloned())
            .or_else(|| self.undone(&identity.key))
            .or_else(|| reasons.limit.map(str::to_owned))
            .or_else(|| self.held(&identity.key))?;
        Some(Hold { why, cause: HoldCause::Change })
    }
}

impl HoldRules<'_> {
    fn hold_creations(&mut self, limit: Option<&str>, desired: &DesiredState, doubts: &SourceDoubts) {
        let newcomers = doubted_newcomers(desired, doubts);
        for reviewed in &mut self.changes {
            let key = &reviewed.identity.key;
            let profile = match key.kind {
                ChangeKind::CreateGroup => doubts.about_profile(&key.group),
                ChangeKind::CreateOperator => newcomers.get(&key.operator).cloned(),
                ChangeKind::Add | ChangeKind::Remove | ChangeKind::DisableOperator => continue,
            };
            reviewed.hold =
                self.prior.hold(&reviewed.identity, &HoldReasons { profile, limit, ..HoldReasons::default() });
        }
    }

    /// A membership waits with the operator or the group that it needs, whoever approved it: it cannot be made without.
    fn hold_additions(&mut self, doubts: &SourceDoubts) {
        let (mut groups, mut operators) = (HashMap::new(), HashMap::new());
        for reviewed in &self.changes {
            let Some(hold) = &reviewed.hold else { continue };
            match reviewed.identity.key.kind {
                ChangeKind::CreateGroup => groups.insert(reviewed.identity.key.group.clone(), hold.why.clone()),
                ChangeKind::CreateOperator => {
                    operators.insert(reviewed.identity.key.operator.clone(), hold.why.clone())
                }
                ChangeKind::Add | ChangeKind::Remove | ChangeKind::DisableOperator => None,
            };
        }
        for reviewed in &mut self.changes {
            let Action::Add { operator, operator_id, group, group_id } = &reviewed.change.action else { continue };
            let key = &reviewed.identity.key;
            let operator_waits = operators.get(&key.operator).filter(|_| operator_id.is_none());
            let group_waits = groups.get(&key.group).filter(|_| group_id.is_none());
            let waits = operator_waits
                .map(|why| format!("it waits for operator \"{operator}\" to be created: {why}"))
                .or_else(|| group_waits.map(|why| format!("it waits for group \"{group}\" to be created: {why}")))
                .map(|why| Hold { why, cause: HoldCause::Change });
            let reasons = HoldReasons { profile: doubts.about_profile(&key.group), ..HoldReasons::default() };
            reviewed.hold = self.prior.hold(&reviewed.identity, &reasons).or(waits);
        }
    }

    fn hold_removals(&mut self, plan: &Plan, desired: &DesiredState, limits: &Limits, doubts: &SourceDoubts) {
        let all = too_many_removals(plan, limits);
        let groups = too_many_of_a_group(plan, &self.joined_groups(), limits);
        let (orphans, unread) = (orphan_reasons(desired), unread_reasons(desired));
        let look_alikes = look_alike_reasons(desired);
        for reviewed in self.changes.iter_mut().filter(|reviewed| reviewed.change.is_removal()) {
            // Empty for a disabled operator, which no group has for its name.
            let group = &reviewed.identity.key.group;
            let reasons = HoldReasons {
                source: doubts.about(group),
                profile: doubts.about_profile_left(group),
                orphan: match &reviewed.change.action {
                    Action::DisableOperator { operator_id, .. } => unread.get(operator_id),
                    _ => orphans.get(group),
                },
                look_alike: match &reviewed.change.action {
                    Action::Remove { operator_id, group_id, .. } => look_alikes.get(&(*group_id, *operator_id)),
                    _ => None,
                },
                limit: all.as_deref().or_else(|| groups.get(group).map(String::as_str)),
            };
            reviewed.hold = self.prior.hold(&reviewed.identity, &reasons);
        }
    }

    /// The groups into which somebody comes for certain, by folded name. Somebody who is yet to be created may never
    /// come, and neither may somebody whose addition is held.
    fn joined_groups(&self) -> BTreeSet<FoldedName> {
        let comes = |reviewed: &&ReviewedChange<'_>| {
            reviewed.hold.is_none() && matches!(reviewed.change.action, Action::Add { operator_id: Some(_), .. })
        };
        self.changes.iter().filter(comes).map(|reviewed| reviewed.identity.key.group.clone()).collect()
    }

    /// An operator is disabled because no group is left to them: not while one is, whoever approved it.
    fn keep_operators_of_held_removals(&mut self) {
        let mut staying: HashMap<OperatorId, (String, HoldCause)> = HashMap::new();
        for reviewed in &self.changes {
            if let (Action::Remove { operator_id, group, .. }, Some(hold)) = (&reviewed.change.action, &reviewed.hold) {
                let why = format!("the operator stays in group \"{group}\" for now: {}", hold.why);
                staying.entry(*operator_id).or_insert((why, hold.cause));
            }
        }
        for reviewed in &mut self.changes {
            let Action::DisableOperator { operator_id, .. } = &reviewed.change.action else { continue };
            if reviewed.hold.is_none() {
                reviewed.hold = staying.get(operator_id).map(|(why, cause)| Hold { why: why.clone(), cause: *cause });
            }
        }
    }
}

/// Why removals wait that would take something from an operator whom somebody in the profile is called like, by group and
/// operator.
fn look_alike_reasons(desired: &DesiredState) -> HashMap<(OperatorGroupId, OperatorId), String> {
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

fn orphan_reasons(desired: &DesiredState) -> BTreeMap<FoldedName, String> {
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
fn unread_reasons(desired: &DesiredState) -> HashMap<OperatorId, String> {
    let unread = desired.pending_disablements.iter().filter(|pending| desired.group_left(pending.operator).is_none());
    let why = |profile: &ProductProfileName| {
        format!(
            "profile \"{profile}\", which they left, stands for no group any more, so that nobody can read a second time who \
             has it: nobody is disabled unasked"
        )
    };
    unread.map(|pending| (pending.operator, why(&pending.profile))).collect()
}

//! The rules that decide for each change of a plan whether it is held, and for which reason.

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

/// What the reason for a hold concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldCause {
    /// The read of the organization as a whole is in doubt.
    Source,
    /// The change itself, or the number of changes.
    Change,
}

/// The hold of each change, in the order of the plan; `None` for a change that may be applied.
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
    // Each step depends on what the previous steps did not hold: they have the order in which changes are applied.
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

/// The possible reasons for holding one change, besides earlier decisions.
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
    /// The most important reason for holding a change; `None` if there is none, or the change is approved.
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

    /// An addition is held together with the creation of its operator or group, even if it is approved: it needs both.
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
            // Empty for a disablement, which concerns no group; no group has an empty name.
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

    /// The groups that an operator certainly joins, by folded name. An addition does not count if its operator has yet
    /// to be created or if it is held.
    fn joined_groups(&self) -> BTreeSet<FoldedName> {
        let comes = |reviewed: &&ReviewedChange<'_>| {
            reviewed.hold.is_none() && matches!(reviewed.change.action, Action::Add { operator_id: Some(_), .. })
        };
        self.changes.iter().filter(comes).map(|reviewed| reviewed.identity.key.group.clone()).collect()
    }

    /// Holds the disablement of an operator while one of its removals is held, even if the disablement is approved: the
    /// operator still has a group.
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

/// The reasons for holding removals of operators whose login looks like the name of a member of the profile, by group
/// and operator.
fn look_alike_reasons(desired: &DesiredState) -> HashMap<(OperatorGroupId, OperatorId), String> {
    let mut held = HashMap::new();
    for group in &desired.groups {
        let Some(id) = group.id else { continue };
        for look_alike in &group.look_alikes {
            let names = spellings(&look_alike.names);
            let why = format!(
                "{names} is in profile \"{}\" and looks like this operator: a removal because of a different spelling \
                 needs an approval",
                group.profile.name
            );
            held.insert((id, look_alike.operator), why);
        }
    }
    held
}

/// The reasons for holding the creation of operators that belong only in groups that follow another profile than
/// before, by folded login.
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
            "group \"{group}\" lost its profile \"{profile}\", which was deleted, was renamed or does not match the mask any \
             more: with orphaned_group = \"empty\" every removal needs an approval"
        )
    };
    let orphans = desired.orphans.iter();
    orphans.map(|orphan| (orphan.name.folded(), in_words(orphan.name.as_str(), orphan.profile.as_str()))).collect()
}

/// The reasons for holding pending disablements whose profile cannot be read a second time.
fn unread_reasons(desired: &DesiredState) -> HashMap<OperatorId, String> {
    let unread = desired.pending_disablements.iter().filter(|pending| desired.group_left(pending.operator).is_none());
    let why = |profile: &ProductProfileName| {
        format!(
            "profile \"{profile}\", which the operator left, stands for no group any more, so that a second read cannot \
             confirm it: the disablement needs an approval"
        )
    };
    unread.map(|pending| (pending.operator, why(&pending.profile))).collect()
}

//! The numeric limits. Removals of all kinds count together, over the whole plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::{Action, Change, ChangeKind, FoldedName, OperatorGroupName, Plan};

/// The percentage of removals of an instance is not checked below this many removals.
const FEW_REMOVALS: usize = 4;

/// The percentage of removals of a group is not checked below this many members.
const FEW_MEMBERS: usize = 3;

/// How much one run may change in one instance. If a limit is exceeded, the changes that it counts are held.
///
/// The journal stores the limits with each hold and a hold ends when they change: a new field needs `#[serde(default)]`,
/// with a default that means what earlier versions did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Number of removals.
    pub max_removals: usize,
    /// Removals, in percent of the managed memberships; not counted below 4 removals.
    pub max_removals_percent: u8,
    /// Removals of one group of 3 members or more, in percent of its managed members.
    pub max_group_removals_percent: u8,
    /// Number of created operators.
    pub max_new_operators: usize,
    /// Number of created operator groups.
    pub max_new_groups: usize,
    /// Loss of users or of matching profiles since the last accepted read, in percent. Removals are held above it.
    pub max_source_shrink_percent: u8,
}

/// The reason if the instance has too many removals. Disabling an operator counts as a removal.
pub(super) fn too_many_removals(plan: &Plan, limits: &Limits) -> Option<String> {
    let removals = plan.changes.iter().filter(|change| change.is_removal()).count();
    let managed = plan.managed_memberships();
    let percent = limits.max_removals_percent;
    if removals > limits.max_removals {
        Some(format!("{removals} removals exceed guard.max_removals = {}", limits.max_removals))
    } else if removals >= FEW_REMOVALS && exceeds(removals, managed, percent) {
        Some(format!("{removals} removals of {managed} memberships exceed guard.max_removals_percent = {percent}"))
    } else {
        None
    }
}

/// The reasons of groups with too many removals, by folded name of the group. `joined` are the groups, by folded name,
/// that an existing operator joins in the same run: such a group does not become empty.
pub(super) fn too_many_of_a_group(
    plan: &Plan,
    joined: &BTreeSet<FoldedName>,
    limits: &Limits,
) -> BTreeMap<FoldedName, String> {
    let mut leaving: BTreeMap<&OperatorGroupName, usize> = BTreeMap::new();
    for change in &plan.changes {
        if let Action::Remove { group, .. } = &change.action {
            *leaving.entry(group).or_default() += 1;
        }
    }
    let mut held = BTreeMap::new();
    for (group, leaving) in leaving {
        let managed = plan.managed_members.get(group).copied().unwrap_or_default();
        let percent = limits.max_group_removals_percent;
        let folded = group.folded();
        if leaving >= managed && !joined.contains(&folded) {
            held.insert(folded, format!("it would empty group \"{group}\": its last managed member would be removed"));
        } else if managed >= FEW_MEMBERS && exceeds(leaving, managed, percent) {
            let why = format!(
                "{leaving} removals of {managed} members of group \"{group}\" exceed \
                 guard.max_group_removals_percent = {percent}"
            );
            held.insert(folded, why);
        }
    }
    held
}

/// The reason if the instance has too many creations.
pub(super) fn too_many_creations(plan: &Plan, limits: &Limits) -> Option<String> {
    let count = |kind| plan.changes.iter().map(Change::kind).filter(|found| *found == kind).count();
    let operators = count(ChangeKind::CreateOperator);
    let groups = count(ChangeKind::CreateGroup);
    if operators > limits.max_new_operators {
        Some(format!("{operators} new operators exceed guard.max_new_operators = {}", limits.max_new_operators))
    } else if groups > limits.max_new_groups {
        Some(format!("{groups} new operator groups exceed guard.max_new_groups = {}", limits.max_new_groups))
    } else {
        None
    }
}

/// Whether `part` is more than `percent` of `whole`.
pub(super) fn exceeds(part: usize, whole: usize, percent: u8) -> bool {
    part.saturating_mul(100) > whole.saturating_mul(usize::from(percent))
}

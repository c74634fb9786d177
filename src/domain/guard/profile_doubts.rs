//! Changes that rest on a profile whose members are in doubt: separated before limits are counted and changes are
//! released.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Action, Change, ChangeKey, DesiredState, FoldedName, ManagedGroup, Plan, ProfileDoubt};
use super::source::SourceDoubts;

/// The profiles in doubt, and the changes that rest on them.
pub(super) struct ProfileDoubts<'a> {
    /// By folded name of the group.
    groups: BTreeMap<FoldedName, &'a ProfileDoubt>,
    /// Folded logins of users without operator that belong in a group whose profile is not in doubt.
    awaited: BTreeSet<FoldedName>,
}

impl<'a> ProfileDoubts<'a> {
    pub(super) fn new(desired: &'a DesiredState) -> Self {
        let doubt = |group: &'a ManagedGroup| Some((group.name.folded(), group.read.doubt()?));
        let certain = desired.groups.iter().filter(|group| group.read.doubt().is_none());
        let awaited = certain.flat_map(|group| &group.new_members).filter_map(|at| desired.new_operators.get(*at));
        Self {
            groups: desired.groups.iter().filter_map(doubt).collect(),
            awaited: awaited.map(|newcomer| newcomer.login.folded()).collect(),
        }
    }

    /// Whether this change may rest on a profile in doubt, so that its absence from the plan has no meaning. A change
    /// that touches no group may rest on any profile.
    pub(super) fn concern(&self, key: &ChangeKey) -> bool {
        self.groups.contains_key(&key.group) || (key.group.is_empty() && !self.groups.is_empty())
    }

    /// Whether the removals of a group wait for a complete read of its profile although they would be held after it.
    pub(super) fn hide_removals(&self, doubts: &SourceDoubts) -> bool {
        self.groups.keys().any(|group| doubts.about(group).is_some())
    }

    /// Splits a plan into the changes that rest on complete reads, and the others, each with the reason.
    pub(super) fn split(&self, plan: &Plan) -> (Plan, Vec<(Change, String)>) {
        let (mut certain, mut unconfirmed) = (Vec::new(), Vec::new());
        for change in &plan.changes {
            match self.about(change) {
                Some(why) => unconfirmed.push((change.clone(), why)),
                None => certain.push(change.clone()),
            }
        }
        (Plan { changes: certain, ..plan.clone() }, unconfirmed)
    }

    fn about(&self, change: &Change) -> Option<String> {
        let of_group = || self.groups.get(&change.key().group).map(ToString::to_string);
        match &change.action {
            // The operator may belong in the group of a profile that was not read completely: then it has a group.
            Action::DisableOperator { .. } => self
                .groups
                .values()
                .next()
                .map(|doubt| format!("whether the operator belongs in another group is not known: {doubt}")),
            Action::CreateOperator { operator, .. } => {
                let rests_on_doubt = !self.awaited.contains(&operator.folded());
                rests_on_doubt.then(|| self.groups.values().next().map(ToString::to_string)).flatten()
            }
            Action::CreateGroup { .. } | Action::Add { .. } | Action::Remove { .. } => of_group(),
        }
    }
}

//! Operators whom an earlier run left in no operator group and did not get to disable.

use std::collections::HashSet;

use super::{
    AdobeUser, CampaignSnapshot, DesiredState, History, ManagedGroup, OperatorId, ProductProfileName,
    identity::OperatorIndex,
};

/// An operator who is in no group at all, whom no profile gives one, and whom an earlier run was to disable for that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingDisablement {
    /// Their key.
    pub operator: OperatorId,
    /// The profile that the disablement was planned for.
    pub profile: ProductProfileName,
}

/// What earlier runs did not get to and there is still ground for, by key. `users` are all whom a profile that the mask
/// matches is given, whether or not its group could be placed: whoever of them may be the operator keeps it enabled.
pub(super) fn pending_disablements<'p>(
    users: impl Iterator<Item = &'p AdobeUser>,
    index: &OperatorIndex<'_>,
    campaign: &CampaignSnapshot,
    history: &History,
) -> Vec<PendingDisablement> {
    // The usual case needs no second pass over everybody.
    if history.unfinished_disablements.is_empty() {
        return Vec::new();
    }
    let wanted = index.all_that_may_be(users);
    let with_group: HashSet<OperatorId> = campaign.memberships().iter().map(|(_, operator)| *operator).collect();
    let unfinished = history.unfinished_disablements.iter();
    let mut pending_disablements: Vec<_> = unfinished
        .filter_map(|unfinished| {
            // Of several operators of one login nobody can tell which was meant.
            let [operator] = index.of_login(&unfinished.operator) else { return None };
            let is_left = !wanted.contains(&operator.id) && !with_group.contains(&operator.id);
            is_left.then(|| PendingDisablement { operator: operator.id, profile: unfinished.profile.clone() })
        })
        .collect();
    pending_disablements.sort_unstable();
    pending_disablements.dedup_by_key(|pending| pending.operator);
    pending_disablements
}

impl DesiredState {
    /// The group that follows the profile for which this departed operator was to be disabled; `None` when none does any
    /// more, or the operator did not depart.
    pub(super) fn group_left(&self, operator: OperatorId) -> Option<&ManagedGroup> {
        let at = self.pending_disablements.binary_search_by_key(&operator, |pending| pending.operator).ok()?;
        let profile = self.pending_disablements.get(at)?.profile.folded();
        self.groups.iter().find(|group| group.profile.name.folded() == profile)
    }
}

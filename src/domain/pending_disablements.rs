//! Operators that an earlier run left in no operator group and did not disable because it ended early.

use std::collections::HashSet;

use super::{AdobeUser, CampaignSnapshot, History, OperatorId, ProductProfileName, identity::OperatorIndex};

/// An operator that is in no group, that no profile maps to a group, and that an earlier run planned to disable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingDisablement {
    /// The operator's key.
    pub operator: OperatorId,
    /// The profile that the disablement was planned for.
    pub profile: ProductProfileName,
}

/// The disablements of earlier runs that are still due, by key. `users` are all users with a profile that the mask
/// matches, whether or not the group of that profile was found: an operator that may belong to one of them stays
/// enabled.
pub(super) fn pending_disablements<'p>(
    users: impl Iterator<Item = &'p AdobeUser>,
    index: &OperatorIndex<'_>,
    campaign: &CampaignSnapshot,
    history: &History,
) -> Vec<PendingDisablement> {
    // Usually nothing is pending: then a second pass over all users is not necessary.
    if history.unfinished_disablements.is_empty() {
        return Vec::new();
    }
    let wanted = index.all_that_may_be(users);
    let with_group: HashSet<OperatorId> = campaign.memberships().iter().map(|(_, operator)| *operator).collect();
    let unfinished = history.unfinished_disablements.iter();
    let mut pending_disablements: Vec<_> = unfinished
        .filter_map(|unfinished| {
            // Among several operators with one login, the one that the earlier run meant is not known.
            let [operator] = index.of_login(&unfinished.operator) else { return None };
            let is_left = !wanted.contains(&operator.id) && !with_group.contains(&operator.id);
            is_left.then(|| PendingDisablement { operator: operator.id, profile: unfinished.profile.clone() })
        })
        .collect();
    pending_disablements.sort_unstable();
    pending_disablements.dedup_by_key(|pending| pending.operator);
    pending_disablements
}

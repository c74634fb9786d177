//! Earlier decisions about single changes: approved, undone, held before.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        ApprovalState, ApprovedChange, Change, ChangeKey, ChangeKind, EarlierHold, FoldedName, History, Limits,
        ProductProfileName, UnfinishedDisablement,
    },
    settled_decisions::SettledDecisions,
};

/// The beginning of the reason of a change that is held because it was held before.
const STILL_HELD: &str = "held since an earlier run and not approved: ";

/// A change and its profile, by which two runs recognize the same change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChangeIdentity {
    pub(super) key: ChangeKey,
    pub(super) profile: FoldedName,
}

impl ChangeIdentity {
    pub(super) fn new(key: ChangeKey, profile: &ProductProfileName) -> Self {
        // An operator is disabled because it has no group left. The profile in the plan depends on which removals are
        // still to be made, so with it the identity would change after each of them.
        let profile = if key.kind == ChangeKind::DisableOperator { FoldedName::default() } else { profile.folded() };
        Self { key, profile }
    }

    pub(super) fn of(change: &Change) -> Self {
        Self::new(change.key(), &change.profile)
    }
}

/// The earlier decisions that apply now.
pub(super) struct PriorDecisions<'a> {
    approved: HashSet<ChangeIdentity>,
    undone: HashSet<&'a ChangeKey>,
    held: HashMap<&'a ChangeKey, &'a str>,
}

impl<'a> PriorDecisions<'a> {
    pub(super) fn new(history: &'a History, limits: &Limits) -> Self {
        let mut held = HashMap::new();
        for before in history.held.iter().filter(|before| before.limits == *limits) {
            held.entry(&before.key).or_insert(before.why.as_str());
        }
        Self {
            approved: approved(history).map(|named| ChangeIdentity::new(named.key.clone(), &named.profile)).collect(),
            undone: history.undone.iter().collect(),
            held,
        }
    }

    /// Whether a run has begun to apply an approval of this change for this profile.
    pub(super) fn is_approved(&self, identity: &ChangeIdentity) -> bool {
        self.approved.contains(identity)
    }

    /// The reason for holding a change that an undo reverted; `None` if no undo did.
    pub(super) fn undone(&self, key: &ChangeKey) -> Option<String> {
        self.undone.contains(key).then(|| {
            "an undo reverted this change, and the Admin Console still requires it: change it in the Admin Console, or \
             approve it"
                .to_owned()
        })
    }

    /// The reason for holding a change that was held before under the present limits; `None` if it was not. Without
    /// this rule additions, which raise the base of the percentages, could release removals that were not approved.
    pub(super) fn held(&self, key: &ChangeKey) -> Option<String> {
        let why = *self.held.get(key)?;
        Some(format!("{STILL_HELD}{}", why.strip_prefix(STILL_HELD).unwrap_or(why)))
    }
}

/// The remaining changes of approvals that runs have begun to apply. An approval that no run has begun to apply
/// releases a digest, not single changes.
fn approved(history: &History) -> impl Iterator<Item = &ApprovedChange> {
    let in_use = history.approvals.iter().filter(|approval| approval.state == ApprovalState::InUse);
    in_use.flat_map(|approval| &approval.changes)
}

/// Changes named by an approval in use, by an undo or by a pending disablement whose decisions have ended; sorted.
pub(super) fn ended(history: &History, settled: &SettledDecisions<'_>) -> Vec<ChangeKey> {
    let named = history.undone.iter().chain(approved(history).map(|change| &change.key)).cloned();
    let unfinished = history.unfinished_disablements.iter().map(UnfinishedDisablement::key);
    settled.ended(&named.chain(unfinished).collect()).into_iter().collect()
}

/// Changes that earlier runs held, that the present plan does not contain, and whose hold has not ended: a later plan
/// that contains them holds them.
pub(super) fn dormant(history: &History, settled: &SettledDecisions<'_>) -> Vec<EarlierHold> {
    let absent = settled.absent(&history.held.iter().map(|held| held.key.clone()).collect());
    history.held.iter().filter(|held| absent.contains(&held.key)).cloned().collect()
}

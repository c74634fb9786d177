//! What users and earlier runs said of single changes: approved, undone, held before.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        ApprovalState, ApprovedChange, Change, ChangeKey, ChangeKind, EarlierHold, FoldedName, History, Limits,
        ProductProfileName, UnfinishedDisablement,
    },
    settled_decisions::SettledDecisions,
};

/// Opens the reason of a change that is held because it was held before.
const STILL_HELD: &str = "held since an earlier run, and nobody approved it: ";

/// A change, and the profile that wants it, as two runs compare them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChangeIdentity {
    pub(super) key: ChangeKey,
    pub(super) profile: FoldedName,
}

impl ChangeIdentity {
    pub(super) fn new(key: ChangeKey, profile: &ProductProfileName) -> Self {
        // An operator is disabled for want of any group. Which profile the plan names for that depends on which of the
        // removals are left to do, so it would be another wish after each part of them.
        let profile = if key.kind == ChangeKind::DisableOperator { FoldedName::default() } else { profile.folded() };
        Self { key, profile }
    }

    pub(super) fn of(change: &Change) -> Self {
        Self::new(change.key(), &change.profile)
    }
}

/// The words of users and earlier runs that count now.
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

    /// Whether a run has begun to apply an approval of this change, wanted by this profile.
    pub(super) fn is_approved(&self, identity: &ChangeIdentity) -> bool {
        self.approved.contains(identity)
    }

    /// Why the change waits because an undo took it back, if one did.
    pub(super) fn undone(&self, key: &ChangeKey) -> Option<String> {
        self.undone.contains(key).then(|| {
            "an undo took this change back, and the organization still wants it: change it in the Admin Console, or \
             approve it"
                .to_owned()
        })
    }

    /// Why the change stays held because it was, under the limits of now. Additions raise the base of the percentages, so
    /// what was too much yesterday may be little enough today, although nobody looked at it.
    pub(super) fn held(&self, key: &ChangeKey) -> Option<String> {
        let why = *self.held.get(key)?;
        Some(format!("{STILL_HELD}{}", why.strip_prefix(STILL_HELD).unwrap_or(why)))
    }
}

/// What is left of the plans that runs have begun to apply. An approval that no run has begun to apply says nothing of
/// single changes.
fn approved(history: &History) -> impl Iterator<Item = &ApprovedChange> {
    let in_use = history.approvals.iter().filter(|approval| approval.state == ApprovalState::InUse);
    in_use.flat_map(|approval| &approval.changes)
}

/// Changes that an approval in use or an undo named, or that an earlier run did not get to, and of which nothing is left to say;
/// sorted.
pub(super) fn ended(history: &History, settled: &SettledDecisions<'_>) -> Vec<ChangeKey> {
    let named = history.undone.iter().chain(approved(history).map(|change| &change.key)).cloned();
    let unfinished = history.unfinished_disablements.iter().map(UnfinishedDisablement::key);
    settled.ended(&named.chain(unfinished).collect()).into_iter().collect()
}

/// What earlier runs held and no plan names for now, although nothing ended it: it is held when it comes back.
pub(super) fn dormant(history: &History, settled: &SettledDecisions<'_>) -> Vec<EarlierHold> {
    let absent = settled.absent(&history.held.iter().map(|held| held.key.clone()).collect());
    history.held.iter().filter(|held| absent.contains(&held.key)).cloned().collect()
}

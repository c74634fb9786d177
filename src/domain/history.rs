//! What earlier runs saw and decided, as far as decisions need it. No clock: the journal hands over only what still counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AdobeUser, Approver, ChangeKey, ChangeKind, Digest, FoldedName, KnownProfiles, Limits, LoginHolders,
    OperatorGroupId, OperatorGroupName, OperatorId, ProductProfileId, ProductProfileName, UnlistedAccounts,
};

/// What is remembered of one instance. The default is that of a new, empty journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Whether something was remembered and is lost.
    pub memory: Memory,
    /// The last read whose word was taken for removals.
    pub accepted: Option<SourceRead>,
    /// Which operator each user was.
    pub identities: Identities,
    /// Who has the logins that operators had before a user's name changed, as far as single-user calls told.
    pub login_holders: LoginHolders,
    /// Every product profile that runs have seen, and every group that one stood for.
    pub known: KnownProfiles,
    /// What earlier runs held, and nobody approved: it stays held while these limits are in force.
    pub held: Vec<EarlierHold>,
    /// Digests that undos hold: their approvals are for those undos, and not for a run that plans something else.
    pub held_for_undos: BTreeSet<Digest>,
    /// When each digest was first held that is held now.
    pub held_since: BTreeMap<Digest, DateTime<Utc>>,
    /// Changes that an undo took back: they would do again what a user undid.
    pub undone: Vec<ChangeKey>,
    /// Approvals that have not expired.
    pub approvals: Vec<Approval>,
    /// Disablements that earlier runs set out to make and that nobody has seen made, by folded login.
    pub unfinished_disablements: Vec<UnfinishedDisablement>,
}

/// Whether what was remembered is still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// It is, or there was none.
    #[default]
    Kept,
    /// It was lost, for this reason; until a read is accepted anew, nobody is removed unasked.
    Lost(String),
}

/// A product profile that the mask matched, and the group it stood for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FollowedGroup {
    /// The operator group.
    pub group: OperatorGroupName,
    /// Its key in Campaign; `None` where it is not known, as in states of earlier versions.
    #[serde(default)]
    pub group_id: Option<OperatorGroupId>,
    /// `groupId` of the profile, when the listing gave it.
    pub profile_id: Option<ProductProfileId>,
    /// The profile's name at that time.
    pub profile: ProductProfileName,
}

impl FollowedGroup {
    /// Whether both name one product profile: by id, and by name where one of them has no id.
    pub fn is_of_same_profile(&self, other: &Self) -> bool {
        match (self.profile_id, other.profile_id) {
            (Some(one), Some(another)) => one == another,
            _ => self.profile.folded() == other.profile.folded(),
        }
    }
}

/// How an organization was read for one instance, and what came of it: like is compared with like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRead {
    /// The association mask as written.
    pub mask: String,
    /// Which memberships counted: `effective` or `direct`.
    pub membership: String,
    /// Whose memberships were managed: `ims` or `all`.
    pub manage: String,
    /// Users of the organization; `None` when they were not walked, which says nothing of their number.
    pub users: Option<u64>,
    /// The matching profiles, by group.
    pub matched: Vec<FollowedGroup>,
    /// All product profiles of the listing that have an id. They are remembered as [`KnownProfiles`], not with the read.
    #[serde(skip)]
    pub profiles: Vec<(ProductProfileId, ProductProfileName)>,
    /// Accounts that were counted and not listed; reads that older versions accepted do not tell.
    #[serde(default)]
    pub unlisted: UnlistedAccounts,
}

/// A change that was held, and the limits that were in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierHold {
    /// Which change.
    pub key: ChangeKey,
    /// Why it was held.
    pub why: String,
    /// The limits of that run: when somebody changes them, the guard judges anew.
    pub limits: Limits,
}

/// The approval of a held plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Names the situation that was approved.
    pub digest: Digest,
    /// Who approved it.
    pub approver: Approver,
    /// When; `None` in a dry run that only shows what an approval would release.
    pub given_at: Option<DateTime<Utc>>,
    /// Whether a run has begun to apply it.
    pub state: ApprovalState,
    /// The held changes of that situation; once a run has begun to apply them, those that are left.
    pub changes: Vec<ApprovedChange>,
}

/// How far an approval is used. One of which no change is left is spent, and is not in the history any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// No run has applied a change of it: it releases exactly the situation that its digest stands for.
    Given,
    /// A run has begun to apply it: what is left of its changes continues, as long as the organization wants the same.
    InUse,
}

/// A change as an approval names it: the same wish by the same profile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApprovedChange {
    /// Which change.
    pub key: ChangeKey,
    /// The profile that wanted it.
    pub profile: ProductProfileName,
}

/// An operator whom a run took out of a group, and whom the same plan was to disable for being left in none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnfinishedDisablement {
    /// The folded login.
    pub operator: FoldedName,
    /// The profile that the disablement was planned for.
    pub profile: ProductProfileName,
}

impl UnfinishedDisablement {
    /// The change that would finish it.
    pub fn key(&self) -> ChangeKey {
        let (kind, group) = (ChangeKind::DisableOperator, FoldedName::default());
        ChangeKey { kind, group, operator: self.operator.clone() }
    }
}

/// Which operator each user of the organization was, by UMAPI `id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities(HashMap<FoldedName, KnownOperator>);

/// The operator that a user was when last seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownOperator {
    /// Its key.
    pub id: OperatorId,
    /// Its folded login; `None` when it was remembered by a version that did not write it.
    pub login: Option<FoldedName>,
}

impl Identities {
    /// Pairs of a user's `id` and the operator.
    pub fn new(pairs: impl IntoIterator<Item = (FoldedName, KnownOperator)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// All pairs, ids folded, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&FoldedName, &KnownOperator)> {
        self.0.iter()
    }

    /// The operator that this user was when last seen.
    pub fn known(&self, user: &AdobeUser) -> Option<&KnownOperator> {
        self.0.get(&FoldedName::new(user.id.as_deref()?))
    }

    /// The key of that operator.
    pub fn operator_of(&self, user: &AdobeUser) -> Option<OperatorId> {
        self.known(user).map(|operator| operator.id)
    }
}

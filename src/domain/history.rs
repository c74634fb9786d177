//! What earlier runs read and decided, as far as decisions need it. There is no clock: the journal passes only what is
//! still valid.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AdobeUser, Approver, ChangeKey, ChangeKind, Digest, FoldedName, KnownProfiles, Limits, LoginHolders,
    OperatorGroupId, OperatorGroupName, OperatorId, ProductProfileId, ProductProfileName, UnlistedAccounts,
};

/// What the journal stores about one instance. The default is that of a new, empty journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Whether stored data is lost.
    pub memory: Memory,
    /// The last accepted read, against which removals are checked.
    pub accepted: Option<SourceRead>,
    /// Which operator each user was.
    pub identities: Identities,
    /// Who has the former logins of renamed users now, as far as single-user calls showed it.
    pub login_holders: LoginHolders,
    /// Every product profile that runs have read, and every group that one mapped to.
    pub known: KnownProfiles,
    /// Changes that earlier runs held and that are not approved: they stay held while the limits are the same.
    pub held: Vec<EarlierHold>,
    /// Digests that undos hold: their approvals apply to these undos and not to other runs.
    pub held_for_undos: BTreeSet<Digest>,
    /// When each digest that is held now was first held.
    pub held_since: BTreeMap<Digest, DateTime<Utc>>,
    /// Changes that an undo reverted: a run must not make them again without approval.
    pub undone: Vec<ChangeKey>,
    /// Approvals that have not expired.
    pub approvals: Vec<Approval>,
    /// Disablements that earlier runs planned and no run has confirmed, by folded login.
    pub unfinished_disablements: Vec<UnfinishedDisablement>,
}

/// Whether the stored data still exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// It exists, or there was none.
    #[default]
    Kept,
    /// It was lost, for this reason; until the next read is accepted, every removal needs an approval.
    Lost(String),
}

/// A product profile that the mask matched, and the group that it mapped to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FollowedGroup {
    /// The operator group.
    pub group: OperatorGroupName,
    /// The group's key in Campaign; `None` if it is not known, as in states of earlier versions.
    #[serde(default)]
    pub group_id: Option<OperatorGroupId>,
    /// `groupId` of the profile, when the listing gave it.
    pub profile_id: Option<ProductProfileId>,
    /// The profile's name at that time.
    pub profile: ProductProfileName,
}

impl FollowedGroup {
    /// Whether both name the same product profile: by id, or by name if one of them has no id.
    pub fn is_of_same_profile(&self, other: &Self) -> bool {
        match (self.profile_id, other.profile_id) {
            (Some(one), Some(another)) => one == another,
            _ => self.profile.folded() == other.profile.folded(),
        }
    }
}

/// How an organization was read for one instance, and the result: only reads of the same kind are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRead {
    /// The association mask as written.
    pub mask: String,
    /// Which memberships counted: `effective` or `direct`.
    pub membership: String,
    /// Which operators were managed: `ims` or `all`.
    pub manage: String,
    /// Number of users of the organization; `None` if not all users were read, so that the number is not known.
    pub users: Option<u64>,
    /// The matching profiles, by group.
    pub matched: Vec<FollowedGroup>,
    /// All product profiles of the listing that have an id. They are stored as [`KnownProfiles`], not with the read.
    #[serde(skip)]
    pub profiles: Vec<(ProductProfileId, ProductProfileName)>,
    /// Accounts that were counted and not listed; unknown in reads that older versions accepted.
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
    /// The limits of that run: with other limits, the guard decides again.
    pub limits: Limits,
}

/// The approval of a held plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The digest of the held plan that was approved.
    pub digest: Digest,
    /// Who approved it.
    pub approver: Approver,
    /// When it was approved; `None` in a dry run that only shows what an approval would release.
    pub given_at: Option<DateTime<Utc>>,
    /// Whether a run has begun to apply it.
    pub state: ApprovalState,
    /// The held changes of that plan; once a run has begun to apply them, the remaining ones.
    pub changes: Vec<ApprovedChange>,
}

/// Whether an approval is in use. An approval without remaining changes is used up and not in the history any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// No run has applied a change of it: it releases exactly the held plan with its digest.
    Given,
    /// A run has begun to apply it: its remaining changes continue, as long as the organization does not contradict
    /// them.
    InUse,
}

/// A change as an approval names it: the same change for the same profile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApprovedChange {
    /// Which change.
    pub key: ChangeKey,
    /// The profile that required it.
    pub profile: ProductProfileName,
}

/// An operator that a run removed from its last group and that the same plan was to disable for that.
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

/// Which operator each user of the organization was at last sight, by UMAPI `id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities(HashMap<FoldedName, KnownOperator>);

/// The operator that a user was at last sight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownOperator {
    /// Its key.
    pub id: OperatorId,
    /// Its folded login; `None` if a version stored it that did not write the login.
    pub login: Option<FoldedName>,
}

impl Identities {
    /// Pairs of a user's `id` and the operator.
    pub fn new(pairs: impl IntoIterator<Item = (FoldedName, KnownOperator)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// All pairs, ids folded, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&FoldedName, &KnownOperator)> {
        self.0.iter()
    }

    /// The operator that this user was at last sight.
    pub fn known(&self, user: &AdobeUser) -> Option<&KnownOperator> {
        self.0.get(&FoldedName::new(user.id.as_deref()?))
    }

    /// The key of that operator.
    pub fn operator_of(&self, user: &AdobeUser) -> Option<OperatorId> {
        self.known(user).map(|operator| operator.id)
    }
}

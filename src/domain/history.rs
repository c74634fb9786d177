//! What earlier runs read and decided, as far as decisions need it. There is no clock: the journal passes only what is
//! still valid.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AdobeUser, Approver, ChangeKey, ChangeKind, Digest, FoldedName, KnownProfiles, Limits, LoginHolders,
    OperatorGroupId, OperatorGroupName, OperatorId, ProductProfileId, ProductProfileName, UnlistedAccounts,
    folded_name::fold,
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

/// Which operator each user of the organization was at last sight, by UMAPI `id`. All texts are stored one after the
/// other: there may be one entry for each of a million users.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    text: String,
    /// Sorted by user.
    entries: Vec<IdentityEntry>,
}

/// One user: where its folded id begins and ends in the text, and where the operator's login ends, which follows it.
#[derive(Clone, Copy, Debug)]
struct IdentityEntry {
    operator: OperatorId,
    start: usize,
    user_end: usize,
    /// `None` if the login is not known.
    login_end: Option<usize>,
}

/// The operator that a user was at last sight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownOperator {
    /// Its key.
    pub id: OperatorId,
    /// Its folded login; `None` if a version stored it that did not write the login.
    pub login: Option<FoldedName>,
}

/// A [`KnownOperator`] as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredOperator<'a> {
    /// Its key.
    pub id: OperatorId,
    /// Its folded login.
    pub login: Option<&'a str>,
}

impl Identities {
    /// Pairs of a user's `id` and the operator.
    pub fn new(pairs: impl IntoIterator<Item = (FoldedName, KnownOperator)>) -> Self {
        let mut identities = Self::default();
        for (user, operator) in pairs {
            identities.add(user.as_str(), operator.id, operator.login.as_ref().map(FoldedName::as_str));
        }
        identities.sorted()
    }

    /// Adds a user by folded `id`. The value can be used once it is [`Self::sorted`].
    pub fn add(&mut self, user: &str, operator: OperatorId, login: Option<&str>) {
        let start = self.text.len();
        self.text.push_str(user);
        let user_end = self.text.len();
        self.text.push_str(login.unwrap_or_default());
        let login_end = login.map(|_| self.text.len());
        self.entries.push(IdentityEntry { operator, start, user_end, login_end });
    }

    /// The same users in their order; of two entries of one user, the one that was added last.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let Self { text, entries } = &mut self;
        let user = |entry: &IdentityEntry| text.get(entry.start..entry.user_end).unwrap_or_default();
        if !entries.is_sorted_by(|one, other| user(one) < user(other)) {
            entries.reverse();
            entries.sort_by(|one, other| user(one).cmp(user(other)));
            entries.dedup_by(|later, first| user(later) == user(first));
        }
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit();
        self
    }

    /// Whether it has no user.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All users, by folded id, and their operators; sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, StoredOperator<'_>)> {
        self.entries.iter().map(|entry| (self.user(entry), self.operator(entry)))
    }

    /// The operator that this user was at last sight.
    pub fn known(&self, user: &AdobeUser) -> Option<StoredOperator<'_>> {
        self.find(&fold(user.id()?))
    }

    /// The operator of the user with this folded id.
    pub fn of(&self, user: &FoldedName) -> Option<StoredOperator<'_>> {
        self.find(user.as_str())
    }

    /// The users that `others` does not have, or has with another operator.
    pub fn except<'a>(&'a self, others: &Self) -> impl Iterator<Item = (&'a str, StoredOperator<'a>)> {
        self.iter().filter(|(user, operator)| others.find(user) != Some(*operator))
    }

    /// The key of that operator.
    pub fn operator_of(&self, user: &AdobeUser) -> Option<OperatorId> {
        self.known(user).map(|operator| operator.id)
    }

    fn find(&self, user: &str) -> Option<StoredOperator<'_>> {
        let at = self.entries.binary_search_by(|entry| self.user(entry).cmp(user)).ok()?;
        self.entries.get(at).map(|entry| self.operator(entry))
    }

    fn user(&self, entry: &IdentityEntry) -> &str {
        self.text.get(entry.start..entry.user_end).unwrap_or_default()
    }

    fn operator(&self, entry: &IdentityEntry) -> StoredOperator<'_> {
        let login = entry.login_end.and_then(|end| self.text.get(entry.user_end..end));
        StoredOperator { id: entry.operator, login }
    }
}

/// Two values are equal if they have the same users, wherever the texts stand.
impl PartialEq for Identities {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Identities {}

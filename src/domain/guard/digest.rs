//! The digest that identifies a held plan.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        Action, CampaignSnapshot, Change, DesiredState, FoldedName, InstanceName, ManagedGroup, OperatorGroupId,
        OperatorGroupName, OperatorId, OperatorLogin, ProductProfileId,
    },
    HeldChange,
    prior_decisions::ChangeIdentity,
};

/// Identifies a held plan: the same held changes in the same situation have the same digest in every run, and any
/// difference gives another digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Reads 16 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_digest = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The held changes and their situation, as [`digest`] needs them.
pub(super) struct DigestInput<'a> {
    pub(super) instance: &'a InstanceName,
    pub(super) held: &'a [HeldChange],
    pub(super) approved: &'a [Change],
    pub(super) desired: &'a DesiredState,
    pub(super) campaign: &'a CampaignSnapshot,
    /// Groups, by folded name, that follow another profile than before.
    pub(super) doubted: &'a BTreeSet<FoldedName>,
}

/// 16 hexadecimal digits over the instance, the held changes, and the desired and actual members of the groups they
/// touch. The actual members are those after the approved changes: the next run, which finds these changes made,
/// computes the same digest.
pub(super) fn digest(input: &DigestInput<'_>) -> Digest {
    let mut fields = Fields(Sha256::new());
    fields.text(input.instance.folded().as_str());
    let mut identities: Vec<_> = input.held.iter().map(|held| ChangeIdentity::of(&held.change)).collect();
    identities.sort_unstable();
    fields.count(identities.len());
    for ChangeIdentity { key, profile } in &identities {
        for field in [key.kind.as_str(), key.group.as_str(), key.operator.as_str(), profile.as_str()] {
            fields.text(field);
        }
    }
    for (group, members) in input.touched_groups() {
        fields.text(group.as_str());
        fields.list(members.wanted);
        fields.list(members.actual);
        if let Some(profile) = members.doubted_profile {
            fields.text(&profile.to_string());
        }
    }
    let first = fields.0.finalize().iter().take(8).fold(0_u64, |digits, byte| (digits << 8) | u64::from(*byte));
    Digest(format!("{first:016x}"))
}

/// Folded logins of one group, and the profile that it follows where that is another one than before: an approval for
/// one profile does not apply to another profile with the same name.
struct GroupMembers {
    wanted: Vec<FoldedName>,
    actual: Vec<FoldedName>,
    doubted_profile: Option<ProductProfileId>,
}

impl DigestInput<'_> {
    /// The groups that held changes touch, by folded name.
    fn touched_groups(&self) -> BTreeMap<FoldedName, GroupMembers> {
        let touched: HashSet<_> = self.held.iter().filter_map(|held| Some(held.change.group()?.folded())).collect();
        let mut made: BTreeMap<FoldedName, Vec<&Change>> = BTreeMap::new();
        for change in self.approved {
            if let Some(group) = change.group().map(OperatorGroupName::folded).filter(|group| touched.contains(group)) {
                made.entry(group).or_default().push(change);
            }
        }
        let managed = self.desired.groups.iter().map(|group| (group.name.folded(), group.id, Some(group)));
        let orphans = self.desired.orphans.iter().map(|orphan| (orphan.name.folded(), Some(orphan.id), None));
        let groups = managed.chain(orphans).filter(|(name, ..)| touched.contains(name));
        groups
            .map(|(name, id, group)| {
                let made = made.get(&name).map(Vec::as_slice).unwrap_or_default();
                let wanted = group.map(|group| self.wanted(group)).unwrap_or_default();
                let actual = self.actual(id, made);
                let is_doubted = self.doubted.contains(&name);
                let doubted_profile = group.filter(|_| is_doubted).and_then(|group| group.profile.id);
                (name, GroupMembers { wanted, actual, doubted_profile })
            })
            .collect()
    }

    fn login(&self, id: OperatorId) -> Option<FoldedName> {
        self.campaign.operator(id).map(|operator| operator.login.folded())
    }

    fn wanted(&self, group: &ManagedGroup) -> Vec<FoldedName> {
        let known = group.members.iter().filter_map(|id| self.login(id));
        let newcomers = group.new_members.iter().filter_map(|position| self.desired.new_operators.get(*position));
        known.chain(newcomers.map(|newcomer| newcomer.login.folded())).collect()
    }

    /// The members of a group after these changes of it.
    fn actual(&self, group: Option<OperatorGroupId>, made: &[&Change]) -> Vec<FoldedName> {
        let left = |change: &&Change| match &change.action {
            Action::Remove { operator_id, .. } => Some(*operator_id),
            _ => None,
        };
        let left: HashSet<OperatorId> = made.iter().filter_map(left).collect();
        let stayed = group.into_iter().flat_map(|id| self.campaign.members(id));
        let stayed = stayed.filter(|operator| !left.contains(&operator.id)).map(|operator| operator.login.folded());
        let came = made.iter().filter(|change| matches!(change.action, Action::Add { .. }));
        let came = came.filter_map(|change| change.operator().map(OperatorLogin::folded));
        stayed.chain(came).collect()
    }
}

/// Hashes texts, each preceded by its length: different lists of texts never give the same bytes, and the bytes do not
/// depend on the `Debug` format of a compiler version.
struct Fields(Sha256);

impl Fields {
    fn count(&mut self, count: usize) {
        self.0.update(format!("{count};"));
    }

    fn text(&mut self, text: &str) {
        self.0.update(format!("{}:", text.len()));
        self.0.update(text);
    }

    fn list(&mut self, mut texts: Vec<FoldedName>) {
        texts.sort_unstable();
        self.count(texts.len());
        for text in &texts {
            self.text(text.as_str());
        }
    }
}

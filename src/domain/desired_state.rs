//! The desired state of one Campaign instance: the managed groups, their members, and what is skipped.

use std::collections::{BTreeMap, HashSet};

use super::{
    CampaignSnapshot, LookAlike, MatchedProfile, Operator, OperatorGroupId, OperatorGroupName, OperatorId, OperatorIds,
    OperatorLogin, OrphanGroup, ProductProfile, ProductProfileName, ProfileDoubt, ProfileRead, Skipped,
    operator_ids::Ascending,
};

/// An operator group whose members follow a product profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedGroup {
    /// The group in Campaign's spelling, or in the profile's spelling where the group has to be created.
    pub name: OperatorGroupName,
    /// Its key; `None` when it has to be created.
    pub id: Option<OperatorGroupId>,
    /// The profile it follows.
    pub profile: ProductProfile,
    /// What is known of the members of that profile.
    pub read: ProfileRead,
    /// Operators that belong in the group.
    pub members: OperatorIds,
    /// Positions in [`DesiredState::new_operators`] of users that belong in the group and have no operator yet.
    pub new_members: Vec<usize>,
    /// Operators that may or may not belong in the group: neither added nor removed.
    pub undecided: OperatorIds,
    /// Operators in the group that do not belong in it, and whose login looks like the name of a member of the profile.
    /// By key.
    pub look_alikes: Vec<LookAlike>,
}

impl ManagedGroup {
    /// The names in the profile that look like the login of this operator, if there are any.
    pub fn look_alike(&self, operator: OperatorId) -> Option<&LookAlike> {
        let at = self.look_alikes.binary_search_by_key(&operator, |look_alike| look_alike.operator).ok()?;
        self.look_alikes.get(at)
    }

    /// Whether the operator belongs in the group or may belong in it. All other members leave the group.
    pub(super) fn keeps(&self, operator: OperatorId) -> bool {
        self.members.contains(operator) || self.undecided.contains(operator)
    }

    /// The operators that are in the group now, by id.
    fn present<'a>(&self, campaign: &'a CampaignSnapshot) -> impl Iterator<Item = &'a Operator> + use<'a> {
        self.id.into_iter().flat_map(|id| campaign.members(id))
    }

    /// How many operators belong in the group and are in it.
    pub(super) fn staying(&self, campaign: &CampaignSnapshot) -> usize {
        let mut wanted = self.members.ascending();
        self.present(campaign).filter(|operator| wanted.contains(operator.id)).count()
    }

    /// The operators that belong in the group and are not in it, protected operators included.
    pub(super) fn joining<'a>(&self, campaign: &'a CampaignSnapshot) -> impl Iterator<Item = &'a Operator> {
        let mut present = Ascending::new(self.present(campaign).map(|operator| operator.id));
        self.members.iter().filter(move |id| !present.contains(*id)).filter_map(|id| campaign.operator(id))
    }

    /// The members of the group that are not [kept](Self::keeps), protected operators included.
    pub(super) fn leaving<'a>(&self, campaign: &'a CampaignSnapshot) -> impl Iterator<Item = &'a Operator> {
        let (mut members, mut undecided) = (self.members.ascending(), self.undecided.ascending());
        self.present(campaign)
            .filter(move |operator| !members.contains(operator.id) && !undecided.contains(operator.id))
    }

    /// Whether the pages of members carried another name than the groups listing, so that no change is planned.
    pub(super) fn is_renamed(&self) -> bool {
        matches!(self.read, ProfileRead::Doubtful(ProfileDoubt::Renamed { .. }))
    }
}

/// An operator to be created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewOperator {
    /// The login; the e-mail address for operators that sign in through Adobe.
    pub login: OperatorLogin,
    /// The e-mail address.
    pub email: String,
}

/// An operator that is in no group, that no profile maps to a group, and that an earlier run planned to disable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingDisablement {
    /// The operator's key.
    pub operator: OperatorId,
    /// The profile that the disablement was planned for.
    pub profile: ProductProfileName,
}

/// The desired state of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// Managed groups, by folded name.
    pub groups: Vec<ManagedGroup>,
    /// Every profile that the mask maps to a group name, also those whose group is skipped; by folded name of the
    /// group.
    pub matched: Vec<MatchedProfile>,
    /// Operators to be created, by folded login.
    pub new_operators: Vec<NewOperator>,
    /// Groups that followed a profile, follow none any more, and still have members; by folded name.
    pub orphans: Vec<OrphanGroup>,
    /// Operators that are not disabled, whatever memberships they lose: this state may not contain all their groups.
    pub keep_enabled: HashSet<OperatorId>,
    /// Operators that an earlier run left in no group and did not disable. By key.
    pub pending_disablements: Vec<PendingDisablement>,
    /// Operators whose login now belongs to another active user, with the present name of their former user.
    pub reassigned: BTreeMap<OperatorId, String>,
    /// What is skipped, sorted.
    pub skipped: Vec<Skipped>,
}

impl DesiredState {
    /// Marks the profile of this group as doubtful, after a later read raised this doubt.
    pub fn doubt(&mut self, group: &OperatorGroupName, doubt: &ProfileDoubt) {
        let Some(managed) = self.groups.iter_mut().find(|managed| managed.name == *group) else { return };
        managed.read = ProfileRead::Doubtful(doubt.clone());
        self.skipped.push(doubt.skipped(&managed.profile));
        self.skipped.sort_unstable();
        self.skipped.dedup();
    }

    /// Whether one of `members` belongs in this group or may belong in it.
    pub fn keeps_any(&self, group: OperatorGroupId, mut members: impl Iterator<Item = OperatorId>) -> bool {
        let Some(group) = self.groups.iter().find(|managed| managed.id == Some(group)) else { return false };
        members.any(|id| group.keeps(id))
    }

    /// The group that follows the profile for which this operator is to be disabled; `None` when no group follows that
    /// profile any more, or no disablement of the operator is pending.
    pub(super) fn group_left(&self, operator: OperatorId) -> Option<&ManagedGroup> {
        let at = self.pending_disablements.binary_search_by_key(&operator, |pending| pending.operator).ok()?;
        let profile = self.pending_disablements.get(at)?.profile.folded();
        self.groups.iter().find(|group| group.profile.name.folded() == profile)
    }
}

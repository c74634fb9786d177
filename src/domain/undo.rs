//! The desired state of an undo, which reverts the memberships that one run changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CampaignSnapshot, ChangeKind, ChangeOutcome, ChangeReport, DesiredState, FoldedName, ManagedGroup, MatchedProfile,
    Operator, OperatorGroup, OperatorIds, Policy, ProductProfile, ProductProfileName, ProfileRead, SkipReason, Skipped,
    claims::{GroupsByName, groups_by_folded_name},
    identity::OperatorIndex,
};

/// The desired state after the additions and removals of a run are reverted.
///
/// `changes` are those of one run in this instance; only applied additions and removals count. A change whose result
/// Campaign does not have any more is not reverted. All other members of the groups stay. Changes whose operator or
/// group is missing or ambiguous are in [`DesiredState::skipped`].
pub fn undo_desired_state(changes: &[ChangeReport], campaign: &CampaignSnapshot, policy: &Policy) -> DesiredState {
    let mut builder = UndoBuilder {
        campaign,
        index: OperatorIndex::new(campaign, policy.manage),
        groups_by_name: groups_by_folded_name(campaign),
        groups: BTreeMap::new(),
        skipped: BTreeSet::new(),
    };
    for change in changes.iter().filter(|change| change.outcome == ChangeOutcome::Applied) {
        builder.inverse_of(change);
    }
    let UndoBuilder { groups, skipped, .. } = builder;
    let groups: Vec<ManagedGroup> = groups.into_values().collect();
    // A reverted membership may be the only one of its operator, which was enabled before: it stays enabled.
    let keep_enabled = groups
        .iter()
        .filter_map(|group| group.id)
        .flat_map(|id| campaign.members(id))
        .map(|member| member.id)
        .collect();
    let matched = groups.iter().map(|group| MatchedProfile {
        profile: group.profile.name.to_string(),
        group: group.name.to_string(),
        members: group.members.len(),
    });
    let matched = matched.collect();
    DesiredState { groups, matched, keep_enabled, skipped: skipped.into_iter().collect(), ..DesiredState::default() }
}

struct UndoBuilder<'a> {
    campaign: &'a CampaignSnapshot,
    index: OperatorIndex<'a>,
    groups_by_name: GroupsByName<'a>,
    groups: BTreeMap<FoldedName, ManagedGroup>,
    skipped: BTreeSet<Skipped>,
}

impl<'a> UndoBuilder<'a> {
    fn inverse_of(&mut self, change: &ChangeReport) {
        let (Some(login), Some(name)) = (&change.operator, &change.group) else { return };
        let was_added = match change.op {
            ChangeKind::Add => true,
            ChangeKind::Remove => false,
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => return,
        };
        let Some(group) = self.group(name) else { return };
        let Some(operator) = self.operator(login, name) else { return };
        let campaign = self.campaign;
        if campaign.holds(group.id, operator.id) != was_added {
            return;
        }
        let managed = self.groups.entry(group.name.folded()).or_insert_with(|| ManagedGroup {
            name: group.name.clone(),
            id: Some(group.id),
            profile: ProductProfile {
                id: None,
                name: ProductProfileName::new(change.profile.as_str()),
                member_count: None,
            },
            read: ProfileRead::default(),
            members: campaign.members(group.id).map(|member| member.id).collect(),
            new_members: Vec::new(),
            undecided: OperatorIds::default(),
            look_alikes: Vec::new(),
        });
        if was_added {
            managed.members.retain(|member| member != operator.id);
        } else {
            managed.members.extend([operator.id]);
        }
    }

    fn group(&mut self, name: &str) -> Option<&'a OperatorGroup> {
        let groups = self.groups_by_name.get(&FoldedName::new(name)).map(Vec::as_slice);
        let (reason, detail) = match groups.unwrap_or_default() {
            [group] => return Some(group),
            [] => (SkipReason::NoGroup, "the operator group does not exist any more"),
            _ => (SkipReason::AmbiguousGroup, "Campaign has several operator groups of this name now"),
        };
        self.skipped.insert(Skipped::new(reason, name, detail));
        None
    }

    fn operator(&mut self, login: &str, group: &str) -> Option<&'a Operator> {
        let operators = self.index.of_login(&FoldedName::new(login));
        let mut managed = operators.iter().filter(|operator| self.index.manages(operator));
        let (reason, why) = match (managed.next(), managed.next()) {
            (Some(operator), None) => return Some(operator),
            (Some(_), Some(_)) => (SkipReason::AmbiguousIdentity, "several operators have this login now"),
            (None, _) if operators.is_empty() => (SkipReason::NoOperator, "the operator does not exist any more"),
            (None, _) => (SkipReason::NotManaged, "the operator does not sign in through Adobe any more"),
        };
        let detail = format!("{why}: what was done in group \"{group}\" is not taken back");
        self.skipped.insert(Skipped::new(reason, login, detail));
        None
    }
}

//! Which product profiles claim which operator groups, and which operator groups there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    CampaignSnapshot, FoldedName, LooseName, MaskMatch, OperatorGroup, OperatorGroupName, Policy, SkipReason, Skipped,
    roster::Roster,
};

/// The product profiles that claim each operator group; groups whose names look alike are one claim.
pub(super) type Claims = BTreeMap<LooseName, Vec<(OperatorGroupName, usize)>>;

pub(super) fn profiles_by_group(roster: &Roster, policy: &Policy, skipped: &mut BTreeSet<Skipped>) -> Claims {
    let mut claims = Claims::new();
    for (position, profile) in roster.profiles().iter().enumerate() {
        match policy.mask.matches(profile.name.as_str()) {
            MaskMatch::Group(group) => {
                claims.entry(group.folded().loose()).or_default().push((group, position));
            }
            MaskMatch::EmptyCapture => {
                let detail =
                    format!("the association mask \"{}\" captures no group name from it", policy.mask.as_str());
                skipped.insert(Skipped::new(SkipReason::EmptyCapture, profile.name.as_str(), detail));
            }
            MaskMatch::NoMatch => {}
        }
    }
    claims
}

/// Campaign's groups by folded name; several spellings of one name share an entry.
pub(super) type GroupsByName<'a> = HashMap<FoldedName, Vec<&'a OperatorGroup>>;

pub(super) fn groups_by_folded_name(campaign: &CampaignSnapshot) -> GroupsByName<'_> {
    let mut groups = GroupsByName::new();
    for group in campaign.groups() {
        groups.entry(group.name.folded()).or_default().push(group);
    }
    groups
}

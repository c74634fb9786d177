//! Which product profiles claim which operator groups, and which operator groups Campaign has.

use std::collections::{BTreeMap, HashMap};

use super::{
    CampaignSnapshot, FoldedName, FollowedGroup, LooseName, MatchedProfile, MatchedSource, OperatorGroup,
    OperatorGroupName, SkipReason, Skipped, known_profiles::RenamedGroup, matched_source::ReadScope,
};

/// No profile of the listing matches the mask: the mask is wrong. It does not mean that all memberships are to be
/// removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "none of the {profiles} product profiles matches the association mask \"{mask}\": \
     compare the mask with the names in the Admin Console"
)]
pub struct NoMatch {
    /// Profiles in the listing.
    pub profiles: usize,
    /// The mask.
    pub mask: String,
}

/// The product profiles that claim each operator group; groups whose names look alike are one claim.
pub(super) type Claims = BTreeMap<LooseName, Vec<(OperatorGroupName, usize)>>;

pub(super) fn profiles_by_group(source: &MatchedSource<'_>) -> Claims {
    let mut claims = Claims::new();
    for (position, _, group) in source.matches() {
        if let Some(group) = group {
            claims.entry(group.folded().loose()).or_default().push((group.clone(), position));
        }
    }
    claims
}

/// Whether a profile claims the group with exactly this name. A group whose name only looks alike is another group.
pub(super) fn has_claim(claims: &Claims, group: &FoldedName) -> bool {
    let alike = claims.get(&group.loose());
    alike.is_some_and(|alike| alike.iter().any(|(name, _)| name.folded() == *group))
}

/// The profiles that claim a group, each with the group in Campaign's spelling where Campaign has exactly one such
/// group.
pub(super) fn matched_profiles(
    claims: &Claims,
    groups: &GroupsByName<'_>,
    source: &MatchedSource<'_>,
) -> Vec<MatchedProfile> {
    let roster = source.roster;
    let matched = |(name, position): &(OperatorGroupName, usize)| {
        let profile = roster.profiles().get(*position)?;
        let name = match groups.get(&name.folded()).map(Vec::as_slice) {
            Some([group]) => &group.name,
            _ => name,
        };
        let listed = profile.member_count.and_then(|count| usize::try_from(count).ok());
        // A read of a few users does not say how many members a profile has; the groups listing does.
        let listed = listed.filter(|_| source.scope == ReadScope::Users);
        Some(MatchedProfile {
            profile: profile.name.to_string(),
            group: name.to_string(),
            members: listed.unwrap_or_else(|| roster.count(*position)),
        })
    };
    let mut matched: Vec<_> = claims.values().flatten().filter_map(matched).collect();
    matched.sort_by_cached_key(|one| (FoldedName::new(&one.group), one.profile.clone()));
    matched
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

/// A notice for each profile whose group has another name in Campaign now.
pub(super) fn renamed_group_notices(
    renamed: &BTreeMap<FoldedName, RenamedGroup<'_>>,
    claims: &Claims,
    groups: &GroupsByName<'_>,
) -> Vec<Skipped> {
    let claimed = renamed.iter().filter(|(folded, _)| has_claim(claims, folded));
    let in_words = |(folded, RenamedGroup { before, now }): (&FoldedName, &RenamedGroup<'_>)| {
        let FollowedGroup { group, profile, .. } = before;
        let (key, other) = (now.id, groups.get(folded).and_then(|groups| groups.first()));
        let other = other.map(|other| format!(", and another group (id {}) has its name", other.id));
        let detail = format!(
            "group \"{group}\" (id {key}), which profile \"{profile}\" stood for, is called \"{}\" in Campaign now{}: \
             give the group its former name in Campaign, or rename the profile in the Admin Console so that the \
             association mask yields \"{}\"",
            now.name,
            other.unwrap_or_default(),
            now.name
        );
        Skipped::new(SkipReason::RenamedGroup, group.as_str(), detail)
    };
    claimed.map(in_words).collect()
}

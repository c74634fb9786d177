//! Orphaned groups, which followed a profile and follow none any more, and the profiles that a read matches with
//! groups.

use std::collections::BTreeMap;

use super::{
    CampaignSnapshot, FoldedName, FollowedGroup, History, ManagedGroup, MatchedSource, Membership, OperatorGroup,
    OperatorGroupId, OperatorGroupName, OperatorIds, Policy, ProductProfile, ProductProfileName, ProfileRead,
    SourceRead,
    claims::{Claims, GroupsByName, has_claim, profiles_by_group},
    known_profiles::RenamedGroup,
    roster::Roster,
};

/// A group whose profile was deleted, was renamed, or does not match the mask any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanGroup {
    /// The group in Campaign's spelling.
    pub name: OperatorGroupName,
    /// Its key.
    pub id: OperatorGroupId,
    /// The profile it followed.
    pub profile: ProductProfileName,
    /// Operators in it, by key.
    pub members: OperatorIds,
    /// Members that this run does not decide about: they stay, whatever the policy is. By key.
    pub undecided: OperatorIds,
}

impl OrphanGroup {
    /// The group as a managed group without members.
    pub(super) fn emptied(&self) -> ManagedGroup {
        ManagedGroup {
            name: self.name.clone(),
            id: Some(self.id),
            profile: ProductProfile { id: None, name: self.profile.clone(), member_count: None },
            read: ProfileRead::default(),
            members: OperatorIds::default(),
            new_members: Vec::new(),
            undecided: self.undecided.clone(),
            look_alikes: Vec::new(),
        }
    }
}

/// The followed groups that no profile claims any more, that exist exactly once in Campaign, and that still have
/// members; by folded name.
///
/// A claim counts even if it is refused, because two profiles make it or because the name only looks alike. A renamed
/// group is orphaned under its new name, and all its members are undecided: only an administrator knows which of both
/// names is right.
pub(super) fn orphans(
    claims: &Claims,
    groups: &GroupsByName<'_>,
    campaign: &CampaignSnapshot,
    history: &History,
    renamed: &BTreeMap<FoldedName, RenamedGroup<'_>>,
) -> Vec<OrphanGroup> {
    let orphan = |group: &OperatorGroup, profile: &ProductProfileName| {
        let members: OperatorIds = campaign.members(group.id).map(|member| member.id).collect();
        let (name, profile) = (group.name.clone(), profile.clone());
        (!members.is_empty()).then(|| OrphanGroup {
            name,
            id: group.id,
            profile,
            members,
            undecided: OperatorIds::default(),
        })
    };
    let mut orphans = BTreeMap::new();
    for followed in history.known.groups() {
        let folded = followed.group.folded();
        if claims.contains_key(&folded.loose()) || renamed.contains_key(&folded) {
            continue;
        }
        let Some([group]) = groups.get(&folded).map(Vec::as_slice) else { continue };
        orphans.extend(orphan(group, &followed.profile).map(|orphan| (folded, orphan)));
    }
    for RenamedGroup { before, now } in renamed.values() {
        let folded = now.name.folded();
        if has_claim(claims, &folded) {
            continue;
        }
        let undecided = |orphan: OrphanGroup| OrphanGroup { undecided: orphan.members.clone(), ..orphan };
        orphans.extend(orphan(now, &before.profile).map(|orphan| (folded, undecided(orphan))));
    }
    orphans.into_values().collect()
}

/// How the organization was read for this instance. It contains every profile that the mask maps to a group, whether or
/// not Campaign has that group, so that their number is a number of profiles. A read by calls for single users has the
/// profiles and not the number of users.
pub fn source_read(source: &MatchedSource<'_>, policy: &Policy, membership: Membership) -> SourceRead {
    let (claims, roster) = (profiles_by_group(source), source.roster);
    let readable = (0..).zip(roster.profiles()).filter(|(position, _)| !roster.unusable().concerns(*position));
    let named = readable.filter_map(|(_, profile)| Some((profile.id?, profile.name.clone())));
    let mut unlisted = source.unlisted_accounts.clone();
    unlisted.count(claims.values().flatten().filter_map(|(_, position)| {
        let number = roster.read(*position).listing()?.unlisted()?;
        Some((roster.profiles().get(*position)?, number))
    }));
    SourceRead {
        mask: source.mask().as_str().to_owned(),
        membership: membership.as_str().to_owned(),
        manage: policy.manage.as_str().to_owned(),
        users: source.user_count,
        matched: followed_groups(&claims, roster),
        profiles: named.collect(),
        unlisted,
    }
}

/// The profiles that claim a group, by that group. The group may not exist in Campaign.
pub(super) fn followed_groups(claims: &Claims, roster: &Roster) -> Vec<FollowedGroup> {
    let claims = claims.values().flatten();
    let mut matched: Vec<_> = claims
        .filter_map(|(group, position)| {
            let ProductProfile { id, name, .. } = roster.profiles().get(*position)?;
            Some(FollowedGroup { group: group.clone(), group_id: None, profile_id: *id, profile: name.clone() })
        })
        .collect();
    matched.sort_by_cached_key(|followed| (followed.group.folded(), followed.clone()));
    matched
}

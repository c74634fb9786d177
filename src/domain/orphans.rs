//! Groups that a profile fed once and none does any more, and what a read leaves to remember of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CampaignSnapshot, DesiredState, FoldedName, FollowedGroup, History, Membership, OperatorGroupId, OperatorGroupName,
    OperatorId, OrganizationSnapshot, Policy, ProductProfileName, ReadKind, SourceRead, UnlistedAccounts, UserSnapshot,
    desired_state::{Claims, GroupsByName, profiles_by_group},
    roster::Roster,
};

/// A group whose profile vanished, was renamed, or does not match the mask any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanGroup {
    /// The group in Campaign's spelling.
    pub name: OperatorGroupName,
    /// Its key.
    pub id: OperatorGroupId,
    /// The profile it followed.
    pub profile: ProductProfileName,
    /// Operators in it, by key.
    pub members: Vec<OperatorId>,
    /// Those of them about whom this run says nothing: they stay, whatever the policy is. By key.
    pub undecided: Vec<OperatorId>,
}

/// The remembered groups that nobody claims, that Campaign has once, and that still have members; by folded name.
///
/// A claim that was refused, because two profiles make it, is a claim all the same.
pub(super) fn orphans(
    claims: &Claims,
    groups: &GroupsByName<'_>,
    campaign: &CampaignSnapshot,
    history: &History,
) -> Vec<OrphanGroup> {
    remembered(history)
        .into_iter()
        .filter(|(folded, _)| !claims.contains_key(folded))
        .filter_map(|(folded, followed)| {
            let [group] = groups.get(&folded)?.as_slice() else { return None };
            let members: Vec<_> = campaign.members(group.id).collect();
            (!members.is_empty()).then(|| OrphanGroup {
                name: group.name.clone(),
                id: group.id,
                profile: followed.profile.clone(),
                members,
                undecided: Vec::new(),
            })
        })
        .collect()
}

/// What is known of each group that a profile ever fed, by folded name; the last accepted read knows best.
fn remembered(history: &History) -> BTreeMap<FoldedName, &FollowedGroup> {
    let accepted = history.accepted.iter().flat_map(|read| &read.matched);
    let (mut before, mut last): (Vec<_>, Vec<_>) = (history.followed.iter().collect(), accepted.collect());
    // The order in which a journal hands its rows over must not decide which of two profiles is named.
    before.sort_unstable();
    last.sort_unstable();
    before.into_iter().chain(last).map(|followed| (followed.group.folded(), followed)).collect()
}

/// The groups to go on following once this read is accepted, beside those that it matched.
pub fn followed_groups(desired: &DesiredState, history: &History) -> Vec<FollowedGroup> {
    let known = remembered(history);
    let orphans = desired.orphans.iter().map(|orphan| FollowedGroup {
        group: orphan.name.clone(),
        profile_id: known.get(&orphan.name.folded()).and_then(|followed| followed.profile_id),
        profile: orphan.profile.clone(),
    });
    orphans.collect()
}

/// How the organization was read for this instance: every profile that the mask matches with a group, whether or not
/// Campaign has that group, so that a count of them is a count of profiles.
pub fn source_read(organization: &OrganizationSnapshot, policy: &Policy, membership: Membership) -> SourceRead {
    let proof = organization.proof();
    let users = (proof.kind() == ReadKind::Organization).then(|| proof.users());
    let unlisted = UnlistedAccounts::of_organization(proof.unlisted());
    of_roster(organization.roster(), users, unlisted, policy, membership)
}

/// The same of calls for single users, which tell the profiles and not how many users there are.
pub fn source_read_of_users(users: &UserSnapshot, policy: &Policy, membership: Membership) -> SourceRead {
    of_roster(users.roster(), None, UnlistedAccounts::default(), policy, membership)
}

fn of_roster(
    roster: &Roster,
    users: Option<u64>,
    mut unlisted: UnlistedAccounts,
    policy: &Policy,
    membership: Membership,
) -> SourceRead {
    let claims = profiles_by_group(roster, policy, &mut BTreeSet::new());
    unlisted.count(claims.values().flatten().filter_map(|(_, position)| {
        let number = roster.read(*position).listing()?.unlisted()?;
        Some((roster.profiles().get(*position)?, number))
    }));
    let mut matched: Vec<_> = claims
        .into_values()
        .flatten()
        .filter_map(|(group, position)| {
            let profile = roster.profiles().get(position)?;
            Some(FollowedGroup { group, profile_id: profile.id, profile: profile.name.clone() })
        })
        .collect();
    matched.sort_by_cached_key(|followed| (followed.group.folded(), followed.clone()));
    SourceRead {
        mask: policy.mask.as_str().to_owned(),
        membership: membership.as_str().to_owned(),
        manage: policy.manage.as_str().to_owned(),
        users,
        matched,
        unlisted,
    }
}

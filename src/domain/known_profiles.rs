//! The product profiles that runs have read, and the operator groups that they mapped to.
//!
//! Entries are never removed: a profile that is missing from a listing, or a group that is missing from an instance,
//! stays known. The entry of a group changes only if no doubt exists about it, or if its changes were approved.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    CampaignSnapshot, DesiredState, FoldedName, FollowedGroup, ManagedGroup, OperatorGroup, OperatorGroupId,
    ProductProfileId, ProductProfileName, SourceRead,
};

/// The product profiles and followed operator groups that runs have seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProfiles {
    /// Every product profile that had an id, whether or not it matched the mask, by that id.
    names: BTreeMap<ProductProfileId, ProductProfileName>,
    /// Every operator group that a profile mapped to, sorted.
    groups: Vec<FollowedGroup>,
}

impl KnownProfiles {
    /// What is known from followed groups alone; of several entries of one group the last one counts. States of earlier
    /// versions contain no more than that: unknown profiles and unknown keys of groups never count as a difference.
    pub fn of_groups(groups: impl IntoIterator<Item = FollowedGroup>) -> Self {
        let groups: BTreeMap<_, _> = groups.into_iter().map(|followed| (followed.group.folded(), followed)).collect();
        let named = groups.values().filter_map(|followed| Some((followed.profile_id?, followed.profile.clone())));
        Self { names: named.collect(), groups: groups.into_values().collect() }
    }

    /// The followed groups.
    pub fn groups(&self) -> &[FollowedGroup] {
        &self.groups
    }

    /// The last accepted name of this profile.
    pub fn name(&self, profile: ProductProfileId) -> Option<&ProductProfileName> {
        self.names.get(&profile)
    }

    /// What is known after a run has read `read`. The entries of groups in `unsettled`, by folded name, and of the
    /// profiles that map to them now stay as they were, so that the doubts about them persist until an approval.
    #[must_use]
    pub fn after(
        &self,
        read: &SourceRead,
        desired: &DesiredState,
        campaign: &CampaignSnapshot,
        unsettled: &BTreeSet<FoldedName>,
    ) -> Self {
        let doubted = read.matched.iter().filter(|claim| unsettled.contains(&claim.group.folded()));
        let doubted: BTreeSet<ProductProfileId> = doubted.filter_map(|claim| claim.profile_id).collect();
        let mut names = self.names.clone();
        for (id, name) in &read.profiles {
            if !(doubted.contains(id) && names.contains_key(id)) {
                names.insert(*id, name.clone());
            }
        }
        let mut groups = GroupsAfter::new(&self.groups);
        let settled = desired.groups.iter().filter(|group| !unsettled.contains(&group.name.folded()));
        // A record that cannot be used does not show which profile it is.
        for group in settled.filter(|group| !group.has_unusable_record()) {
            groups.follow(group, campaign);
        }
        Self { names, groups: groups.by_name.into_values().collect() }
    }
}

/// The operator groups that a lookup of one user needs: the followed groups as stored, and the groups of the user as
/// Campaign has them now (`live`). `None` if these do not include each of the `needed` groups, so that all groups have
/// to be read.
pub fn groups_for_lookup(
    known: &KnownProfiles,
    live: &[OperatorGroup],
    needed: &BTreeSet<FoldedName>,
) -> Option<Vec<OperatorGroup>> {
    let remembered = known.groups().iter().filter_map(|followed| {
        let id = followed.group_id?;
        Some((id, OperatorGroup { id, name: followed.group.clone(), label: String::new() }))
    });
    let mut groups: BTreeMap<OperatorGroupId, OperatorGroup> = remembered.collect();
    // The same table also holds rights: only keys that are known as keys of groups count.
    let live: Vec<_> = live.iter().filter(|group| groups.contains_key(&group.id)).collect();
    let settled: BTreeSet<FoldedName> = live.iter().map(|group| group.name.folded()).collect();
    groups.extend(live.into_iter().map(|group| (group.id, group.clone())));
    needed.is_subset(&settled).then(|| groups.into_values().collect())
}

/// The followed groups while those of a run are added.
struct GroupsAfter {
    by_name: BTreeMap<FoldedName, FollowedGroup>,
    by_key: BTreeMap<OperatorGroupId, FoldedName>,
}

impl GroupsAfter {
    fn new(groups: &[FollowedGroup]) -> Self {
        let by_name: BTreeMap<_, _> = groups.iter().map(|known| (known.group.folded(), known.clone())).collect();
        let keyed = by_name.iter().filter_map(|(name, known)| Some((known.group_id?, name.clone())));
        Self { by_key: keyed.collect(), by_name }
    }

    fn follow(&mut self, group: &ManagedGroup, campaign: &CampaignSnapshot) {
        let folded = group.name.folded();
        let followed = FollowedGroup {
            group: group.name.clone(),
            group_id: group.id,
            profile_id: group.profile.id,
            profile: group.profile.name.clone(),
        };
        // The entry of the same group under its earlier name is replaced.
        if let Some(earlier) = group.id.and_then(|key| self.by_key.remove(&key)) {
            self.by_name.remove(&earlier);
        }
        if let Some(replaced) = self.by_name.insert(folded, followed) {
            self.keep_renamed(replaced, campaign);
        }
    }

    /// Keeps the entry of a group that had this name and still exists under another name, so that its members stay
    /// known.
    fn keep_renamed(&mut self, replaced: FollowedGroup, campaign: &CampaignSnapshot) {
        let Some(group) = replaced.group_id.and_then(|key| campaign.group(key)) else { return };
        let (folded, key) = (group.name.folded(), group.id);
        if self.by_name.get(&folded).is_none_or(|known| known.group_id == Some(key)) {
            self.by_name.insert(folded.clone(), FollowedGroup { group: group.name.clone(), ..replaced });
            self.by_key.insert(key, folded);
        }
    }
}

/// The followed groups that have another name in Campaign now, by their former folded name. Groups that were renamed
/// together with their profile are not included.
pub(super) fn renamed_groups<'a>(
    known: &'a KnownProfiles,
    campaign: &'a CampaignSnapshot,
    claims: &[FollowedGroup],
) -> BTreeMap<FoldedName, RenamedGroup<'a>> {
    let by_group: BTreeMap<FoldedName, &FollowedGroup> =
        claims.iter().map(|claim| (claim.group.folded(), claim)).collect();
    let renamed = known.groups.iter().filter_map(|before| {
        let (folded, now) = (before.group.folded(), campaign.group(before.group_id?)?);
        let new_name = now.name.folded();
        let is_followed = by_group.get(&new_name).is_some_and(|claim| claim.is_of_same_profile(before));
        (folded != new_name && !is_followed).then_some((folded, RenamedGroup { before, now }))
    });
    renamed.collect()
}

/// A followed group, and the same group as Campaign has it now.
#[derive(Clone, Copy, Debug)]
pub(super) struct RenamedGroup<'a> {
    pub(super) before: &'a FollowedGroup,
    pub(super) now: &'a OperatorGroup,
}

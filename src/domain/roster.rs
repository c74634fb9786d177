//! Product profiles and their users, from any kind of read.

use std::collections::BTreeMap;

use super::{
    AdobeUser, LoginSet, ProductProfile, ProductProfileName, ProfileRead, UnusableProfiles, identity::UsersRead,
};

/// All product profiles of a listing, and users with their profiles. Each string is stored once; memberships are pairs
/// of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roster {
    profiles: Vec<ProductProfile>,
    users: Vec<AdobeUser>,
    memberships: Vec<(u32, u32)>,
    unlisted: Vec<ProductProfileName>,
    logins: LoginSet,
    /// What is known about the members of single profiles, by position; all members of profiles without an entry are
    /// known.
    reads: BTreeMap<u32, ProfileRead>,
    unusable: UnusableProfiles,
}

impl Roster {
    /// `memberships` are pairs (position in `profiles`, position in `users`), in any order.
    pub(super) fn new(
        profiles: Vec<ProductProfile>,
        users: Vec<AdobeUser>,
        mut memberships: Vec<(u32, u32)>,
        mut unlisted: Vec<ProductProfileName>,
    ) -> Self {
        // As one number each, pairs are compared without a branch.
        memberships.sort_unstable_by_key(|(profile, user)| u64::from(*profile) << 32 | u64::from(*user));
        memberships.dedup();
        unlisted.sort_unstable();
        unlisted.dedup();
        Self {
            profiles,
            users,
            memberships,
            unlisted,
            logins: LoginSet::default(),
            reads: BTreeMap::new(),
            unusable: UnusableProfiles::default(),
        }
    }

    /// The same roster, where the users include all that have one of these logins, with a profile or without.
    pub(super) fn with_holders_of(self, logins: LoginSet) -> Self {
        Self { logins, ..self }
    }

    /// The same roster with what is known about the members of single profiles, by position.
    pub(super) fn with_reads(self, reads: BTreeMap<u32, ProfileRead>) -> Self {
        Self { reads, ..self }
    }

    /// The same roster, where the records of some profiles cannot be used: their members are not known.
    pub(super) fn with_unusable(mut self, unusable: UnusableProfiles) -> Self {
        self.reads.extend(unusable.doubts().map(|(at, doubt)| (at, ProfileRead::Doubtful(doubt.clone()))));
        Self { unusable, ..self }
    }

    /// The profiles whose record cannot be used.
    pub(super) fn unusable(&self) -> &UnusableProfiles {
        &self.unusable
    }

    /// What is known about the members of the profile at this position.
    pub(super) fn read(&self, profile: usize) -> ProfileRead {
        u32::try_from(profile).ok().and_then(|profile| self.reads.get(&profile)).cloned().unwrap_or_default()
    }

    pub(super) fn profiles(&self) -> &[ProductProfile] {
        &self.profiles
    }

    pub(super) fn users(&self) -> &[AdobeUser] {
        &self.users
    }

    /// The users, and the logins whose holders are all among them.
    pub(super) fn users_read(&self) -> UsersRead<'_, std::slice::Iter<'_, AdobeUser>> {
        UsersRead { users: self.users.iter(), logins: &self.logins }
    }

    /// Logins whose holders are all among the users.
    pub(super) fn logins(&self) -> &LoginSet {
        &self.logins
    }

    /// Names that users carry and that are not in the listing.
    pub(super) fn unlisted(&self) -> &[ProductProfileName] {
        &self.unlisted
    }

    /// The users in the profile at this position, each with their own position.
    pub(super) fn members(&self, profile: usize) -> impl Iterator<Item = (usize, &AdobeUser)> {
        self.rows(profile).iter().filter_map(|(_, user)| {
            let user = *user as usize;
            Some((user, self.users.get(user)?))
        })
    }

    /// How many users the profile at this position has.
    pub(super) fn count(&self, profile: usize) -> usize {
        self.rows(profile).len()
    }

    fn rows(&self, profile: usize) -> &[(u32, u32)] {
        let profile = u32::try_from(profile).unwrap_or(u32::MAX);
        let begin = self.memberships.partition_point(|(of, _)| *of < profile);
        let end = self.memberships.partition_point(|(of, _)| *of <= profile);
        self.memberships.get(begin..end).unwrap_or_default()
    }
}

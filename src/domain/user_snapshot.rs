//! The results of calls for single users: a few users and their product profiles.

use std::collections::HashMap;

use super::{
    AdobeUser, FoldedName, IncompleteRead, LoginSet, ProductProfile, ProductProfileName, UnusableProfiles,
    roster::Roster,
};

/// A few users with their profiles, and a listing of all product profiles. It contains no other users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSnapshot {
    roster: Roster,
}

impl UserSnapshot {
    /// Builds the snapshot. `profiles` is the listing, just read or stored; `users` are the users with all names in
    /// their records. A name that is not in the listing never counts as a profile.
    pub fn new(
        profiles: Vec<ProductProfile>,
        users: impl IntoIterator<Item = (AdobeUser, Vec<ProductProfileName>)>,
    ) -> Result<Self, IncompleteRead> {
        if profiles.is_empty() {
            return Err(IncompleteRead::NoProfiles);
        }
        // Several profiles with one name stay separate: a user with the name counts for each, and the group is refused.
        let mut positions: HashMap<FoldedName, Vec<u32>> = HashMap::with_capacity(profiles.len());
        for (position, profile) in (0..).zip(&profiles) {
            positions.entry(FoldedName::new(profile.name.as_str())).or_default().push(position);
        }
        let (mut kept, mut memberships, mut unlisted) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (user, names)) in (0..).zip(users) {
            kept.push(user);
            for name in names {
                match positions.get(&name.folded()) {
                    Some(known) => memberships.extend(known.iter().map(|position| (*position, at))),
                    None => unlisted.push(name),
                }
            }
        }
        Ok(Self { roster: Roster::new(profiles, kept, memberships, unlisted) })
    }

    /// The same read, where the records of some product profiles cannot be used.
    #[must_use]
    pub fn with_unusable(self, unusable: UnusableProfiles) -> Self {
        Self { roster: self.roster.with_unusable(unusable) }
    }

    /// All product profiles of the listing.
    pub fn profiles(&self) -> &[ProductProfile] {
        self.roster.profiles()
    }

    /// The users.
    pub fn users(&self) -> &[AdobeUser] {
        self.roster.users()
    }

    /// Logins whose holders are all known: none, because calls for single users do not show that.
    pub fn logins(&self) -> &LoginSet {
        self.roster.logins()
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }
}

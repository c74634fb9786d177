//! What calls for single users gave: a few people and the product profiles on them.

use std::collections::HashMap;

use super::{
    AdobeUser, FoldedName, IncompleteRead, LoginSet, ProductProfile, ProductProfileName, UnusableProfiles,
    roster::Roster,
};

/// A few users with their profiles, against a listing of all product profiles. It says nothing of anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSnapshot {
    roster: Roster,
}

impl UserSnapshot {
    /// Puts the answers together. `profiles` is the listing, just read or remembered; `users` are people with all the
    /// names that their record carries. A name that the listing does not know is never a profile.
    pub fn new(
        profiles: Vec<ProductProfile>,
        users: impl IntoIterator<Item = (AdobeUser, Vec<ProductProfileName>)>,
    ) -> Result<Self, IncompleteRead> {
        if profiles.is_empty() {
            return Err(IncompleteRead::NoProfiles);
        }
        // Several profiles of one name are kept apart: a user who has the name counts for each, and the group is refused.
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

    /// Logins of which everybody is known who has one: none, calls for single users do not tell.
    pub fn logins(&self) -> &LoginSet {
        self.roster.logins()
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }
}

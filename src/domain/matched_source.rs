//! One read of the organization for one instance: the mask is matched once, and its results are stored with the read.

use super::{
    AdobeUser, AssociationMask, MaskMatch, OperatorGroupName, OrganizationSnapshot, ProductProfile, ProductProfileName,
    ReadKind, UnlistedAccounts, UserSnapshot, roster::Roster,
};

/// Which users a read covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadScope {
    Organization,
    Users,
}

/// A read of the organization, with the result of the association mask of one instance for each profile name.
#[derive(Debug)]
pub struct MatchedSource<'a> {
    mask: &'a AssociationMask,
    pub(super) roster: &'a Roster,
    pub(super) scope: ReadScope,
    /// How many users the organization has; `None` if they were not counted.
    pub(super) user_count: Option<u64>,
    /// Accounts of the whole organization that were counted and not listed.
    pub(super) unlisted_accounts: UnlistedAccounts,
    /// For each profile, by position.
    profiles: Vec<MaskMatch>,
    /// Names that were seen on users, are not in the groups listing, and match the mask.
    unlisted: Vec<(&'a ProductProfileName, MaskMatch)>,
}

impl OrganizationSnapshot {
    /// Matches the profiles of this read with the mask of one instance.
    pub fn matched_by<'a>(&'a self, mask: &'a AssociationMask) -> MatchedSource<'a> {
        let proof = self.proof();
        let user_count = (proof.kind() == ReadKind::Organization).then(|| proof.users());
        let unlisted_accounts = UnlistedAccounts::of_organization(proof.unlisted());
        MatchedSource {
            user_count,
            unlisted_accounts,
            ..MatchedSource::new(self.roster(), ReadScope::Organization, mask)
        }
    }
}

impl UserSnapshot {
    /// Matches the profiles of this read with the mask of one instance.
    pub fn matched_by<'a>(&'a self, mask: &'a AssociationMask) -> MatchedSource<'a> {
        MatchedSource::new(self.roster(), ReadScope::Users, mask)
    }
}

impl<'a> MatchedSource<'a> {
    fn new(roster: &'a Roster, scope: ReadScope, mask: &'a AssociationMask) -> Self {
        let profiles = roster.profiles().iter().map(|profile| mask.matches(profile.name.as_str())).collect();
        let unlisted = roster.unlisted().iter().map(|name| (name, mask.matches(name.as_str())));
        let unlisted = unlisted.filter(|(_, found)| *found != MaskMatch::NoMatch).collect();
        let unlisted_accounts = UnlistedAccounts::default();
        Self { mask, roster, scope, user_count: None, unlisted_accounts, profiles, unlisted }
    }

    /// The users that were read and kept.
    pub fn users(&self) -> &'a [AdobeUser] {
        self.roster.users()
    }

    /// The mask.
    pub(super) fn mask(&self) -> &'a AssociationMask {
        self.mask
    }

    /// Each profile that the mask matches, with its position and the group; `None` where the capture is empty.
    pub(super) fn matches(&self) -> impl Iterator<Item = (usize, &'a ProductProfile, Option<&OperatorGroupName>)> {
        let profiles = self.roster.profiles().iter().zip(&self.profiles).enumerate();
        profiles.filter_map(|(position, (profile, found))| match found {
            MaskMatch::Group(group) => Some((position, profile, Some(group))),
            MaskMatch::EmptyCapture => Some((position, profile, None)),
            MaskMatch::NoMatch => None,
        })
    }

    /// Each name that was seen on users only and that the mask matches, with the group; `None` where the capture is
    /// empty.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = (&'a ProductProfileName, Option<&OperatorGroupName>)> {
        self.unlisted.iter().map(|(name, found)| match found {
            MaskMatch::Group(group) => (*name, Some(group)),
            MaskMatch::EmptyCapture | MaskMatch::NoMatch => (*name, None),
        })
    }
}

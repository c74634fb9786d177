//! What one run read of the organization: all users, or those that it is narrowed to.

use crate::domain::{
    AdobeUser, AssociationMask, LoginSet, MatchedSource, OrganizationSnapshot, SourceCounts, SourceKind, UserSnapshot,
};

/// What was read, with warnings about the read.
pub(super) struct Source {
    pub(super) content: SourceContent,
    pub(super) notes: Vec<String>,
}

/// What was read: all users, or those that the run is narrowed to.
pub(super) enum SourceContent {
    /// The members of every matching profile.
    Organization(OrganizationSnapshot),
    /// A few users.
    Users {
        /// The users that were found.
        snapshot: UserSnapshot,
        /// The requested names without a user in the organization.
        unknown: Vec<String>,
    },
}

impl Source {
    pub(super) fn users(&self) -> u64 {
        match &self.content {
            SourceContent::Organization(organization) => organization.proof().users(),
            SourceContent::Users { snapshot, .. } => snapshot.users().len() as u64,
        }
    }

    /// What an instance with this mask sees of the read.
    pub(super) fn matched_by<'a>(&'a self, mask: &'a AssociationMask) -> MatchedSource<'a> {
        match &self.content {
            SourceContent::Organization(organization) => organization.matched_by(mask),
            SourceContent::Users { snapshot, .. } => snapshot.matched_by(mask),
        }
    }

    /// The names that the run is narrowed to and that no user in the organization has.
    pub(super) fn unknown(&self) -> &[String] {
        match &self.content {
            SourceContent::Organization(_) => &[],
            SourceContent::Users { unknown, .. } => unknown,
        }
    }

    /// The users that were read and kept.
    pub(super) fn kept_users(&self) -> &[AdobeUser] {
        match &self.content {
            SourceContent::Organization(organization) => organization.users(),
            SourceContent::Users { snapshot, .. } => snapshot.users(),
        }
    }

    /// The logins whose users were all read: those of remembered operators, where the whole organization was read.
    pub(super) fn logins(&self) -> &LoginSet {
        match &self.content {
            SourceContent::Organization(organization) => organization.logins(),
            SourceContent::Users { snapshot, .. } => snapshot.logins(),
        }
    }

    pub(super) fn profiles(&self) -> usize {
        match &self.content {
            SourceContent::Organization(organization) => organization.profiles().len(),
            SourceContent::Users { snapshot, .. } => snapshot.profiles().len(),
        }
    }

    /// Whether the read proved by counts that it is complete. A read of single users needs no such proof: each removal
    /// is confirmed by a second read, and the run changes no other users.
    pub(super) fn counts(&self) -> SourceCounts {
        match &self.content {
            SourceContent::Organization(organization) if !organization.proof().is_counted() => SourceCounts::Missing,
            SourceContent::Organization(_) | SourceContent::Users { .. } => SourceCounts::Proven,
        }
    }

    pub(super) fn kind(&self) -> SourceKind {
        match &self.content {
            SourceContent::Organization(organization) => organization.proof().kind().into(),
            SourceContent::Users { .. } => SourceKind::Users,
        }
    }
}

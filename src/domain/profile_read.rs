//! The read of one product profile's members: complete, or why it is in doubt.

use super::{IncompleteRead, ProductProfile, ProductProfileName, SkipReason, Skipped, Tolerance, WalkEvidence};

/// How a call for a profile's members addresses the profile. A second read uses another way, so that a cache cannot
/// answer both calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembersQuery {
    /// By the profile's id; its name can be used as well.
    ById,
    /// By the profile's id; its name cannot be used, because it may be that of another group, or UMAPI would truncate
    /// it.
    ByIdOnly,
    /// By the profile's name.
    ByName,
}

/// A complete listing of one profile's members. It cannot be created from an incomplete one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersListing {
    query: MembersQuery,
    evidence: WalkEvidence,
}

/// What is known about one profile's members. A group whose profile is in doubt neither gains nor loses a member and is
/// not created: [`review`](super::review) releases no change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileRead {
    /// All members are known: from the profile's own listing, or from other calls.
    Complete(Option<MembersListing>),
    /// No decision may rest on the responses.
    Doubtful(ProfileDoubt),
}

/// Why no decision may rest on the read of one profile's members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileDoubt {
    /// The listing of its members has an empty page, or a page from which users are missing.
    #[error("the members of profile \"{profile}\" could not be read completely: {why}")]
    Incomplete {
        /// The profile.
        profile: ProductProfileName,
        /// What was received instead.
        why: String,
    },
    /// The record of the profile in the groups listing cannot be used.
    #[error("the record of profile \"{profile}\" in the groups listing cannot be used: {what}")]
    UnusableRecord {
        /// The profile, with its name as far as it can be read.
        profile: ProductProfileName,
        /// What is wrong with the record.
        what: String,
    },
    /// The pages of members carry another name of the profile than the groups listing.
    #[error(
        "profile \"{profile}\" was renamed to \"{now}\" since the groups listing was read: the next run with a new groups \
         listing decides"
    )]
    Renamed {
        /// The name in the groups listing.
        profile: ProductProfileName,
        /// The name on the page of members.
        now: ProductProfileName,
    },
}

impl MembersListing {
    /// Checks the walk over the members of one profile.
    pub fn new(query: MembersQuery, evidence: WalkEvidence, tolerance: Tolerance) -> Result<Self, IncompleteRead> {
        evidence.judge(tolerance)?;
        Ok(Self { query, evidence })
    }

    /// Whether the responses carried the counts that prove completeness.
    pub fn is_counted(&self) -> bool {
        self.evidence.is_counted()
    }

    /// Accounts that were counted and not listed; `None` without counts.
    pub fn unlisted(&self) -> Option<u64> {
        self.evidence.unlisted()
    }
}

impl Default for ProfileRead {
    fn default() -> Self {
        Self::Complete(None)
    }
}

impl ProfileRead {
    /// How the call for the profile's own listing addressed it; `None` if the listing was not read.
    pub fn query(&self) -> Option<MembersQuery> {
        self.listing().map(|listing| listing.query)
    }

    /// The profile's own listing, if it was read completely.
    pub fn listing(&self) -> Option<&MembersListing> {
        match self {
            Self::Complete(listing) => listing.as_ref(),
            Self::Doubtful(_) => None,
        }
    }

    /// The doubt about the read, if there is one.
    pub fn doubt(&self) -> Option<&ProfileDoubt> {
        match self {
            Self::Complete(_) => None,
            Self::Doubtful(doubt) => Some(doubt),
        }
    }
}

impl ProfileDoubt {
    /// The doubt as a notice in reports.
    pub(super) fn skipped(&self, profile: &ProductProfile) -> Skipped {
        let reason = match self {
            Self::Incomplete { .. } | Self::UnusableRecord { .. } => SkipReason::UnusableRecord,
            Self::Renamed { .. } => SkipReason::RenamedProfile,
        };
        let detail = format!("{self}; nothing is added to or removed from its group in this run");
        Skipped::new(reason, profile.name.as_str(), detail)
    }
}

//! What the read of one product profile's members proves, and what follows where it proves nothing.

use super::{IncompleteRead, ProductProfile, ProductProfileName, SkipReason, Skipped, Tolerance, WalkEvidence};

/// How a listing of a profile's members was asked for. A second read asks in another way, so that no cache on the way
/// can answer both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembersQuery {
    /// By the profile's id; its name leads to it as well.
    ById,
    /// By the profile's id; its name is, or may be, that of another group, or UMAPI would cut it.
    ByIdOnly,
    /// By the profile's name.
    ByName,
}

/// A complete listing of one profile's members. It cannot be made from anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersListing {
    asked: MembersQuery,
    evidence: WalkEvidence,
}

/// What is known of one profile's members. A group whose profile is in doubt neither gains nor loses a member and is not
/// created: [`review`](super::review) lets nothing of it through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileRead {
    /// All members are known: from the profile's own listing, or from other calls that show them.
    Complete(Option<MembersListing>),
    /// Nothing may be concluded from what came.
    Doubtful(ProfileDoubt),
}

/// Why nothing may be concluded about the members of one profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileDoubt {
    /// The listing of its members has an empty page, or a page from which users are missing.
    #[error("the members of profile \"{profile}\" could not be read completely: {why}")]
    Incomplete {
        /// The profile.
        profile: ProductProfileName,
        /// What came instead.
        why: String,
    },
    /// The record of the profile in the groups listing cannot be used.
    #[error("the record of profile \"{profile}\" in the groups listing cannot be used: {what}")]
    UnusableRecord {
        /// The profile, as far as its name can be read.
        profile: ProductProfileName,
        /// What is wrong with the record.
        what: String,
    },
    /// The members came under another name than the one under which the groups listing has the profile.
    #[error(
        "profile \"{profile}\" was renamed to \"{now}\" since the groups listing was read: a run with a new groups listing \
         settles it"
    )]
    Renamed {
        /// The name in the groups listing.
        profile: ProductProfileName,
        /// The name on the page of members.
        now: ProductProfileName,
    },
}

impl MembersListing {
    /// Judges the walk over the members of one profile.
    pub fn new(asked: MembersQuery, evidence: WalkEvidence, tolerance: Tolerance) -> Result<Self, IncompleteRead> {
        evidence.judge(tolerance)?;
        Ok(Self { asked, evidence })
    }

    /// Whether the answers carried the counts that prove completeness.
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
    /// How the profile's own listing was asked for, where it was read.
    pub fn asked(&self) -> Option<MembersQuery> {
        self.listing().map(|listing| listing.asked)
    }

    /// The profile's own listing, where it was read completely.
    pub fn listing(&self) -> Option<&MembersListing> {
        match self {
            Self::Complete(listing) => listing.as_ref(),
            Self::Doubtful(_) => None,
        }
    }

    /// Why nothing may be concluded, where that is so.
    pub fn doubt(&self) -> Option<&ProfileDoubt> {
        match self {
            Self::Complete(_) => None,
            Self::Doubtful(doubt) => Some(doubt),
        }
    }
}

impl ProfileDoubt {
    /// The doubt as a report lists it.
    pub(super) fn skipped(&self, profile: &ProductProfile) -> Skipped {
        let reason = match self {
            Self::Incomplete { .. } | Self::UnusableRecord { .. } => SkipReason::UnusableRecord,
            Self::Renamed { .. } => SkipReason::RenamedProfile,
        };
        let detail = format!("{self}; nothing is added to or removed from its group in this run");
        Skipped::new(reason, profile.name.as_str(), detail)
    }
}

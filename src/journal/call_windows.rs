//! The vendor's scarce calls: when page 0 was last asked for, when calls may be sent again, and the last groups listing.

use chrono::{DateTime, Utc};

use crate::domain::{OrganizationId, ProductProfile};

use super::{Journal, JournalError};

/// A listing of the organization whose page 0 counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// All users.
    Users,
    /// All groups.
    Groups,
}

/// When which calls were, and may be, sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallWindows {
    /// Page 0 of the organization's users was last asked for.
    pub users_first_page: Option<DateTime<Utc>>,
    /// Page 0 of the groups listing was last asked for.
    pub groups_first_page: Option<DateTime<Utc>>,
    /// The vendor asked for silence until then.
    pub not_before: Option<DateTime<Utc>>,
}

/// The last groups listing that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedListing {
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// All product profiles.
    pub profiles: Vec<ProductProfile>,
}

impl Journal {
    /// What is known of the calls to one organization.
    pub async fn call_windows(&self, organization: &OrganizationId) -> Result<CallWindows, JournalError> {
        let _ = organization;
        todo!()
    }

    /// Writes when page 0 of a listing was last asked for; written before it is sent, and taken back with the earlier value
    /// when it turns out that nothing was sent.
    pub async fn set_first_page(
        &self,
        organization: &OrganizationId,
        listing: Listing,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), JournalError> {
        let _ = (organization, listing, at);
        todo!()
    }

    /// Writes until when the vendor wants silence; an earlier time than the one known changes nothing.
    pub async fn set_not_before(
        &self,
        organization: &OrganizationId,
        not_before: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let _ = (organization, not_before);
        todo!()
    }

    /// Remembers a groups listing that was read completely.
    pub async fn remember_listing(
        &self,
        organization: &OrganizationId,
        listing: &RememberedListing,
    ) -> Result<(), JournalError> {
        let _ = (organization, listing);
        todo!()
    }

    /// The remembered groups listing.
    pub async fn listing(&self, organization: &OrganizationId) -> Result<Option<RememberedListing>, JournalError> {
        let _ = organization;
        todo!()
    }
}

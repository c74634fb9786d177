//! The vendor's scarce calls: when page 0 was last asked for, when calls may be sent again, and the last groups listing.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{OrganizationId, ProductProfile};

use super::{
    Journal, JournalError,
    encoding::{from_json, to_json, to_optional_time, to_time},
};

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

impl CallWindows {
    /// When page 0 of a listing may be asked for again, so long after it was last; `None` when it never was.
    pub fn first_page_allowed_at(&self, listing: Listing, interval: Duration) -> Option<DateTime<Utc>> {
        let last = match listing {
            Listing::Users => self.users_first_page,
            Listing::Groups => self.groups_first_page,
        };
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
        last.map(|last| last.checked_add_signed(interval).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
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
        let mut looking = self.reading().await?;
        let sql = "select users_first_page, groups_first_page, not_before from call_windows where organization = $1";
        let rows = looking.rows(sql, [organization.as_str().into()]).await?;
        let Some(row) = rows.first() else { return Ok(CallWindows::default()) };
        Ok(CallWindows {
            users_first_page: to_optional_time(row.optional_number(0)?)?,
            groups_first_page: to_optional_time(row.optional_number(1)?)?,
            not_before: to_optional_time(row.optional_number(2)?)?,
        })
    }

    /// Writes when page 0 of a listing was last asked for; written before it is sent, and taken back with the earlier value
    /// when it turns out that nothing was sent.
    pub async fn set_first_page(
        &self,
        organization: &OrganizationId,
        listing: Listing,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), JournalError> {
        let sql = match listing {
            Listing::Users => {
                "insert into call_windows (organization, users_first_page) values ($1, $2)
                 on conflict (organization) do update set users_first_page = excluded.users_first_page"
            }
            Listing::Groups => {
                "insert into call_windows (organization, groups_first_page) values ($1, $2)
                 on conflict (organization) do update set groups_first_page = excluded.groups_first_page"
            }
        };
        let at = at.map(|at| at.timestamp_millis());
        let mut writing = self.writing().await?;
        writing.execute(sql, [organization.as_str().into(), at.into()]).await?;
        writing.commit().await
    }

    /// Writes until when the vendor wants silence; an earlier time than the one known changes nothing.
    pub async fn set_not_before(
        &self,
        organization: &OrganizationId,
        not_before: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let sql = "insert into call_windows (organization, not_before) values ($1, $2)
                   on conflict (organization) do update set not_before = excluded.not_before
                   where call_windows.not_before is null or call_windows.not_before < excluded.not_before";
        let mut writing = self.writing().await?;
        writing.execute(sql, [organization.as_str().into(), not_before.timestamp_millis().into()]).await?;
        writing.commit().await
    }

    /// Remembers a groups listing that was read completely.
    pub async fn remember_listing(
        &self,
        organization: &OrganizationId,
        listing: &RememberedListing,
    ) -> Result<(), JournalError> {
        let sql = "insert into call_windows (organization, listing_read_at, listing) values ($1, $2, $3)
                   on conflict (organization) do update set
                       listing_read_at = excluded.listing_read_at, listing = excluded.listing";
        let profiles = to_json(&listing.profiles, "a groups listing")?;
        let values = [organization.as_str().into(), listing.read_at.timestamp_millis().into(), profiles.into()];
        let mut writing = self.writing().await?;
        writing.execute(sql, values).await?;
        writing.commit().await
    }

    /// The remembered groups listing.
    pub async fn listing(&self, organization: &OrganizationId) -> Result<Option<RememberedListing>, JournalError> {
        let mut looking = self.reading().await?;
        let sql = "select listing_read_at, listing from call_windows
                   where organization = $1 and listing_read_at is not null and listing is not null";
        let rows = looking.rows(sql, [organization.as_str().into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let profiles = from_json(&row.text(1)?, "a groups listing")?;
        Ok(Some(RememberedListing { read_at: to_time(row.number(0)?)?, profiles }))
    }
}

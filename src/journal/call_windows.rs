//! The limits of calls to Adobe: when page 0 was last requested, when calls may be sent again, and the last listing of
//! groups.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::{Approver, LONGEST_PAUSE, OrganizationId, ProductProfile};

use super::{
    Journal, JournalError,
    chain::{EventKind, append},
    database::{Row, WriteTransaction},
    encoding::{self, approver_values, from_json, to_json, to_optional_time, to_time},
};

/// A listing of the organization whose requests for page 0 are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingKind {
    /// All users.
    Users,
    /// All groups.
    Groups,
}

/// When calls were sent, and when they may be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallWindows {
    /// When page 0 of the users was last requested.
    pub users_first_page: Option<DateTime<Utc>>,
    /// When page 0 of the groups was last requested.
    pub groups_first_page: Option<DateTime<Utc>>,
    /// Adobe asked for a pause until this time.
    pub not_before: Option<DateTime<Utc>>,
}

impl CallWindows {
    /// When page 0 of a listing may be requested again, `interval` after the last request; `None` if it was never
    /// requested.
    pub fn first_page_allowed_at(&self, listing: ListingKind, interval: Duration) -> Option<DateTime<Utc>> {
        let last = match listing {
            ListingKind::Users => self.users_first_page,
            ListingKind::Groups => self.groups_first_page,
        };
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
        last.map(|last| last.checked_add_signed(interval).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// The last listing of groups that was read completely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedListing {
    /// When it was read.
    pub read_at: DateTime<Utc>,
    /// All product profiles.
    pub profiles: Vec<ProductProfile>,
}

/// The event of a pause that was cancelled.
#[derive(Serialize)]
struct Unpaused<'a> {
    organization: &'a str,
    /// When the pause would have ended, in milliseconds since 1970.
    until: i64,
    by: String,
}

impl Journal {
    /// What is known at `now` about the calls to one organization. A request later than `now` counts as made now, and a
    /// pause lasts at most as long as it was requested: a wrong clock has written such times. The next run corrects the
    /// stored times as well.
    pub async fn call_windows(
        &self,
        organization: &OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<CallWindows, JournalError> {
        let sql = "select users_first_page, groups_first_page, not_before, pause_asked from call_windows
                   where organization = $1";
        let rows = self.query().await?.rows(sql, [organization.as_str().into()]).await?;
        let Some(row) = rows.first() else { return Ok(CallWindows::default()) };
        let asked = row.optional_number(3)?.and_then(TimeDelta::try_milliseconds).unwrap_or(LONGEST_PAUSE);
        let past = |at: Option<DateTime<Utc>>| at.map(|at| at.min(now));
        Ok(CallWindows {
            users_first_page: past(to_optional_time(row.optional_number(0)?)?),
            groups_first_page: past(to_optional_time(row.optional_number(1)?)?),
            not_before: to_optional_time(row.optional_number(2)?)?.map(|until| until.min(now + asked)),
        })
    }

    /// Writes when page 0 of a listing was last requested, or removes a request that was never sent.
    pub async fn set_first_page(
        &self,
        organization: &OrganizationId,
        listing: ListingKind,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        write_first_page(&mut writer, organization, listing, at).await?;
        writer.commit().await
    }

    /// Writes that Adobe asked at `now` for a pause of this length, of which at most [`LONGEST_PAUSE`] is obeyed. A
    /// pause that ends before the known one changes nothing.
    pub async fn set_pause(
        &self,
        organization: &OrganizationId,
        asked: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let asked = TimeDelta::from_std(asked).map_or(LONGEST_PAUSE, |asked| asked.min(LONGEST_PAUSE));
        let sql = "insert into call_windows (organization, not_before, pause_asked) values ($1, $2, $3)
                   on conflict (organization) do update set
                       not_before = excluded.not_before, pause_asked = excluded.pause_asked
                   where call_windows.not_before is null or call_windows.not_before < excluded.not_before";
        let until = (now + asked).timestamp_millis();
        let mut writer = self.begin_write().await?;
        correct_times(&mut writer, now).await?;
        let values = [organization.as_str().into(), until.into(), asked.num_milliseconds().into()];
        writer.execute(sql, values).await?;
        writer.commit().await
    }

    /// Cancels the pause that Adobe asked for, and records who did so. `None` if there is none at `now`.
    pub async fn cancel_pause(
        &self,
        organization: &OrganizationId,
        client_id: &str,
        approver: &Approver,
        now: DateTime<Utc>,
    ) -> Result<Option<CancelledPause>, JournalError> {
        let mut writer = self.begin_write().await?;
        correct_times(&mut writer, now).await?;
        let sql = "select not_before from call_windows where organization = $1 and not_before > $2";
        let stamp = now.timestamp_millis();
        let rows = writer.rows(sql, [organization.as_str().into(), stamp.into()]).await?;
        let until = rows.first().map(|row| row.number(0)).transpose()?;
        if let Some(until) = until {
            let sql = "update call_windows set not_before = null, pause_asked = null where organization = $1";
            writer.execute(sql, [organization.as_str().into()]).await?;
            let sql = "insert into forgotten_pauses
                           (organization, until, at, client_id, forgotten_by, forgotten_by_uid, forgotten_by_user,
                            forgotten_by_login_uid, forgotten_by_login_user)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
            let [name, uid, user, login_uid, login] = approver_values(approver);
            let values = [
                organization.as_str().into(),
                until.into(),
                stamp.into(),
                client_id.into(),
                name,
                uid,
                user,
                login_uid,
                login,
            ];
            writer.execute(sql, values).await?;
            let body = Unpaused { organization: organization.as_str(), until, by: approver.to_string() };
            append(&mut writer, None, now, EventKind::Unpaused, &body).await?;
        }
        writer.commit().await?;
        let forgotten =
            |until| Ok(CancelledPause { until: to_time(until)?, at: to_time(stamp)?, approver: approver.clone() });
        until.map(forgotten).transpose()
    }

    /// The last cancelled pause that would otherwise be in force at `now`.
    pub async fn cancelled_pause(
        &self,
        organization: &OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Option<CancelledPause>, JournalError> {
        // A time later than `now` was written by a wrong clock.
        let sql = "select until, at, forgotten_by, forgotten_by_uid, forgotten_by_user, forgotten_by_login_uid,
                       forgotten_by_login_user from forgotten_pauses
                   where organization = $1 and at <= $2 and until > $2 order by at desc limit 1";
        let rows = self.query().await?.rows(sql, [organization.as_str().into(), now.timestamp_millis().into()]).await?;
        let forgotten = |row: &Row| {
            Ok(CancelledPause {
                until: to_time(row.number(0)?)?,
                at: to_time(row.number(1)?)?,
                approver: encoding::approver(row, 2)?,
            })
        };
        rows.first().map(forgotten).transpose()
    }

    /// How many pauses were cancelled so far. A waiting process sees by this number that its pause was cancelled,
    /// whatever the clocks show.
    pub async fn cancelled_pause_count(&self, organization: &OrganizationId) -> Result<i64, JournalError> {
        let sql = "select count(*) from forgotten_pauses where organization = $1";
        let rows = self.query().await?.rows(sql, [organization.as_str().into()]).await?;
        rows.first().map_or(Ok(0), |row| row.number(0))
    }

    /// Stores a listing of groups that was read completely.
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
        let mut writer = self.begin_write().await?;
        writer.execute(sql, values).await?;
        writer.commit().await
    }

    /// Reads the stored listing of groups.
    pub async fn listing(&self, organization: &OrganizationId) -> Result<Option<RememberedListing>, JournalError> {
        let sql = "select listing_read_at, listing from call_windows
                   where organization = $1 and listing_read_at is not null and listing is not null";
        let rows = self.query().await?.rows(sql, [organization.as_str().into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let profiles = from_json(&row.text(1)?, "a groups listing")?;
        Ok(Some(RememberedListing { read_at: to_time(row.number(0)?)?, profiles }))
    }
}

/// A pause that an administrator cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledPause {
    /// When it would have ended.
    pub until: DateTime<Utc>,
    /// When it was cancelled.
    pub at: DateTime<Utc>,
    /// Who cancelled it.
    pub approver: Approver,
}

/// Writes when page 0 of a listing was last requested.
pub(super) async fn write_first_page(
    writer: &mut WriteTransaction,
    organization: &OrganizationId,
    listing: ListingKind,
    at: Option<DateTime<Utc>>,
) -> Result<(), JournalError> {
    let sql = match listing {
        ListingKind::Users => {
            "insert into call_windows (organization, users_first_page) values ($1, $2)
             on conflict (organization) do update set users_first_page = excluded.users_first_page"
        }
        ListingKind::Groups => {
            "insert into call_windows (organization, groups_first_page) values ($1, $2)
             on conflict (organization) do update set groups_first_page = excluded.groups_first_page"
        }
    };
    let at = at.map(|at| at.timestamp_millis());
    writer.execute(sql, [organization.as_str().into(), at.into()]).await
}

/// Replaces a time later than `$1` (now) by `$1`.
macro_rules! at_most_now {
    ($table:literal, $column:literal) => {
        concat!("update ", $table, " set ", $column, " = $1 where ", $column, " > $1")
    };
}

/// Corrects every stored time that is compared with a later time of the clock, or by which records are sorted; an approval
/// expires earlier by as much. Times that are only shown (`changes`, `plans`, `accepted_reads`) stay as the clock had them.
/// `login_holders` and `forgotten_pauses` are read up to now, because the age of a later entry is not known; calls in
/// `sent_calls` are corrected whenever a call is counted.
const COMPARED_TIMES: [&str; 11] = [
    at_most_now!("call_windows", "users_first_page"),
    at_most_now!("call_windows", "groups_first_page"),
    at_most_now!("call_windows", "listing_read_at"),
    at_most_now!("held", "at"),
    at_most_now!("held", "held_since"),
    at_most_now!("runs", "started_at"),
    at_most_now!("managed_groups", "since"),
    at_most_now!("managed_groups", "until"),
    at_most_now!("stays", "since"),
    at_most_now!("stays", "until"),
    "update approvals set expires_at = $1 + (expires_at - at), at = $1 where at > $1",
];

/// Corrects times that a clock that was ahead has written: a time after `now` becomes `now`, and nothing lasts longer
/// from now on than it was to last. The correction is stored, because a time that moves along with the clock would
/// never be reached.
pub(super) async fn correct_times(writer: &mut WriteTransaction, now: DateTime<Utc>) -> Result<(), JournalError> {
    let now = now.timestamp_millis();
    writer.execute_each(&COMPARED_TIMES, &[now.into()]).await?;
    let sql = "update call_windows set not_before = $1 + coalesce(pause_asked, $2)
               where not_before > $1 + coalesce(pause_asked, $2)";
    writer.execute(sql, [now.into(), LONGEST_PAUSE.num_milliseconds().into()]).await
}

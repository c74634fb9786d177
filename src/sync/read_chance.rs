//! Tells whether a run over everything could read the organization now, and otherwise from when on.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    domain::AssociationMask,
    experience_cloud::{ProfileListing, ReadChoice, ReadCosts},
    journal::{CallWindows, Journal, JournalError, ListingKind},
};

use super::{
    read_source::{remaining, requires_first_page},
    run::SyncOptions,
};

/// Whether a run that begins now can read the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadChance {
    /// It can, from the listing of all users or profile by profile.
    Now,
    /// Adobe asked for a pause that is longer than a run waits.
    Paused {
        /// When it ends.
        until: DateTime<Utc>,
    },
    /// A listing that the run needs may not be requested yet.
    TooEarly {
        /// When it may be requested.
        until: DateTime<Utc>,
    },
}

/// Tells whether a run that begins now, and waits no longer than one call may, could read the organization. Sends no
/// call.
pub async fn read_chance(options: &SyncOptions, journal: &Journal) -> Result<ReadChance, JournalError> {
    let (organization, now) = (&options.experience_cloud.organization_id, Utc::now());
    let windows = journal.call_windows(organization, now).await?;
    let has_listing = journal.listing(organization).await?.is_some();
    let choice = options.experience_cloud.read;
    let latest = now + options.experience_cloud.retry.max_wait;
    let chance = chance(&windows, options.first_page_interval, choice, has_listing, latest);
    if chance == ReadChance::Now
        && let Some((_, until)) = quicker_walk(options, journal, &windows).await?
        && until > latest
    {
        return Ok(ReadChance::TooEarly { until });
    }
    Ok(chance)
}

/// What a read costs, and when all users may be listed again, if listing the members of each profile of the remembered
/// listing takes longer than waiting for that.
pub(super) async fn quicker_walk(
    options: &SyncOptions,
    journal: &Journal,
    windows: &CallWindows,
) -> Result<Option<(ReadCosts, DateTime<Utc>)>, JournalError> {
    // A walk needs a new groups listing: a remembered one does not say which names other groups have as well.
    let allowed_at = |listing| windows.first_page_allowed_at(listing, options.first_page_interval);
    let until = allowed_at(ListingKind::Users).max(allowed_at(ListingKind::Groups)).filter(|at| *at > Utc::now());
    let (Some(until), ReadChoice::Auto) = (until, options.experience_cloud.read) else { return Ok(None) };
    let organization = &options.experience_cloud.organization_id;
    let Some(remembered) = journal.listing(organization).await? else { return Ok(None) };
    // A new listing may have what the masks match, where this one has nothing.
    let Ok(matched) = ProfileListing::remembered(remembered.profiles).matched_by(masks(options)) else {
        return Ok(None);
    };
    let costs = matched.in_organization_of(journal.accepted_users().await?).costs();
    let is_quicker = costs.is_waiting_quicker(remaining(until), options.experience_cloud.users_per_minute);
    Ok(is_quicker.then_some((costs, until)))
}

pub(super) fn masks(options: &SyncOptions) -> Vec<AssociationMask> {
    options.instances.iter().map(|instance| instance.policy.mask.clone()).collect()
}

/// `latest` is the time until which a run waits.
fn chance(
    windows: &CallWindows,
    interval: Duration,
    choice: ReadChoice,
    has_listing: bool,
    latest: DateTime<Utc>,
) -> ReadChance {
    if let Some(until) = windows.not_before.filter(|until| *until > latest) {
        return ReadChance::Paused { until };
    }
    let allowed = |listing: ListingKind| {
        let at = windows.first_page_allowed_at(listing, interval);
        at.filter(|_| requires_first_page(choice, listing, has_listing))
    };
    match allowed(ListingKind::Groups).max(allowed(ListingKind::Users)).filter(|until| *until > latest) {
        Some(until) => ReadChance::TooEarly { until },
        None => ReadChance::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_413_600 + second, 0).expect("a time")
    }

    #[test]
    fn a_run_can_read_where_neither_a_pause_nor_the_interval_forbids_every_way() {
        use ReadChoice::{Auto, Organization, Profiles};
        let hour = Duration::from_secs(3600);
        let check = |windows: CallWindows, choice, has_listing, expected| {
            assert_eq!(
                chance(&windows, hour, choice, has_listing, at(120)),
                expected,
                "{windows:?} {choice:?} {has_listing}"
            );
        };
        let read = |groups: i64, users: i64| CallWindows {
            groups_first_page: Some(at(groups)),
            users_first_page: Some(at(users)),
            not_before: None,
        };
        let paused = |until: i64| CallWindows { not_before: Some(at(until)), ..CallWindows::default() };
        check(CallWindows::default(), Organization, false, ReadChance::Now);
        check(paused(120), Auto, true, ReadChance::Now);
        check(paused(121), Profiles, true, ReadChance::Paused { until: at(121) });
        // Within the interval, a stored listing is enough, unless all users are to be read at once.
        check(read(-60, -60), Auto, true, ReadChance::Now);
        check(read(-60, -60), Profiles, true, ReadChance::Now);
        check(read(-60, -60), Auto, false, ReadChance::TooEarly { until: at(3540) });
        check(read(-60, -50), Organization, true, ReadChance::TooEarly { until: at(3550) });
        // A run waits for the end of the interval if that is not too long.
        check(read(-3480, -3480), Organization, false, ReadChance::Now);
        check(read(-3600, -3479), Organization, false, ReadChance::TooEarly { until: at(121) });
        check(read(-3600, -60), Auto, false, ReadChance::Now);
    }
}

//! What follows from a configuration before anything has run: what may be expected of it, and what a reload leaves out.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use secrecy::ExposeSecret as _;

use crate::settings::{Settings, StateLocation};

use super::Facts;

/// What a run may take before the next counts as late; one over a very large organization takes hours, and its own schedule
/// has gaps accordingly.
const LENGTH_OF_A_RUN: Duration = Duration::from_secs(15 * 60);

impl Facts {
    /// Shows by these settings from now on.
    pub(super) fn take_settings(&mut self, settings: &Settings) {
        self.ready_within = ready_within(settings);
        self.person_lookup = settings.http.person_lookup;
        self.timezone = settings.schedule.schedule.timezone();
    }
}

/// The longest time without a success that still counts as ready: two gaps of the schedule, so that one failure is no alarm,
/// and what jitter and the run itself take. Without a schedule nothing is ever late.
pub(super) fn ready_within(settings: &Settings) -> Duration {
    let Some((_, longest)) = settings.schedule.schedule.gaps_after(Utc::now()) else { return Duration::MAX };
    let longest = longest.to_std().unwrap_or_default();
    longest.saturating_mul(2).saturating_add(settings.schedule.jitter).saturating_add(LENGTH_OF_A_RUN)
}

/// Says what runs see that come more often than the vendor lets the whole organization be read.
pub(super) fn log_what_runs_see(settings: &Settings) {
    let interval = settings.experience_cloud.first_page_interval;
    let Some((shortest, _)) = settings.schedule.schedule.gaps_after(Utc::now()) else { return };
    if shortest < TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX) {
        tracing::info!(
            "schedule.cron ticks more often than every {} (experience_cloud.first_page_interval): runs between two reads of \
             the organization read the members of the profiles they know, and see new or renamed profiles later",
            humantime::format_duration(interval)
        );
    }
}

/// The keys whose new value counts only after a restart.
pub(super) fn changes_that_need_a_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let same_state = match (&old.state.url, &new.state.url) {
        (StateLocation::Sqlite(old), StateLocation::Sqlite(new)) => old == new,
        (StateLocation::Postgres(old), StateLocation::Postgres(new)) => old.expose_secret() == new.expose_secret(),
        _ => false,
    };
    let changed = [
        ("state.url", !same_state),
        ("http.listen", old.http.listen != new.http.listen),
        ("control.socket", old.control != new.control),
        ("log.format", old.log.format != new.log.format),
    ];
    changed.into_iter().filter_map(|(key, is_changed)| is_changed.then_some(key)).collect()
}

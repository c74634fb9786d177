//! Waits for the end of a pause that Adobe asked for, or until an administrator has the program forget it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{OrganizationId, to_the_second},
    journal::{CancelledPause, Journal, JournalError},
};

/// What an administrator can do about a pause that Adobe has lifted.
pub const UNPAUSE: &str = "if Adobe has lifted it, run `campaign-group-sync unpause`";

/// How often a waiting process checks whether the pause was forgotten: short, because an administrator may be watching.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Waits for `length`, or until an administrator has a pause of this organization forgotten through any process. `before` is
/// the number of forgotten pauses when the program learned of this one; `None` where it is not known yet.
pub(super) async fn wait_out(journal: &Journal, organization: &OrganizationId, length: Duration, before: Option<i64>) {
    tokio::select! {
        () = tokio::time::sleep(length) => {}
        () = forgotten(journal, organization, before) => tracing::info!("the pause was forgotten: the run goes on without waiting"),
    }
}

/// Waits until one more pause was forgotten. A read of the journal that fails is retried.
async fn forgotten(journal: &Journal, organization: &OrganizationId, mut before: Option<i64>) {
    loop {
        if let Ok(now) = journal.cancelled_pause_count(organization).await
            && *before.get_or_insert(now) != now
        {
            return;
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// The sentence about a pause that an administrator had forgotten and that would still be in force: who did it, and when.
pub(super) async fn forgotten_described(
    journal: &Journal,
    organization: &OrganizationId,
) -> Result<Option<String>, JournalError> {
    let forgotten = journal.cancelled_pause(organization, Utc::now()).await?;
    Ok(forgotten.map(|CancelledPause { until, at, approver }| {
        let (until, at) = (to_the_second(until), to_the_second(at));
        format!("Adobe asked for a pause until {until}; it was forgotten at {at} by {approver}")
    }))
}

/// The time after `pause` from now.
pub(super) fn after(pause: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| Utc::now().checked_add_signed(pause))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

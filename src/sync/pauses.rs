//! The pause that Adobe asked for: waited for, and forgotten when an administrator says so.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{OrganizationId, to_the_second},
    journal::{CancelledPause, Journal, JournalError},
};

/// What an administrator can do about a pause that is no longer wanted.
pub const UNPAUSE: &str = "if Adobe has lifted it, run `campaign-group-sync unpause`";

/// How often a process that waits looks whether its pause was forgotten: an administrator who asked for it watches.
const LOOK: Duration = Duration::from_secs(2);

/// Waits so long, or until an administrator has a pause of this organization forgotten, through whichever process.
/// `before` is how many pauses had been forgotten when this one was learned of; `None` where that is not known yet.
pub(super) async fn wait_out(journal: &Journal, organization: &OrganizationId, length: Duration, before: Option<i64>) {
    tokio::select! {
        () = tokio::time::sleep(length) => {}
        () = forgotten(journal, organization, before) => tracing::info!("the pause was forgotten: the wait for it ends"),
    }
}

/// Waits until one more pause was forgotten. A journal that cannot be read is asked again.
async fn forgotten(journal: &Journal, organization: &OrganizationId, mut before: Option<i64>) {
    loop {
        if let Ok(now) = journal.cancelled_pause_count(organization).await
            && *before.get_or_insert(now) != now
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a report says that is made while a pause would be in force that an administrator had forgotten: who had, and when.
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

/// The moment so long from now.
pub(super) fn after(pause: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| Utc::now().checked_add_signed(pause))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

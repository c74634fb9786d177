//! The pause that Adobe asks for: recorded as soon as it is asked for, whichever call of the organization it meets.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc::unbounded_channel;

use crate::{
    domain::{OrganizationId, to_the_second},
    experience_cloud::{self, AskedPause, ExperienceCloudError},
    journal::{Journal, JournalError},
};

use super::Progress;

/// Reads, and writes each pause that the vendor asks for into the journal at once: it is obeyed after a crash as well.
/// Every call of the organization passes here.
pub(super) async fn heeding<T, E>(
    journal: &Journal,
    organization: &OrganizationId,
    progress: &(dyn Fn(Progress) + Sync),
    read: impl AsyncFnOnce(&dyn Fn(experience_cloud::Progress)) -> Result<T, ExperienceCloudError>,
) -> Result<T, E>
where
    E: From<JournalError> + From<ExperienceCloudError>,
{
    let (send, mut pauses) = unbounded_channel();
    let watch = |stage: experience_cloud::Progress| {
        if let experience_cloud::Progress::AskedForPause(pause) = stage {
            // Nothing listens any more only when the read is over.
            let _ = send.send(pause);
        }
        progress(Progress::Organization(stage));
    };
    let outcome = {
        let mut read = std::pin::pin!(read(&watch));
        loop {
            tokio::select! {
                biased;
                Some(pause) = pauses.recv() => remember(journal, organization, pause).await?,
                outcome = &mut read => break outcome,
            }
        }
    };
    while let Ok(pause) = pauses.try_recv() {
        remember(journal, organization, pause).await?;
    }
    Ok(outcome?)
}

async fn remember(
    journal: &Journal,
    organization: &OrganizationId,
    AskedPause { length, until }: AskedPause,
) -> Result<(), JournalError> {
    tracing::warn!(umapi.until = %to_the_second(until), "Adobe asked for a pause until {}", to_the_second(until));
    journal.set_pause(organization, length, until - length).await
}

/// The moment so long from now.
pub(super) fn after(pause: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| Utc::now().checked_add_signed(pause))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

//! Credentials that expire soon: no event of a run tells of them.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    domain::Notification,
    journal::{Journal, JournalError},
};

/// Tells each credential that expires within 30 days, once. `days` are the last days on which secrets are valid (UTC), each
/// with the section of the configuration.
pub async fn notify_expiring(
    journal: &Journal,
    days: impl IntoIterator<Item = (String, NaiveDate)>,
    now: DateTime<Utc>,
) -> Result<(), JournalError> {
    for (section, day) in days {
        if let Some((topic, notification)) = Notification::expiring(now, &section, day) {
            journal.report_finding(&topic, &notification).await?;
        }
    }
    Ok(())
}

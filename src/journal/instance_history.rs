//! What is remembered of one instance: accepted reads, followed groups, who is who.

use chrono::{DateTime, Utc};

use crate::domain::{FollowedGroup, History, InstanceName, OperatorId, RunId, SourceRead};

use super::{Journal, JournalError};

impl Journal {
    /// All that decisions about this instance need; approvals that expire after `now` and are not spent.
    pub async fn history(&self, instance: &InstanceName, now: DateTime<Utc>) -> Result<History, JournalError> {
        let _ = (instance, now);
        todo!()
    }

    /// Writes the read whose word was taken, and the groups to follow from now on (those of the read, and orphans). A lost
    /// memory is found again by it.
    pub async fn accept_read(
        &self,
        instance: &InstanceName,
        run: &RunId,
        at: DateTime<Utc>,
        read: &SourceRead,
        followed: &[FollowedGroup],
    ) -> Result<(), JournalError> {
        let _ = (instance, run, at, read, followed);
        todo!()
    }

    /// Remembers which operator each of these users is, by UMAPI `id`; new and changed ones only.
    pub async fn remember_identities(
        &self,
        instance: &InstanceName,
        identities: &[(String, OperatorId)],
    ) -> Result<(), JournalError> {
        let _ = (instance, identities);
        todo!()
    }
}

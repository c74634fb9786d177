//! Planned changes: written before they are tried and after what became of them was seen.

use chrono::{DateTime, Utc};

use crate::domain::{ChangeKey, ChangeOutcome, ChangeReport, InstanceName, InstanceReport, RunId};

use super::{Journal, JournalError};

/// What became of a change.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which change.
    pub key: ChangeKey,
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// Why, where there is something to say.
    pub detail: Option<String>,
}

/// A change of the past.
#[derive(Clone, Debug)]
pub struct ChangeRecord {
    /// The run that planned it.
    pub run: RunId,
    /// The instance.
    pub instance: InstanceName,
    /// When it was last written about.
    pub at: DateTime<Utc>,
    /// What it was and what became of it.
    pub change: ChangeReport,
}

impl Journal {
    /// Writes what a run is about to do in one instance: a report whose changes are all `pending`, `held` or `unconfirmed`.
    pub async fn record_plan(&self, run: &RunId, at: DateTime<Utc>, plan: &InstanceReport) -> Result<(), JournalError> {
        let _ = (run, at, plan);
        todo!()
    }

    /// Writes that these changes are being sent now.
    pub async fn about_to_write(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[ChangeKey],
    ) -> Result<(), JournalError> {
        let _ = (run, instance, at, changes);
        todo!()
    }

    /// Writes what became of changes.
    pub async fn settled(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[Settlement],
    ) -> Result<(), JournalError> {
        let _ = (run, instance, at, changes);
        todo!()
    }

    /// The latest change of an operator's membership of a group (or of all groups), newest first, at most `limit`; dry runs
    /// are left out. Names are compared folded.
    pub async fn last_changes(
        &self,
        instance: &InstanceName,
        operator: &str,
        group: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ChangeRecord>, JournalError> {
        let _ = (instance, operator, group, limit);
        todo!()
    }
}

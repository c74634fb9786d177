//! Records what a run does: each event once, at the moment it is known. The journal comes first, then the log,
//! then the watcher of the run.

use chrono::Utc;

use crate::{
    domain::{RunEvent, RunId, RunReport, Watcher},
    journal::{Journal, JournalError, RecordHead, Retention, RunLock},
    observability::Chain,
};

use super::run_log;

/// Where the events of one run go.
pub(super) struct Recorder<'a> {
    journal: &'a Journal,
    run: RunId,
    watcher: &'a Watcher,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(journal: &'a Journal, run: RunId, watcher: &'a Watcher) -> Self {
        Self { journal, run, watcher }
    }

    /// The run.
    pub(super) fn run(&self) -> &RunId {
        &self.run
    }

    /// What later runs are asked to remember, and what they remember.
    pub(super) fn journal(&self) -> &'a Journal {
        self.journal
    }

    /// Records an event of this run. What could not be recorded is not logged either: the caller stops.
    pub(super) async fn record(&self, event: &RunEvent<'_>) -> Result<(), JournalError> {
        self.record_of(&self.run, event).await.map(drop)
    }

    /// Records an event of an earlier run, which this one found out, or of this one; answers the head of the record where the
    /// event was news.
    pub(super) async fn record_of(
        &self,
        run: &RunId,
        event: &RunEvent<'_>,
    ) -> Result<Option<RecordHead>, JournalError> {
        let head = self.journal.record(run, Utc::now(), event).await?;
        run_log::write(run, event);
        self.watcher.event(run, event);
        Ok(head)
    }

    /// Records the end of this run, and logs the head of the record.
    pub(super) async fn end(&self, report: &RunReport) -> Result<Option<RecordHead>, JournalError> {
        let head = self.record_of(&self.run, &RunEvent::Ended(report)).await?;
        if let Some(head) = &head {
            run_log::head(head);
        }
        Ok(head)
    }

    /// Deletes what is older than it is to be kept. The run has ended: where that fails, the next run does it.
    pub(super) async fn delete_old(&self, lock: &RunLock, retention: Retention) {
        if let Err(error) = self.try_to_delete_old(lock, retention).await {
            tracing::warn!(
                run.id = %self.run,
                "what is older than state.keep_runs or state.keep_changes could not be deleted; the next run tries again: {}",
                Chain(&error)
            );
        }
    }

    async fn try_to_delete_old(&self, lock: &RunLock, retention: Retention) -> Result<(), JournalError> {
        let Some(deleted) = self.journal.delete_old(lock, retention, Utc::now()).await? else { return Ok(()) };
        run_log::deleted(&self.run, &deleted);
        self.journal.release_free_space(lock).await
    }

    /// Who is told each event, and each step between two events.
    pub(super) fn watcher(&self) -> &'a Watcher {
        self.watcher
    }
}

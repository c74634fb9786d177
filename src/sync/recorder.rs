//! Records what a run does: each event once, as soon as it is known. The event goes to the journal, then to the log, then to
//! the watcher of the run.

use chrono::Utc;

use crate::{
    domain::{RunEvent, RunId, RunReport, Watcher},
    journal::{Journal, JournalError, RecordHead, Retention, RunLock},
    observability::Chain,
};

use super::run_log;

/// Records the events of one run.
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

    /// The journal, for everything that later runs remember.
    pub(super) fn journal(&self) -> &'a Journal {
        self.journal
    }

    /// Records an event of this run. An event that could not be recorded is not logged: the caller stops.
    pub(super) async fn record(&self, event: &RunEvent<'_>) -> Result<(), JournalError> {
        self.record_of(&self.run, event).await.map(drop)
    }

    /// Records an event of this run, or one of an earlier run that this run found out. Answers the head of the record where
    /// the event is new.
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

    /// Deletes what is older than the retention period. A failure is only logged: the run has ended, and the next run retries.
    pub(super) async fn delete_old(&self, lock: &RunLock, retention: Retention) {
        if let Err(error) = self.try_to_delete_old(lock, retention).await {
            tracing::warn!(
                run.id = %self.run,
                "records older than state.keep_runs or state.keep_changes could not be deleted; the next run retries: {}",
                Chain(&error)
            );
        }
    }

    async fn try_to_delete_old(&self, lock: &RunLock, retention: Retention) -> Result<(), JournalError> {
        let Some(deleted) = self.journal.delete_old(lock, retention, Utc::now()).await? else { return Ok(()) };
        run_log::deleted(&self.run, &deleted);
        self.journal.release_free_space(lock).await
    }

    /// Receives each event, and each step between two events.
    pub(super) fn watcher(&self) -> &'a Watcher {
        self.watcher
    }
}

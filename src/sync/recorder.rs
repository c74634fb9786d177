//! Records what a run does: each event once, at the moment it is known. The journal comes first, then the log.

use chrono::Utc;

use crate::{
    domain::{RunEvent, RunId, RunReport},
    journal::{Journal, JournalError, RecordHead},
};

use super::{Progress, run_log};

/// Where the events of one run go.
pub(super) struct Recorder<'a> {
    journal: &'a Journal,
    run: RunId,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Recorder<'a> {
    pub(super) fn new(journal: &'a Journal, run: RunId, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { journal, run, progress }
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

    /// Where it is shown how far the run is.
    pub(super) fn progress(&self) -> &'a (dyn Fn(Progress) + Sync) {
        self.progress
    }

    /// Shows how far the run is; nothing of it is recorded.
    pub(super) fn show(&self, progress: Progress) {
        (self.progress)(progress);
    }
}

//! Runs: begun, ended, and those that never ended.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{InstanceName, Outcome, RunId, RunMode, RunReport, Summary};

use super::{Journal, JournalError};

/// What is written when a run begins.
#[derive(Clone, Debug)]
pub struct RunBegin {
    /// The run.
    pub run: RunId,
    /// What was asked.
    pub mode: RunMode,
    /// What it was narrowed to, in words; `None` for a run over everything.
    pub scope: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The instances it is about.
    pub instances: Vec<InstanceName>,
}

/// One run in the history. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// The run.
    pub run: String,
    /// When it began.
    #[serde(serialize_with = "crate::domain::rfc3339")]
    pub started_at: DateTime<Utc>,
    /// What was asked.
    pub mode: RunMode,
    /// How it ended; `interrupted` when it died; `None` while it runs.
    pub outcome: Option<Outcome>,
    /// The numbers of all its instances together.
    pub summary: Summary,
}

impl Journal {
    /// Writes that a run begins. The caller holds the lock: runs that have no end are marked as interrupted first.
    pub async fn begin_run(&self, begin: &RunBegin) -> Result<(), JournalError> {
        let _ = begin;
        todo!()
    }

    /// Writes how a run ended, with its whole report.
    pub async fn end_run(&self, report: &RunReport) -> Result<(), JournalError> {
        let _ = report;
        todo!()
    }

    /// The runs, newest first, at most `limit`. A run without end is interrupted when nobody holds the lock.
    pub async fn runs(&self, limit: usize) -> Result<Vec<RunEntry>, JournalError> {
        let _ = limit;
        todo!()
    }

    /// One run's report; for a run that died, what the journal knows of it: planned changes with what became of them, and
    /// those that were being written as `pending` with a detail that says so. `None` for an unknown run.
    ///
    /// `run` may be shortened to a beginning that only one run has.
    pub async fn run(&self, run: &str) -> Result<Option<RunReport>, JournalError> {
        let _ = run;
        todo!()
    }
}

//! Taking back what one run did to memberships: an ordinary plan through the ordinary guards.

use crate::{
    domain::{RunMode, RunReport},
    journal::{Journal, JournalError},
};

use super::{Options, Progress};

/// Why there is nothing to take back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The journal knows no such run.
    #[error("the journal knows no run \"{0}\"; `history` lists them")]
    UnknownRun(String),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Makes, or in a dry run shows, the plan that takes the membership changes of `run` back where Campaign still holds them.
/// The organization is not read. `approver` is recorded.
pub async fn undo(
    options: &Options,
    journal: &Journal,
    run: &str,
    mode: RunMode,
    approver: &str,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<RunReport, UndoError> {
    let _ = (options, journal, run, mode, approver, progress);
    todo!()
}

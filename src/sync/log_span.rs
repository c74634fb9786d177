//! The spans that mark the lines of a run in the log.

use tracing::Span;

use crate::domain::RunId;

/// The span of everything that one run logs: its lines carry `run.id`, also those of the clients and of the journal.
pub(super) fn of_run(run: &RunId) -> Span {
    // At the level that no filter leaves out, and without a parent: what is logged of another run carries that run's id alone.
    tracing::error_span!(parent: None, "run", run.id = %run)
}

/// The span of what a run logs of one instance: its lines carry `instance` as well.
pub(super) fn of_instance(run: &RunId, instance: &str) -> Span {
    tracing::error_span!(parent: None, "run", run.id = %run, instance)
}

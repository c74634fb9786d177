//! The exit statuses. Scripts rely on them; `docs/reference.md` has the table.

use std::process::ExitCode;

use crate::domain::{Explanation, Outcome, RunReport};

/// The exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// In sync, or all changes applied.
    Done = 0,
    /// Unexpected failure.
    Failure = 1,
    /// A dry run, or an observed instance: changes are pending.
    Pending = 2,
    /// Finished; some items failed or were skipped and need an administrator.
    Partial = 3,
    /// A guard holds changes.
    Held = 4,
    /// Adobe or Campaign could not be read completely; nothing was written.
    Incomplete = 5,
    /// Rate limited, or temporarily unavailable.
    Unavailable = 6,
    /// Another run is in progress.
    Locked = 7,
    /// Wrong usage; `EX_USAGE` of sysexits.h.
    Usage = 64,
    /// Credentials refused; `EX_NOPERM`.
    Refused = 77,
    /// Configuration wrong; `EX_CONFIG`.
    Configuration = 78,
}

impl ExitStatus {
    /// The exit status for the report of a run, which this process or the daemon made.
    pub(super) fn of(report: &RunReport) -> Self {
        if report.misconfigured { Self::Configuration } else { report.outcome.into() }
    }
}

impl ExitStatus {
    /// The exit status for an explanation, which may be incomplete.
    pub(super) fn of_answer(explanation: &Explanation) -> Self {
        let is_misconfigured = explanation.unanswered.iter().any(|part| part.misconfigured);
        if is_misconfigured { Self::Configuration } else { explanation.outcome().into() }
    }
}

impl From<Outcome> for ExitStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::InSync | Outcome::Applied => Self::Done,
            Outcome::ChangesPending => Self::Pending,
            Outcome::Partial => Self::Partial,
            Outcome::Held => Self::Held,
            Outcome::Incomplete => Self::Incomplete,
            Outcome::Throttled | Outcome::Unavailable => Self::Unavailable,
            Outcome::Locked => Self::Locked,
            Outcome::Refused => Self::Refused,
            Outcome::Misconfigured => Self::Configuration,
            Outcome::Failed | Outcome::Interrupted => Self::Failure,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}

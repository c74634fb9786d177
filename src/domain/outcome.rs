//! How reading or writing fails, and how a run ends. The names are fixed: other tools rely on them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What went wrong with the Admin Console or Campaign. Each failure has its own exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The credentials, or their rights, were refused: exit status 77.
    Refused,
    /// A response was wrong, or a read was not complete: exit status 5.
    Incomplete,
    /// The system asked for a pause: exit status 6.
    Throttled {
        /// The pause it asked for, when it named one.
        retry_after: Option<Duration>,
    },
    /// Could not connect, timed out, or a temporary fault of the system: exit status 6.
    Unavailable,
    /// The configuration of this host prevents access to the system: exit status 78.
    Misconfigured,
    /// Anything else: exit status 1.
    Unexpected,
}

/// How a run, or its part in one instance, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to do.
    InSync,
    /// A dry run, or an observed instance, with something to do.
    ChangesPending,
    /// All changes were applied.
    Applied,
    /// Some changes failed or were not confirmed, or something was skipped that an administrator has to correct.
    Partial,
    /// Changes are held and wait for an approval.
    Held,
    /// A system could not be read completely; nothing was written.
    Incomplete,
    /// A system asked for a longer pause than the run may wait.
    Throttled,
    /// A system could not be reached, timed out, or had a temporary fault.
    Unavailable,
    /// Another run holds the lock.
    Locked,
    /// Credentials were refused.
    Refused,
    /// The configuration of this host does not fit: its proxy cannot be used, or its state is not one that this version may
    /// use. Written with the name of [`Self::Refused`];
    /// [`RunReport::misconfigured`](super::RunReport::misconfigured) is the difference.
    #[serde(rename = "refused", skip_deserializing)]
    Misconfigured,
    /// An unexpected failure.
    Failed,
    /// The run was stopped or its process died before its end; only the history contains such runs.
    Interrupted,
}

impl Outcome {
    /// The outcome with the highest rank decides for the run; the order is that of the exit statuses.
    fn rank(self) -> u8 {
        match self {
            Self::Misconfigured => 11,
            Self::Refused => 10,
            Self::Locked => 9,
            Self::Incomplete => 8,
            Self::Throttled => 7,
            Self::Unavailable => 6,
            Self::Failed | Self::Interrupted => 5,
            Self::Held => 4,
            Self::Partial => 3,
            Self::ChangesPending => 2,
            Self::Applied => 1,
            Self::InSync => 0,
        }
    }

    /// The outcome of a run over several instances.
    pub fn of_all(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max_by_key(|outcome| outcome.rank()).unwrap_or(Self::InSync)
    }

    /// Whether a run read the Admin Console and Campaign completely and made all changes that it was allowed to make.
    /// Held changes wait for an approval and do not make a run unsuccessful.
    pub fn is_success(self) -> bool {
        match self {
            Self::InSync | Self::ChangesPending | Self::Applied | Self::Partial | Self::Held => true,
            Self::Incomplete
            | Self::Throttled
            | Self::Unavailable
            | Self::Locked
            | Self::Refused
            | Self::Misconfigured
            | Self::Failed
            | Self::Interrupted => false,
        }
    }

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::ChangesPending => "changes_pending",
            Self::Applied => "applied",
            Self::Partial => "partial",
            Self::Held => "held",
            Self::Incomplete => "incomplete",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Locked => "locked",
            Self::Refused | Self::Misconfigured => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Misconfigured => Self::Misconfigured,
            Failure::Incomplete => Self::Incomplete,
            Failure::Throttled { .. } => Self::Throttled,
            Failure::Unavailable => Self::Unavailable,
            Failure::Unexpected => Self::Failed,
        }
    }
}

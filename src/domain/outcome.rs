//! How a run ended. The names are fixed: other users's tools rely on them.

use serde::{Deserialize, Serialize};

use super::Failure;

/// How a run, or its part in one instance, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to do.
    InSync,
    /// A dry run, or an observed instance, with something to do.
    ChangesPending,
    /// All changes were made.
    Applied,
    /// Some items failed, were not confirmed, or could not be placed.
    Partial,
    /// Something waits for an approval.
    Held,
    /// A system could not be read completely; nothing was written.
    Incomplete,
    /// A system asked for a longer pause than the run may wait.
    Throttled,
    /// A system does not answer.
    Unavailable,
    /// Another run holds the lock.
    Locked,
    /// Credentials were refused.
    Refused,
    /// The proxy that is configured on this host cannot be used. Has the name of [`Self::Refused`] wherever it is written;
    /// [`RunReport::misconfigured`](super::RunReport::misconfigured) tells the two apart.
    #[serde(rename = "refused", skip_deserializing)]
    Misconfigured,
    /// An unexpected failure.
    Failed,
    /// The run was told to stop, or died, before its end; only the history knows such runs.
    Interrupted,
}

impl Outcome {
    /// The more important of two outcomes decides for the run; the order is that of the exit codes.
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

    /// Whether a run read both sides completely and made everything that it was allowed to make. What a guard holds is not
    /// allowed yet: it waits for an approval, and nothing is out of order.
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

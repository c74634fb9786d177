//! The few ways in which reading or writing a system can fail that a run treats differently.

use std::time::Duration;

/// What went wrong with one of the two systems, as far as the run and its exit code care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The credentials, or what they allow, were refused: exit 77.
    Refused,
    /// An answer came and was wrong, or a read was not complete: exit 5.
    Incomplete,
    /// The system asked for a pause: exit 6.
    Throttled {
        /// The pause it asked for, when it named one.
        retry_after: Option<Duration>,
    },
    /// No answer, or a passing fault on the other side: exit 6.
    Unavailable,
    /// The configuration of this host does not let the system be reached: exit 78.
    Misconfigured,
    /// Anything else: exit 1.
    Unexpected,
}

//! Failures of reading or writing the Admin Console or Campaign, as far as a run treats them differently.

use std::time::Duration;

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

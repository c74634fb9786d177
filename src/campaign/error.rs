//! What can go wrong with Campaign, one variant for each thing a caller does differently.

use std::sync::Arc;
use std::time::Duration;

use super::SoapFault;
use crate::domain::Failure;
use crate::transport::{CertificateFault, RetryAdvice, Retryable, TransportError};

/// Why a call to Campaign, or to the identity service on its behalf, did not succeed. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// There is no HTTP client to speak with.
    #[error("Campaign cannot be called")]
    Client(#[source] TransportError),
    /// The credentials were refused, or a session that was begun a moment ago: asking again could lock the account.
    #[error("{call} was refused: {reason}")]
    Refused {
        /// The method and what it was about.
        call: String,
        /// What the other side said.
        reason: String,
    },
    /// Too many calls.
    #[error("{call} was rate limited")]
    Throttled {
        /// The method and what it was about.
        call: String,
        /// The pause asked for, when one was named.
        retry_after: Option<Duration>,
    },
    /// No whole answer came. A write may have taken effect all the same.
    #[error("{call} failed")]
    NoAnswer {
        /// The method and what it was about.
        call: String,
        /// What became of the request.
        source: TransportError,
    },
    /// The server, or a gateway before it, is out of order for now.
    #[error("{call} was answered with HTTP {status}: {excerpt}")]
    Unavailable {
        /// The method and what it was about.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The pause asked for, when one was named.
        retry_after: Option<Duration>,
        /// How the answer begins.
        excerpt: String,
    },
    /// Campaign understood the call and said no.
    #[error("{call} failed: {fault}")]
    Fault {
        /// The method and what it was about.
        call: String,
        /// What Campaign said.
        fault: SoapFault,
    },
    /// An answer that cannot be what was asked for. Nothing may be concluded from it.
    #[error("{call} got a wrong answer: {what}; it begins: {excerpt}")]
    WrongAnswer {
        /// The method and what it was about.
        call: String,
        /// What is wrong with it.
        what: String,
        /// How the answer begins.
        excerpt: String,
    },
    /// The instance's schemas are not those this program writes to.
    #[error(
        "nothing is written to this instance, its schemas are not the expected ones: {lacking} \
         (look at Administration > Configuration > Data schemas, and at extensions of these schemas)"
    )]
    Schemas {
        /// Each schema that disagrees, with what it lacks.
        lacking: String,
    },
    /// The instance offers no switch that keeps an operator from logging on.
    #[error(
        "operators of this instance cannot be disabled by this program, its xtk:operator has no attribute {attribute}; \
         disable the operator in the console"
    )]
    CannotDisable {
        /// The attribute that was looked for.
        attribute: &'static str,
    },
    /// A name that XML cannot carry, so that it was not sent.
    #[error("\"{}\" has a character that XML cannot carry", name.escape_debug())]
    NotWritable {
        /// The login, e-mail address, name or label.
        name: String,
    },
    /// The call that carried this write, or one before it, failed for good; only reading back tells what holds.
    #[error("not confirmed: the call that carried this write, or one before it, failed")]
    Unconfirmed {
        /// How that call failed.
        source: Arc<CampaignError>,
    },
}

impl CampaignError {
    /// What this means for the run and its exit code.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Client(source) | Self::NoAnswer { source, .. } if source.is_misconfigured() => Failure::Misconfigured,
            Self::Client(source) | Self::NoAnswer { source, .. } => match source {
                TransportError::Connect(_)
                | TransportError::Timeout { .. }
                | TransportError::CallTimeout { .. }
                | TransportError::ConnectionLost { .. } => Failure::Unavailable,
                TransportError::IncompleteBody { .. }
                | TransportError::Undecodable { .. }
                | TransportError::TooLarge { .. } => Failure::Incomplete,
                TransportError::Build(_) => Failure::Unexpected,
            },
            Self::Refused { .. } => Failure::Refused,
            Self::Throttled { retry_after, .. } => Failure::Throttled { retry_after: *retry_after },
            Self::Unavailable { .. } => Failure::Unavailable,
            Self::Fault { fault, .. } if fault.is_passing() => Failure::Unavailable,
            Self::Fault { .. } | Self::WrongAnswer { .. } | Self::Schemas { .. } | Self::CannotDisable { .. } => {
                Failure::Incomplete
            }
            Self::NotWritable { .. } => Failure::Unexpected,
            Self::Unconfirmed { source } => source.failure(),
        }
    }

    /// What is wrong with the certificate that was shown in place of an answer, where that is what went wrong.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::NoAnswer { source, .. } => source.certificate_fault(),
            _ => None,
        }
    }

    /// Whether Campaign itself said no, which concerns the rows of that call alone.
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Fault { .. })
    }

    /// Whether the next call would fail in the same way: the program, not the row, is what was not served.
    pub fn concerns_every_call(&self) -> bool {
        !self.is_fault()
            && matches!(
                self.failure(),
                Failure::Refused | Failure::Misconfigured | Failure::Throttled { .. } | Failure::Unavailable
            )
    }
}

impl Retryable for CampaignError {
    fn retry_advice(&self) -> RetryAdvice {
        match self {
            Self::NoAnswer { source, .. } => match source {
                TransportError::Build(_) | TransportError::TooLarge { .. } | TransportError::CallTimeout { .. } => {
                    RetryAdvice::Final
                }
                TransportError::Connect(_) if source.certificate_fault().is_some() => RetryAdvice::Final,
                TransportError::Connect(_) if source.is_misconfigured() => RetryAdvice::Final,
                // Reads may be repeated at will; writes are keyed by ids, so that repeating one changes nothing.
                _ => RetryAdvice::Retry,
            },
            Self::Throttled { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                retry_after.map_or(RetryAdvice::Retry, RetryAdvice::RetryAfter)
            }
            Self::Fault { fault, .. } if fault.is_passing() => RetryAdvice::Retry,
            _ => RetryAdvice::Final,
        }
    }
}

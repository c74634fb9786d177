//! The errors of the Campaign client, one variant for each reaction of a caller.

use std::sync::Arc;
use std::time::Duration;

use super::SoapFault;
use crate::domain::Failure;
use crate::transport::{CertificateFault, RetryAdvice, Retryable, TransportError};

/// Why a call to Campaign, or to IMS for a token, failed. No variant contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// The HTTP client could not be created.
    #[error("the HTTP client for Campaign could not be created")]
    Client(#[source] TransportError),
    /// Campaign refused the credentials, or a new session. A retry could lock the account.
    #[error("{call} was refused: {reason}")]
    Refused {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// The reason in the response.
        reason: String,
    },
    /// The server limited the rate of calls.
    #[error("{call} was rate limited")]
    RateLimited {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// The pause that the response asks for, if it names one.
        retry_after: Option<Duration>,
    },
    /// There is no complete response. A write may have taken effect nevertheless.
    #[error("{call} failed")]
    Transport {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// What failed.
        source: TransportError,
    },
    /// The server, or a gateway in front of it, is temporarily unavailable.
    #[error("{call} was answered with HTTP {status}: {excerpt}")]
    Unavailable {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// The HTTP status.
        status: u16,
        /// The pause that the response asks for, if it names one.
        retry_after: Option<Duration>,
        /// The beginning of the response.
        excerpt: String,
    },
    /// Campaign returned a SOAP fault.
    #[error("{call} failed: {fault}")]
    Fault {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// The fault.
        fault: SoapFault,
    },
    /// The response does not fit the call: the program concludes nothing from it.
    #[error("{call} got an invalid response: {what}; it begins with: {excerpt}")]
    InvalidResponse {
        /// The name of the call: the method, and the schema if it has one.
        call: String,
        /// What is wrong with the response.
        what: String,
        /// The beginning of the response.
        excerpt: String,
    },
    /// The instance is proven not to have a column that the program needs.
    #[error(
        "{schema} of this instance has no {columns}: a query of one row with it failed ({fault}); nothing is written that \
         needs it (see Administration > Configuration > Data schemas, and the extensions of this schema)"
    )]
    AbsentColumns {
        /// The schema, such as `xtk:operator`.
        schema: &'static str,
        /// The paths of the columns, separated by commas.
        columns: String,
        /// The error of the query that shows that the first of them is absent.
        fault: String,
    },
    /// The instance has no attribute that disables an operator.
    #[error(
        "the program cannot disable operators of this instance because its xtk:operator has neither {}, which queries of \
         one row show; disable the operator in the Campaign console", attributes.join(" nor ")
    )]
    CannotDisable {
        /// The attributes that were tried.
        attributes: [&'static str; 2],
    },
    /// A name has a character that XML does not allow, so it was not sent.
    #[error("\"{}\" has a character that XML does not allow", name.escape_debug())]
    NotWritable {
        /// The login, e-mail address, name or label.
        name: String,
    },
    /// The call with this write, or an earlier call, failed finally. Whether the write took effect must be read back.
    #[error("not confirmed: the call with this write, or an earlier call, failed")]
    Unconfirmed {
        /// The error of that call.
        source: Arc<CampaignError>,
    },
}

impl CampaignError {
    /// What the error means for the run and its exit status.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Client(source) | Self::Transport { source, .. } if source.is_misconfigured() => {
                Failure::Misconfigured
            }
            Self::Client(source) | Self::Transport { source, .. } => match source {
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
            Self::RateLimited { retry_after, .. } => Failure::Throttled { retry_after: *retry_after },
            Self::Unavailable { .. } => Failure::Unavailable,
            Self::Fault { fault, .. } if fault.is_temporary() => Failure::Unavailable,
            Self::Fault { fault, .. } if fault.is_without_right() => Failure::Refused,
            Self::Fault { .. }
            | Self::InvalidResponse { .. }
            | Self::AbsentColumns { .. }
            | Self::CannotDisable { .. } => Failure::Incomplete,
            Self::NotWritable { .. } => Failure::Unexpected,
            Self::Unconfirmed { source } => source.failure(),
        }
    }

    /// What is wrong with the certificate of the server, if that is why the request failed.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Transport { source, .. } => source.certificate_fault(),
            _ => None,
        }
    }

    /// Whether Campaign returned a fault, which concerns the rows of that call alone.
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Fault { .. })
    }

    /// Whether Campaign returned a lasting fault that a column in the call may have caused.
    pub(super) fn may_be_about_a_path(&self) -> bool {
        matches!(self, Self::Fault { fault, .. } if fault.may_be_about_a_path())
    }

    /// The same error of a call whose columns were read before.
    pub(super) fn of_rows(self) -> Self {
        match self {
            Self::Fault { call, fault } => Self::Fault { call, fault: fault.of_rows() },
            other => other,
        }
    }

    /// Whether Campaign said that a path in the call is unknown.
    pub(super) fn is_unknown_path(&self) -> bool {
        matches!(self, Self::Fault { fault, .. } if fault.is_unknown_path())
    }

    /// Whether the next call would fail in the same way, whatever its rows.
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
            Self::Transport { source, .. } => match source {
                TransportError::Build(_) | TransportError::TooLarge { .. } | TransportError::CallTimeout { .. } => {
                    RetryAdvice::Final
                }
                TransportError::Connect(_) if source.certificate_fault().is_some() => RetryAdvice::Final,
                TransportError::Connect(_) if source.is_misconfigured() => RetryAdvice::Final,
                // A retry of a read changes nothing, and neither does a retry of a write, because writes have keys.
                _ => RetryAdvice::Retry,
            },
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                retry_after.map_or(RetryAdvice::Retry, RetryAdvice::RetryAfter)
            }
            Self::Fault { fault, .. } if fault.is_temporary() => RetryAdvice::Retry,
            _ => RetryAdvice::Final,
        }
    }
}

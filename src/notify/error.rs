//! Why a notification was not delivered.

use std::{io, path::PathBuf, time::Duration};

use crate::transport::TransportError;

/// Why a notification was not delivered. Contains no secret: of a webhook, it shows only the host.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The target is not configured any more.
    #[error("notify.{0} is not configured")]
    NotConfigured(&'static str),
    /// The document could not be written.
    #[error("the document could not be written as JSON")]
    Document(#[source] serde_json::Error),
    /// The command could not be started.
    #[error("notify.command: {} could not be started", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The command exited with another status than 0.
    #[error("notify.command: {} exited with {status}: {output}", program.display())]
    CommandFailed {
        /// The program.
        program: PathBuf,
        /// Exit status or signal, in words.
        status: String,
        /// The beginning of its output.
        output: String,
    },
    /// The attempt timed out; a command was killed with all processes of its group.
    #[error("notify.{target}: timed out after {} s", after.as_secs_f32())]
    DeadlineExceeded {
        /// The target.
        target: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The webhook gave no complete response.
    #[error("notify.webhook: {host}")]
    Transport {
        /// Scheme, host and port.
        host: String,
        /// What failed.
        source: TransportError,
    },
    /// The webhook responded with another status than 2xx.
    #[error("notify.webhook: {host} answered with HTTP status {status}{}: {excerpt}", redirect(*status))]
    NotAccepted {
        /// Scheme, host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the response.
        excerpt: String,
        /// The pause that the response asks for.
        retry_after: Option<Duration>,
    },
    /// The mail could not be composed.
    #[error("notify.mail: the message could not be composed")]
    Message(#[source] lettre::error::Error),
    /// The mail server could not be reached, or refused the mail.
    #[error("notify.mail: {server}")]
    Smtp {
        /// Host and port.
        server: String,
        /// What failed.
        source: lettre::transport::smtp::Error,
    },
    /// The mail server closed the connection.
    #[error("notify.mail: {server} closed the connection")]
    Closed {
        /// Host and port.
        server: String,
    },
}

fn redirect(status: u16) -> &'static str {
    if (300..400).contains(&status) { ", a redirect, which is not followed" } else { "" }
}

impl DeliveryError {
    /// The pause that the target asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotAccepted { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

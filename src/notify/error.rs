//! Why a notification was not delivered.

use std::{io, path::PathBuf, time::Duration};

use crate::transport::TransportError;

/// Why a notification was not delivered. Shows no secret: of a webhook its host alone.
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
        /// What the system says.
        source: io::Error,
    },
    /// The command ended with another status than 0.
    #[error("notify.command: {} ended with {status}: {output}", program.display())]
    CommandFailed {
        /// The program.
        program: PathBuf,
        /// Exit status or signal, in words.
        status: String,
        /// The beginning of what it wrote.
        output: String,
    },
    /// The attempt took too long and was broken off; a command was killed with all processes of its group.
    #[error("notify.{target}: not done after {} s", after.as_secs_f32())]
    DeadlineExceeded {
        /// The target.
        target: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// There was no complete answer of the webhook.
    #[error("notify.webhook: {host}")]
    Transport {
        /// Scheme, host and port.
        host: String,
        /// What happened.
        source: TransportError,
    },
    /// The webhook answered with another status than 2xx.
    #[error("notify.webhook: {host} answered with HTTP status {status}{}: {excerpt}", redirect(*status))]
    NotAccepted {
        /// Scheme, host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        excerpt: String,
        /// The pause that the answer asks for.
        retry_after: Option<Duration>,
    },
    /// The mail could not be put together.
    #[error("notify.mail: the message could not be written")]
    Message(#[source] lettre::error::Error),
    /// The mail server was not reached, or did not take the mail.
    #[error("notify.mail: {server}")]
    Smtp {
        /// Host and port.
        server: String,
        /// What happened.
        source: lettre::transport::smtp::Error,
    },
    /// The mail server ended the conversation.
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

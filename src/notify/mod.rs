//! Delivers notifications from the outbox of the journal: to a command, to a webhook and by mail.
//!
//! | file | what lives there |
//! |---|---|
//! | `options` | the targets, from the configuration |
//! | `smtp_server` | the address of a mail server |
//! | `document` | the document that targets receive |
//! | `delivery` | delivers due notifications, retries, gives up; reports expiring credentials |
//! | `command`, `webhook`, `mail` | the targets |
//! | `error` | why a notification was not delivered |
//!
//! Targets are independent: one that hangs or is down delays neither the others nor a run.

mod command;
mod delivery;
mod document;
mod error;
mod mail;
mod options;
mod smtp_server;
mod webhook;

pub use delivery::{deliver_all, deliver_due, notify_expiring, probe, send_test};
pub use error::DeliveryError;
pub use options::{CommandTarget, MailTarget, NotifyOptions, UserNames, WebhookTarget, WebhookUrl, WebhookUrlError};
pub use smtp_server::{SmtpEncryption, SmtpServer, SmtpServerError};

/// A mail address, with or without a name.
pub use lettre::message::Mailbox;

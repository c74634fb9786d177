//! Delivers notifications from the outbox of the journal: to a command, a webhook and by mail.
//!
//! | file | what lives there |
//! |---|---|
//! | `options` | the targets, as the configuration says them |
//! | `smtp_server` | the address of a mail server |
//! | `document` | what the targets get |
//! | `delivery` | one target after another attempt: due notifications, retries, the end of patience |
//! | `command`, `webhook`, `mail` | the targets themselves |
//! | `expiry` | credentials that expire soon |
//! | `error` | why a notification was not delivered |
//!
//! Every target is on its own: one that hangs or is down delays no other, and no run.

mod command;
mod delivery;
mod document;
mod error;
mod expiry;
mod mail;
mod options;
mod smtp_server;
mod webhook;

pub use delivery::{deliver_all, deliver_due, probe, send_test};
pub use error::DeliveryError;
pub use expiry::notify_expiring;
pub use options::{
    CommandTarget, MailTarget, NotifyOptions, WebhookPeople, WebhookTarget, WebhookUrl, WebhookUrlError,
};
pub use smtp_server::{SmtpEncryption, SmtpServer, SmtpServerError};

/// A mail address, with or without a name.
pub use lettre::message::Mailbox;

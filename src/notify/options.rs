//! The targets of notifications, from the configuration.

use std::{collections::BTreeSet, fmt, path::PathBuf, time::Duration};

use url::Url;

use super::{Mailbox, SmtpServer};
use crate::{
    domain::{FoldedName, Notification, NotificationKind, NotificationTarget, WantedNotifications},
    transport::{self, BaseUrl, BaseUrlError, ExposeSecret as _, SecretString},
};

/// The options of notifications.
#[derive(Clone, Debug)]
pub struct NotifyOptions {
    /// The events to notify about.
    pub events: BTreeSet<NotificationKind>,
    /// A program of this host.
    pub command: Option<CommandTarget>,
    /// A webhook.
    pub webhook: Option<WebhookTarget>,
    /// Mail by SMTP.
    pub mail: Option<MailTarget>,
    /// The name of the organization on this host, where it serves several.
    pub organization: Option<String>,
    /// The URL of the status page on this host, with a slash at its end; `None` where none is served at a known
    /// address.
    pub page: Option<String>,
    /// The pause before the second attempt; it doubles each time.
    pub first_pause: Duration,
    /// How long one attempt may take.
    pub deadline: Duration,
}

impl Default for NotifyOptions {
    fn default() -> Self {
        Self {
            events: BTreeSet::new(),
            command: None,
            webhook: None,
            mail: None,
            organization: None,
            page: None,
            first_pause: Duration::from_secs(5),
            // Shorter than the minute for which an attempt reserves a notification.
            deadline: Duration::from_secs(30),
        }
    }
}

impl NotifyOptions {
    /// The targets that are configured.
    pub fn targets(&self) -> BTreeSet<NotificationTarget> {
        let is_configured = |target: &NotificationTarget| match target {
            NotificationTarget::Command => self.command.is_some(),
            NotificationTarget::Webhook => self.webhook.is_some(),
            NotificationTarget::Mail => self.mail.is_some(),
        };
        NotificationTarget::ALL.into_iter().filter(is_configured).collect()
    }

    /// The URL that a notification links to: the page of its run, where it belongs to one.
    pub(super) fn page_of(&self, notification: &Notification) -> Option<String> {
        let page = self.page.as_ref()?;
        Some(notification.run.as_ref().map_or_else(|| page.clone(), |run| format!("{page}runs/{run}")))
    }

    /// The notifications that a journal writes for these targets; `instances` are all configured instances.
    pub fn wanted(&self, instances: impl IntoIterator<Item = FoldedName>) -> WantedNotifications {
        WantedNotifications {
            kinds: self.events.clone(),
            targets: self.targets(),
            instances: instances.into_iter().collect(),
        }
    }
}

/// A program that receives each notification as JSON on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTarget {
    /// Absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Whether a document contains the names of operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserNames {
    /// Only their number.
    #[default]
    Omitted,
    /// The names as well.
    Included,
}

/// A URL that receives each notification as the JSON body of a POST request.
#[derive(Clone, Debug)]
pub struct WebhookTarget {
    /// The URL.
    pub url: WebhookUrl,
    /// Whether its documents contain names.
    pub user_names: UserNames,
    /// The options of its connections.
    pub http: transport::HttpOptions,
}

/// The recipients, the sender and the server of mail.
#[derive(Clone, Debug)]
pub struct MailTarget {
    /// The recipients, at least one.
    pub to: Vec<Mailbox>,
    /// The sender.
    pub from: Mailbox,
    /// The server.
    pub server: SmtpServer,
    /// The password of the user in the address of the server.
    pub password: Option<SecretString>,
    /// PEM certificates of authorities that are trusted in place of those of the host; `None` for those of the host.
    pub trusted_authorities: Option<String>,
}

/// The URL of a webhook: https, or http on this host. It is a secret, because it allows to send there: it is shown
/// without its path.
#[derive(Clone)]
pub struct WebhookUrl {
    origin: BaseUrl,
    complete: SecretString,
    /// The part that must not be shown: path and query.
    secret: SecretString,
}

/// Why a text is not a usable URL of a webhook. Contains no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// The text is not a URL.
    #[error("is not a URL")]
    Unreadable,
    /// Plain http would send secrets unencrypted.
    #[error("would send notifications in the clear: it is neither https nor http on this host")]
    InTheClear,
    /// The URL has a user, a password or a fragment.
    #[error("has a user, a password or a fragment")]
    Decorated,
}

impl WebhookUrl {
    /// Parses a URL, which may have a query.
    pub fn parse(text: &str) -> Result<Self, WebhookUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| WebhookUrlError::Unreadable)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(WebhookUrlError::Decorated);
        }
        let origin = BaseUrl::parse(&url.origin().ascii_serialization()).map_err(|error| match error {
            BaseUrlError::InTheClear { .. } => WebhookUrlError::InTheClear,
            BaseUrlError::Unreadable { .. } | BaseUrlError::Decorated { .. } => WebhookUrlError::Unreadable,
        })?;
        let secret = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let secret = if secret == "/" { String::new() } else { secret };
        Ok(Self { origin, secret: secret.into(), complete: url.as_str().into() })
    }

    /// Scheme, host and port: the part that may be shown.
    pub fn origin(&self) -> &BaseUrl {
        &self.origin
    }

    /// The complete URL, for the request only.
    pub(super) fn complete(&self) -> &str {
        self.complete.expose_secret()
    }

    /// The part that must not be shown.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_https_or_on_this_host_and_is_shown_without_its_secret_part() {
        let check = |text: &str, expected: Result<&str, WebhookUrlError>| {
            let shown = WebhookUrl::parse(text).map(|url| format!("{url} {url:?}"));
            let expected = expected.map(|shown| format!("{shown} WebhookUrl({shown})"));
            assert_eq!(shown, expected, "{text}");
        };
        check("https://hooks.slack.com/services/T0/B0/secret", Ok("https://hooks.slack.com/…"));
        check("https://prod.logic.azure.com:443/x?sig=secret", Ok("https://prod.logic.azure.com/…"));
        check("http://127.0.0.1:8080/secret", Ok("http://127.0.0.1:8080/…"));
        check("http://hooks.acme.com/secret", Err(WebhookUrlError::InTheClear));
        check("https://user:secret@hooks.acme.com/", Err(WebhookUrlError::Decorated));
        check("https://hooks.acme.com/#secret", Err(WebhookUrlError::Decorated));
        check("hooks.acme.com", Err(WebhookUrlError::Unreadable));
        check("mailto:ann@acme.com", Err(WebhookUrlError::Unreadable));
    }
}

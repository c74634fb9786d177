//! The targets of notifications, as the configuration says them.

use std::{collections::BTreeSet, fmt, path::PathBuf, time::Duration};

use url::Url;

use super::{Mailbox, SmtpServer};
use crate::{
    domain::{FoldedName, Notification, NotificationKind, NotificationTarget, WantedNotifications},
    transport::{self, BaseUrl, BaseUrlError, ExposeSecret as _, SecretString},
};

/// What is told, and to whom.
#[derive(Clone, Debug)]
pub struct NotifyOptions {
    /// The events that are told.
    pub events: BTreeSet<NotificationKind>,
    /// A program of this host.
    pub command: Option<CommandTarget>,
    /// An HTTP request.
    pub webhook: Option<WebhookTarget>,
    /// A message by SMTP.
    pub mail: Option<MailTarget>,
    /// The address of the daemon's page on this host, with a slash at its end; `None` where none is served at a known address.
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
            page: None,
            first_pause: Duration::from_secs(5),
            // Shorter than the minute for which an attempt keeps others away.
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

    /// The page that a notification links to: of its run, where it comes from one.
    pub(super) fn page_of(&self, notification: &Notification) -> Option<String> {
        let page = self.page.as_ref()?;
        Some(notification.run.as_ref().map_or_else(|| page.clone(), |run| format!("{page}runs/{run}")))
    }

    /// What a journal writes for these targets; `instances` are all that are configured.
    pub fn wanted(&self, instances: impl IntoIterator<Item = FoldedName>) -> WantedNotifications {
        WantedNotifications {
            kinds: self.events.clone(),
            targets: self.targets(),
            instances: instances.into_iter().collect(),
        }
    }
}

/// A program that gets each notification as JSON on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTarget {
    /// Absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Whether a webhook is told the names of users and operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookPeople {
    /// It gets numbers alone.
    #[default]
    Withheld,
    /// It gets the names.
    Named,
}

/// An address that gets each notification as the JSON body of a POST.
#[derive(Clone, Debug)]
pub struct WebhookTarget {
    /// The address.
    pub url: WebhookUrl,
    /// Whether it is told names.
    pub people: WebhookPeople,
    /// How connections are made.
    pub http: transport::HttpOptions,
}

/// Who gets mail, from whom, and by which server.
#[derive(Clone, Debug)]
pub struct MailTarget {
    /// At least one.
    pub to: Vec<Mailbox>,
    /// The sender.
    pub from: Mailbox,
    /// The server.
    pub server: SmtpServer,
    /// The password of the user whom the server's address names.
    pub password: Option<SecretString>,
    /// PEM certificates of the authorities that are trusted in place of the host's; `None`: the host's.
    pub trusted_authorities: Option<String>,
}

/// The address of a webhook: https, or http on this host. Whoever has it may send there: shown without its path.
#[derive(Clone)]
pub struct WebhookUrl {
    origin: BaseUrl,
    whole: SecretString,
    /// What must not be shown of it: path and query.
    secret: SecretString,
}

/// Why a text is no usable address of a webhook. Shows nothing of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// The text is no URL at all.
    #[error("is not a URL")]
    Unreadable,
    /// Plain http would send secrets in the clear.
    #[error("would send notifications in the clear: it is neither https nor http on this host")]
    InTheClear,
    /// A user, a password or a fragment.
    #[error("has a user, a password or a fragment")]
    Decorated,
}

impl WebhookUrl {
    /// Reads an address; a query is part of it.
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
        Ok(Self { origin, secret: secret.into(), whole: url.as_str().into() })
    }

    /// Scheme, host and port: all of it that may be shown.
    pub fn origin(&self) -> &BaseUrl {
        &self.origin
    }

    /// The whole address, for the request alone.
    pub(super) fn whole(&self) -> &str {
        self.whole.expose_secret()
    }

    /// What must not be shown of it.
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
    fn a_webhook_is_https_or_on_this_host_and_shown_without_what_is_secret() {
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

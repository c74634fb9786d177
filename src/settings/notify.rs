//! `[notify]`: which events are sent to administrators, and to which targets.

use std::path::{Path, PathBuf};

use config::ValueKind;

use super::{
    Http, KeyPath, Problem, Sources,
    layers::{LayerValue, Layers, Origin},
    redacted::redacted,
    schema::{MAIL, NOTIFY, SMTP_PASSWORD, WEBHOOK},
    secrets::{SecretSource, file_key, find_secret, read_or_report},
    section_reader::{SectionReader, list_of, text_of},
};
use crate::{
    domain::{NotificationKind, NotificationTarget},
    notify::{CommandTarget, MailTarget, Mailbox, NotifyOptions, SmtpServer, UserNames, WebhookTarget, WebhookUrl},
    transport::{self, ExposeSecret as _, SecretString},
};

/// The value is not usable, and a problem has been reported.
struct Reported;

/// Reads `[notify]`; `connections` are the options for connections to a webhook.
pub(super) fn read(
    layers: &Layers,
    sources: &Sources,
    (connections, http): (&transport::HttpOptions, Option<&Http>),
    problems: &mut Vec<Problem>,
) -> Option<NotifyOptions> {
    let before = problems.len();
    let mut section = SectionReader::new(layers, NOTIFY, problems);
    let events = section.choices("events", &NotificationKind::EVENTS.map(|kind| (kind.as_str(), kind)));
    let command = command(&mut section);
    let user_names = section.flag("webhook_people");
    let webhook = webhook(&mut section, sources.credentials_folder());
    let mail = mail(layers, sources.credentials_folder(), problems);
    if problems.len() > before {
        return None;
    }
    let user_names = if user_names? { UserNames::Included } else { UserNames::Omitted };
    Some(NotifyOptions {
        events: events?.into_iter().collect(),
        command,
        webhook: webhook.map(|url| WebhookTarget { url, user_names, http: connections.clone() }),
        mail,
        organization: sources.organization().map(|name| name.to_string()),
        page: http.and_then(page),
        ..NotifyOptions::default()
    })
}

/// A warning where there are targets and no events.
pub(super) fn warning(options: &NotifyOptions) -> Option<String> {
    let targets: Vec<&str> = options.targets().into_iter().map(NotificationTarget::as_str).collect();
    let is_silent = options.events.is_empty() && !targets.is_empty();
    is_silent.then(|| {
        format!("notify.events is empty: nothing is sent by {}; name events, or remove the target", targets.join(", "))
    })
}

/// The address of the status page, where a browser on this host can use it.
fn page(http: &Http) -> Option<String> {
    let address = http.listen.filter(|address| address.port() != 0 && !address.ip().is_unspecified())?;
    Some(format!("http://{address}/"))
}

fn command(section: &mut SectionReader<'_>) -> Option<CommandTarget> {
    let found = section.find("command")?;
    let words = match &found.value {
        // Not trimmed: an argument may be empty, or have spaces at its ends.
        ValueKind::Array(values) => {
            values.iter().map(|value| text_of(&value.kind).ok().map(str::to_owned)).collect::<Option<Vec<_>>>()
        }
        other => list_of(other),
    };
    let Some(words) = words else {
        let remedy =
            "write it like [\"/usr/local/bin/notify\", \"--urgent\"]; in a variable: /usr/local/bin/notify,--urgent";
        section.report(found, "is not a list of strings", remedy);
        return None;
    };
    let (program, arguments) = words.split_first()?;
    if !Path::new(program).is_absolute() {
        let what = format!("{} is not an absolute path", redacted(program));
        section.report(found, what, "write the absolute path of the program first, then its arguments, each in quotes");
        return None;
    }
    Some(CommandTarget { program: PathBuf::from(program), arguments: arguments.to_vec() })
}

/// The address where a layer has it; `None` where it is missing or empty.
pub(super) fn written_webhook<'a>(section: &SectionReader<'a>) -> Option<&'a LayerValue> {
    let found = section.find(WEBHOOK)?;
    let is_empty = text_of(&found.value).is_ok_and(|text| text.trim().is_empty());
    (!is_empty).then_some(found)
}

/// The source of the address if no layer has it, or if a file has both the address and `webhook_file`.
pub(super) fn secret_webhook<'a>(section: &SectionReader<'a>, credentials: Option<&Path>) -> Option<SecretSource<'a>> {
    let is_in_a_layer = written_webhook(section).is_some();
    find_secret(section, WEBHOOK, credentials).filter(|place| match place {
        SecretSource::File { .. } => {
            !written_webhook(section).is_some_and(|found| matches!(found.origin, Origin::Variable(_)))
        }
        SecretSource::Variable(_) | SecretSource::Credential(_) => !is_in_a_layer,
    })
}

fn webhook(section: &mut SectionReader<'_>, credentials: Option<&Path>) -> Option<WebhookUrl> {
    const REMEDY: &str = "write the https address of the receiver; http is allowed on this host only";
    let written = written_webhook(section);
    if let Some(place) = secret_webhook(section, credentials) {
        if let Some(found) = written {
            let what = format!("is set beside notify.{}", file_key(WEBHOOK));
            section.report(found, what, "keep one of the two");
            return None;
        }
        let text = read_or_report(section, WEBHOOK, &place)?;
        return match WebhookUrl::parse(text.expose_secret()) {
            Ok(url) => Some(url),
            Err(error) => {
                let (subject, place) = (section.path(WEBHOOK).to_string(), Some(place.to_string()));
                section.problems.push(Problem { subject, place, what: error.to_string(), remedy: REMEDY.to_owned() });
                None
            }
        };
    }
    let found = written?;
    match text_of(&found.value).and_then(|text| WebhookUrl::parse(text).map_err(|error| error.to_string())) {
        Ok(url) => Some(url),
        Err(what) => {
            section.report(found, what, REMEDY);
            None
        }
    }
}

/// Reads the three keys of mail, which are required together, and the password where the server's address names a user.
fn mail(layers: &Layers, credentials: Option<&Path>, problems: &mut Vec<Problem>) -> Option<MailTarget> {
    let mut section = SectionReader::at(layers, KeyPath::root().with(NOTIFY).with(MAIL), problems);
    let to = recipients(&mut section)?;
    let from = optional(&mut section, "from", "write one address, such as \"sync@acme.com\"", mailbox).ok()?;
    let remedy = "write smtps://user@host:465, smtp+starttls://user@host:587, or, for a server on this host, \
                smtp://localhost:25; the password is read from smtp_password";
    let parse = |text: &str| SmtpServer::parse(text).map_err(|error| error.to_string());
    let server = optional(&mut section, "smtp", remedy, parse).ok()?;
    if to.is_empty() && from.is_none() && server.is_none() {
        refuse_password(layers, credentials, problems);
        return None;
    }
    for (key, is_missing) in [("to", to.is_empty()), ("from", from.is_none()), ("smtp", server.is_none())] {
        if is_missing {
            section.report_missing(key, "mail needs to, from and smtp: write all three, or none".to_owned());
        }
    }
    let (from, server) = (from?, server?);
    let password = password(layers, credentials, &server, problems).ok()?;
    (!to.is_empty()).then_some(MailTarget { to, from, server, password, trusted_authorities: None })
}

/// Reports a password without mail, unless it is a systemd credential, which may be there for later use.
fn refuse_password(layers: &Layers, credentials: Option<&Path>, problems: &mut Vec<Problem>) {
    let section = SectionReader::new(layers, NOTIFY, problems);
    let place = find_secret(&section, SMTP_PASSWORD, credentials);
    let Some(place) = place.filter(|place| !matches!(place, SecretSource::Credential(_))) else { return };
    let what = "is set, and notify.mail is not".to_owned();
    let remedy = "write to, from and smtp under notify.mail, or remove the password".to_owned();
    let (subject, place) = (section.path(SMTP_PASSWORD).to_string(), Some(place.to_string()));
    section.problems.push(Problem { subject, place, what, remedy });
}

/// The password of the user in the server's address.
fn password(
    layers: &Layers,
    credentials: Option<&Path>,
    server: &SmtpServer,
    problems: &mut Vec<Problem>,
) -> Result<Option<SecretString>, Reported> {
    let mut section = SectionReader::new(layers, NOTIFY, problems);
    match (&server.user, find_secret(&section, SMTP_PASSWORD, credentials)) {
        (None, None) => Ok(None),
        (Some(_), Some(place)) => read_or_report(&mut section, SMTP_PASSWORD, &place).map(Some).ok_or(Reported),
        (Some(user), None) => {
            let remedy =
                format!("write notify.{}, or remove \"{user}@\" from notify.mail.smtp", file_key(SMTP_PASSWORD));
            section.report_missing(SMTP_PASSWORD, remedy);
            Err(Reported)
        }
        (None, Some(place)) => {
            let (subject, place) = (section.path(SMTP_PASSWORD).to_string(), Some(place.to_string()));
            let what = "is set, and notify.mail.smtp names no user".to_owned();
            let remedy =
                "write the user into the address, as in smtps://user@host:465, or remove the password".to_owned();
            section.problems.push(Problem { subject, place, what, remedy });
            Err(Reported)
        }
    }
}

fn recipients(section: &mut SectionReader<'_>) -> Option<Vec<Mailbox>> {
    let addresses = section.list("to")?;
    let found = section.find("to")?;
    let mut to = Vec::with_capacity(addresses.len());
    for address in &addresses {
        match mailbox(address) {
            Ok(mailbox) => to.push(mailbox),
            Err(what) => section.report(found, what, "write addresses such as [\"ops@acme.com\"]"),
        }
    }
    (to.len() == addresses.len()).then_some(to)
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| format!("{} is not a mail address", redacted(text)))
}

/// Reads a string that may be empty.
fn optional<T>(
    section: &mut SectionReader<'_>,
    key: &str,
    remedy: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Reported> {
    section.parse(key, remedy, |text| if text.is_empty() { Ok(None) } else { read(text).map(Some) }).ok_or(Reported)
}

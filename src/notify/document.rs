//! The document that targets receive: as JSON, and as the text of a mail.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::UserNames;
use crate::domain::{Notification, printable, to_the_second};

/// Version of the document format.
const VERSION: u32 = 1;

/// The document. The field names are fixed. Chat systems show the field `text` of a webhook's document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    /// The same id for all targets and attempts, so that a receiver can drop repetitions.
    id: &'a str,
    kind: &'static str,
    time: String,
    organization: Option<&'a str>,
    run: Option<&'a str>,
    instance: Option<&'a str>,
    digest: Option<&'a str>,
    text: Cow<'a, str>,
    what_to_do: Cow<'a, str>,
    counts: &'a BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "people")]
    operators: Option<&'a [String]>,
    page: Option<&'a str>,
}

/// Where the notification comes from.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// The name of the organization on this host, where it serves several.
    pub(super) organization: Option<&'a str>,
    /// The URL of the page that shows more.
    pub(super) page: Option<&'a str>,
}

impl Place<'_> {
    /// The text, which names the organization first: chat systems show nothing else.
    fn named(self, text: &str) -> Cow<'_, str> {
        self.organization.map_or(Cow::Borrowed(text), |name| Cow::Owned(format!("{name}: {text}")))
    }

    /// The remedy, whose commands concern this organization.
    fn remedy(self, text: &str) -> Cow<'_, str> {
        let Some(name) = self.organization else { return Cow::Borrowed(text) };
        Cow::Owned(text.replace("campaign-group-sync ", &format!("campaign-group-sync --organization {name} ")))
    }
}

impl<'a> Document<'a> {
    pub(super) fn new(id: &'a str, notification: &'a Notification, place: Place<'a>, names: UserNames) -> Self {
        Self {
            version: VERSION,
            id,
            kind: notification.kind.as_str(),
            time: to_the_second(notification.time),
            organization: place.organization,
            run: notification.run.as_deref(),
            instance: notification.instance.as_deref(),
            digest: notification.digest.as_deref(),
            text: place.named(&notification.text),
            what_to_do: place.remedy(&notification.what_to_do),
            counts: &notification.counts,
            operators: (names == UserNames::Included).then_some(notification.operators.as_slice()),
            page: place.page,
        }
    }

    /// The document as JSON on one line.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The subject of a mail.
    pub(super) fn subject(&self) -> String {
        format!("[campaign-group-sync] {}: {}", self.kind, printable(&self.text))
    }

    /// The text of a mail.
    pub(super) fn plain_text(&self) -> String {
        let mut text = format!("{}\n\nWhat to do: {}\n\n", printable(&self.text), printable(&self.what_to_do));
        let fields = [
            ("organization", self.organization),
            ("run", self.run),
            ("instance", self.instance),
            ("digest", self.digest),
            ("page", self.page),
        ];
        let mut line = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {}", printable(value));
        };
        line("time", &self.time);
        for (name, value) in fields {
            if let Some(value) = value {
                line(name, value);
            }
        }
        for (name, count) in self.counts {
            line(name, &count.to_string());
        }
        let operators = self.operators.unwrap_or_default();
        if !operators.is_empty() {
            line("operators", &operators.join(", "));
        }
        line("id", self.id);
        text
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn notification() -> Notification {
        let time = DateTime::from_timestamp(1_795_413_600, 0).expect("a time");
        Notification {
            run: Some("01KB0000000000000000000003".to_owned()),
            instance: Some("production".to_owned()),
            text: "production: 1 change was applied\nX-Forged: yes".to_owned(),
            counts: BTreeMap::from([("applied".to_owned(), 1)]),
            operators: vec!["ann@acme.com".to_owned()],
            ..Notification::test(time)
        }
    }

    #[test]
    fn names_are_included_only_where_that_is_configured() {
        let notification = notification();
        let json = |names| Document::new("01KC", &notification, Place::default(), names).json().expect("JSON");
        assert!(json(UserNames::Included).contains("\"people\":[\"ann@acme.com\"]"));
        assert!(!json(UserNames::Omitted).contains("people") && !json(UserNames::Omitted).contains("ann@"));
    }

    #[test]
    fn a_mail_is_plain_text_and_no_name_can_forge_a_line() {
        let notification = notification();
        let place = Place { page: Some("http://127.0.0.1:9464/runs/01KB"), ..Place::default() };
        let document = Document::new("01KC", &notification, place, UserNames::Included);
        insta::assert_snapshot!(format!("{}\n\n{}", document.subject(), document.plain_text()));
    }

    #[test]
    fn one_of_several_organizations_is_named_in_text_and_commands() {
        let notification =
            Notification { what_to_do: "campaign-group-sync approve 0aa44110a5da7e5f".to_owned(), ..notification() };
        let place = Place { organization: Some("acme"), page: None };
        let document = Document::new("01KC", &notification, place, UserNames::Omitted);
        assert_eq!(document.text, format!("acme: {}", notification.text));
        assert_eq!(document.what_to_do, "campaign-group-sync --organization acme approve 0aa44110a5da7e5f");
        assert!(document.json().expect("JSON").contains("\"organization\":\"acme\""));
        assert!(document.plain_text().contains("\norganization: acme\n"));
    }
}

//! What the targets get: one JSON document, and the same as the text of a mail.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use crate::domain::{Notification, printable, to_the_second};

/// Version of the document's form.
const VERSION: u32 = 1;

/// Whether names of users and operators are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum People {
    /// They are.
    Named,
    /// They are left out.
    Withheld,
}

/// The document. The field names are fixed. Chat systems show the field `text` of what they get by a webhook.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    /// The same for all targets and attempts: a receiver drops a repeat by it.
    id: &'a str,
    kind: &'static str,
    time: String,
    run: Option<&'a str>,
    instance: Option<&'a str>,
    digest: Option<&'a str>,
    text: &'a str,
    what_to_do: &'a str,
    counts: &'a BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<&'a [String]>,
    page: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn new(id: &'a str, notification: &'a Notification, page: Option<&'a str>, people: People) -> Self {
        Self {
            version: VERSION,
            id,
            kind: notification.kind.as_str(),
            time: to_the_second(notification.time),
            run: notification.run.as_deref(),
            instance: notification.instance.as_deref(),
            digest: notification.digest.as_deref(),
            text: &notification.text,
            what_to_do: &notification.what_to_do,
            counts: &notification.counts,
            people: (people == People::Named).then_some(notification.operators.as_slice()),
            page,
        }
    }

    /// On one line.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The subject of a mail.
    pub(super) fn subject(&self) -> String {
        format!("[campaign-group-sync] {}: {}", self.kind, printable(self.text))
    }

    /// The text of a mail.
    pub(super) fn plain_text(&self) -> String {
        let mut text = format!("{}\n\nWhat to do: {}\n\n", printable(self.text), printable(self.what_to_do));
        let fields = [("run", self.run), ("instance", self.instance), ("digest", self.digest), ("page", self.page)];
        let mut line = |name: &str, value: &str| {
            // A text takes every line.
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
        let people = self.people.unwrap_or_default();
        if !people.is_empty() {
            line("operators", &people.join(", "));
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
    fn people_are_named_only_where_that_is_wanted() {
        let notification = notification();
        let json = |people| Document::new("01KC", &notification, None, people).json().expect("JSON");
        assert!(json(People::Named).contains("\"people\":[\"ann@acme.com\"]"));
        assert!(!json(People::Withheld).contains("people") && !json(People::Withheld).contains("ann@"));
    }

    #[test]
    fn a_mail_is_plain_text_and_no_name_forges_a_line() {
        let notification = notification();
        let document = Document::new("01KC", &notification, Some("http://127.0.0.1:9464/runs/01KB"), People::Named);
        insta::assert_snapshot!(format!("{}\n\n{}", document.subject(), document.plain_text()));
    }
}

//! Log lines as text and as JSON: the message, then each field once, including those of the surrounding spans.

use std::fmt;

use anstyle::{AnsiColor, Style};
use chrono::{SecondsFormat, Utc};
use serde::ser::{SerializeMap as _, Serializer as _};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::domain::printable;

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// Readable text. Omits a field whose value is in the message already.
    Text,
    /// One JSON object, with every field.
    Json,
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.add_outer(outer);
            }
        }
        match self {
            Self::Text => text(writer, *event.metadata().level(), &fields),
            Self::Json => json(writer, *event.metadata().level(), &fields),
        }
    }
}

/// The fields of one event or span, made printable.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    message: String,
    others: Vec<(&'static str, FieldValue)>,
}

#[derive(Clone, Debug)]
enum FieldValue {
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
}

impl Fields {
    /// Adds the fields of a span around the event. A field of the event itself takes precedence.
    fn add_outer(&mut self, outer: &Self) {
        for (name, value) in &outer.others {
            if !self.others.iter().any(|(known, _)| known == name) {
                self.others.push((name, value.clone()));
            }
        }
    }

    fn push(&mut self, field: &Field, value: FieldValue) {
        // The fields that the crate `log` adds (`log.target`, `log.line`) are of no use to a reader.
        if !field.name().starts_with("log.") {
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = printable(value).into_owned(),
            _ => self.push(field, FieldValue::Text(printable(value).into_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, FieldValue::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, FieldValue::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, FieldValue::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, FieldValue::Flag(value));
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

/// The field that marks the lines of a run: shown in every line, even if the message has its value.
const RUN_ID: &str = "run.id";

fn text(mut writer: Writer<'_>, level: Level, fields: &Fields) -> fmt::Result {
    let is_coloured = writer.has_ansi_escapes();
    let styled = |style: Style| if is_coloured { style } else { Style::new() };
    let (strong, dim) = (styled(style_of(level)), styled(Style::new().dimmed()));
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    write!(writer, "{dim}{time}{dim:#} {strong}{level:>5}{strong:#} {}", fields.message)?;
    for (name, value) in &fields.others {
        let value = value.to_string();
        if *name == RUN_ID || !message_contains(&fields.message, &value) {
            write!(writer, " {dim}{name}={dim:#}{}", Quoted(&value))?;
        }
    }
    writer.write_char('\n')
}

fn style_of(level: Level) -> Style {
    match level {
        Level::ERROR => AnsiColor::Red.on_default().bold(),
        Level::WARN => AnsiColor::Yellow.on_default(),
        Level::INFO => AnsiColor::Green.on_default(),
        _ => AnsiColor::Blue.on_default(),
    }
}

/// Whether the message contains this value as a whole word.
fn message_contains(message: &str, value: &str) -> bool {
    let is_part_of_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    !value.is_empty()
        && message.match_indices(value).any(|(at, found)| {
            let (before, after) = (&message[..at], &message[at + found.len()..]);
            !is_part_of_word(before.chars().next_back()) && !is_part_of_word(after.chars().next())
        })
}

/// Puts a value in quotes where its end would not be clear otherwise.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |character: char| !character.is_whitespace() && character != '"' && character != '=';
        if !self.0.is_empty() && self.0.chars().all(is_plain) {
            f.write_str(self.0)
        } else {
            write!(f, "\"{}\"", self.0.replace('"', "\\\""))
        }
    }
}

fn json(mut writer: Writer<'_>, level: Level, fields: &Fields) -> fmt::Result {
    let line = json_line(level, fields).map_err(|_| fmt::Error)?;
    writer.write_str(&line)?;
    writer.write_char('\n')
}

fn json_line(level: Level, fields: &Fields) -> Result<String, serde_json::Error> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true))?;
    map.serialize_entry("level", level.as_str())?;
    map.serialize_entry("message", &fields.message)?;
    for (name, value) in &fields.others {
        match value {
            FieldValue::Text(text) => map.serialize_entry(name, text)?,
            FieldValue::Signed(number) => map.serialize_entry(name, number)?,
            FieldValue::Unsigned(number) => map.serialize_entry(name, number)?,
            FieldValue::Float(number) => map.serialize_entry(name, number)?,
            FieldValue::Flag(flag) => map.serialize_entry(name, flag)?,
        }
    }
    serde::ser::SerializeMap::end(map)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_only_as_a_whole_word() {
        let check = |message: &str, value: &str, expected: bool| {
            assert_eq!(message_contains(message, value), expected, "{value}");
        };
        check("applied: add ann@acme.com to delivery", "ann@acme.com", true);
        check("applied: add joann@acme.com to delivery", "ann@acme.com", false);
        check("15 changes are held", "5", false);
        check("5 changes are held", "5", true);
        check("the value is empty", "", false);
    }

    #[test]
    fn a_value_is_quoted_where_its_end_is_not_clear() {
        let check = |value: &str, expected: &str| assert_eq!(Quoted(value).to_string(), expected);
        check("delivery", "delivery");
        check("Campaign - acme", "\"Campaign - acme\"");
        check("say \"no\"", "\"say \\\"no\\\"\"");
        check("", "\"\"");
    }
}

//! Reads the values of one section as types: checks each value and reports each problem.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use chrono::NaiveDate;

use config::ValueKind;

use super::{
    KeyPath, Problem,
    layers::{LayerValue, Layers, variable},
    redacted::{redacted, redacted_value},
    schema::{EVERY_INSTANCE, INSTANCES},
};
use crate::{
    journal::RetentionPeriod,
    transport::{BaseUrl, BaseUrlError},
};

/// Longest duration that is accepted: longer ones have no use and overflow the arithmetic of clocks.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads the keys of one section, or of one instance. A value that cannot be used is `None`, and reported as a problem.
pub(super) struct SectionReader<'a> {
    layers: &'a Layers,
    path: KeyPath,
    /// The table to read where the section itself has no value.
    fallback: Option<KeyPath>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl<'a> SectionReader<'a> {
    /// A section of this name.
    pub(super) fn new(layers: &'a Layers, name: &str, problems: &'a mut Vec<Problem>) -> Self {
        Self { layers, path: KeyPath::root().with(name), fallback: None, problems }
    }

    /// A table at any path.
    pub(super) fn at(layers: &'a Layers, path: KeyPath, problems: &'a mut Vec<Problem>) -> Self {
        Self { layers, path, fallback: None, problems }
    }

    /// The section of one instance. Keys that are missing there are read from the defaults of all instances.
    pub(super) fn of_instance(layers: &'a Layers, name: &str, problems: &'a mut Vec<Problem>) -> Self {
        let instances = KeyPath::root().with(INSTANCES);
        Self { layers, path: instances.with(name), fallback: Some(instances.with(EVERY_INSTANCE)), problems }
    }

    pub(super) fn layers(&self) -> &'a Layers {
        self.layers
    }

    /// The path of the section itself.
    pub(super) fn name(&self) -> &KeyPath {
        &self.path
    }

    /// The path of a key of this section.
    pub(super) fn path(&self, key: &str) -> KeyPath {
        self.path.with(key)
    }

    /// The paths of a key, in descending order of precedence.
    pub(super) fn paths(&self, key: &str) -> impl Iterator<Item = KeyPath> {
        [Some(&self.path), self.fallback.as_ref()].into_iter().flatten().map(move |path| path.with(key))
    }

    /// The value of a key, from any layer.
    pub(super) fn find(&self, key: &str) -> Option<&'a LayerValue> {
        let layers = self.layers;
        self.paths(key).find_map(|path| layers.value(&path))
    }

    /// Reports a problem of a value.
    pub(super) fn report(&mut self, found: &LayerValue, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::of_key(&found.path, &found.origin, what, remedy));
    }

    /// Reports a required key that is missing.
    ///
    /// Reports nothing where its value was refused before, or where a file that may contain the key could not be read.
    pub(super) fn report_missing(&mut self, key: &str, remedy: String) {
        let subject = self.path(key).to_string();
        if self.layers.has_unreadable_layer() || self.problems.iter().any(|problem| problem.subject == subject) {
            return;
        }
        self.problems.push(Problem { subject, place: None, what: "is required and not set".to_owned(), remedy });
    }

    /// The value of a required key.
    fn require(&mut self, key: &str) -> Option<&'a LayerValue> {
        let found = self.find(key);
        if found.is_none() {
            self.report_missing(
                key,
                format!("write {key} under [{}], or set {}", self.path, variable(&self.path(key))),
            );
        }
        found
    }

    /// A string, trimmed and converted by `read`, whose error is the problem; `remedy` says what is valid.
    pub(super) fn parse<T>(
        &mut self,
        key: &str,
        remedy: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parse_untrimmed(key, remedy, |text| read(text.trim()))
    }

    /// As [`Self::parse`], and not trimmed.
    pub(super) fn parse_untrimmed<T>(
        &mut self,
        key: &str,
        remedy: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.require(key)?;
        match text_of(&found.value).and_then(read) {
            Ok(value) => Some(value),
            Err(what) => {
                self.report(found, what, remedy);
                None
            }
        }
    }

    /// A string that is not empty.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.parse(key, "set a value that is not empty", |text| not_empty(text).map(str::to_owned))
    }

    /// A string for an HTTP header: visible ASCII characters, without spaces.
    pub(super) fn token(&mut self, key: &str) -> Option<String> {
        self.parse(key, "copy it again: it contains no spaces and no accented letters", |text| {
            let text = not_empty(text)?;
            let is_token = text.chars().all(|c| c.is_ascii_graphic());
            if is_token {
                Ok(text.to_owned())
            } else {
                Err(format!("{} contains characters that cannot be sent", redacted(text)))
            }
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.parse(key, &format!("write one of {}", words.join(", ")), |text| {
            let choice = choices.iter().find(|(word, _)| *word == text);
            choice.map(|(_, choice)| *choice).ok_or_else(|| format!("{} is not a valid value", redacted(text)))
        })
    }

    /// Some of a few words.
    pub(super) fn choices<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<Vec<T>> {
        let words = self.list(key)?;
        let found = self.find(key)?;
        let mut chosen = Vec::with_capacity(words.len());
        for word in &words {
            if let Some((_, choice)) = choices.iter().find(|(known, _)| known == word) {
                chosen.push(*choice);
                continue;
            }
            let known: Vec<String> = choices.iter().map(|(known, _)| format!("\"{known}\"")).collect();
            let remedy = format!("write any of {}", known.join(", "));
            self.report(found, format!("{} is not a valid value", redacted(word)), remedy);
        }
        (chosen.len() == words.len()).then_some(chosen)
    }

    /// True or false; in the environment it is a string.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let found = self.require(key)?;
        let flag = match &found.value {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.report(
                found,
                format!("{} is neither true nor false", redacted_value(&found.value)),
                "write true or false",
            );
        }
        flag
    }

    /// A whole number; in the environment it is a string.
    fn number<T>(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<T>
    where
        T: TryFrom<u32>,
    {
        let found = self.require(key)?;
        let what = match number_of(&found.value).map(u32::try_from) {
            Some(Ok(number)) if range.contains(&number) => return T::try_from(number).ok(),
            Some(_) => format!("{} is out of range", redacted_value(&found.value)),
            None => format!("{} is not a whole number", redacted_value(&found.value)),
        };
        let remedy = match range.into_inner() {
            (low, u32::MAX) => format!("write a whole number, {low} or more"),
            (low, high) => format!("write a whole number from {low} to {high}"),
        };
        self.report(found, what, remedy);
        None
    }

    /// A maximum, which may be 0.
    pub(super) fn count(&mut self, key: &str) -> Option<usize> {
        self.number(key, 0..=u32::MAX)
    }

    /// Calls per minute, at least 1.
    pub(super) fn rate(&mut self, key: &str) -> Option<NonZeroU32> {
        self.number(key, 1..=u32::MAX)
    }

    /// A number of things, at least 1.
    pub(super) fn at_least_one(&mut self, key: &str) -> Option<NonZeroU32> {
        self.number(key, 1..=u32::MAX)
    }

    /// Percent, from 0 to 100.
    pub(super) fn percent(&mut self, key: &str) -> Option<u8> {
        self.number(key, 0..=100)
    }

    /// A duration, which may be 0.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.parse(key, "write it like \"2h\", \"90s\" or \"1h 30m\", ten years at most", duration_of)
    }

    /// How long something is kept: a duration, or `forever`.
    pub(super) fn kept(&mut self, key: &str) -> Option<RetentionPeriod> {
        self.parse(key, "write \"forever\", or a duration such as \"90d\", ten years at most", |text| match text {
            "forever" => Ok(RetentionPeriod::Forever),
            text => duration_of(text).map(RetentionPeriod::For),
        })
    }

    /// A date.
    pub(super) fn day(&mut self, key: &str) -> Option<NaiveDate> {
        self.parse(key, "write it like \"2027-03-31\"", |text| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("{} is not a valid date", redacted(text)))
        })
    }

    /// An address of Adobe or Campaign.
    pub(super) fn address(&mut self, key: &str) -> Option<BaseUrl> {
        const REMEDY: &str = "write an address such as \"https://host.example\"; http is allowed on this host only";
        self.parse(key, REMEDY, |text| {
            BaseUrl::parse(not_empty(text)?).map_err(|error| match error {
                BaseUrlError::Unreadable { source, .. } => {
                    format!("{} is not a valid address: {source}", redacted(text))
                }
                BaseUrlError::InTheClear { .. } => format!("{} would send secrets unencrypted", redacted(text)),
                BaseUrlError::Decorated { .. } => {
                    format!("{} contains a user, a password, a query or a fragment", redacted(text))
                }
            })
        })
    }

    /// Strings: a list, or one string with commas.
    pub(super) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let found = self.require(key)?;
        let list = list_of(&found.value);
        if list.is_none() {
            self.report(found, "is not a list of strings", "write it like [\"one\", \"two\"]; in a variable: one,two");
        }
        list
    }
}

/// A string, not trimmed.
pub(super) fn text_of(value: &ValueKind) -> Result<&str, String> {
    match value {
        ValueKind::String(text) => Ok(text),
        other => Err(format!("must be a string in quotes, not {}", redacted_value(other))),
    }
}

/// A whole number, also from a string.
pub(super) fn number_of(value: &ValueKind) -> Option<i64> {
    match value {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A list of strings, also from one string with commas. Skips empty entries.
pub(super) fn list_of(value: &ValueKind) -> Option<Vec<String>> {
    let entries: Vec<&str> = match value {
        ValueKind::String(text) => text.split(',').collect(),
        ValueKind::Array(values) => values.iter().map(|value| text_of(&value.kind).ok()).collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    Some(entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
}

fn duration_of(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{} is not a valid duration: {error}", redacted(text)))?;
    if duration > LONGEST { Err(format!("{} is too long", redacted(text))) } else { Ok(duration) }
}

fn not_empty(text: &str) -> Result<&str, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text) }
}

//! The problems of a configuration, each with its place and a remedy.

use std::{fmt, path::Path};

use super::{
    KeyPath,
    layers::{Layers, Origin},
    schema::{EVERY_INSTANCE, INSTANCES, holds_secret, nearest},
    sources::FILE_VARIABLE,
};
use crate::domain::InstanceName;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, the file or the variable it is about.
    pub subject: String,
    /// File and line, or variable; `None` for a missing key.
    pub place: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// All problems of a configuration, at least one. Shown as a numbered list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// Files first, then variables, then keys in the order of `config/default.toml`.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        write!(f, ": {}\n   {}", self.what, self.remedy)
    }
}

impl SettingsError {
    /// Whether all problems are about secrets: missing, or not readable for this user.
    pub fn is_about_secrets_only(&self) -> bool {
        self.problems.iter().all(Problem::is_about_a_secret)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        for (problem, number) in self.problems.iter().zip(1..) {
            write!(f, "\n{number}. {problem}")?;
        }
        Ok(())
    }
}

impl Problem {
    /// Whether it is about a secret: one that is missing, or not readable for this user.
    pub(super) fn is_about_a_secret(&self) -> bool {
        holds_secret(self.subject.rsplit('.').next().unwrap_or_default())
    }

    /// No configuration file is named, and the file of the system does not exist.
    pub(super) fn no_file(path: &Path) -> Self {
        Self {
            subject: path.display().to_string(),
            place: None,
            what: "there is no such file, and no other configuration file is named".to_owned(),
            remedy: format!("name your file with --config or {FILE_VARIABLE}, or create this one"),
        }
    }

    /// The problem and its remedy, for a log.
    pub fn on_one_line(&self) -> String {
        self.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ")
    }

    /// A problem of a key in a layer.
    pub(super) fn of_key(path: &KeyPath, origin: &Origin, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject: path.to_string(), place: Some(origin.to_string()), what: what.into(), remedy: remedy.into() }
    }

    /// A problem of a key of an instance, which has its own value or the default of all instances.
    pub(super) fn of_instance_key(
        layers: &Layers,
        instance: &InstanceName,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let instances = KeyPath::root().with(INSTANCES);
        let paths = [instance.as_str(), EVERY_INSTANCE].map(|table| instances.with(table).with(key));
        let found = paths.iter().find_map(|path| layers.value(path));
        let place = found.map(|found| found.origin.to_string());
        let [subject, _] = paths.map(|path| path.to_string());
        Self { subject, place, what: what.into(), remedy: remedy.into() }
    }

    /// The key is unknown.
    pub(super) fn unknown(path: &KeyPath, origin: &Origin) -> Self {
        let remedy = format!("the nearest known key is {}", nearest(path));
        Self::of_key(path, origin, "there is no such key", remedy)
    }

    /// There is a value in the place of a table.
    pub(super) fn not_a_table(path: &KeyPath, origin: &Origin) -> Self {
        let names: Vec<&str> = path.names().collect();
        let remedy = match (origin, names.as_slice()) {
            (Origin::Variable(name), _) => format!("add two underscores and a key: {name}__KEY"),
            (_, [INSTANCES, _]) => {
                "choose a name for the instance and write its keys below [instances.NAME]".to_owned()
            }
            _ => format!("write the heading [{path}] and keys below it"),
        };
        Self::of_key(path, origin, "is a table and cannot have a value", remedy)
    }

    /// One file has two spellings of one name.
    pub(super) fn same_name(path: &KeyPath, other: &KeyPath, origin: &Origin) -> Self {
        let what = format!("is the same as {other}: upper and lower case make no difference");
        Self::of_key(path, origin, what, "keep one of the two")
    }

    /// A secret is in the configuration file, which is copied, mailed and put under version control.
    pub(super) fn secret_in_file(path: &KeyPath, origin: &Origin, variable: &str) -> Self {
        let remedy = format!("put it into a file of its own and set {path}_file, or set {variable}");
        Self::of_key(path, origin, "a secret must not be in the configuration file", remedy)
    }
}

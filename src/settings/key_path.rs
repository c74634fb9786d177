//! The path of a key, such as `instances.production.url`, and when two paths are the same.

use std::fmt;

use super::schema::{INSTANCES, PROTECTED_GROUPS};
use crate::domain::FoldedName;

/// The names of the tables and of the key, from the root down, as they are spelled in a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(Vec<String>);

impl KeyPath {
    /// The path of the table that contains all others.
    pub(super) fn root() -> Self {
        Self(Vec::new())
    }

    /// The path of `name` in the table at this path.
    pub(super) fn with(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }

    /// Whether this path begins with `other` and is longer.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }

    /// The names from the root down.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The form for comparing: upper and lower case differ in names of keys, and not in those of instances and operator
    /// groups.
    pub(super) fn folded(&self) -> Self {
        let mut names = self.0.clone();
        if names.first().is_some_and(|section| section == INSTANCES) {
            if let Some(instance) = names.get_mut(1) {
                *instance = FoldedName::new(instance).into_string();
            }
            if names.get(2).is_some_and(|key| key == PROTECTED_GROUPS)
                && let Some(group) = names.get_mut(3)
            {
                *group = FoldedName::new(group).into_string();
            }
        }
        Self(names)
    }
}

/// Writes a dotted key as TOML does: names with other characters are quoted.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if is_plain {
                write!(f, "{dot}{name}")?;
            } else {
                write!(f, "{dot}{name:?}")?;
            }
        }
        Ok(())
    }
}

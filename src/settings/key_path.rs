//! The way to a key, such as `instances.production.url`, and which two ways are the same.

use std::fmt;

use super::schema::{INSTANCES, PROTECTED_GROUPS};
use crate::domain::FoldedName;

/// The names that lead to a key, as somebody spelled them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(Vec<String>);

impl KeyPath {
    /// The table that holds all others.
    pub(super) fn root() -> Self {
        Self(Vec::new())
    }

    /// What is called `name` in the table at this path.
    pub(super) fn with(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }

    /// Whether this path leads through `other`.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }

    /// The names from the root down.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The form for comparing: the names of instances and of operator groups have no case, those of keys do.
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

/// As TOML writes a dotted key: names that are not plain are quoted.
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

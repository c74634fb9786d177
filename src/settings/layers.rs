//! All layers in one: a value for each key, with its origin.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use config::ValueKind;

use super::{
    KeyPath, Problem,
    environment_layer::warning,
    organization::OrganizationName,
    schema::{DEFAULTS, EVERY_INSTANCE, INSTANCES},
    sources::Sources,
};
use crate::transport::SecretString;

/// The beginning of the name of a variable; section and key follow.
pub(super) const PREFIX: &str = "CAMPAIGN_GROUP_SYNC";

/// Separates the names of a path in the name of a variable.
pub(super) const SEPARATOR: &str = "__";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The defaults, which are compiled in.
    Default,
    /// The defaults that differ for each organization of this host.
    Organization(OrganizationName),
    /// A file; lines are counted from 1.
    File { path: PathBuf, line: Option<usize> },
    /// The environment variable of this name.
    Variable(String),
}

/// A value of the highest layer that has the key.
pub(super) struct LayerValue {
    pub(super) value: ValueKind,
    pub(super) origin: Origin,
    /// The key as this layer spells it.
    pub(super) path: KeyPath,
}

/// A secret from the environment.
pub(super) struct SecretVariable {
    pub(super) name: String,
    pub(super) value: SecretString,
}

/// All layers in one.
#[derive(Default)]
pub(super) struct Layers {
    values: BTreeMap<KeyPath, LayerValue>,
    secrets: BTreeMap<KeyPath, SecretVariable>,
    has_unreadable_layer: bool,
    /// The file of the system, where no other one is named and it does not exist.
    missing_file: Option<PathBuf>,
    /// The names in lower case, each with the spelling of the lowest layer that has it.
    instances: BTreeMap<String, String>,
}

impl Layers {
    /// Reads all layers. Skips and reports what cannot be used.
    pub(super) fn read(sources: &Sources, problems: &mut Vec<Problem>) -> Self {
        let mut layers = Self::default();
        layers.add_toml(DEFAULTS, &Origin::Default, problems);
        if let Some(organization) = sources.organization() {
            organization.add_defaults(&mut layers);
        }
        match sources.config_file() {
            Ok(file) => layers.add_file(file, problems),
            Err(problem) => {
                layers.mark_unreadable_layer();
                problems.push(problem);
            }
        }
        layers.add_environment(&sources.environment, problems);
        layers
    }

    /// The value at a path.
    pub(super) fn value(&self, path: &KeyPath) -> Option<&LayerValue> {
        self.values.get(&path.folded())
    }

    /// The secret at a path, where the environment has one.
    pub(super) fn secret(&self, path: &KeyPath) -> Option<&SecretVariable> {
        self.secrets.get(&path.folded())
    }

    /// The values below a path, sorted.
    pub(super) fn below(&self, path: &KeyPath) -> impl Iterator<Item = &LayerValue> {
        let path = path.folded();
        self.values.iter().filter(move |(other, _)| other.is_below(&path)).map(|(_, found)| found)
    }

    /// Whether a layer could not be read: it may contain the keys that are missing.
    pub(super) fn has_unreadable_layer(&self) -> bool {
        self.has_unreadable_layer
    }

    /// The names of all instances, sorted without regard to case.
    pub(super) fn instances(&self) -> impl ExactSizeIterator<Item = &str> {
        self.instances.values().map(String::as_str)
    }

    pub(super) fn put(&mut self, path: KeyPath, value: ValueKind, origin: Origin) {
        self.values.insert(path.folded(), LayerValue { value, origin, path });
    }

    pub(super) fn put_secret(&mut self, path: &KeyPath, secret: SecretVariable) {
        self.secrets.insert(path.folded(), secret);
    }

    /// Records that no file was read, because this one does not exist.
    pub(super) fn miss_file(&mut self, path: PathBuf) {
        self.missing_file = Some(path);
    }

    /// The file that would have been read, where none was.
    pub(super) fn missing_file(&self) -> Option<&Path> {
        self.missing_file.as_deref()
    }

    /// Records that a layer could not be read.
    pub(super) fn mark_unreadable_layer(&mut self) {
        self.has_unreadable_layer = true;
    }

    /// Records the instance that a path names, if any. Fails where its name is not valid.
    pub(super) fn register_instance(&mut self, path: &KeyPath, origin: &Origin) -> Result<(), Problem> {
        let mut names = path.names();
        let (Some(INSTANCES), Some(name)) = (names.next(), names.next()) else { return Ok(()) };
        if name == EVERY_INSTANCE && !matches!(origin, Origin::Variable(_)) {
            return Ok(());
        }
        // The name becomes part of variables, of the file names of credentials, and of metrics.
        if !is_plain_name(name) || name.contains(SEPARATOR) {
            let what = format!("\"{name}\" is not a valid name of an instance");
            let remedy = "use ASCII letters, digits, \"-\" and single \"_\", and begin with a letter or a digit";
            return Err(Problem::of_key(path, origin, what, remedy));
        }
        self.instances.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
        Ok(())
    }
}

/// Whether a name has only ASCII letters, digits, "-" and "_", and begins with a letter or a digit.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Warnings about variables that are ignored.
pub(super) fn warnings_of_environment(sources: &Sources) -> impl Iterator<Item = String> {
    sources.environment.keys().filter_map(|name| warning(name))
}

/// The variable that sets a key.
pub(super) fn variable(path: &KeyPath) -> String {
    path.names().fold(PREFIX.to_owned(), |variable, name| variable + SEPARATOR + &name.to_uppercase())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Organization(name) => write!(f, "default of organization {name}"),
            Self::File { path, line: Some(line) } => write!(f, "{}, line {line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

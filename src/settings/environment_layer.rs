//! The highest layer: environment variables such as `CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS`.

use std::collections::BTreeMap;

use config::ValueKind;

use super::{
    KeyPath, Problem,
    layers::{Layers, Origin, PREFIX, SEPARATOR, SecretVariable},
    schema::{KeyKind, classify, schema},
};

impl Layers {
    /// Puts the values of the variables above those of the files. Secrets are kept apart from all other values.
    pub(super) fn add_environment(&mut self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (name, value) in environment {
            let Some(key) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(SEPARATOR)) else { continue };
            let key = key.to_lowercase();
            if let Some(other) = seen.get(&key) {
                problems.push(problem(name, format!("sets the same key as {other}"), "keep one of the two"));
                continue;
            }
            let path = key.split(SEPARATOR).fold(KeyPath::root(), |path, part| path.with(part));
            match self.kind_of_variable(name, value, &path) {
                Ok(KeyKind::Secret) => {
                    let secret = SecretVariable { name: name.clone(), value: value.clone().into() };
                    self.put_secret(&path, secret);
                }
                Ok(_) => self.put(path, ValueKind::String(value.clone()), Origin::Variable(name.clone())),
                Err(problem) => problems.push(problem),
            }
            seen.insert(key, name);
        }
    }

    /// The kind of key that a variable sets. Fails where the variable cannot be used.
    fn kind_of_variable(&mut self, name: &str, value: &str, path: &KeyPath) -> Result<KeyKind, Problem> {
        let origin = Origin::Variable(name.to_owned());
        match classify(path) {
            KeyKind::Unknown => Err(Problem::unknown(path, &origin)),
            KeyKind::Table | KeyKind::ProtectedGroup => Err(Problem::not_a_table(path, &origin)),
            // `Sources` puts this character in place of bytes that are not UTF-8.
            _ if value.contains(char::REPLACEMENT_CHARACTER) => {
                Err(problem(name, "the value is not UTF-8".to_owned(), "set a value in UTF-8"))
            }
            kind => self.register_instance(path, &origin).map(|()| kind),
        }
    }
}

/// A warning about a variable that is ignored because it has single underscores.
///
/// Not an error: Kubernetes sets such variables for a service of this name, such as `CAMPAIGN_GROUP_SYNC_HTTP_PORT`.
pub(super) fn warning(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?.strip_prefix('_')?.to_lowercase();
    let section = schema().sections.iter().find(|section| rest.starts_with(section.name))?;
    let key = rest.strip_prefix(section.name)?.trim_start_matches('_');
    Some(format!(
        "the environment variable {name} is ignored; write two underscores before the section and before the key: {}",
        [PREFIX, section.name, key].join(SEPARATOR).to_uppercase()
    ))
}

fn problem(name: &str, what: String, remedy: &str) -> Problem {
    Problem { subject: format!("environment variable {name}"), place: None, what, remedy: remedy.to_owned() }
}

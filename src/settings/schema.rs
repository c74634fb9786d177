//! The keys of the configuration: name, default and documentation of each, read from `config/default.toml`.
//!
//! A key is added there, and in the file of its section in this module, which checks its value. Unknown keys and the
//! key that was probably meant, the list of effective values and the generated documentation come from this table.

use std::sync::LazyLock;

use super::KeyPath;

/// The text of `config/default.toml`: the lowest layer.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The table whose tables are the Campaign instances.
pub(super) const INSTANCES: &str = "instances";

/// The name of the table with the defaults of all instances.
pub(super) const EVERY_INSTANCE: &str = "*";

/// The key that holds a table for each protected group.
pub(super) const PROTECTED_GROUPS: &str = "protected_groups";

/// The section of notifications.
pub(super) const NOTIFY: &str = "notify";

/// The table in it that says how mail is sent.
pub(super) const MAIL: &str = "mail";

/// The keys of that table.
pub(super) const MAIL_KEYS: [&str; 3] = ["to", "from", "smtp"];

/// The keys of one protected group.
pub(super) const PROTECTED_GROUP_KEYS: [&str; 2] = ["min_members", "required"];

/// The keys of an instance that only a technical account needs.
pub(super) const IMS_KEYS: [&str; 5] =
    ["client_id", "client_secret", "client_secret_file", "client_secret_expires", "scopes"];

/// The keys of an instance that only an operator with a password needs.
pub(super) const NATIVE_KEYS: [&str; 3] = ["login", "password", "password_file"];

/// The keys that are refused in a file, in every section.
const SECRETS: [&str; 3] = ["client_secret", "password", SMTP_PASSWORD];

/// The key of the password for the mail server.
pub(super) const SMTP_PASSWORD: &str = "smtp_password";

/// The key of the webhook's address. A file may hold it, although the address is a secret.
pub(super) const WEBHOOK: &str = "webhook";

/// Least similarity, from 0 to 1, at which an unknown key stands for its most similar neighbour rather than for a key
/// of another section that has the very name.
const MIN_SIMILARITY: f64 = 0.6;

/// The documentation of the configuration.
#[derive(Debug, Default)]
pub struct Schema {
    /// What holds for all sections.
    pub introduction: String,
    /// In the order of `config/default.toml`.
    pub sections: Vec<SchemaSection>,
}

/// A section of the configuration. That of the instances exists once for each instance.
#[derive(Debug)]
pub struct SchemaSection {
    /// The name of its table: `guard`.
    pub name: &'static str,
    /// The heading with its brackets: `[instances."*"]`.
    pub heading: &'static str,
    /// What the section is about.
    pub text: String,
    /// In the order of `config/default.toml`.
    pub keys: Vec<SchemaKey>,
}

/// A key of the configuration.
#[derive(Debug)]
pub struct SchemaKey {
    /// Its name in the section.
    pub name: &'static str,
    /// The default as TOML; `None` where `config/default.toml` shows an example.
    pub default: Option<&'static str>,
    /// What the key means.
    pub text: String,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A table with keys or tables of its own.
    Table,
    /// The table of one protected group, which must not be empty.
    ProtectedGroup,
    /// A value.
    Value,
    /// A value that is refused in a file.
    Secret,
    /// No key of the configuration.
    Unknown,
}

/// The keys of the configuration.
pub fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| read(DEFAULTS));
    &SCHEMA
}

/// Reads the comments and keys of `config/default.toml`. A key directly after `#` has no default.
fn read(defaults: &'static str) -> Schema {
    let (mut schema, mut text) = (Schema::default(), String::new());
    for line in defaults.lines() {
        let (is_comment, code) = line.strip_prefix('#').map_or((false, line), |code| (true, code));
        let key = code.split_once(" = ").filter(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        if let Some((name, value)) = key {
            if let Some(section) = schema.sections.last_mut() {
                let default = (!is_comment).then_some(value);
                section.keys.push(SchemaKey { name, default, text: std::mem::take(&mut text) });
            }
        } else if line.starts_with('[') {
            let name = line.trim_matches(['[', ']']).trim_end_matches(".\"*\"");
            let text = std::mem::take(&mut text);
            schema.sections.push(SchemaSection { name, heading: line, text, keys: Vec::new() });
        } else if is_comment {
            let separator = if text.is_empty() || code.is_empty() { "" } else { " " };
            text.push_str(separator);
            text.push_str(code.trim());
        } else if schema.sections.is_empty() {
            // An empty line ends the comment at the beginning of the file.
            schema.introduction.push_str(&std::mem::take(&mut text));
        }
    }
    schema
}

/// Whether the value of a key, or of the file that it names, is a secret.
pub(super) fn holds_secret(key: &str) -> bool {
    let key = key.strip_suffix("_file").unwrap_or(key);
    SECRETS.contains(&key) || key == WEBHOOK
}

/// What a path leads to. The names of instances and of protected groups in it are free.
pub(super) fn classify(path: &KeyPath) -> KeyKind {
    let names: Vec<&str> = path.names().collect();
    let is_known = match names.as_slice() {
        [] | [INSTANCES, _] | [INSTANCES, _, PROTECTED_GROUPS] | [NOTIFY, MAIL] => return KeyKind::Table,
        [INSTANCES, _, PROTECTED_GROUPS, _] => return KeyKind::ProtectedGroup,
        [section] => return if keys_of(section).is_empty() { KeyKind::Unknown } else { KeyKind::Table },
        [INSTANCES, _, key] => keys_of(INSTANCES).contains(key),
        [INSTANCES, _, PROTECTED_GROUPS, _, key] => PROTECTED_GROUP_KEYS.contains(key),
        [NOTIFY, MAIL, key] => MAIL_KEYS.contains(key),
        [section, key] => keys_of(section).contains(key),
        _ => false,
    };
    match names.last() {
        Some(key) if is_known && SECRETS.contains(key) => KeyKind::Secret,
        Some(_) if is_known => KeyKind::Value,
        _ => KeyKind::Unknown,
    }
}

/// The known path that is most similar to an unknown one.
pub(super) fn nearest(path: &KeyPath) -> KeyPath {
    let mut nearest = KeyPath::root();
    for name in path.names() {
        let here = nearest.with(name);
        if classify(&here) != KeyKind::Unknown {
            nearest = here;
            continue;
        }
        let neighbour = children(&nearest)
            .into_iter()
            .map(|neighbour| (strsim::normalized_damerau_levenshtein(neighbour, &name.to_lowercase()), neighbour))
            .max_by(|one, other| one.0.total_cmp(&other.0));
        nearest = match neighbour {
            Some((similarity, neighbour)) if similarity >= MIN_SIMILARITY => nearest.with(neighbour),
            neighbour => match (key_of_any_section(name), neighbour) {
                (Some(key), _) => return key,
                (None, Some((_, neighbour))) => nearest.with(neighbour),
                // A value has no keys; the value itself is the nearest.
                (None, None) => return nearest,
            },
        };
    }
    nearest
}

/// The names of the keys of a section; none where there is no such section.
fn keys_of(section: &str) -> Vec<&'static str> {
    let section = schema().sections.iter().find(|known| known.name == section);
    section.map_or_else(Vec::new, |section| section.keys.iter().map(|key| key.name).collect())
}

/// The names that are known in the table at `path`.
fn children(path: &KeyPath) -> Vec<&'static str> {
    match path.names().collect::<Vec<_>>().as_slice() {
        [] => schema().sections.iter().map(|section| section.name).collect(),
        [INSTANCES, _] => keys_of(INSTANCES),
        [INSTANCES, _, PROTECTED_GROUPS, _] => PROTECTED_GROUP_KEYS.to_vec(),
        [NOTIFY, MAIL] => MAIL_KEYS.to_vec(),
        [section] if *section != INSTANCES => keys_of(section),
        _ => Vec::new(),
    }
}

/// The first key of any section with this very name.
fn key_of_any_section(name: &str) -> Option<KeyPath> {
    let section = schema().sections.iter().find(|section| section.keys.iter().any(|key| key.name == name))?;
    Some(match section.name {
        INSTANCES => KeyPath::root().with(INSTANCES).with("NAME").with(name),
        other => KeyPath::root().with(other).with(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(dotted: &str) -> KeyPath {
        dotted.split('.').fold(KeyPath::root(), |path, name| path.with(name))
    }

    #[test]
    fn every_section_and_every_key_has_a_text() {
        let Schema { introduction, sections } = schema();
        assert!(!introduction.is_empty() && sections.len() == 10, "{sections:#?}");
        for section in sections {
            assert!(!section.text.is_empty() && !section.keys.is_empty(), "{section:#?}");
            assert!(section.keys.iter().all(|key| !key.text.is_empty()), "{section:#?}");
        }
    }

    #[test]
    fn a_key_has_its_default_unless_it_is_commented_out() {
        let keys = |section: &str| &schema().sections.iter().find(|known| known.name == section).expect("known").keys;
        assert_eq!((keys("guard")[0].name, keys("guard")[0].default), ("max_removals", Some("50")));
        assert_eq!((keys(INSTANCES)[0].name, keys(INSTANCES)[0].default), ("url", None));
    }

    #[test]
    fn every_key_that_names_the_file_of_a_secret_is_known_as_such() {
        let keys = schema().sections.iter().flat_map(|section| &section.keys).map(|key| key.name);
        let files: Vec<_> = keys.filter_map(|key| key.strip_suffix("_file")).collect();
        assert_eq!(files, ["client_secret", "client_secret", "password", WEBHOOK, SMTP_PASSWORD]);
        assert!(files.into_iter().all(holds_secret) && !holds_secret("webhook_people"));
    }

    #[test]
    fn a_path_leads_to_a_table_a_value_a_secret_or_nothing() {
        for (dotted, expected) in [
            ("guard", KeyKind::Table),
            ("instances", KeyKind::Table),
            ("instances.production", KeyKind::Table),
            ("instances.production.protected_groups", KeyKind::Table),
            ("instances.production.protected_groups.url", KeyKind::ProtectedGroup),
            ("guard.max_removals", KeyKind::Value),
            ("instances.production.url", KeyKind::Value),
            ("instances.production.protected_groups.admin.required", KeyKind::Value),
            ("experience_cloud.client_secret", KeyKind::Secret),
            ("instances.x.password", KeyKind::Secret),
            ("experience_cloud.password", KeyKind::Unknown),
            ("notify.mail", KeyKind::Table),
            ("notify.mail.to", KeyKind::Value),
            ("notify.mail.password", KeyKind::Unknown),
            ("notify.webhook", KeyKind::Value),
            ("notify.smtp_password", KeyKind::Secret),
            ("gaurd", KeyKind::Unknown),
            ("guard.url", KeyKind::Unknown),
            ("guard.max_removals.x", KeyKind::Unknown),
            ("instances.production.guard", KeyKind::Unknown),
            ("instances.production.protected_groups.admin.members", KeyKind::Unknown),
        ] {
            assert_eq!(classify(&path(dotted)), expected, "{dotted}");
        }
    }

    #[test]
    fn the_nearest_key_is_the_one_that_was_probably_meant() {
        for (unknown, expected) in [
            ("gaurd", "guard"),
            ("gaurd.max_removal", "guard.max_removals"),
            ("instance.production.urls", "instances.production.url"),
            ("guard.maxremovals", "guard.max_removals"),
            ("experience_cloud.clientsecret", "experience_cloud.client_secret"),
            ("experience_cloud.max_removals", "guard.max_removals"),
            ("guard.association_mask", "instances.NAME.association_mask"),
            ("client_id", "experience_cloud.client_id"),
            ("Guard", "guard"),
            ("notify.mail.form", "notify.mail.from"),
            ("notify.event", "notify.events"),
            ("log.levels.x", "log.level"),
            ("guard.max_removals.x", "guard.max_removals"),
            (
                "instances.production.protected_groups.admin.minimum",
                "instances.production.protected_groups.admin.min_members",
            ),
        ] {
            assert_eq!(nearest(&path(unknown)).to_string(), expected, "{unknown}");
        }
    }
}

//! The keys there are, and the one that was probably meant.
//!
//! A path is what stands between the dots: `["instances", "production", "url"]`. The names of instances and of protected
//! groups in it are free; everything else is a key of this list.

use super::KeyPath;

/// The table whose tables are the Campaign instances.
pub(super) const INSTANCES: &str = "instances";

/// The instance that stands for all of them.
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

/// The keys of an instance that only the technical account needs.
pub(super) const IMS_KEYS: [&str; 5] =
    ["client_id", "client_secret", "client_secret_file", "client_secret_expires", "scopes"];

/// The keys of an instance that only an operator of Campaign needs.
pub(super) const NATIVE_KEYS: [&str; 3] = ["login", "password", "password_file"];

/// What may stand at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A table with keys or tables of its own.
    Table,
    /// The table of one protected group, which says nothing when it is empty.
    ProtectedGroup,
    /// A value.
    Value,
    /// A value that no file may hold.
    Secret,
    /// Nothing.
    Unknown,
}

/// The keys of one section in the order of `config/default.toml`, which a test compares.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// All sections in the order of `config/default.toml`. That of the instances is there once for every instance.
pub(super) const SECTIONS: [Section; 10] = [
    Section {
        name: "experience_cloud",
        keys: &[
            "organization_id",
            "client_id",
            "client_secret",
            "client_secret_file",
            "client_secret_expires",
            "ims_url",
            "umapi_url",
            "scopes",
            "membership",
            "read",
            "users_per_minute",
            "groups_per_minute",
            "first_page_interval",
            "unlisted_accounts",
            "max_wait",
        ],
    },
    Section {
        name: INSTANCES,
        keys: &[
            "url",
            "tenant",
            "association_mask",
            "mode",
            "authentication",
            "client_id",
            "client_secret",
            "client_secret_file",
            "client_secret_expires",
            "scopes",
            "login",
            "password",
            "password_file",
            "missing_operator",
            "missing_group",
            "manage",
            "without_groups",
            "orphaned_group",
            "protected_operators",
            PROTECTED_GROUPS,
        ],
    },
    Section {
        name: "guard",
        keys: &[
            "max_removals",
            "max_removals_percent",
            "max_group_removals_percent",
            "max_new_operators",
            "max_new_groups",
            "max_source_shrink_percent",
            "removal_confirmation",
            "approval_ttl",
        ],
    },
    Section { name: "run", keys: &["call_timeout"] },
    Section { name: "schedule", keys: &["cron", "timezone", "jitter"] },
    Section { name: "state", keys: &["url", "keep_runs", "keep_changes"] },
    Section { name: "http", keys: &["listen", "person_lookup"] },
    Section { name: "control", keys: &["socket"] },
    Section {
        name: NOTIFY,
        keys: &[
            "events",
            "command",
            "webhook",
            "webhook_file",
            "webhook_people",
            MAIL,
            "smtp_password",
            "smtp_password_file",
        ],
    },
    Section { name: "log", keys: &["level", "format"] },
];

/// The keys that no file may hold, in whatever section.
const SECRETS: [&str; 3] = ["client_secret", "password", "smtp_password"];

/// Below this likeness a key of another section that has the very name is meant rather than a neighbour.
const MIN_SIMILARITY: f64 = 0.6;

/// What may stand at `path`.
pub(super) fn classify(path: &KeyPath) -> KeyKind {
    let names: Vec<&str> = path.names().collect();
    let known = match names.as_slice() {
        [] | [INSTANCES, _] | [INSTANCES, _, PROTECTED_GROUPS] | [NOTIFY, MAIL] => return KeyKind::Table,
        [INSTANCES, _, PROTECTED_GROUPS, _] => return KeyKind::ProtectedGroup,
        [section] => return if section_keys(section).is_empty() { KeyKind::Unknown } else { KeyKind::Table },
        [INSTANCES, _, key] => section_keys(INSTANCES).contains(key),
        [INSTANCES, _, PROTECTED_GROUPS, _, key] => PROTECTED_GROUP_KEYS.contains(key),
        [NOTIFY, MAIL, key] => MAIL_KEYS.contains(key),
        [section, key] => section_keys(section).contains(key),
        _ => false,
    };
    match names.last() {
        Some(key) if known && SECRETS.contains(key) => KeyKind::Secret,
        Some(_) if known => KeyKind::Value,
        _ => KeyKind::Unknown,
    }
}

/// The known path most like an unknown one.
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
            Some((likeness, neighbour)) if likeness >= MIN_SIMILARITY => nearest.with(neighbour),
            neighbour => match (key_of_any_section(name), neighbour) {
                (Some(key), _) => return key,
                (None, Some((_, neighbour))) => nearest.with(neighbour),
                // Below a value there is nothing; the value itself is the nearest.
                (None, None) => return nearest,
            },
        };
    }
    nearest
}

fn section_keys(name: &str) -> &'static [&'static str] {
    SECTIONS.iter().find(|section| section.name == name).map_or(&[], |section| section.keys)
}

/// What is known at the level below `path`.
fn children(path: &KeyPath) -> Vec<&'static str> {
    match path.names().collect::<Vec<_>>().as_slice() {
        [] => SECTIONS.iter().map(|section| section.name).collect(),
        [INSTANCES, _] => section_keys(INSTANCES).to_vec(),
        [INSTANCES, _, PROTECTED_GROUPS, _] => PROTECTED_GROUP_KEYS.to_vec(),
        [NOTIFY, MAIL] => MAIL_KEYS.to_vec(),
        [section] if *section != INSTANCES => section_keys(section).to_vec(),
        _ => Vec::new(),
    }
}

/// The first key of any section with this very name.
fn key_of_any_section(name: &str) -> Option<KeyPath> {
    let section = SECTIONS.iter().find(|section| section.keys.contains(&name))?;
    Some(match section.name {
        INSTANCES => KeyPath::root().with(INSTANCES).with("NAME").with(name),
        other => KeyPath::root().with(other).with(name),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::layers::DEFAULTS, *};

    fn path(dotted: &str) -> KeyPath {
        dotted.split('.').fold(KeyPath::root(), |path, name| path.with(name))
    }

    /// The keys of `config/default.toml` with their sections; those without a default are commented out.
    fn documented_keys() -> Vec<(String, String)> {
        let mut section = String::new();
        let mut keys = Vec::new();
        for line in DEFAULTS.lines() {
            if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                heading.trim_end_matches(".\"*\"").clone_into(&mut section);
            } else if let Some((key, _)) = line.split_once(" = ")
                && !line.starts_with("# ")
            {
                keys.push((section.clone(), key.trim_start_matches('#').to_owned()));
            }
        }
        keys
    }

    #[test]
    fn the_defaults_document_every_key_exactly_once_and_in_order() {
        let known = SECTIONS.iter().flat_map(|section| section.keys.iter().map(|key| (section.name, *key)));
        let known: Vec<_> = known.map(|(section, key)| (section.to_owned(), key.to_owned())).collect();
        assert_eq!(documented_keys(), known);
    }

    #[test]
    fn every_key_of_the_defaults_has_a_comment_above_it() {
        let lines: Vec<&str> = DEFAULTS.lines().collect();
        for pair in lines.windows(2) {
            let is_key = pair[1].contains(" = ") && !pair[1].starts_with("# ");
            assert!(!is_key || pair[0].starts_with("# "), "{}", pair[1]);
        }
    }

    #[test]
    fn a_path_is_a_table_a_value_a_secret_or_nothing() {
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

//! The configuration. The input is read as it is, or with marked secrets in each place that may have one, as the first
//! byte says; no problem, no warning and no list of values shows them.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path};

use campaign_group_sync::settings::{Sources, effective_values, load_partial};
use toml::{Table, Value};

use crate::{MARK, assert_unmarked, divided};

/// Keys of secrets, which a file must not have, and of addresses that are one.
const SECRETS: [&str; 3] = ["client_secret", "password", "smtp_password"];

/// Lines of a secret, of which some are not TOML.
const LINES: [&str; 6] = ["= \"S\"", "= \"S", "= S", "= ['S'", "= 'S' 'S'", "\"S\""];

pub(crate) fn check(data: &[u8]) {
    let (choice, text) = divided(data);
    let text = String::from_utf8_lossy(text);
    match choice % 3 {
        0 => load(&text, false),
        1 => {
            if let Ok(mut table) = text.parse::<Table>() {
                mark(&mut table);
                load(&toml::to_string(&table).expect("a table is TOML"), true);
            }
        }
        // Inside a text of several lines, a line is no line of its own.
        _ if text.contains("\"\"\"") || text.contains("'''") => {}
        _ => load(&with_marked_lines(&text, LINES[choice / 3 % LINES.len()]), true),
    }
}

/// Reads the configuration, and looks for the secrets in all that is shown of it.
fn load(text: &str, is_marked: bool) {
    thread_local! {
        static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(tempfile::tempdir().expect("a temporary folder"));
    }
    FOLDER.with_borrow(|folder| {
        let file = folder.path().join("config.toml");
        fs::write(&file, text).expect("a writable file");
        let sources = sources(&file);
        let read = load_partial(&sources);
        let problems: Vec<String> = read.problems.iter().map(|problem| format!("{problem:?}")).collect();
        assert!(read.has_all_layers || !read.problems.is_empty(), "an unreadable text has no problem");
        if is_marked {
            let shown = format!("{:?}", effective_values(&sources));
            assert_unmarked(&problems.join("\n"), "a problem of the configuration");
            assert_unmarked(&read.warnings.join("\n"), "a warning");
            assert_unmarked(&shown, "the list of values");
            assert_unmarked(&format!("{read:?}"), "the text for developers");
        }
    });
}

fn sources(file: &Path) -> Sources {
    let variables = [
        ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRET", MARK.to_owned()),
        ("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__CLIENT_SECRET", MARK.to_owned()),
        ("CAMPAIGN_GROUP_SYNC__NOTIFY__SMTP_PASSWORD", MARK.to_owned()),
    ];
    let environment: BTreeMap<String, String> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Sources { file: Some(file.to_owned()), organization: None, environment, system_file: "/nonexistent".into() }
}

/// Puts a marked secret into each key of one, and a marked password into each address.
fn mark(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => mark(inner),
            value if SECRETS.contains(&key.as_str()) => *value = Value::String(MARK.to_owned()),
            Value::String(text) if key == "webhook" => *text = format!("https://hooks.acme.com/{MARK}"),
            Value::String(text) => mark_address(text),
            Value::Array(values) => values.iter_mut().for_each(|value| {
                if let Value::String(text) = value {
                    mark_address(text);
                }
            }),
            _ => {}
        }
    }
}

fn mark_address(text: &mut String) {
    if let Some((scheme, rest)) = text.split_once("://") {
        if !scheme.is_empty() && scheme.chars().all(|character| character.is_ascii_alphanumeric()) {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            *text = format!("{scheme}://sync:{MARK}@{rest}");
        }
    }
}

/// The text with a marked secret in each line that begins with the key of one.
fn with_marked_lines(text: &str, value: &str) -> String {
    let mut marked = String::new();
    for line in text.lines() {
        match SECRETS.iter().find(|key| line.trim_start().starts_with(**key) && line.contains('=')) {
            Some(key) if !line.contains("_file") => {
                marked.push_str(key);
                marked.push_str(&value.replace('S', MARK));
            }
            _ => marked.push_str(line),
        }
        marked.push('\n');
    }
    marked
}

//! The walls between the rooms of `src/`, held as data: who may import whom, and what must not be named where.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "house/words.rs"]
mod words;

/// A room, and the rooms it may import.
const ROOMS: [(&str, &[&str]); 14] = [
    ("domain", &[]),
    ("transport", &["domain"]),
    ("experience_cloud", &["domain", "transport"]),
    ("campaign", &["domain", "transport"]),
    ("journal", &["domain"]),
    ("observability", &["domain"]),
    ("notify", &["domain", "transport", "journal", "observability"]),
    ("sync", &["domain", "experience_cloud", "campaign", "journal", "observability"]),
    ("scheduler", &[]),
    (
        "settings",
        &[
            "domain",
            "transport",
            "experience_cloud",
            "campaign",
            "journal",
            "observability",
            "notify",
            "scheduler",
            "sync",
        ],
    ),
    ("daemon", &["domain", "journal", "observability", "notify", "scheduler", "settings", "sync"]),
    (
        "check",
        &[
            "domain",
            "transport",
            "experience_cloud",
            "campaign",
            "journal",
            "observability",
            "notify",
            "scheduler",
            "settings",
            "sync",
        ],
    ),
    ("sandbox", &[]),
    (
        "cli",
        &[
            "domain",
            "experience_cloud",
            "campaign",
            "journal",
            "check",
            "daemon",
            "observability",
            "notify",
            "sync",
            "scheduler",
            "settings",
            "sandbox",
        ],
    ),
];

/// Words that must not occur in the product code of a room, and why.
const FORBIDDEN: [(&str, &str, &str); 14] = [
    ("domain", "async ", "decisions are pure"),
    ("domain", "tokio", "decisions are pure"),
    ("domain", "std::fs", "decisions are pure"),
    ("domain", "std::env", "decisions are pure"),
    ("domain", "Instant::now", "no decision depends on a clock"),
    ("domain", "Utc::now", "no decision depends on a clock"),
    ("domain", "tracing", "what decides does not log"),
    ("experience_cloud", "std::fs", "clients know no files"),
    ("campaign", "std::fs", "clients know no files"),
    ("sync", "reqwest", "only the clients speak HTTP"),
    ("sync", "settings", "a run is told what it needs"),
    ("transport", "operator", "transport knows no word of the domain"),
    ("transport", "profile", "transport knows no word of the domain"),
    ("settings", "reqwest", "settings do not touch the network"),
];

/// File names that say nothing about what is in the file.
const GRAB_BAGS: [&str; 6] = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "types.rs", "misc.rs"];

/// Longest file of product code, tests within it not counted.
const LONGEST_FILE: usize = 450;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of product code with their numbers: no comments, nothing from the tests of the file on.
fn product_code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a readable file");
    let code = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    code.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line.to_owned())).collect()
}

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

#[test]
fn every_room_is_in_the_table_and_the_other_way_round() {
    let mut found: Vec<String> = fs::read_dir(room(""))
        .expect("src")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("named").to_string_lossy().into_owned())
        .collect();
    let mut known = ROOMS.map(|(name, _)| name.to_owned());
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

/// The rooms named after `crate::` in a piece of code, alone or at the top level of braces.
fn imported(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(braced) = rest.strip_prefix('{') else {
            rooms.push(name(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for character in braced.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => rooms.push(name(std::mem::take(&mut item).trim())),
                _ if depth == 0 => item.push(character),
                _ => {}
            }
        }
        rooms.push(name(item.trim()));
    }
    rooms
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let mut offences = Vec::new();
    for (name, allowed) in ROOMS {
        for path in files(&room(name)) {
            let code: String = product_code(&path).into_iter().map(|(_, line)| line + "\n").collect();
            for import in imported(&code) {
                let is_room = ROOMS.iter().any(|(room, _)| *room == import);
                if is_room && import != name && !allowed.contains(&import.as_str()) {
                    offences.push(format!("{}: {name} may not import {import}", path.display()));
                }
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn imports_are_found_alone_and_in_braces() {
    let code = "use crate::domain::{A, campaign};\nuse crate::{\n    sync::{self, Arc},\n    transport,\n};\ncrate::cli::main()";
    assert_eq!(imported(code), ["domain", "sync", "transport", "", "cli"]);
}

#[test]
fn no_room_names_what_does_not_belong_there() {
    let mut offences = Vec::new();
    for (name, word, why) in FORBIDDEN {
        for path in files(&room(name)) {
            for (at, line) in product_code(&path).into_iter().filter(|(_, line)| line.contains(word)) {
                offences.push(format!("{}:{at}: \"{word}\": {why}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn only_the_settings_read_the_environment() {
    for (name, _) in ROOMS.iter().filter(|(name, _)| *name != "settings") {
        for path in files(&room(name)) {
            for (at, line) in product_code(&path) {
                assert!(!line.contains("env::var"), "{}:{at}: {}", path.display(), line.trim());
            }
        }
    }
}

#[test]
fn every_file_says_what_lives_there_and_stays_short() {
    for path in files(&room("")) {
        let text = fs::read_to_string(&path).expect("a readable file");
        assert!(text.starts_with("//! "), "{} does not open with //!", path.display());
        let name = path.file_name().expect("named").to_string_lossy().into_owned();
        assert!(!GRAB_BAGS.contains(&name.as_str()), "{}: name it after what it holds", path.display());
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines of product code", path.display());
    }
}

/// The headings of a document as the fragments that lead to them.
fn fragments(document: &str) -> Vec<String> {
    let headings = document.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    headings.map(|text| text.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn every_link_of_the_documents_leads_to_a_file_and_a_heading_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = fs::read_dir(root).expect("a folder").chain(fs::read_dir(root.join("docs")).expect("docs"));
    let paths = listed.map(|entry| entry.expect("an entry").path());
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&path).expect("a document");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            assert!(target.exists(), "{} links to {link}: there is no such file", path.display());
            if !fragment.is_empty() {
                let document = fs::read_to_string(&target).expect("a document");
                let has_heading = fragments(&document).iter().any(|heading| heading == fragment);
                assert!(has_heading, "{} links to {link}: there is no such heading", path.display());
            }
        }
    }
}

//! The boundaries between the modules of `src/` as data: which module may import which, and what must not be named where.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

use std::{
    fs,
    path::{Path, PathBuf},
};

mod cells;
mod words;

/// A module, and the modules that it may import.
const MODULES: [(&str, &[&str]); 16] = [
    ("domain", &[]),
    ("transport", &["domain"]),
    ("transcript", &["domain", "transport"]),
    ("experience_cloud", &["domain", "transport"]),
    ("campaign", &["domain", "transport"]),
    ("journal", &["domain"]),
    ("observability", &["domain"]),
    ("notify", &["domain", "transport", "journal", "observability"]),
    ("sync", &["domain", "experience_cloud", "campaign", "journal", "observability"]),
    ("probe", &["domain", "campaign", "journal", "sync"]),
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
            "probe",
            "sandbox",
            "transcript",
        ],
    ),
];

/// Words that must not occur in the product code of a module, and why.
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
    ("sync", "settings", "a run gets its options as values"),
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

/// The lines of product code with their numbers: no comments, and no item that is compiled for tests only, wherever it
/// stands in the file.
fn product_code(path: &Path) -> Vec<(usize, String)> {
    without_tests(&fs::read_to_string(path).expect("a readable file"))
}

/// What [`product_code`] keeps of a text that rustfmt has formatted: the item after `#[cfg(test)]` ends at the first line
/// with the indentation of the attribute that closes a block or a statement.
fn without_tests(text: &str) -> Vec<(usize, String)> {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let (mut kept, mut test_item) = (Vec::new(), None);
    for (at, line) in text.lines().enumerate() {
        let code = line.trim();
        if code.starts_with("#[cfg(test)]") || code.starts_with("#[cfg(all(test") {
            test_item = Some(indentation(line));
        } else if let Some(depth) = test_item {
            let ends = code.starts_with('}') || code.ends_with(';') || code.ends_with("{}");
            if ends && indentation(line) == depth {
                test_item = None;
            }
        } else if !code.starts_with("//") {
            kept.push((at + 1, line.to_owned()));
        }
    }
    kept
}

fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

#[test]
fn the_table_names_every_module_and_no_other() {
    let mut found: Vec<String> = fs::read_dir(module(""))
        .expect("src")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("named").to_string_lossy().into_owned())
        .collect();
    let mut known = MODULES.map(|(name, _)| name.to_owned());
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

/// The modules named after `crate::` in a piece of code, alone or at the top level of braces.
fn imported(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(braced) = rest.strip_prefix('{') else {
            modules.push(name(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for character in braced.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => modules.push(name(std::mem::take(&mut item).trim())),
                _ if depth == 0 => item.push(character),
                _ => {}
            }
        }
        modules.push(name(item.trim()));
    }
    modules
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut offences = Vec::new();
    for (name, allowed) in MODULES {
        for path in files(&module(name)) {
            let code: String = product_code(&path).into_iter().map(|(_, line)| line + "\n").collect();
            for import in imported(&code) {
                let is_module = MODULES.iter().any(|(module, _)| *module == import);
                if is_module && import != name && !allowed.contains(&import.as_str()) {
                    offences.push(format!("{}: {name} may not import {import}", path.display()));
                }
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn code_below_tests_is_product_code() {
    let text = "a\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nc\nimpl D {\n    #[cfg(test)]\n    fn e(\n        f: G,\n    ) {\n        h;\n    }\n\n    i\n}\n#[cfg(test)]\nuse j;\n// k\nl";
    let kept: Vec<String> = without_tests(text).into_iter().map(|(_, line)| line.trim().to_owned()).collect();
    assert_eq!(kept, ["a", "c", "impl D {", "", "i", "}", "l"]);
}

#[test]
fn imports_are_found_alone_and_in_braces() {
    let code = "use crate::domain::{A, campaign};\nuse crate::{\n    sync::{self, Arc},\n    transport,\n};\ncrate::cli::main()";
    assert_eq!(imported(code), ["domain", "sync", "transport", "", "cli"]);
}

#[test]
fn no_module_names_what_does_not_belong_there() {
    let mut offences = Vec::new();
    for (name, word, why) in FORBIDDEN {
        for path in files(&module(name)) {
            for (at, line) in product_code(&path).into_iter().filter(|(_, line)| line.contains(word)) {
                offences.push(format!("{}:{at}: \"{word}\": {why}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn only_the_settings_read_the_environment() {
    for (name, _) in MODULES.iter().filter(|(name, _)| *name != "settings") {
        for path in files(&module(name)) {
            for (at, line) in product_code(&path) {
                assert!(!line.contains("env::var"), "{}:{at}: {}", path.display(), line.trim());
            }
        }
    }
}

#[test]
fn every_file_says_what_lives_there_and_stays_short() {
    for path in files(&module("")) {
        let text = fs::read_to_string(&path).expect("a readable file");
        assert!(text.starts_with("//! "), "{} does not open with //!", path.display());
        let name = path.file_name().expect("named").to_string_lossy().into_owned();
        assert!(!GRAB_BAGS.contains(&name.as_str()), "{}: name it after what it holds", path.display());
        let first_test = text.lines().position(|line| line.starts_with("#[cfg(test)]"));
        let lines = first_test.unwrap_or(text.lines().count());
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines of product code", path.display());
    }
}

/// The files and folders that the table at the beginning of a module names, if it has one.
fn named_in_table(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let first_cells = rows.filter_map(|row| row.split(" | ").next());
    first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// `error` may be omitted: its name says what is in it.
#[test]
fn the_table_of_a_module_names_each_of_its_files_and_no_other() {
    let mut tables = 0;
    for path in files(&module("")).into_iter().filter(|path| path.ends_with("mod.rs")) {
        let named = named_in_table(&fs::read_to_string(&path).expect("a readable file"));
        let folder = path.parent().expect("a folder");
        tables += usize::from(!named.is_empty());
        for name in &named {
            let is_there = [format!("{name}.rs"), name.clone()].iter().any(|file| folder.join(file).exists());
            assert!(is_there, "{}: there is no `{name}`", path.display());
            let times = named.iter().filter(|other| *other == name).count();
            assert_eq!(times, 1, "{} names `{name}` more than once", path.display());
        }
        for entry in fs::read_dir(folder).expect("a folder") {
            let file = entry.expect("an entry").path();
            let name = file.file_stem().expect("named").to_string_lossy().into_owned();
            let is_module = file.extension().is_some_and(|extension| extension == "rs") || file.join("mod.rs").exists();
            let is_obvious = ["mod", "error"].contains(&name.as_str());
            let is_named = named.is_empty() || is_obvious || !is_module || named.contains(&name);
            assert!(is_named, "{} does not name `{name}`", path.display());
        }
    }
    assert!(tables >= 10, "only {tables} modules have a table");
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

/// The tests that a document names, as in ``[`name`](../tests/file.rs)``: the name, and the link.
fn named_tests(document: &str) -> Vec<(&str, &str)> {
    let links = document.split("[`").skip(1).filter_map(|rest| rest.split_once("`]("));
    let links = links.filter_map(|(name, rest)| Some((name, rest.split(')').next()?)));
    links.filter(|(_, link)| link.starts_with("../tests/")).collect()
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text = fs::read_to_string(folder.join("security.md")).expect("the threat model");
    let named = named_tests(&text);
    for (name, link) in &named {
        let tests = fs::read_to_string(folder.join(link)).expect("a file of tests");
        assert!(tests.contains(&format!("fn {name}(")), "{link} has no test {name}");
    }
    assert!(named.len() >= 50, "only {} promises name their test", named.len());
}

/// What differs between the unit of the only organization of a host and the template for one of several.
const OF_ONE_ORGANIZATION: [(&str, &str); 5] = [
    ("/credentials/", "/credentials/%i/"),
    ("campaign-group-sync/environment", "campaign-group-sync/%i.environment"),
    ("User=campaign-group-sync", "User=cgs-%i"),
    ("StateDirectory=campaign-group-sync", "StateDirectory=campaign-group-sync-%i"),
    ("RuntimeDirectory=campaign-group-sync", "RuntimeDirectory=campaign-group-sync-%i"),
];

#[test]
fn the_units_for_several_organizations_have_every_setting_of_the_unit_for_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let settings = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(folder.join(name)).expect("a unit");
        let is_setting = |line: &&str| line.contains('=') && !line.starts_with("# ");
        text.lines().filter(is_setting).map(str::to_owned).collect()
    };
    let template_of = |line: &String| {
        OF_ONE_ORGANIZATION.iter().fold(line.clone(), |line, (one, several)| line.replace(one, several))
    };
    // The description and the command end with the name.
    let without_name = |line: &String| line.replace(" (%i)", "").replace(" --organization %i", "");
    for kind in ["campaign-group-sync.service", "campaign-group-sync-once.service", "campaign-group-sync-once.timer"] {
        let template: Vec<String> = settings(&kind.replace('.', "@.")).iter().map(without_name).collect();
        let expected: Vec<String> = settings(kind).iter().map(template_of).collect();
        assert_eq!(template, expected, "{kind}");
    }
}

/// The crates that the project is built on by decision, whatever else could do their work.
const CHOSEN_CRATES: [&str; 8] =
    ["tokio", "reqwest", "serde", "regex", "tokio-cron-scheduler", "tracing", "tracing-subscriber", "config"];

#[test]
fn the_chosen_crates_are_dependencies_and_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let sources: String = files(&root.join("src")).iter().map(|path| fs::read_to_string(path).expect("text")).collect();
    for name in CHOSEN_CRATES {
        let is_listed = manifest.lines().any(|line| line.starts_with(&format!("{name} = ")));
        let is_used = sources.contains(&format!("{}::", name.replace('-', "_")));
        assert!(
            is_listed && is_used,
            "{name} is a choice that stays; for config: a layer's text is \
             parsed once into a config::Source of its own, whose values carry file and line as their origin"
        );
    }
}

/// Paths in the code of a document, such as `src/domain/plan.rs` or `domain/plan.rs`; not patterns and places for names.
fn paths(document: &str) -> Vec<&str> {
    let code = document.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let ends_as_file = [".rs", ".toml", ".html", ".yml", ".json"].iter().any(|ending| text.ends_with(ending));
        text.contains('/') && !text.starts_with(['/', '~']) && (ends_as_file || text.ends_with('/'))
    };
    code.filter(is_path).filter(|text| !text.contains(['*', '{', ' ', ':']) && !text.contains("NAME")).collect()
}

#[test]
fn every_path_in_the_documents_for_developers_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["CONTRIBUTING.md", "docs/ARCHITECTURE.md"] {
        let text = fs::read_to_string(root.join(name)).expect("a document");
        let found = paths(&text);
        assert!(found.len() > 10, "{name} names {} paths", found.len());
        for path in found {
            assert!(root.join(path).exists() || root.join("src").join(path).exists(), "{name}: there is no {path}");
        }
    }
}

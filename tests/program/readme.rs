//! The outputs in README.md and docs/*.md are those of the program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use campaign_group_sync::domain::SkipReason;

use super::harness::{Served, program, run};

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a document")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of output in README.md and docs/*.md, by the name of the file. Files without one are not listed.
fn shown() -> BTreeMap<String, Vec<String>> {
    let listed = fs::read_dir(root().join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let blocks = |path: PathBuf| {
        let text = read(&path);
        let blocks = text.split("```text\n").skip(1).map(|rest| rest.split("```").next().expect("an end").to_owned());
        (path.file_name().expect("named").to_string_lossy().into_owned(), blocks.collect::<Vec<_>>())
    };
    let documents = listed.chain([root().join("README.md")]).filter(|path| path.is_file());
    documents.map(blocks).filter(|(_, blocks)| !blocks.is_empty()).collect()
}

/// A line without the ids of runs and the times, which differ from run to run.
fn timeless(line: &str) -> String {
    let differs = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_run = word.len() == 26 && word.starts_with("01");
        let is_time = word.len() == 20 && word.starts_with("20") && word.ends_with('Z');
        !is_run && !is_time
    };
    line.trim_end().split(' ').filter(differs).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_output_in_the_readme_is_that_of_the_program() {
    let shown = shown().remove("README.md").expect("an example output");
    let printed = run(&mut program(&["--sync-now", "--sandbox"])).stdout;
    let settled = |text: &str| {
        let mut lines = text.trim().lines();
        let first = lines.next().unwrap_or_default();
        // The id of the run and its duration differ from run to run.
        assert!(first.starts_with("Run 01") && first.ends_with("s)"), "{first}");
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown.len(), 1, "an output in README.md that no test compares");
    assert_eq!(settled(&shown[0]), settled(&printed), "README.md shows another output than the program");
}

/// docs/reference.md is generated from a list of its own: a reason that it lacks has no meaning in the manual pages either.
#[test]
fn the_reference_lists_every_reason_for_skipping() {
    let reference = read(&root().join("docs/reference.md"));
    for reason in SkipReason::ALL {
        assert!(reference.contains(&format!("\n| `{}` |", reason.as_str())), "{reason:?} is not in docs/reference.md");
    }
}

#[test]
fn every_output_in_the_documents_is_that_of_the_program() {
    let served = Served::of(&["joiners_and_leavers"]);
    let checked = served.command(&["check", "-q"]).stdout;
    let compared =
        run(&mut program(&["mask", "--sandbox", "-q", "Campaign - acme – delivery", "campaign-acme-report"])).stdout;
    let held = served.sync_now(&["-q"]).stdout;
    let explained = served.command(&["explain", "quinn@acme.com", "delivery", "-q"]).stdout;
    // In the order in which each document shows them.
    let printed = BTreeMap::from([("setup.md", [checked, compared]), ("operations.md", [held, explained])]);
    let mut shown = shown();
    shown.remove("README.md");
    assert_eq!(shown.keys().collect::<Vec<_>>(), printed.keys().collect::<Vec<_>>(), "documents with outputs");
    for (document, printed) in printed {
        let shown = &shown[document];
        assert_eq!(shown.len(), printed.len(), "outputs in {document}");
        for (shown, printed) in shown.iter().zip(printed) {
            let printed: Vec<_> = printed.lines().map(timeless).collect();
            for line in shown.lines().map(timeless) {
                assert!(printed.contains(&line), "{document} shows {line:?}; the program prints {printed:#?}");
            }
        }
    }
}

#[test]
fn the_two_commands_of_the_readme_come_first() {
    let readme = read(&root().join("README.md"));
    let commands: Vec<_> = readme.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.first(), Some(&"cargo run --release -- --sync-now --sandbox"));
    assert_eq!(commands.get(1), Some(&"cargo test"));
}

#[test]
fn the_readme_has_at_most_200_lines() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!((100..=200).contains(&lines), "README.md has {lines} lines: details belong in docs");
}

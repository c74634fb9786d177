//! Help, and the completions of a shell.

use std::{fs, process::Command};

use super::harness::{Finished, program, run};

fn help(arguments: &[&str]) -> String {
    let shown = run(&mut program(arguments));
    assert_eq!(shown.exit, Some(0), "{shown:?}");
    shown.stdout
}

#[test]
fn every_line_of_help_fits_80_columns_and_has_no_run_of_spaces() {
    for arguments in [&["--help"][..], &["help", "state", "copy"], &["help", "state", "assign"], &["help", "review"]] {
        let text = help(arguments);
        let longest = text.lines().max_by_key(|line| line.chars().count()).expect("lines");
        assert!(longest.chars().count() <= 80, "{arguments:?}: {longest}");
        let is_sentence = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase());
        let wide = text.lines().filter(is_sentence).find(|line| line.contains("  "));
        assert_eq!(wide, None, "{arguments:?}");
    }
}

#[test]
fn help_names_the_variables_that_replace_an_option() {
    let text = help(&["--help"]);
    for variable in ["CAMPAIGN_GROUP_SYNC_CONFIG", "CAMPAIGN_GROUP_SYNC_ORGANIZATION"] {
        assert!(text.contains(variable), "{variable}: {text}");
    }
}

#[test]
fn only_the_help_of_review_lists_its_formats_and_other_commands_refuse_them_in_one_line() {
    for arguments in [&["--help"][..], &["help", "access"], &["help", "state", "copy"]] {
        let text = help(arguments);
        assert!(text.contains("markdown") && !text.contains("csv:") && !text.contains("html"), "{text}");
    }
    let text = help(&["help", "review"]);
    assert!(text.contains("csv") && text.contains("html"), "{text}");
    let refused = run(&mut program(&["status", "--output", "html"]));
    assert_eq!(refused.exit, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("csv and html are formats of `review` only"), "{}", refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    let unknown = run(&mut program(&["status", "--output", "xml"]));
    assert_eq!(unknown.exit, Some(64), "{unknown:?}");
    assert!(unknown.stderr.contains("text, json, markdown]"), "{}", unknown.stderr);
}

/// What bash offers after these words, the last of which is not complete.
fn completed(script: &str, words: &[&str]) -> Vec<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let (current, before) = (words.len() - 1, words[words.len() - 2]);
    let text = format!(
        "{script}\nCOMP_WORDS=({line}); COMP_CWORD={current}\n\
         _campaign__group__sync campaign-group-sync '{}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words[current]
    );
    let shown: Finished = run(Command::new("bash").args(["--norc", "-c", &text]));
    shown.stdout.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_the_options_and_values_of_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = run(program(&["generate", "completions"]).arg(folder.path()));
    assert_eq!(made.exit, Some(0), "{made:?}");
    let script = fs::read_to_string(folder.path().join("campaign-group-sync.bash")).expect("written");
    let check = |words: &[&str], expected: &[&str]| {
        let line = [&["campaign-group-sync"], words].concat();
        assert_eq!(completed(&script, &line), expected, "{words:?}");
    };
    check(&["hist"], &["history"]);
    check(&["review", "--don"], &["--done"]);
    check(&["review", "--output", ""], &["text", "json", "markdown", "csv", "html"]);
    check(&["access", "--output", ""], &["text", "json", "markdown"]);
    check(&["--output", ""], &["text", "json", "markdown"]);
    check(&["state", "cop"], &["copy"]);
    check(&["state", "copy", "--organ"], &["--organization"]);
    check(&["history", "--verif"], &["--verify"]);
}

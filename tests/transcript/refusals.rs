//! A transcript that is not as it was written is not served: the error names the file, the line and what to do.

use std::{fs, path::Path};

use super::harness::RecordedCheck;
use crate::support::process::{program, run};

/// The error of `sandbox --replay` for this content.
fn refused(folder: &Path, content: &[u8]) -> String {
    let file = folder.join("changed.jsonl");
    fs::write(&file, content).expect("written");
    let finished = run(&mut program(&["sandbox", "--replay", &file.display().to_string()]));
    assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "nothing is served: {finished:?}");
    assert!(finished.stderr.contains("changed.jsonl"), "{finished:?}");
    finished.stderr
}

#[test]
fn a_transcript_that_is_cut_edited_or_of_another_version_is_not_served() {
    let recorded = RecordedCheck::of("first_day");
    let (text, folder) = (recorded.text(), tempfile::tempdir().expect("a folder"));
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let replaced = |at: usize, from: &str, to: &str| {
        let changed = lines[at].replacen(from, to, 1);
        assert_ne!(changed, lines[at], "{from}");
        let mut lines = lines.clone();
        lines[at] = &changed;
        joined(&lines)
    };
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(3, 4);
        joined(&lines)
    };
    let cut_line = text.len() - 40;
    for (content, parts) in [
        (joined(&lines[..last - 1]), vec![format!("line {}", last - 1), "cut".to_owned()]),
        (joined(&lines[..1]), vec!["line 1".to_owned(), "cut".to_owned()]),
        (text[..cut_line].to_owned(), vec![format!("line {last}"), "digest".to_owned()]),
        (text.trim_end().to_owned(), vec![format!("line {last}"), "cut".to_owned()]),
        (format!("{text}{}\n", lines[5]), vec![format!("line {}", last + 1)]),
        (joined(&[&lines[..5], &lines[6..]].concat()), vec!["line 6".to_owned()]),
        (swapped, vec!["line 4".to_owned(), "changed".to_owned()]),
        (replaced(2, "\"status\":200", "\"status\":500"), vec!["line 3".to_owned(), "changed".to_owned()]),
        (replaced(0, "\"mode\":\"apply\"", "\"mode\":\"observe\""), vec!["line 1".to_owned(), "changed".to_owned()]),
        // A forged file can have valid digests: what becomes part of a file name or a configuration is checked.
        (replaced(0, "\"instance1\"", "\"../x\""), vec!["line 1".to_owned(), "not the name of an instance".to_owned()]),
        (replaced(0, "\"mode\":\"apply\"", "\"mode\":\"x\""), vec!["line 1".to_owned(), "not a mode".to_owned()]),
        (replaced(0, "\"manage\"", "\"password_file\""), vec!["line 1".to_owned(), "not a choice".to_owned()]),
        (replaced(0, "\"version\":1", "\"version\":2"), vec!["line 1".to_owned(), "format version 2".to_owned()]),
    ] {
        let error = refused(folder.path(), content.as_bytes());
        for part in parts {
            assert!(error.contains(&part), "{part}: {error}");
        }
        assert!(error.contains("record"), "it says what to do: {error}");
    }
}

#[test]
fn a_file_that_is_no_transcript_is_not_served() {
    let folder = tempfile::tempdir().expect("a folder");
    for content in [
        b"".as_slice(),
        b"\n",
        b"{}\n{}\n",
        b"[experience_cloud]\n",
        b"\xff\xfe\x00\x01\x02",
        b"{\"format\":\"campaign-group-sync-transcript\",\"version\":\"1\"}\n",
        b"{\"format\":\"campaign-group-sync-transcript\",\"version\":1}\n",
    ] {
        let error = refused(folder.path(), content);
        assert!(
            error.contains("line 1") && error.contains("nothing is served") || error.contains("version"),
            "{error}"
        );
    }
    let missing = run(&mut program(&["sandbox", "--replay", &folder.path().join("missing").display().to_string()]));
    assert!(missing.exit == Some(64) && missing.stderr.contains("cannot be read"), "{missing:?}");
    let of_folder = run(&mut program(&["sandbox", "--replay", &folder.path().display().to_string()]));
    assert_eq!(of_folder.exit, Some(64), "{of_folder:?}");
}

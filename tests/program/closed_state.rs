//! A command that writes closes the state, so that the next one need not check the whole file.

use std::{fs, os::unix::fs::MetadataExt as _, path::PathBuf};

use serde_json::{Value, json};

use super::harness::Served;

/// Whether the file is as it was when it was checked or closed, and its log is gone.
fn is_closed(served: &Served) -> bool {
    let file = served.state();
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    let checked = fs::read_to_string(beside(".checked")).expect("a check was recorded");
    let checked: Value = serde_json::from_str(&checked).expect("JSON");
    let found = fs::metadata(&file).expect("a state");
    checked["file"]["modified"] == json!([found.mtime(), found.mtime_nsec()])
        && checked["file"]["changed"] == json!([found.ctime(), found.ctime_nsec()])
        && !beside("-wal").exists()
}

#[test]
fn every_command_that_writes_closes_the_state() {
    let served = Served::of(&["first_day"]);
    let run = served.sync_now(&["--output", "json"]).json();
    let run = run["run"].as_str().expect("an id");
    assert!(is_closed(&served), "a run");
    for (arguments, exit) in [
        (&["explain", "ann@acme.com"][..], 0),
        (&["approve", "0123456789abcdef"], 4),
        (&["unpause"], 0),
        (&["review", "--done"], 0),
        (&["undo", run], 4),
        (&["undo", "01J00000000000000000000000"], 64),
        (&["state", "assign", "0123456789ABCDEF01234567@AdobeOrg"], 0),
    ] {
        let finished = served.command(arguments);
        // A command whose arguments are refused never opens the state.
        assert_eq!(finished.exit, Some(exit), "{arguments:?}: {}", finished.stderr);
        assert!(is_closed(&served), "{arguments:?}: {}", finished.stderr);
    }
}

//! Recordings by the built program, and replays of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::{Finished, ServedSandbox, program, run};

/// A check of a sandbox that was recorded.
pub(crate) struct RecordedCheck {
    /// The folder of the transcript.
    pub(crate) folder: TempDir,
    pub(crate) finished: Finished,
}

impl RecordedCheck {
    /// Checks the scenario of this name or file.
    pub(crate) fn of(scenario: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().display().to_string();
        let finished = run(&mut program(&["check", "--sandbox", scenario, "--record", &place, "--output", "json"]));
        Self { folder, finished }
    }

    /// The only file in the folder.
    pub(crate) fn file(&self) -> PathBuf {
        let mut files =
            fs::read_dir(self.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let file = files.next().unwrap_or_else(|| panic!("there is no transcript: {:?}", self.finished));
        assert_eq!(files.next(), None);
        file
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("text")
    }

    pub(crate) fn verdicts(&self) -> Vec<String> {
        verdicts(&self.finished.json())
    }
}

/// The lines of a transcript.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A check of a replay: its exit status and its verdicts.
pub(crate) fn checked_replay(transcript: &Path) -> (Option<i32>, Vec<String>) {
    let mut replay = ServedSandbox::start(&["--replay", &transcript.display().to_string()]);
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = folder.path().join("config.toml");
    fs::write(&configuration, &replay.configuration).expect("written");
    let place = configuration.display().to_string();
    let finished = run(&mut program(&["check", "--config", &place, "--output", "json"]));
    replay.end();
    (finished.exit, verdicts(&finished.json()))
}

/// The verdicts of a report in order, without those that concern the host. Instances are numbered.
fn verdicts(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list");
    let mut instances: Vec<&str> = Vec::new();
    let mut verdicts = Vec::new();
    for finding in findings.iter().filter(|finding| finding["section"] != "host") {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        let place = match text("instance") {
            "" => String::new(),
            name => {
                if !instances.contains(&name) {
                    instances.push(name);
                }
                format!(" {}", instances.iter().position(|known| *known == name).expect("known"))
            }
        };
        verdicts.push(format!("{}{place}: {}", text("id"), text("verdict")));
    }
    verdicts
}

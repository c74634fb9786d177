//! The program against a sandbox that encrypts: in one process, and as two that trust each other as hosts do.

use std::{fs, path::PathBuf};

use super::support::{Finished, Served, program, run};

/// The default scenario with this `[tls]` table, as a file.
struct ScenarioFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl ScenarioFile {
    fn with(tls: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("encrypted.toml");
        let text = include_str!("../../config/scenarios/first_day.toml");
        fs::write(&path, format!("{text}\n[tls]\n{tls}\n")).expect("written");
        Self { _folder: folder, path }
    }

    fn name(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }

    /// A command against this scenario, all in one process.
    fn alone(&self, arguments: &[&str]) -> Finished {
        run(program(arguments).args(["--sandbox", self.name()]))
    }
}

/// The file with the authority, as the printed configuration names it.
fn authority(served: &Served) -> String {
    let text = fs::read_to_string(&served.configuration).expect("written");
    let after = text.split("SSL_CERT_FILE=").nth(1).unwrap_or_else(|| panic!("no hint in {text}"));
    after.split(' ').next().expect("a path").to_owned()
}

#[test]
fn a_sandbox_that_encrypts_needs_nothing_but_its_scenario() {
    let file = ScenarioFile::with("");
    let synced = file.alone(&["--sync-now"]);
    assert_eq!(synced.exit, Some(0), "{}", synced.stderr);
    assert!(synced.stdout.contains("5 to add, 3 to remove: 8 applied"), "{}", synced.stdout);
    for command in ["check", "mask"] {
        let finished = file.alone(&[command]);
        assert_eq!(finished.exit, Some(0), "{command}: {}{}", finished.stdout, finished.stderr);
    }
}

#[test]
fn a_bad_certificate_ends_with_6_and_is_told_in_words() {
    for (tls, words) in [
        ("days_left = -2", "it expired on 2"),
        ("name = \"acme.campaign.adobe.com\"", "it is valid for acme.campaign.adobe.com only"),
        ("trusted = false", "it was issued by an authority that this host does not trust"),
    ] {
        for command in ["--sync-now", "check", "mask"] {
            let finished = ScenarioFile::with(tls).alone(&[command]);
            assert_eq!(finished.exit, Some(6), "{command}: {}{}", finished.stdout, finished.stderr);
            let said = format!("{}{}", finished.stdout, finished.stderr);
            // Long lines are broken.
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(words), "{command}: {said}");
        }
    }
}

#[test]
fn the_authority_of_a_served_sandbox_is_trusted_as_that_of_a_host_is() {
    let file = ScenarioFile::with("");
    let served = Served::of(&[file.name()]);
    let authority = authority(&served);
    let synced = run(served.prepared(&["--sync-now"]).env("SSL_CERT_FILE", &authority));
    assert_eq!(synced.exit, Some(0), "{}", synced.stderr);
    assert!(synced.stdout.contains("8 applied"), "{}", synced.stdout);
    served.terminate();
    assert!(!PathBuf::from(authority).exists(), "the folder goes with the sandbox");
}

#[test]
fn an_authority_that_the_host_does_not_know_is_not_trusted() {
    let file = ScenarioFile::with("trusted = false");
    let served = Served::of(&[file.name()]);
    let synced = run(served.prepared(&["--sync-now"]).env("SSL_CERT_FILE", authority(&served)));
    assert_eq!(synced.exit, Some(6), "{}", synced.stderr);
    assert!(synced.stdout.contains("an authority that this host does not trust"), "{}{}", synced.stdout, synced.stderr);
}

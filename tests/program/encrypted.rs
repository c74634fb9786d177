//! The program against a sandbox with TLS: in one process, and in two processes with `SSL_CERT_FILE`.

use std::{fs, path::PathBuf};

use super::harness::{Finished, Served, program, run};

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

    /// Runs a command against this scenario in one process.
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
fn a_sandbox_with_tls_needs_no_further_configuration() {
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
fn a_bad_certificate_exits_with_6_and_a_clear_message() {
    for (tls, words) in [
        ("days_left = -2", "it expired on 2"),
        ("name = \"acme.campaign.adobe.com\"", "it is valid for acme.campaign.adobe.com only"),
        ("trusted = false", "it was issued by an authority that this host does not trust"),
    ] {
        for command in ["--sync-now", "check", "mask"] {
            let finished = ScenarioFile::with(tls).alone(&[command]);
            assert_eq!(finished.exit, Some(6), "{command}: {}{}", finished.stdout, finished.stderr);
            let said = format!("{}{}", finished.stdout, finished.stderr);
            // Long lines are wrapped.
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(words), "{command}: {said}");
        }
    }
}

#[test]
fn the_authority_of_a_served_sandbox_is_trusted_through_ssl_cert_file() {
    let file = ScenarioFile::with("");
    let served = Served::of(&[file.name()]);
    let authority = authority(&served);
    let synced = run(served.prepared(&["--sync-now"]).env("SSL_CERT_FILE", &authority));
    assert_eq!(synced.exit, Some(0), "{}", synced.stderr);
    assert!(synced.stdout.contains("8 applied"), "{}", synced.stdout);
    served.terminate();
    assert!(!PathBuf::from(authority).exists(), "the folder is deleted with the sandbox");
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let file = ScenarioFile::with("trusted = false");
    let served = Served::of(&[file.name()]);
    let synced = run(served.prepared(&["--sync-now"]).env("SSL_CERT_FILE", authority(&served)));
    assert_eq!(synced.exit, Some(6), "{}", synced.stderr);
    assert!(synced.stdout.contains("an authority that this host does not trust"), "{}{}", synced.stdout, synced.stderr);
}

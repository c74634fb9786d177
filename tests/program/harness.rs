//! A sandbox that the program serves, and commands with its configuration.

use std::{fs, path::PathBuf, process::Command};

pub(crate) use super::process::{Finished, program, run};
use super::process::{ServedSandbox, Started};

/// `sandbox SCENARIO` in the background, with its printed configuration.
pub(crate) struct Served {
    sandbox: ServedSandbox,
    pub(crate) configuration: PathBuf,
    folder: tempfile::TempDir,
}

impl Served {
    pub(crate) fn of(arguments: &[&str]) -> Self {
        let sandbox = ServedSandbox::start(arguments);
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = folder.path().join("sandbox.toml");
        fs::write(&configuration, &sandbox.configuration).expect("written");
        Self { sandbox, configuration, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file with the state.
    pub(crate) fn state(&self) -> PathBuf {
        let text = fs::read_to_string(&self.configuration).expect("a configuration");
        text.split("sqlite://").nth(1).and_then(|rest| rest.split('"').next()).expect("a state").into()
    }

    pub(crate) fn sync_now(&self, more: &[&str]) -> Finished {
        run(self.prepared(&["--sync-now"]).args(more))
    }

    /// A command with the configuration of this sandbox, not started yet.
    pub(crate) fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.arg("--config").arg(&self.configuration);
        command
    }

    /// Runs a command with the configuration of this sandbox.
    pub(crate) fn command(&self, arguments: &[&str]) -> Finished {
        run(&mut self.prepared(arguments))
    }

    /// Starts a command, and sends it SIGTERM once the sandbox has received a call whose name begins like this.
    pub(crate) fn terminated_at(&self, call: &str, command: &mut Command) -> Finished {
        let started = Started::of(command);
        self.sandbox.await_call(call);
        started.signal("-TERM");
        started.finish()
    }

    /// Sends a request to the sandbox's own endpoints; returns the body of the response.
    pub(crate) fn ask(&self, method: reqwest::Method, what: &str, body: &str) -> String {
        self.sandbox.ask(method, what, body)
    }

    /// Sends SIGTERM to the sandbox, and waits until it has stopped.
    pub(crate) fn terminate(mut self) {
        assert!(self.sandbox.end().expect("running").success());
    }
}

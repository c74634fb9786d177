//! The built program as a child process, and a sandbox that it serves.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

/// How long the program may take for anything here before a test gives it up.
const DEADLINE: Duration = Duration::from_secs(60);

/// The program with an environment that holds nothing of the person who runs the tests.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-group-sync"));
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// Runs to the end, or is killed at the deadline.
pub(crate) fn run(command: &mut Command) -> Finished {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let id = child.id();
    Finished::of(&in_time(id, move || child.wait_with_output()).expect("readable to the end"))
}

/// What `wait` answers about the process; at the deadline the process is killed and the test fails.
fn in_time<T: Send + 'static>(process: u32, wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(wait()));
    receive.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        signal("-KILL", process);
        panic!("the program did not end in {DEADLINE:?}")
    })
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().expect("kill runs").success());
}

/// What a run of the program left.
pub(crate) struct Finished {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self { exit: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// `sandbox SCENARIO` in the background, and the configuration it printed.
pub(crate) struct Served {
    child: Option<Child>,
    pub(crate) url: String,
    pub(crate) configuration: PathBuf,
    folder: tempfile::TempDir,
}

impl Served {
    pub(crate) fn of(arguments: &[&str]) -> Self {
        let mut command = program(&["sandbox"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut text = String::new();
        while !text.ends_with("# The sandbox is ready.\n") {
            text.push_str(&lines.next().expect("the whole configuration is printed").expect("readable"));
            text.push('\n');
        }
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = folder.path().join("sandbox.toml");
        std::fs::write(&configuration, &text).expect("written");
        let after = text.split("http://").nth(1).expect("an address");
        let url = format!("http://{}", after.split('/').next().expect("a host"));
        Self { child: Some(child), url, configuration, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn sync_now(&self, more: &[&str]) -> Finished {
        let configuration = self.configuration.to_str().expect("UTF-8").to_owned();
        let mut command = program(&["--sync-now", "--config", &configuration]);
        run(command.args(more))
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

    /// Asks the sandbox itself; answers its body.
    pub(crate) fn ask(&self, method: reqwest::Method, what: &str, body: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            campaign_group_sync::transport::install_cryptography();
            let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
            let request = client.request(method, format!("{}/sandbox/{what}", self.url)).body(body.to_owned());
            let answer = request.send().await.expect("answered");
            let (status, text) = (answer.status(), answer.text().await.expect("a body"));
            assert!(status.is_success(), "{status}: {text}");
            text
        })
    }
}

impl Served {
    /// Tells the sandbox to end, as `kill` does, and waits until it has.
    pub(crate) fn terminate(mut self) {
        let mut child = self.child.take().expect("running");
        let id = child.id();
        signal("-TERM", id);
        assert!(in_time(id, move || child.wait()).expect("a child of ours").success());
    }
}

impl Drop for Served {
    /// As people end it, so that it takes its secrets with it.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A test that fails already has something better to say.
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }
}

//! The built program as a child process, and a sandbox that it serves.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use campaign_group_sync::journal::StepWatch;
use reqwest::Method;
use serde_json::Value;

use super::secrets::Written;

/// How long anything here may take before a test gives it up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The level of the log, in the environment.
pub(crate) const LOG_LEVEL: &str = "CAMPAIGN_GROUP_SYNC__LOG__LEVEL";

/// The program with an environment that holds nothing of the person who runs the tests. It logs everything, where
/// arguments name no other level: what it writes is searched for secrets.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-group-sync"));
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env(LOG_LEVEL, "trace").stdin(Stdio::null());
    command
}

/// This test binary with one of its tests alone, for a test that a process of its own has to run: `module_path!()` of the
/// test and its name.
pub(crate) fn test_process(module: &str, test: &str) -> Command {
    let (_, module) = module.split_once("::").expect("a module below the root");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", &format!("{module}::{test}"), "--include-ignored", "--nocapture"]);
    command
}

/// Runs to the end.
pub(crate) fn run(command: &mut Command) -> Finished {
    Started::of(command).finish()
}

/// What `wait` answers about the process; at the deadline the process is killed and the test fails.
pub(crate) fn in_time<T: Send + 'static>(process: u32, wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(wait()));
    receive.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        signal("-KILL", process);
        panic!("the program did not end in {DEADLINE:?}")
    })
}

/// The exit status of a child that ends by itself.
pub(crate) fn end(mut child: Child) -> ExitStatus {
    in_time(child.id(), move || child.wait()).expect("a child of ours")
}

/// Ends this process at this step of the journal; never without one.
pub(crate) fn dying_at(last: Option<usize>) -> StepWatch {
    let steps = AtomicUsize::new(0);
    Arc::new(move |_| {
        if Some(steps.fetch_add(1, Ordering::SeqCst)) == last {
            // No destructor runs: as if the machine had lost its power.
            std::process::abort();
        }
    })
}

pub(crate) fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().expect("kill runs").success());
}

/// What a run of the program left.
#[derive(Debug)]
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

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command under way.
pub(crate) struct Started {
    child: Child,
    written: Written,
}

impl Started {
    pub(crate) fn of(command: &mut Command) -> Self {
        let written = Written::by(command);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        Self { child, written }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.id());
    }

    /// Waits for the end. No secret is in what was printed and stored.
    pub(crate) fn finish(self) -> Finished {
        let Self { child, written } = self;
        let finished = Finished::of(&in_time(child.id(), || child.wait_with_output()).expect("readable to the end"));
        written.assert_no_secret(&format!("{}{}", finished.stdout, finished.stderr));
        finished
    }
}

/// `sandbox …` in the background.
pub(crate) struct ServedSandbox {
    child: Option<Child>,
    url: String,
    /// The configuration it printed.
    pub(crate) configuration: String,
}

impl ServedSandbox {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = program(&["sandbox"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut configuration = String::new();
        while !configuration.ends_with("# The sandbox is ready.\n") {
            configuration.push_str(&lines.next().expect("the whole configuration is printed").expect("readable"));
            configuration.push('\n');
        }
        let after = configuration.split("http://").nth(1).expect("an address");
        let url = format!("http://{}", after.split('/').next().expect("a host"));
        Self { child: Some(child), url, configuration }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// Asks the sandbox itself; answers its body.
    pub(crate) fn ask(&self, method: Method, what: &str, body: &str) -> String {
        let (status, text) = exchange(method, &format!("{}/sandbox/{what}", self.url), body);
        assert!((200..300).contains(&status), "{status}: {text}");
        text
    }

    /// The calls that the sandbox has got, by name.
    pub(crate) fn calls(&self) -> Vec<String> {
        let requests: Value = serde_json::from_str(&self.ask(Method::GET, "requests", "")).expect("JSON");
        let requests = requests["requests"].as_array().expect("a list");
        requests.iter().filter_map(|request| request["call"].as_str().map(str::to_owned)).collect()
    }

    /// Asks the sandbox until it has got a call whose name begins like this.
    pub(crate) fn await_call(&self, name: &str) {
        let begin = Instant::now();
        while !self.calls().iter().any(|call| call.starts_with(name)) {
            assert!(begin.elapsed() < DEADLINE, "no {name} came");
        }
    }

    /// Tells it to end, as `kill` does, and waits until it has; `None` when it had ended before.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().ok()?;
        child.wait().ok()
    }
}

impl Drop for ServedSandbox {
    /// As people end it, so that it takes its secrets with it.
    fn drop(&mut self) {
        // A test that fails already has something better to say.
        let _ = self.end();
    }
}

/// Status and body of an answer over HTTP.
pub(crate) fn exchange(method: Method, url: &str, body: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        campaign_group_sync::transport::install_cryptography();
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
        let answer = client.request(method, url).body(body.to_owned()).send().await.expect("answered");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    })
}

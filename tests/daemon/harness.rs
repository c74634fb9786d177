//! The built program as a daemon, a sandbox for it, and a socket that receives the messages to systemd.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixDatagram, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;

use super::process::{DEADLINE, ServedSandbox, exchange, in_time, signal};
pub(crate) use super::process::{Finished, Started, program, run};
use crate::support::secrets::{Marked, Written};

/// A tick that no test lives to see.
pub(crate) const NEVER: &str = "[schedule]\ncron = \"0 0 3 29 2 *\"\njitter = \"0s\"\n";

/// As often as a schedule can tick.
pub(crate) const ALWAYS: &str = "[schedule]\ncron = \"* * * * * *\"\njitter = \"0s\"\n";

/// `sandbox SCENARIO` in the background, and a configuration for it.
pub(crate) struct Harness {
    sandbox: ServedSandbox,
    folder: tempfile::TempDir,
}

impl Harness {
    /// `more` is added to the configuration that the sandbox prints.
    pub(crate) fn of(scenario: &str, more: &str) -> Self {
        let sandbox = ServedSandbox::start(&[scenario]);
        let harness = Self { sandbox, folder: tempfile::tempdir().expect("a folder") };
        harness.configure(more);
        harness
    }

    /// Writes the configuration again: that of the sandbox, and `more`.
    pub(crate) fn configure(&self, more: &str) {
        let socket = format!("socket = \"{}\"", self.socket().display());
        let lines = self.sandbox.configuration.lines();
        let lines = lines.map(|line| if line.starts_with("socket = ") { socket.as_str() } else { line });
        let text = lines.collect::<Vec<_>>().join("\n");
        fs::write(self.configuration(), format!("{text}\n{more}")).expect("written");
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.path("config.toml")
    }

    /// In a folder that does not exist yet.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("run/control.sock")
    }

    /// The state file, as the sandbox printed it.
    pub(crate) fn state(&self) -> String {
        let line = self.sandbox.configuration.lines().find(|line| line.contains("sqlite://")).expect("a state file");
        line.split("sqlite://").nth(1).expect("a path").trim_end_matches('"').to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.arg("--config").arg(self.configuration());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Finished {
        self.begin(arguments).finish()
    }

    /// Starts a command.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Started {
        Started::of(&mut self.prepared(arguments))
    }

    /// The status as JSON.
    pub(crate) fn status(&self) -> Value {
        self.command(&["status", "--output", "json"]).json()
    }

    /// The runs of the history, newest first.
    pub(crate) fn history(&self) -> Vec<Value> {
        self.command(&["history", "--limit", "100", "--output", "json"]).json()["runs"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// Disturbs calls.
    pub(crate) fn fault(&self, call: &str, effect: &Value) {
        let fault = serde_json::json!({"faults": [{"call": call, "times": "forever", "effect": effect}]});
        self.ask(Method::POST, "faults", &fault.to_string());
    }

    pub(crate) fn sandbox_id(&self) -> u32 {
        self.sandbox.id()
    }

    /// The calls that the sandbox has got, by name.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.sandbox.calls()
    }

    /// Waits until the sandbox has got a call whose name begins like this.
    pub(crate) fn await_call(&self, name: &str) {
        self.sandbox.await_call(name);
    }

    /// Asks the sandbox itself.
    pub(crate) fn ask(&self, method: Method, what: &str, body: &str) -> String {
        self.sandbox.ask(method, what, body)
    }

    /// A daemon that has said it is ready.
    pub(crate) fn daemon(&self) -> Daemon {
        let mut daemon = self.starting_daemon(&[]);
        daemon.hear("READY=1");
        daemon
    }

    /// A daemon that may not be ready yet, with more in its environment, or less: a variable without a value is removed.
    pub(crate) fn starting_daemon(&self, environment: &[(&str, &str)]) -> Daemon {
        self.named_daemon("", environment)
    }

    /// The same for one of several daemons, with a log and a socket of its own.
    pub(crate) fn named_daemon(&self, name: &str, environment: &[(&str, &str)]) -> Daemon {
        let notify = self.path(&format!("{name}notify.sock"));
        // Of an earlier daemon of this test.
        let _ = fs::remove_file(&notify);
        let ear = UnixDatagram::bind(&notify).expect("bound");
        let (send, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length) = ear.recv(&mut buffer) {
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if send.send(message).is_err() {
                    break;
                }
            }
        });
        let path = self.path(&format!("{name}log"));
        let log = fs::File::options().create(true).append(true).open(&path).expect("a log");
        let mut command = self.prepared(&[]);
        command.env("NOTIFY_SOCKET", &notify);
        for (name, value) in environment {
            // Of a variable without a value, the file has the word.
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let written = Written::by(&command);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("started");
        Daemon { child: Some(child), messages, heard: Vec::new(), log: path, written }
    }

    /// Talks to the control socket in raw lines.
    pub(crate) fn talk(&self) -> Talk {
        let stream = UnixStream::connect(self.socket()).expect("somebody listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("settable");
        stream.set_write_timeout(Some(DEADLINE)).expect("settable");
        Talk(BufReader::new(stream))
    }
}

/// Status and body of an answer over HTTP, without a secret.
pub(crate) fn get(url: &str) -> (u16, String) {
    let (status, text) = exchange(Method::GET, url, "");
    Marked::of_sandbox().assert_absent(&text);
    (status, text)
}

/// The daemon; killed when the test is over.
pub(crate) struct Daemon {
    child: Option<Child>,
    messages: mpsc::Receiver<String>,
    heard: Vec<String>,
    log: PathBuf,
    written: Written,
}

impl Daemon {
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// Waits for a message to systemd that contains this.
    pub(crate) fn hear(&mut self, what: &str) -> String {
        let begin = Instant::now();
        loop {
            let left = DEADLINE.saturating_sub(begin.elapsed());
            let Ok(message) = self.messages.recv_timeout(left) else {
                panic!("{what:?} was not heard, but {:?}; {}", self.heard, self.log())
            };
            self.heard.push(message.clone());
            if message.contains(what) {
                return message;
            }
        }
    }

    /// The next message to systemd, if one comes in this time.
    pub(crate) fn hear_within(&mut self, time: Duration) -> Option<String> {
        self.messages.recv_timeout(time).ok()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("readable")
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.id());
    }

    /// Waits for the end; answers the exit status, and how long it took. No secret is in what was logged, told systemd
    /// and stored.
    pub(crate) fn ended(&mut self) -> (Option<i32>, Duration) {
        let mut child = self.child.take().expect("running");
        let begin = Instant::now();
        let status = in_time(child.id(), move || child.wait()).expect("a child of ours");
        let lasted = begin.elapsed();
        self.search();
        (status.code(), lasted)
    }

    fn search(&self) {
        if thread::panicking() {
            // The test has something better to say, and its folder may be gone.
            return;
        }
        self.written.assert_no_secret(&format!("{}{}", self.log(), self.heard.concat()));
    }

    /// Stops the daemon; answers its exit status, and how long it took.
    pub(crate) fn terminate(&mut self) -> (Option<i32>, Duration) {
        self.signal("-TERM");
        self.ended()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            self.search();
        }
    }
}

/// A raw conversation.
pub(crate) struct Talk(BufReader<UnixStream>);

impl Talk {
    pub(crate) fn say(&mut self, line: &str) -> Value {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("sent");
        self.answer()
    }

    /// Sends what may not be taken to its end.
    pub(crate) fn pour(&mut self, bytes: &[u8]) {
        // The peer may close before it has read everything; its answer tells.
        let _ = self.0.get_mut().write_all(bytes);
    }

    pub(crate) fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("answered");
        Marked::of_sandbox().assert_absent(&line);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub(crate) fn is_closed(&mut self) -> bool {
        let mut line = String::new();
        self.0.read_line(&mut line).is_ok_and(|length| length == 0)
    }
}

/// A field of `/proc/PID/status`, in kB or plain numbers.
pub(crate) fn process_status(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).expect("readable");
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).expect("such a field");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

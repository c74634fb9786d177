//! The built program as a daemon, a sandbox for it, and a socket that hears what systemd would be told.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixDatagram, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;

/// How long anything here may take before a test gives it up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A tick that no test lives to see.
pub(crate) const NEVER: &str = "[schedule]\ncron = \"0 0 3 29 2 *\"\njitter = \"0s\"\n";

/// As often as a schedule can tick.
pub(crate) const ALWAYS: &str = "[schedule]\ncron = \"* * * * * *\"\njitter = \"0s\"\n";

/// The program with an environment that holds nothing of the person who runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaign-group-sync"));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// What `wait` answers; at the deadline the test fails.
fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(wait()));
    receive.recv_timeout(DEADLINE).expect("in time")
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().expect("kill runs").success());
}

/// What a command left.
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

/// `sandbox SCENARIO` in the background, and a configuration for it.
pub(crate) struct Scene {
    sandbox: Child,
    url: String,
    text: String,
    folder: tempfile::TempDir,
}

impl Scene {
    /// `more` is added to the configuration that the sandbox prints.
    pub(crate) fn of(scenario: &str, more: &str) -> Self {
        let mut command = program();
        command.args(["sandbox", scenario]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut sandbox = command.spawn().expect("started");
        let mut lines = BufReader::new(sandbox.stdout.take().expect("piped")).lines();
        let mut text = String::new();
        while !text.ends_with("# The sandbox is ready.\n") {
            text.push_str(&lines.next().expect("the whole configuration is printed").expect("readable"));
            text.push('\n');
        }
        let host = text.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let url = format!("http://{host}");
        let scene = Self { sandbox, url, text, folder: tempfile::tempdir().expect("a folder") };
        scene.configure(more);
        scene
    }

    /// Writes the configuration anew: that of the sandbox, and `more`.
    pub(crate) fn configure(&self, more: &str) {
        let socket = format!("socket = \"{}\"", self.socket().display());
        let lines = self.text.lines().map(|line| if line.starts_with("socket = ") { socket.as_str() } else { line });
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
        let line = self.text.lines().find(|line| line.contains("sqlite://")).expect("a state file");
        line.split("sqlite://").nth(1).expect("a path").trim_end_matches('"').to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).arg("--config").arg(self.configuration());
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

    /// Asks the sandbox itself.
    pub(crate) fn ask(&self, method: Method, what: &str, body: &str) -> String {
        let (status, text) = exchange(method, &format!("{}/sandbox/{what}", self.url), body);
        assert!((200..300).contains(&status), "{status}: {text}");
        text
    }

    /// A daemon that has said it is ready.
    pub(crate) fn daemon(&self) -> Daemon {
        let mut daemon = self.starting_daemon(&[]);
        daemon.hear("READY=1");
        daemon
    }

    /// A daemon that may not be ready yet, with more in its environment.
    pub(crate) fn starting_daemon(&self, environment: &[(&str, &str)]) -> Daemon {
        self.named_daemon("", environment)
    }

    /// The same where there are several: its log and what it tells systemd are apart from those of the others.
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
        command.env("NOTIFY_SOCKET", &notify).envs(environment.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("started");
        Daemon { child: Some(child), messages, heard: Vec::new(), log: path }
    }

    /// Talks to the control socket in raw lines.
    pub(crate) fn talk(&self) -> Talk {
        let stream = UnixStream::connect(self.socket()).expect("somebody listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("settable");
        stream.set_write_timeout(Some(DEADLINE)).expect("settable");
        Talk(BufReader::new(stream))
    }
}

/// Status and body of an answer over HTTP.
pub(crate) fn get(url: &str) -> (u16, String) {
    exchange(Method::GET, url, "")
}

fn exchange(method: Method, url: &str, body: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        campaign_group_sync::transport::install_cryptography();
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
        let answer = client.request(method, url).body(body.to_owned()).send().await.expect("answered");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    })
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A test that fails already has something better to say.
        let _ = Command::new("kill").args(["-TERM", &self.sandbox.id().to_string()]).status();
        let _ = self.sandbox.wait();
    }
}

/// A command under way.
pub(crate) struct Started(Child);

impl Started {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started"))
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.0.id());
    }

    pub(crate) fn finish(self) -> Finished {
        Finished::of(&in_time(|| self.0.wait_with_output()).expect("readable to the end"))
    }
}

/// Runs any command of the program to its end.
pub(crate) fn finished(command: &mut Command) -> Finished {
    Started::of(command).finish()
}

/// The daemon; killed when the test is over.
pub(crate) struct Daemon {
    child: Option<Child>,
    messages: mpsc::Receiver<String>,
    heard: Vec<String>,
    log: PathBuf,
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

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("readable")
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.id());
    }

    /// Waits for the end; exit code, and how long it took.
    pub(crate) fn ended(&mut self) -> (Option<i32>, Duration) {
        let mut child = self.child.take().expect("running");
        let begin = Instant::now();
        let status = in_time(move || child.wait()).expect("a child of ours");
        (status.code(), begin.elapsed())
    }

    /// Tells it to end; exit code, and how long it took.
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

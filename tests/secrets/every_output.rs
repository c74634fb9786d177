//! Commands, the daemon, its page, its socket, its metrics, its notifications, its state and transcripts.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::secret;
use crate::{
    daemon::harness::{Daemon, Harness, get},
    support::{
        process::{Finished, run},
        receivers::{Behavior, Log, script, webhook},
        secrets::Marked,
    },
};

const SMTP: &str = "CAMPAIGN_GROUP_SYNC__NOTIFY__SMTP_PASSWORD";
const STATE: &str = "CAMPAIGN_GROUP_SYNC__STATE__URL";
const NO_WAIT: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__MAX_WAIT", "0s");
const PAGE: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0");

/// What a user info of an address cannot have without an encoding is none of its secrets.
const IN_ADDRESS: &str = "Marked-address-6Vx2kQ9w";

/// A program as a target of notifications, which tells what it got and its environment.
const TELL: &str = "{ cat; echo; env; } >>\"$1/told\"";

/// Two instances, one for each way to sign in, whose secrets are marked.
fn scenario() -> String {
    let value = |name: &str| Value::from(secret(name)).to_string();
    format!(
        "based_on = \"two_instances\"\n[organization]\nclient_secret = {}\n[campaign.stage]\npassword = {}\n",
        value("organization"),
        value("stage")
    )
}

struct Everything {
    harness: Harness,
    folder: tempfile::TempDir,
    webhook: Log,
    marked: Marked,
}

impl Everything {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("marked.toml"), scenario()).expect("written");
        let tell = script(&path("tell"), TELL);
        let (address, webhook) = webhook(Behavior::Answers("503 Busy"));
        fs::write(path("webhook"), format!("{address}/{IN_ADDRESS}?key={IN_ADDRESS}")).expect("written");
        fs::set_permissions(path("webhook"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
        let mail = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
        let more = format!(
            "[schedule]\ncron = \"off\"\n[guard]\nmax_removals = 0\n[notify]\n\
             events = [\"held\", \"failed\", \"recovered\", \"applied\", \"finding\"]\n\
             command = [\"{}\", \"{}\"]\nwebhook_file = \"{}\"\nwebhook_people = true\n\
             mail = {{ to = [\"ops@acme.com\"], from = \"sync@acme.com\", smtp = \"smtp+starttls://sync@localhost:{}\" }}\n",
            tell.display(),
            folder.path().display(),
            path("webhook").display(),
            mail.port()
        );
        let harness = Harness::of(&path("marked.toml").display().to_string(), &more);
        let names = ["organization", "stage", "mail"];
        let marked = Marked::with(names.into_iter().map(secret).chain([IN_ADDRESS.to_owned()]));
        Self { harness, folder, webhook, marked }
    }

    /// A command with the secrets of its environment.
    fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = self.harness.prepared(arguments);
        command.env(SMTP, secret("mail")).env("HTTPS_PROXY", format!("http://user:{IN_ADDRESS}@127.0.0.1:9"));
        command.env(NO_WAIT.0, NO_WAIT.1);
        command
    }

    /// The output of a command is searched by `Started`; it must have one.
    fn command(&self, arguments: &[&str]) -> Finished {
        let finished = run(&mut self.prepared(arguments));
        assert!(!finished.stdout.is_empty() || !finished.stderr.is_empty(), "{arguments:?}");
        self.search(&format!("{}{}", finished.stdout, finished.stderr));
        finished
    }

    fn search(&self, text: &str) {
        // The configuration has files with secrets beside it.
        let told = [self.folder.path().join("told"), self.folder.path().join("transcripts"), self.state()];
        let found = self.marked.found_in(text, &told);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    fn state(&self) -> PathBuf {
        PathBuf::from(self.harness.state())
    }

    fn daemon(&self) -> (Daemon, String) {
        let proxy = format!("http://user:{IN_ADDRESS}@127.0.0.1:9");
        let mut daemon =
            self.harness.starting_daemon(&[PAGE, NO_WAIT, (SMTP, &secret("mail")), ("HTTPS_PROXY", &proxy)]);
        daemon.hear("READY=1");
        let log = daemon.log();
        let page = log.split("the status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let page = page.expect("an address in the log").to_owned();
        (daemon, page)
    }

    fn fault(&self, fault: &Value) {
        self.harness.ask(Method::DELETE, "faults", "");
        self.harness.ask(Method::POST, "faults", &json!({ "faults": fault }).to_string());
    }
}

/// Faults after which a report shows something of a call, and some that quote what they got.
fn faults() -> Vec<Value> {
    let always = |call: &str, effect: Value| json!([{"call": call, "times": "forever", "effect": effect}]);
    let echo = |status: u16| json!({"type": "status", "status": status, "body": "{\"error\": \"invalid_client\"}"});
    vec![
        always("token", echo(400)),
        always("token", json!({"type": "reset"})),
        always("token", json!({"type": "html"})),
        always("users", json!({"type": "status", "status": 401})),
        always("users", json!({"type": "status", "status": 429, "headers": [["retry-after", "1"]]})),
        always("groups", json!({"type": "truncate"})),
        always("logon", json!({"type": "status", "status": 403, "body": "XSV-350012"})),
        always("logon", json!({"type": "truncate"})),
        always("query", json!({"type": "cut_off"})),
        always("query", json!({"type": "soap_fault", "code": "SOAP-ENV:Server", "string": "x", "detail": "y"})),
        always("write", json!({"type": "status", "status": 500})),
        json!([{"call": "any", "skip": 4, "effect": {"type": "expire_tokens"}}]),
    ]
}

#[test]
fn no_command_prints_or_stores_a_secret_whatever_happens() {
    let everything = Everything::new();
    for fault in faults() {
        everything.fault(&fault);
        everything.command(&["--sync-now", "--output", "json"]);
        everything.command(&["unpause"]);
    }
    everything.harness.ask(Method::DELETE, "faults", "");
    let held = everything.command(&["--sync-now", "--output", "json", "--instance", "production"]).json();
    let digest = held["instances"][0]["held"].as_str().expect("something is held").to_owned();
    let held_run = held["run"].as_str().expect("a run").to_owned();
    let transcripts = everything.folder.path().join("transcripts");
    fs::create_dir(&transcripts).expect("created");
    let copy = format!("sqlite://{}", everything.folder.path().join("copy.db").display());
    let state = format!("sqlite://{}", everything.state().display());
    let unreachable = format!("postgres://sync:{IN_ADDRESS}@127.0.0.1:9/state");
    let record = transcripts.display().to_string();
    for arguments in [
        &["config"][..],
        &["check"],
        &["check", "--output", "markdown"],
        &["check", "--output", "json", "--record", &record, "-vv"],
        &["--sync-now", "--dry-run"],
        &["--sync-now", "--dry-run", "--output", "markdown"],
        &["--sync-now", "--group", "delivery", "--dry-run"],
        &["--sync-now", "--user", "bob@acme.com"],
        &["approve", &digest],
        &["--sync-now"],
        &["history"],
        &["history", &held_run],
        &["history", "--verify"],
        &["history", "--approvals"],
        &["explain", "ann@acme.com"],
        &["explain", "ann@acme.com", "delivery", "--output", "json"],
        &["access"],
        &["access", "--csv"],
        &["review"],
        &["review", "--output", "json"],
        &["review", "--output", "csv"],
        &["review", "--output", "html"],
        &["undo", &held_run],
        &["mask"],
        &["probe", "stage"],
        &["status"],
        &["status", "--output", "json"],
        &["state", "copy", &state, &copy],
        &["state", "copy", &state, &unreachable],
    ] {
        everything.command(arguments);
    }
    assert_eq!(fs::read_dir(&transcripts).expect("readable").count(), 1, "a transcript is searched");
    let behind = [("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__IMS_URL", "https://ims.acme.example")];
    for (name, value) in behind.into_iter().chain([(STATE, unreachable.as_str())]) {
        for arguments in [&["--sync-now"][..], &["check"]] {
            let mut command = everything.prepared(arguments);
            command.env(name, value);
            let finished = run(&mut command);
            assert_ne!(finished.exit, Some(0), "{name}: {finished:?}");
            everything.search(&format!("{}{}", finished.stdout, finished.stderr));
        }
    }
}

#[test]
fn no_daemon_logs_serves_or_sends_a_secret() {
    let everything = Everything::new();
    let (mut daemon, page) = everything.daemon();
    for fault in [json!([])].into_iter().chain(faults()) {
        everything.fault(&fault);
        everything.command(&["--sync-now"]);
        everything.command(&["unpause"]);
    }
    everything.harness.ask(Method::DELETE, "faults", "");
    let held = everything.command(&["--sync-now", "--output", "json"]).json();
    let held_run = held["run"].as_str().expect("a run").to_owned();
    everything.webhook.await_such(1, |_| true);
    everything.webhook.behave(Behavior::Answers("200 OK"));
    everything.webhook.await_such(1, |received| received.is_taken);
    let paths =
        ["", "status", "healthz", "readyz", "metrics", &format!("runs/{held_run}"), "?user=ann@acme.com", "nothing"];
    for path in paths {
        everything.search(&get(&format!("{page}{path}")).1);
    }
    for line in [r#"{"ask": "status"}"#, r#"{"ask": "nothing"}"#, "no JSON"] {
        everything.search(&everything.harness.talk().say(line).to_string());
    }
    for received in everything.webhook.all() {
        everything.search(&format!("{:?}{}", received.headers, received.body));
    }
    // Its own address, and nothing else, is known to the webhook.
    assert!(everything.webhook.all().iter().all(|received| received.path.contains(IN_ADDRESS)));
    let told = fs::read_to_string(everything.folder.path().join("told")).expect("the command was told");
    assert!(told.contains("PATH=") && !told.contains("CAMPAIGN_GROUP_SYNC"), "{told}");
    daemon.signal("-HUP");
    daemon.hear("READY=1");
    assert_eq!(daemon.terminate().0, Some(0));
    let log = daemon.log();
    assert!(log.contains("DEBUG"), "everything is logged");
    everything.search(&log);
    let size = |suffix: &str| {
        let file = format!("{}{suffix}", Path::new(&everything.harness.state()).display());
        fs::metadata(file).map_or(0, |found| found.len())
    };
    assert!(size("") + size("-wal") > 10_000, "the state is searched");
}

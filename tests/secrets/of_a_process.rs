//! What a process leaves that ends where it should not: no core dump, and a panic without a secret.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    sync::mpsc,
};

use campaign_group_sync::settings::{self, Sources};

use super::secret;
use crate::support::{
    process::{ServedSandbox, end, program, signal, test_process},
    secrets::Marked,
};

/// Which test panics instead of passing.
const PANICS: &str = "SECRETS_PANIC_WITH";

/// `sandbox`, started by a shell with a limit of its own for core dumps, in a folder.
fn served(folder: &std::path::Path) -> (std::process::Child, String) {
    let mut shell = Command::new("sh");
    let of_program = program(&["sandbox"]);
    shell.args(["-c", "ulimit -c unlimited 2>/dev/null || ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"", "sh"]);
    shell.arg(of_program.get_program()).args(of_program.get_args());
    let mut child = shell.current_dir(folder).stdout(Stdio::piped()).spawn().expect("started");
    let (send, lines) = mpsc::channel();
    let stdout = child.stdout.take().expect("piped");
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    while lines.recv_timeout(crate::support::process::DEADLINE).expect("it gets ready") != "# The sandbox is ready." {}
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("readable");
    let limit = limits.lines().find(|line| line.starts_with("Max core file size")).expect("such a limit").to_owned();
    (child, limit)
}

/// Ends the process by a signal that writes a core dump, and answers whether one was written.
fn dumps_core(child: std::process::Child, name: &str) -> bool {
    signal(name, child.id());
    let status = end(child);
    assert!(status.signal().is_some(), "{status:?}");
    status.core_dumped()
}

#[test]
fn a_process_that_is_killed_leaves_no_core_dump_although_its_user_allows_them() {
    // Not QUIT: a shell without job control starts programs in the background with that signal ignored.
    for name in ["-ABRT", "-TRAP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (child, limit) = served(folder.path());
        assert_eq!(limit.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{limit}");
        assert!(!dumps_core(child, name), "{name}");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0, "{name}");
    }
}

#[test]
fn a_kernel_that_hands_core_dumps_to_a_program_gets_none_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let (child, _) = served(folder.path());
    // The limit does not count there. Without it, what remains is that the process cannot be dumped.
    let raised = Command::new("prlimit").args(["--core=unlimited", "--pid", &child.id().to_string()]).output();
    if !raised.is_ok_and(|raised| raised.status.success()) {
        println!("skipped: only root can raise the limit of another process");
    }
    assert!(!dumps_core(child, "-ABRT"));
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
}

#[test]
fn a_panic_that_shows_the_whole_configuration_shows_no_secret() {
    let test = "a_panic_that_shows_the_whole_configuration_shows_no_secret";
    if let Ok(file) = std::env::var(PANICS) {
        let sources = Sources {
            file: Some(file.into()),
            organization: None,
            environment: std::env::vars().collect(),
            system_file: "".into(),
        };
        let settings = settings::load(&sources).expect("a configuration");
        panic!("{settings:?} {settings:#?} {:?}", settings.sync_options());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = ServedSandbox::start(&["two_instances"]);
    let file = folder.path().join("config.toml");
    let mail = "[notify]\nwebhook = \"https://hooks.acme.com/Marked-webhook-6Vx2kQ9w\"\n\
                mail = { to = [\"ops@acme.com\"], from = \"sync@acme.com\", smtp = \"smtps://sync@mail.acme.com:465\" }\n";
    fs::write(&file, format!("{}\n{mail}", sandbox.configuration)).expect("written");
    let mut command = test_process(module_path!(), test);
    command.env(PANICS, &file).env("RUST_BACKTRACE", "full");
    let in_environment = [
        ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRET", secret("organization")),
        ("CAMPAIGN_GROUP_SYNC__INSTANCES__STAGE__PASSWORD", secret("stage")),
        ("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__CLIENT_SECRET", secret("production")),
        ("CAMPAIGN_GROUP_SYNC__NOTIFY__SMTP_PASSWORD", secret("mail")),
        ("CAMPAIGN_GROUP_SYNC__STATE__URL", "postgres://sync:Marked-state-6Vx2kQ9w@127.0.0.1/state".to_owned()),
    ];
    command.envs(in_environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().expect("started");
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("Settings {") && printed.contains("panicked at"), "{printed}");
    let marked = in_environment.iter().take(4).map(|(_, value)| value.clone());
    Marked::with(marked.chain(["Marked-webhook-6Vx2kQ9w", "Marked-state-6Vx2kQ9w"].map(str::to_owned)))
        .assert_absent(&printed);
}

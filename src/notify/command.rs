//! A program of this host as a target: it runs with an empty environment, gets the document on standard input, and has a
//! deadline.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    time::timeout,
};

use super::{CommandTarget, DeliveryError};
use crate::transport::excerpt;

/// The value of `PATH`, the only variable in the environment of the program.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How much of the output of the program is kept, in bytes.
const MOST_OUTPUT: usize = 4096;

/// How long the output is read after the program ends: a process that it started may keep the pipes open.
const AFTER_THE_END: Duration = Duration::from_millis(200);

/// Runs the program. If the future is dropped before the end, all processes of the process group are killed.
pub(super) async fn run(target: &CommandTarget, document: &str) -> Result<(), DeliveryError> {
    let program = || target.program.clone();
    let mut child = Command::new(&target.program)
        .args(&target.arguments)
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| DeliveryError::NotStarted { program: program(), source })?;
    let mut group = ProcessGroup::of(&child);
    let output = Mutex::new(Vec::new());
    let ended = exchange(&mut child, document, &output).await;
    group.0 = None;
    let status = ended.map_err(|source| DeliveryError::NotStarted { program: program(), source })?;
    if status.success() {
        return Ok(());
    }
    let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    Err(DeliveryError::CommandFailed { program: program(), status: in_words(status), output: excerpt(&output, &[]) })
}

/// Writes the document, reads the output of the program, and waits for its end.
async fn exchange(child: &mut Child, document: &str, output: &Mutex<Vec<u8>>) -> io::Result<ExitStatus> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read its input.
            let _ = stdin.write_all(document.as_bytes()).await;
        }
    };
    let mut pipes = Box::pin(async { tokio::join!(write, read(stdout, output), read(stderr, output)) });
    tokio::select! {
        biased;
        _ = &mut pipes => return child.wait().await,
        ended = child.wait() => {
            let status = ended?;
            // Output that is not read by then is dropped.
            let _ = timeout(AFTER_THE_END, pipes).await;
            Ok(status)
        }
    }
}

/// Reads to the end, so that the program never waits for a full pipe, and keeps the beginning.
async fn read(pipe: Option<impl AsyncRead + Unpin>, output: &Mutex<Vec<u8>>) {
    let Some(mut pipe) = pipe else { return };
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        let mut kept = output.lock().unwrap_or_else(PoisonError::into_inner);
        let space = MOST_OUTPUT.saturating_sub(kept.len());
        kept.extend(piece.iter().take(length.min(space)));
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// The process group of the program, until the program has ended.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An error means that no process is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Checks that the program exists and that this user may execute it, without running it.
pub(super) fn probe(target: &CommandTarget) -> Result<String, DeliveryError> {
    let program = || target.program.clone();
    let failed = |source| DeliveryError::NotStarted { program: program(), source };
    let found = fs::metadata(&target.program).map_err(failed)?;
    if !found.is_file() {
        return Err(failed(io::Error::other("is not a file")));
    }
    rustix::fs::access(&target.program, rustix::fs::Access::EXEC_OK).map_err(|error| failed(error.into()))?;
    let mode = found.permissions().mode() & 0o7777;
    Ok(format!("{} can be executed (mode {mode:04o}); it was not run", target.program.display()))
}

//! One measured process.

use std::{
    fs::File,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4 as _;

use super::Failure;

/// The cost of one process, with that of the children it waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// The most memory that it held, in MiB.
    pub(crate) peak_mib: f64,
}

/// Runs a process, whose standard output goes to a file. `expected` are its exit statuses.
pub(crate) fn measure(command: &mut Command, output: &PathBuf, expected: &[i32]) -> Result<Cost, Failure> {
    let log = output.with_extension("log");
    command.stdin(Stdio::null()).stdout(File::create(output)?).stderr(File::create(&log)?);
    let begin = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let wall = begin.elapsed();
    if !ended.status.code().is_some_and(|code| expected.contains(&code)) {
        let log = std::fs::read_to_string(&log)?;
        return Err(format!("{command:?} ended with {}:\n{log}", ended.status).into());
    }
    // The operating system counts in KiB; the crate answers bytes.
    #[expect(clippy::cast_precision_loss, reason = "memory has less than 2^52 bytes")]
    let peak_mib = ended.rusage.maxrss as f64 / 1_048_576.0;
    Ok(Cost { wall, cpu: ended.rusage.utime + ended.rusage.stime, peak_mib })
}

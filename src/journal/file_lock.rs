//! Locks on files beside the state file. The kernel releases such a lock when its process ends.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use chrono::Utc;
use sqlx::Either;

use super::{
    JournalError,
    private_file::{self, beside},
};
use crate::domain::to_the_second;

/// Suffix of the lock file of the one run; it follows the name of the state file.
pub(super) const RUN_LOCK: &str = ".lock";

/// Suffix of the lock file of the one daemon.
pub(super) const DAEMON_LOCK: &str = ".daemon.lock";

/// Most bytes of a lock file that are read to see who wrote it; far more than a holder writes.
const LONGEST_HOLDER: u64 = 4096;

/// How long a reader may hold the lock of the file to see whether another process holds it; far more than it needs.
const READER_LOCK_TIME: Duration = Duration::from_millis(60);

/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(15);

/// A lock file that this process has locked. Dropping it releases the lock.
pub(super) struct FileLock {
    file: File,
    /// Its path, if it is deleted with the lock.
    temporary: Option<PathBuf>,
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(path) = &self.temporary {
            // Deleted while it is locked: a process that waits with the deleted file open finds that out once it has
            // locked it. If this fails, an empty file stays.
            let _ = fs::remove_file(path);
        }
        // The next holder must not read the old name before it has written its own. If this fails, the name is
        // wrong for that moment and nothing else happens.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Tries to lock this file as [`lock_file`] does. A file that did not exist before is deleted with the lock.
pub(super) async fn lock_file_temporarily(path: &Path, holder: &str) -> Result<Either<FileLock, String>, JournalError> {
    let is_new = path.symlink_metadata().is_err();
    let attempt = lock_file(path, holder).await?;
    Ok(attempt.map_left(|mut lock| {
        lock.temporary = is_new.then(|| path.to_owned());
        lock
    }))
}

/// Tries to lock this file in the name of `holder`; does not wait. Returns the lock, or who holds it.
pub(super) async fn lock_file(path: &Path, holder: &str) -> Result<Either<FileLock, String>, JournalError> {
    let file_error = |source| JournalError::of_file(path, source);
    let mut file = private_file::open_or_create(path)?;
    let mut attempts = READER_LOCK_TIME.as_millis() / RETRY_PAUSE.as_millis();
    loop {
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => break,
            // Its holder has deleted it: no other process can find the lock of this file.
            Ok(()) => file = private_file::open_or_create(path)?,
            // It may be a reader that only looks for the holder.
            Err(TryLockError::WouldBlock) if attempts > 0 => attempts -= 1,
            Err(TryLockError::WouldBlock) => return Ok(Either::Right(name_in(&mut file).map_err(file_error)?)),
            Err(TryLockError::Error(source)) => return Err(file_error(source)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(holder.as_bytes())
    };
    write(&mut file).map_err(file_error)?;
    Ok(Either::Left(FileLock { file, temporary: None }))
}

/// Whether the path leads to this open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        (Err(_), _) => true,
    }
}

/// Waits until no other process uses the state file, before this one creates it again.
pub(super) async fn lock_exclusively(state: &Path, patience: Duration) -> Result<FileLock, JournalError> {
    let mut attempts = patience.as_millis() / RETRY_PAUSE.as_millis();
    loop {
        match lock_file(&beside(state, RUN_LOCK), &described_holder("creating the state file")).await? {
            Either::Left(lock) => return Ok(lock),
            Either::Right(holder) if attempts == 0 => {
                let what = format!("the state file {} must be created again, but {holder} uses it", state.display());
                return Err(JournalError::Unreadable { what });
            }
            Either::Right(_) => attempts -= 1,
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// The name of the daemon or the run that has locked this state file; `None` if none has. A lock that could not be tested is
/// an error, unless the other one is held.
pub(super) fn state_holder(state: &Path) -> Result<Option<String>, JournalError> {
    let [daemon, run] = [DAEMON_LOCK, RUN_LOCK].map(|suffix| file_lock_holder(&beside(state, suffix)));
    match (daemon, run) {
        (Ok(Some(holder)), _) | (_, Ok(Some(holder))) => Ok(Some(holder)),
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(None), Ok(None)) => Ok(None),
    }
}

/// The name of the process that holds this lock file; `None` if no process holds it.
pub(super) fn file_lock_holder(path: &Path) -> Result<Option<String>, JournalError> {
    let Some(mut file) = private_file::open_existing(path)? else { return Ok(None) };
    holder_in(&mut file).map_err(|source| JournalError::of_file(path, source))
}

/// Tests the lock without keeping it.
fn holder_in(file: &mut File) -> io::Result<Option<String>> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| None),
        Err(TryLockError::WouldBlock) => name_in(file).map(Some),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn name_in(file: &mut File) -> io::Result<String> {
    let mut holder = String::new();
    file.rewind()?;
    file.read_to_string(&mut holder)?;
    Ok(if holder.trim().is_empty() { unknown_holder() } else { holder })
}

/// The holder, with its process and host: `run 01J… (process 4711 on host, since 06:00:00Z)`.
pub(super) fn described_holder(holder: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
    let since = to_the_second(Utc::now());
    format!("{holder} (process {}{host}, since {since})", process::id())
}

/// The text for a holder that has not written its name yet.
pub(super) fn unknown_holder() -> String {
    "a run that has not written its name yet".to_owned()
}

/// What is found at the path of the lock file of runs, beside the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockTrace {
    /// The lock file of a run: with its name, or empty.
    OfARun,
    /// A file with another content.
    Unreadable,
    /// Nothing.
    None,
}

/// Reads what is at the path of the lock file of runs.
pub(super) fn lock_trace(state: &Path) -> Result<LockTrace, JournalError> {
    let path = beside(state, RUN_LOCK);
    let Some(file) = private_file::open_existing(&path)? else { return Ok(LockTrace::None) };
    let mut holder = Vec::new();
    file.take(LONGEST_HOLDER).read_to_end(&mut holder).map_err(|source| JournalError::of_file(&path, source))?;
    let is_of_a_run = holder.is_empty() || String::from_utf8_lossy(&holder).contains("(process ");
    Ok(if is_of_a_run { LockTrace::OfARun } else { LockTrace::Unreadable })
}

//! Remembers that the state file was checked: a check reads all of it, which takes a second for a file of a gigabyte.
//!
//! A file that is unchanged since a process of this program checked it, or closed it after a check, is not checked again
//! for a day, nor is one that a daemon or a run uses, which checked it. A damage that changes neither its length nor its
//! times is found after a day at the latest, or when a statement meets it, which makes the next process check the file.

use std::{
    fs::{self, File, Metadata},
    io::{Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    file_lock::state_holder,
    private_file::{self, beside},
};

/// Suffix of the file that says when the state file was checked; it follows the name of the state file.
const CHECKED: &str = ".checked";

/// How long a check counts.
const VALID_FOR: TimeDelta = TimeDelta::days(1);

/// Most bytes of that file that are read; more than it has.
const LONGEST: u64 = 4096;

/// The state file at the moment of a check. Every write to it changes one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What the file says.
#[derive(Serialize, Deserialize)]
struct Checked {
    at: DateTime<Utc>,
    file: FileState,
}

impl FileState {
    /// The present state of this file; `None` if it cannot be read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|found| Self::from(&found))
    }
}

impl From<&Metadata> for FileState {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// Whether the file needs no check: it was checked within a day, and is in use, or is unchanged since and was closed
/// properly.
pub(super) fn is_checked(path: &Path, now: DateTime<Utc>) -> bool {
    let Some(checked) = read(path) else { return false };
    let is_recent = checked.at <= now && now - checked.at < VALID_FOR;
    is_recent && (is_in_use(path) || (FileState::of(path) == Some(checked.file) && is_closed(path)))
}

/// Remembers a check of the file; `before` is its state when the check began. A failure means one more check.
pub(super) fn remember(path: &Path, before: Option<FileState>, now: DateTime<Utc>) {
    if let Some(file) = before.filter(|before| FileState::of(path) == Some(*before)) {
        write(path, &Checked { at: now, file });
    }
}

/// Remembers a check by a command that only reads, where an earlier check is remembered: it creates no file.
pub(super) fn renew(path: &Path, before: Option<FileState>, now: DateTime<Utc>) {
    if read(path).is_some() {
        remember(path, before, now);
    }
}

/// Remembers the present state of a file that this process wrote, if it was checked before. The check is not younger
/// for that.
pub(super) fn remember_own_writes(path: &Path) {
    if let (Some(checked), Some(file)) = (read(path), FileState::of(path)) {
        write(path, &Checked { file, ..checked });
    }
}

/// Makes the next process check the file.
pub(super) fn forget(path: &Path) {
    let _ = fs::remove_file(beside(path, CHECKED));
}

/// Whether the last process that used the file closed it: `SQLite` then deletes its log.
fn is_closed(path: &Path) -> bool {
    fs::symlink_metadata(beside(path, "-wal")).map_or(true, |log| log.len() == 0)
}

/// Whether a daemon or a run holds its lock, so that the log is not left over.
fn is_in_use(path: &Path) -> bool {
    matches!(state_holder(path), Ok(Some(_)))
}

fn read(path: &Path) -> Option<Checked> {
    let file: File = private_file::open_existing(&beside(path, CHECKED)).ok()??;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(path: &Path, checked: &Checked) {
    let written = || {
        let text = serde_json::to_string(checked).ok()?;
        let mut file = private_file::open_or_create(&beside(path, CHECKED)).ok()?;
        file.set_len(0).ok()?;
        file.write_all(text.as_bytes()).ok()
    };
    if written().is_none() {
        forget(path);
    }
}

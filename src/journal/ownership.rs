//! Tests whether the file at the path of the state is a state of this program. `state.url` may name a file of another
//! program by mistake; such a file is neither opened as a database nor renamed.

use std::{
    fs::File,
    io::{self, Read, Seek as _},
    path::Path,
};

use super::{
    JournalError,
    file_lock::{self, LockTrace},
    private_file::{self, beside},
};

/// The table that every state has. `SQLite` stores its name as text, near the beginning of the file or in its
/// write-ahead log.
const OUR_TABLE: &[u8] = b"campaign_group_sync_schema";

/// How many bytes of a file are searched. A state lists its tables within its first pages.
const SEARCHED: u64 = 1024 * 1024;

/// The first bytes of a database of `SQLite`.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// Whether the file is, or was, a state of this program: the lock file of runs is beside it, or its content names our
/// table. If the lock file is not readable as such, it counts only beside a file that is not a database. Only reads.
pub(super) fn is_ours(path: &Path, file: &mut File) -> Result<bool, JournalError> {
    let of_file = |source| JournalError::of_file(path, source);
    let is_locked_by = match file_lock::lock_trace(path)? {
        LockTrace::OfARun => true,
        LockTrace::Unreadable => !is_database(file).map_err(of_file)?,
        LockTrace::None => false,
    };
    if is_locked_by || names_our_table(file).map_err(of_file)? {
        return Ok(true);
    }
    let log = beside(path, "-wal");
    match private_file::open_existing(&log)? {
        Some(mut file) => names_our_table(&mut file).map_err(|source| JournalError::of_file(&log, source)),
        None => Ok(false),
    }
}

fn is_database(file: &mut File) -> io::Result<bool> {
    file.rewind()?;
    let mut beginning = Vec::new();
    file.take(DATABASE.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == DATABASE)
}

fn names_our_table(file: &mut File) -> io::Result<bool> {
    file.rewind()?;
    let mut content = Vec::new();
    file.take(SEARCHED).read_to_end(&mut content)?;
    Ok(content.windows(OUR_TABLE.len()).any(|part| part == OUR_TABLE))
}

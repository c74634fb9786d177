//! Whether a file that stands where the state belongs is a state of this program: `state.url` may name another program's file
//! by mistake, and such a file is neither opened as a database nor renamed.

use std::{
    fs::File,
    io::{self, Read, Seek as _},
    path::Path,
};

use super::{
    JournalError,
    lock::{self, LockTrace},
    private_file,
    state_file::beside,
};

/// The table that every state has; `SQLite` keeps its name as text, near the beginning of the file or in the log beside it.
const OUR_TABLE: &[u8] = b"campaign_group_sync_schema";

/// How much of a file is searched, in bytes. The tables of a state are listed within its first pages.
const SEARCHED: u64 = 1024 * 1024;

/// How a database of `SQLite` begins.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// Whether the file is, or was, a state of this program: the lock that every run leaves beside it is there, or its content names
/// our table. Where the content of both was destroyed, a lock of that name is enough beside what is no database. Reads only.
pub(super) fn is_ours(path: &Path, file: &mut File) -> Result<bool, JournalError> {
    let of_file = |source| JournalError::of_file(path, source);
    let is_locked_by = match lock::lock_trace(path)? {
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

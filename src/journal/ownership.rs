//! Whether a file that stands where the state belongs is a state of this program: `state.url` may name another program's file
//! by mistake, and such a file is neither opened as a database nor renamed.

use std::{
    fs::File,
    io::{self, Read, Seek as _},
    path::Path,
};

use super::{JournalError, lock, private_file, state_file::beside};

/// The table that every state has; `SQLite` keeps its name as text, near the beginning of the file or in the log beside it.
const OUR_TABLE: &[u8] = b"campaign_group_sync_schema";

/// How much of a file is searched, in bytes. The tables of a state are listed within its first pages.
const SEARCHED: u64 = 1024 * 1024;

/// Whether the file is, or was, a state of this program: the lock that every run leaves beside it is there, or its content names
/// our table. Reads only.
pub(super) fn is_ours(path: &Path, file: &mut File) -> Result<bool, JournalError> {
    if lock::was_locked_by_a_run(path)?
        || names_our_table(file).map_err(|source| JournalError::of_file(path, source))?
    {
        return Ok(true);
    }
    let log = beside(path, "-wal");
    match private_file::open_existing(&log)? {
        Some(mut file) => names_our_table(&mut file).map_err(|source| JournalError::of_file(&log, source)),
        None => Ok(false),
    }
}

fn names_our_table(file: &mut File) -> io::Result<bool> {
    file.rewind()?;
    let mut content = Vec::new();
    file.take(SEARCHED).read_to_end(&mut content)?;
    Ok(content.windows(OUR_TABLE.len()).any(|part| part == OUR_TABLE))
}

//! Copies a whole state to another place, from `SQLite` to `PostgreSQL` or back, and proves that the copy is equal.
//!
//! A copy is made whole or not at all. It is read back from its new place: every table must have as many rows, with the
//! same digest, and the chain of events is verified. Positions are columns of the rows, and no table has a sequence: the
//! next run continues after the copied rows.

use super::{
    JournalError, JournalLocation, RecordHead,
    chain::fingerprint_of,
    copied_tables::{RowBatch, RowDigest, TableShape, tables},
    copy_source::CopySource,
    copy_target::{CopyTarget, WrittenCopy},
    database::{ReadTransaction, Value, WriteTransaction},
    made_folders::Owner,
    storage_fault::{DiskSpace, StorageFault},
    verification::verify_chain,
};

/// Rows between two reports of progress.
const ROWS_A_REPORT: u64 = 1_000;

/// A verified copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCopy {
    /// The source, without any password.
    pub from: String,
    /// The copy, without any password.
    pub to: String,
    /// Each table, in the order of their names.
    pub tables: Vec<TableCopy>,
    /// A digest over all rows, the same in the source and in the copy: 64 hexadecimal digits.
    pub digest: String,
    /// The number of events of the record.
    pub events: i64,
    /// The last event of the record, read from the copy.
    pub head: RecordHead,
    /// How many events the chain does not prove: in the copy as in the source.
    pub faults: usize,
}

/// One table of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCopy {
    /// Its name.
    pub table: String,
    /// The number of its rows.
    pub rows: u64,
    /// A digest over all of them in the order of their key: 64 hexadecimal digits.
    pub digest: String,
}

/// What a copy does at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyProgress {
    /// Rows of this table are copied: so many so far.
    Copying(String, u64),
    /// Rows of this table are read back: so many so far.
    ReadingBack(String, u64),
    /// The chain of events is verified.
    VerifyingChain,
}

/// Why a state was not copied. The target is as it was, except perhaps after [`CopyError::Unsure`].
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Source and target are one state.
    #[error("FROM and TO are the same state: {place}; name another place as TO")]
    SameState {
        /// The state.
        place: String,
    },
    /// There is no state to copy.
    #[error("there is no state at {place}; FROM is the state.url that the program has used so far")]
    NothingThere {
        /// The source.
        place: String,
    },
    /// There is something at the target.
    #[error("{place} already holds {what}; name a file that does not exist yet, or an empty database, as TO")]
    Occupied {
        /// The target.
        place: String,
        /// What it holds: `a state with 12 runs, …`.
        what: String,
    },
    /// The target has tables of another program.
    #[error(
        "{place} has the table {table}, which is not of a state; create a database of its own for the state (or a schema of \
         its own, with ?options=-c%20search_path%3DSCHEMA in the address), and name it as TO"
    )]
    OtherTables {
        /// The target.
        place: String,
        /// The first of these tables.
        table: String,
    },
    /// A run or a daemon uses the source or the target.
    #[error("{place} is in use: {holder}; stop the daemons that use it, on every node, and wait for the end of a run")]
    InUse {
        /// The state.
        place: String,
        /// Who uses it.
        holder: String,
    },
    /// The source has an earlier schema.
    #[error(
        "the state {place} was written by an earlier version of this program (schema {found}, this one knows {known}); \
         make one run with this version, which brings the state up to date, then copy it"
    )]
    OlderSource {
        /// The source.
        place: String,
        /// Its schema.
        found: i64,
        /// The schema that this version knows.
        known: i64,
    },
    /// A text cannot be stored in the other database.
    #[error(
        "row {row} of the table {table} contains the character U+0000, which PostgreSQL cannot store; keep this state in \
         SQLite, and report this to the maintainers of this program"
    )]
    NullCharacter {
        /// The table.
        table: String,
        /// The position of the row in the order of the key, from 1.
        row: u64,
    },
    /// The file system of the target is full.
    #[error("no space left for the copy: {}; free space there, and check quotas", needed_and_free(*needed, space))]
    Full {
        /// About how many bytes the copy needs, if that is known.
        needed: Option<u64>,
        /// The free space before the copy.
        space: DiskSpace,
    },
    /// The copy is not equal to the source.
    #[error(
        "the copy differs from the source in the table {table}: {copied} rows were copied and {found} were read back, with \
         another digest; report this to the maintainers of this program"
    )]
    Differs {
        /// The table.
        table: String,
        /// The number of rows of the source.
        copied: u64,
        /// The number of rows that were read back.
        found: u64,
    },
    /// The connection to the target was lost while the server made the copy durable.
    #[error(
        "the server did not confirm the end of the copy, so {place} holds all of it or nothing of it; run the command \
         again: where it is refused because of runs, the copy is whole"
    )]
    Unsure {
        /// The target.
        place: String,
        /// What went wrong.
        source: JournalError,
    },
    /// A state could not be read or written.
    #[error(transparent)]
    Journal(JournalError),
}

impl From<JournalError> for CopyError {
    fn from(error: JournalError) -> Self {
        if let JournalError::Database { source, .. } = &error
            && let Some(StorageFault::Full { space, .. }) = source.downcast_ref()
        {
            return Self::Full { needed: None, space: space.clone() };
        }
        Self::Journal(error)
    }
}

fn needed_and_free(needed: Option<u64>, space: &DiskSpace) -> String {
    match needed {
        Some(needed) => format!("it needs about {needed} bytes, and before it there were {space}"),
        None => space.to_string(),
    }
}

/// Copies the state at `from` to `to`, reads the copy back, and makes it durable. Dropping the future leaves `to` as it
/// was.
pub async fn copy_state(
    from: &JournalLocation,
    to: &JournalLocation,
    mut progress: impl FnMut(CopyProgress),
) -> Result<StateCopy, CopyError> {
    let (from_name, to_name) = (from.place()?, to.place()?);
    is_elsewhere(from, to, &to_name)?;
    let tables = tables().await?;
    let mut source = CopySource::open(from, &tables).await?;
    let needed = source.size(from, &tables).await;
    let before = match to {
        JournalLocation::Sqlite(path) => Some(DiskSpace::of(path)),
        JournalLocation::Postgres(_) => None,
    };
    let copied = copy_rows((from, &from_name), (to, to_name), &tables, &mut source, &mut progress).await;
    source.close().await;
    copied.map_err(|error| match (error, before) {
        (CopyError::Full { .. }, Some(space)) => CopyError::Full { needed, space },
        (error, _) => error,
    })
}

async fn copy_rows(
    (from, from_name): (&JournalLocation, &str),
    (to, to_name): (&JournalLocation, String),
    tables: &[TableShape],
    source: &mut CopySource,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<StateCopy, CopyError> {
    let owner = match from {
        JournalLocation::Sqlite(path) => Owner::of(path),
        JournalLocation::Postgres(_) => None,
    };
    let mut target = CopyTarget::open(to, tables, &mut source.reader, owner).await?;
    let mut copied = Vec::with_capacity(tables.len());
    for table in tables {
        copied.push(copy_table(table, &mut source.reader, &mut target.writer, progress).await?);
    }
    let mut written = target.written().await?;
    for (table, copied) in tables.iter().zip(&copied) {
        compare(table, copied, &mut written, progress).await?;
    }
    progress(CopyProgress::VerifyingChain);
    let record = verify_chain(written.reader()).await?;
    written.keep().await?;
    copied.sort_by(|one, other| one.table.cmp(&other.table));
    let digest = digest_of(&copied);
    let (events, head, faults) = (record.events, record.head, record.faults.len());
    Ok(StateCopy { from: from_name.to_owned(), to: to_name, tables: copied, digest, events, head, faults })
}

/// Returns an error if both are the same file. Whether both are one database, only the server knows.
fn is_elsewhere(from: &JournalLocation, to: &JournalLocation, place: &str) -> Result<(), CopyError> {
    let (JournalLocation::Sqlite(from), JournalLocation::Sqlite(to)) = (from, to) else { return Ok(()) };
    let is_same = from == to || from.canonicalize().is_ok_and(|from| to.canonicalize().is_ok_and(|to| from == to));
    if is_same { Err(CopyError::SameState { place: place.to_owned() }) } else { Ok(()) }
}

async fn copy_table(
    table: &TableShape,
    source: &mut ReadTransaction,
    target: &mut WriteTransaction,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<TableCopy, CopyError> {
    let (head, width) = (table.insert_head(), table.width());
    let (mut digest, mut batch, mut refused) = (RowDigest::default(), RowBatch::default(), None);
    let needs_no_null = target.transaction().is_of_server();
    progress(CopyProgress::Copying(table.name.clone(), 0));
    let read = table.each_row(source, async |row| {
        digest.add(&row);
        if needs_no_null && row.iter().any(has_null_character) {
            refused.get_or_insert(digest.rows);
            return Err(JournalError::Unreadable { what: table.name.clone() });
        }
        batch.push(row);
        if digest.rows.is_multiple_of(ROWS_A_REPORT) {
            progress(CopyProgress::Copying(table.name.clone(), digest.rows));
        }
        if batch.is_full(width) { target.insert_rows(&head, width, batch.take()).await } else { Ok(()) }
    });
    let read = read.await;
    if let Some(row) = refused {
        return Err(CopyError::NullCharacter { table: table.name.clone(), row });
    }
    read?;
    target.insert_rows(&head, width, batch.take()).await?;
    Ok(TableCopy { table: table.name.clone(), rows: digest.rows, digest: digest.finish() })
}

fn has_null_character(value: &Value) -> bool {
    matches!(value, Value::Text(Some(text)) if text.contains('\0'))
}

/// Reads a table of the copy back, and compares it with what was read from the source.
async fn compare(
    table: &TableShape,
    copied: &TableCopy,
    written: &mut WrittenCopy,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<(), CopyError> {
    let mut digest = RowDigest::default();
    progress(CopyProgress::ReadingBack(table.name.clone(), 0));
    let read = table.each_row(written.reader(), async |row| {
        digest.add(&row);
        if digest.rows.is_multiple_of(ROWS_A_REPORT) {
            progress(CopyProgress::ReadingBack(table.name.clone(), digest.rows));
        }
        Ok(())
    });
    read.await?;
    let found = digest.rows;
    if (found, digest.finish()) == (copied.rows, copied.digest.clone()) {
        return Ok(());
    }
    Err(CopyError::Differs { table: table.name.clone(), copied: copied.rows, found })
}

/// The digest over all tables, in the order of their names.
fn digest_of(tables: &[TableCopy]) -> String {
    fingerprint_of(tables.iter().flat_map(|table| [table.table.clone(), table.rows.to_string(), table.digest.clone()]))
}

//! The state that `state copy` reads: opened, locked, and read in one transaction. Nothing of it is changed but the name
//! of who holds its lock.

use std::path::Path;

use sqlx::PgPool;

use super::{
    CopyError, JournalError, JournalLocation,
    commit_group::CommitGroup,
    copied_tables::TableShape,
    database::{Database, ReadTransaction, Transaction, read_error},
    file_lock::{DAEMON_LOCK, FileLock, RUN_LOCK, described_holder, lock_file_temporarily, state_holder},
    leadership::LEADER,
    lock::LOCK_HOLDER,
    private_file::beside,
    schema::{self, Schema},
    server::{KEEPALIVE, connect_without_limits, server},
    server_lock::{Purpose, is_taken},
    state_file,
};

/// What other processes see as the holder of the locks.
const HOLDER: &str = "state copy";

/// The state that is copied. Its locks are held until the value is dropped.
pub(super) struct CopySource {
    /// The transaction in which it is read. No other process can write to the state while it is open.
    pub(super) reader: ReadTransaction,
    database: Database,
    #[expect(dead_code, reason = "held until it is dropped")]
    locks: Vec<FileLock>,
}

impl CopySource {
    pub(super) async fn open(location: &JournalLocation, tables: &[TableShape]) -> Result<Self, CopyError> {
        match location {
            JournalLocation::Sqlite(path) => Self::of_file(path).await,
            JournalLocation::Postgres(address) => {
                let (options, place) = server(address)?;
                let pool = connect_without_limits(options.options(KEEPALIVE)).await?;
                Self::of_server(pool, place, tables).await
            }
        }
    }

    async fn of_file(path: &Path) -> Result<Self, CopyError> {
        let place = path.display().to_string();
        let Some(database) = state_file::open_unchanged(path).await? else {
            return Err(CopyError::NothingThere { place });
        };
        is_current(schema::of_database(&database).await?, &place)?;
        let Database::Sqlite(connections) = &database else { return Err(CopyError::NothingThere { place }) };
        // No lock file can be created on a file system that is mounted read-only.
        let is_immutable = state_file::is_immutable(path);
        let locks = if is_immutable { is_not_locked(path, &place)? } else { lock_files(path, &place).await? };
        let transaction = if is_immutable {
            Transaction::reading_file(connections).await
        } else {
            // Takes the write lock: what is recorded before the copy ends is in the copy, and nothing is recorded
            // meanwhile.
            Transaction::writing_file(connections, &CommitGroup::default()).await
        };
        let mut reader = ReadTransaction::over(transaction.map_err(read_error)?);
        is_current(schema::in_transaction(reader.transaction()).await.map_err(read_error)?, &place)?;
        Ok(Self { reader, database, locks })
    }

    async fn of_server(pool: PgPool, place: String, tables: &[TableShape]) -> Result<Self, CopyError> {
        let database = Database::Postgres(pool.clone());
        match schema::of_database(&database).await? {
            Schema::Empty => return Err(CopyError::NothingThere { place }),
            schema => is_current(schema, &place)?,
        }
        let begin = "begin isolation level repeatable read read only";
        let mut reader = ReadTransaction::over(Transaction::of_server(&pool, begin).await.map_err(read_error)?);
        // The locks come before the first query, which decides what the transaction sees.
        lock_views(&mut reader, &database, &place).await?;
        write_holder(&database).await?;
        let names = tables.iter().map(|table| format!("\"{}\"", table.name)).collect::<Vec<_>>().join(", ");
        reader.transaction().text(format!("lock table {names} in share mode")).await.map_err(read_error)?;
        is_current(schema::in_transaction(reader.transaction()).await.map_err(read_error)?, &place)?;
        Ok(Self { reader, database, locks: Vec::new() })
    }

    /// About how many bytes the rows take; `None` if that is not known.
    pub(super) async fn size(&mut self, location: &JournalLocation, tables: &[TableShape]) -> Option<u64> {
        if let JournalLocation::Sqlite(path) = location {
            return path.metadata().ok().map(|file| file.len());
        }
        let names = tables.iter().map(|table| format!("('{}')", table.name)).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "select cast(sum(pg_total_relation_size(cast(name as regclass))) as bigint) from (values {names}) as t (name)"
        );
        let rows = self.reader.transaction().text(sql).await.ok()?;
        u64::try_from(rows.first()?.number(0).ok()?).ok()
    }

    /// Ends the transaction, and closes the connections.
    pub(super) async fn close(self) {
        drop(self.reader);
        self.database.close().await;
    }
}

/// Returns an error unless the source has the schema of this version.
fn is_current(schema: Schema, place: &str) -> Result<(), CopyError> {
    match schema::is_current(schema, place) {
        Err(JournalError::OlderSchema { place, found, known }) => Err(CopyError::OlderSource { place, found, known }),
        current => Ok(current?),
    }
}

/// Locks a state file as the one daemon and the one run do. Lock files that it creates are deleted with the locks.
pub(super) async fn lock_files(path: &Path, place: &str) -> Result<Vec<FileLock>, CopyError> {
    let holder = described_holder(HOLDER);
    let mut locks = Vec::with_capacity(2);
    for suffix in [DAEMON_LOCK, RUN_LOCK] {
        match lock_file_temporarily(&beside(path, suffix), &holder).await? {
            sqlx::Either::Left(lock) => locks.push(lock),
            sqlx::Either::Right(holder) => return Err(CopyError::InUse { place: place.to_owned(), holder }),
        }
    }
    Ok(locks)
}

/// Returns an error if a process holds a lock of this state file, which it reached through another mount.
fn is_not_locked(path: &Path, place: &str) -> Result<Vec<FileLock>, CopyError> {
    match state_holder(path)? {
        Some(holder) => Err(CopyError::InUse { place: place.to_owned(), holder }),
        None => Ok(Vec::new()),
    }
}

/// Locks the views of a state on a server as the leader and the one run do, as long as the transaction lasts.
pub(super) async fn lock_views(
    reader: &mut ReadTransaction,
    database: &Database,
    place: &str,
) -> Result<(), CopyError> {
    for purpose in [Purpose::Leader, Purpose::Run] {
        match reader.transaction().rows(purpose.lock(), []).await {
            Ok(_) => {}
            Err(error) if is_taken(&error) => {
                let holder = holder_of(database, purpose).await?;
                return Err(CopyError::InUse { place: place.to_owned(), holder });
            }
            Err(error) => return Err(read_error(error).into()),
        }
    }
    Ok(())
}

/// Who holds the lock of this purpose, as the state says.
async fn holder_of(database: &Database, purpose: Purpose) -> Result<String, JournalError> {
    let name = match purpose {
        Purpose::Leader => LEADER,
        Purpose::Run => LOCK_HOLDER,
    };
    let mut reader = database.begin_read().await?;
    let rows = reader.rows("select value from meta where name = $1", [name.into()]).await?;
    let name = rows.first().map(|row| row.text(0)).transpose()?;
    Ok(match (purpose, name) {
        (Purpose::Leader, Some(node)) => format!("the daemon on {node} leads"),
        (Purpose::Leader, None) => "a daemon leads".to_owned(),
        (Purpose::Run, Some(holder)) => holder,
        (Purpose::Run, None) => super::file_lock::unknown_holder(),
    })
}

/// Writes who holds the lock, for processes that want it meanwhile.
async fn write_holder(database: &Database) -> Result<(), JournalError> {
    let mut writer = database.begin_write(&CommitGroup::default(), None).await?;
    let sql = "insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
    writer.execute(sql, [LOCK_HOLDER.into(), described_holder(HOLDER).into()]).await?;
    writer.commit().await
}

/// Names the state of a transaction on a server, so that two addresses of one state are recognized; `None` for a file,
/// and for a database without a state.
pub(super) async fn identity(reader: &mut ReadTransaction) -> Result<Option<String>, JournalError> {
    if !reader.transaction().is_of_server() {
        return Ok(None);
    }
    let sql = "select cast(pg_postmaster_start_time() as text) || ' ' || cast(oid as text) || ' '
                      || cast(cast(to_regclass('campaign_group_sync_schema') as oid) as text)
               from pg_database where datname = current_database()";
    let rows = reader.rows(sql, []).await?;
    rows.first().map(|row| row.optional_text(0)).transpose().map(Option::flatten)
}

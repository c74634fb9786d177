//! Where `state copy` writes: one transaction on a server, or a private file beside the target that is renamed at the
//! end. Until then the target is as it was, whatever ends the process.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::PgPool;

use super::{
    CopyError, JournalError, JournalLocation,
    commit_group::CommitGroup,
    copied_tables::TableShape,
    copy_source::{identity, lock_files, lock_views},
    database::{Database, ReadTransaction, WriteTransaction, read_error},
    file_lock::FileLock,
    made_folders::{MadeFolders, Owner},
    private_file::beside,
    schema::{self, MIGRATION_LOCK, Schema},
    server::{KEEPALIVE, connect_without_limits, server},
    state_file,
};
use crate::domain::to_the_second;

/// Suffix of the file that becomes the target; it follows the name of the target. A copy that was killed leaves it, and
/// the next one replaces it.
const IN_PROGRESS: &str = ".copy-in-progress";

/// Files that `SQLite` may keep beside that file.
const BESIDE_IT: [&str; 3] = ["-journal", "-wal", "-shm"];

/// The target while its rows are written. Dropping it leaves the target as it was.
pub(super) struct CopyTarget {
    /// The transaction that writes. All tables exist in it and are empty.
    pub(super) writer: WriteTransaction,
    place: TargetPlace,
}

/// What becomes the target.
enum TargetPlace {
    File(FileTarget),
    Server { pool: PgPool, name: String },
}

/// The file that becomes the target.
pub(super) struct FileTarget {
    path: PathBuf,
    temporary: TemporaryFile,
    database: Database,
    #[expect(dead_code, reason = "held until it is dropped")]
    locks: Vec<FileLock>,
    /// Dropped last: after the files in it.
    folders: MadeFolders,
}

/// A file that is deleted when the value is dropped.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn delete(path: &Path) -> io::Result<()> {
        for path in BESIDE_IT.map(|suffix| beside(path, suffix)).iter().map(PathBuf::as_path).chain([path]) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // If this fails, the next copy to the same target deletes it.
        let _ = Self::delete(&self.0);
    }
}

impl CopyTarget {
    /// Opens the target, in which no runs may be. `source` is the transaction that reads the source, and `owner` the
    /// owner of a source that is a file.
    pub(super) async fn open(
        location: &JournalLocation,
        tables: &[TableShape],
        source: &mut ReadTransaction,
        owner: Option<Owner>,
    ) -> Result<Self, CopyError> {
        match location {
            JournalLocation::Sqlite(path) => Self::of_file(path, tables, owner).await,
            JournalLocation::Postgres(address) => {
                let (options, name) = server(address)?;
                let pool = connect_without_limits(options.options(KEEPALIVE)).await?;
                Self::of_server(pool, name, tables, identity(source).await?).await
            }
        }
    }

    async fn of_file(path: &Path, tables: &[TableShape], owner: Option<Owner>) -> Result<Self, CopyError> {
        let place = path.display().to_string();
        is_free(path, &place).await?;
        let folders = MadeFolders::of_file(path, owner)?;
        let locks = lock_files(path, &place).await?;
        // Another process may have created it before the lock was taken.
        is_free(path, &place).await?;
        let temporary = TemporaryFile(beside(path, IN_PROGRESS));
        let wrong = |source| JournalError::of_file(path, source);
        TemporaryFile::delete(&temporary.0).map_err(wrong)?;
        let database = state_file::create_unsynced(&temporary.0).await?;
        schema::migrate(&database, None, &place, None).await?;
        let mut writer = database.begin_write(&CommitGroup::default(), None).await?;
        delete_rows(&mut writer, tables).await?;
        let file = FileTarget { path: path.to_owned(), temporary, database, locks, folders };
        Ok(Self { writer, place: TargetPlace::File(file) })
    }

    async fn of_server(
        pool: PgPool,
        name: String,
        tables: &[TableShape],
        source: Option<String>,
    ) -> Result<Self, CopyError> {
        let database = Database::Postgres(pool.clone());
        let mut writer = database.begin_write(&CommitGroup::default(), None).await?;
        // No other process creates or migrates the tables until this transaction has ended.
        writer.execute("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()]).await?;
        let target = identity(writer.reader()).await?;
        if target.is_some() && target == source {
            return Err(CopyError::SameState { place: name });
        }
        let schema = schema::in_transaction(writer.transaction()).await.map_err(read_error)?;
        let done = schema::steps_done(schema, &name)?;
        if schema == Schema::Empty {
            has_no_other_tables(writer.reader(), &name).await?;
            schema::migrate_from(&mut writer, done, None).await?;
        } else {
            if done >= schema::LOCK_VIEWS {
                lock_views(writer.reader(), &database, &name).await?;
            }
            schema::migrate_from(&mut writer, done, None).await?;
            let names = tables.iter().map(|table| format!("\"{}\"", table.name)).collect::<Vec<_>>().join(", ");
            writer.execute_text(format!("lock table {names} in exclusive mode")).await?;
            is_empty(writer.reader(), tables, &name).await?;
        }
        delete_rows(&mut writer, tables).await?;
        Ok(Self { writer, place: TargetPlace::Server { pool, name } })
    }

    /// Ends the writing: from here the copy is read back, from the file as it will be found, or before the commit on a
    /// server.
    pub(super) async fn written(self) -> Result<WrittenCopy, CopyError> {
        match self.place {
            TargetPlace::Server { pool, name } => Ok(WrittenCopy::Server { writer: self.writer, pool, name }),
            TargetPlace::File(file) => {
                self.writer.commit().await?;
                file.database.close().await;
                let wrong = |source| JournalError::of_file(&file.path, source);
                File::open(&file.temporary.0).and_then(|written| written.sync_all()).map_err(wrong)?;
                let database = state_file::open_checked(&file.temporary.0).await?;
                let reader = database.begin_read().await?;
                Ok(WrittenCopy::File { reader, database, file })
            }
        }
    }
}

/// A copy whose rows are all written.
pub(super) enum WrittenCopy {
    File { reader: ReadTransaction, database: Database, file: FileTarget },
    Server { writer: WriteTransaction, pool: PgPool, name: String },
}

impl WrittenCopy {
    /// Reads what was written.
    pub(super) fn reader(&mut self) -> &mut ReadTransaction {
        match self {
            Self::File { reader, .. } => reader,
            Self::Server { writer, .. } => writer.reader(),
        }
    }

    /// Makes the copy the target.
    pub(super) async fn keep(self) -> Result<(), CopyError> {
        match self {
            Self::Server { writer, pool, name } => {
                writer.commit().await.map_err(|source| CopyError::Unsure { place: name, source })?;
                pool.close().await;
                Ok(())
            }
            Self::File { reader, database, file } => {
                drop(reader);
                database.close().await;
                let place = file.path.display().to_string();
                is_free(&file.path, &place).await?;
                rename(&file).map_err(|source| JournalError::of_file(&file.path, source))?;
                file.folders.keep();
                Ok(())
            }
        }
    }
}

/// Renames the file, and makes the name durable.
fn rename(file: &FileTarget) -> io::Result<()> {
    fs::rename(&file.temporary.0, &file.path)?;
    let folder = file.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Returns an error unless no file is at this path.
async fn is_free(path: &Path, place: &str) -> Result<(), CopyError> {
    match state_file::found_at(path).await? {
        None => Ok(()),
        Some(what) => Err(CopyError::Occupied { place: place.to_owned(), what }),
    }
}

/// Returns an error if the schema has tables of another program. Those of extensions do not count.
async fn has_no_other_tables(reader: &mut ReadTransaction, place: &str) -> Result<(), CopyError> {
    let sql = "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = current_schema and c.relkind in ('r', 'p', 'f') and not exists
                   (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
               order by 1 limit 1";
    match reader.rows(sql, []).await?.first() {
        None => Ok(()),
        Some(row) => Err(CopyError::OtherTables { place: place.to_owned(), table: row.text(0)? }),
    }
}

/// Returns an error unless the tables hold what a new state holds: at most the beginning of the record.
async fn is_empty(reader: &mut ReadTransaction, tables: &[TableShape], place: &str) -> Result<(), CopyError> {
    let occupied = |what| CopyError::Occupied { place: place.to_owned(), what };
    if let Some(runs) = runs_in(reader).await? {
        return Err(occupied(runs));
    }
    for table in tables {
        let condition = match table.name.as_str() {
            "meta" | "event_head" => continue,
            "events" => " where kind <> 'checkpoint'",
            _ => "",
        };
        let sql = format!("select 1 from \"{}\"{condition} limit 1", table.name);
        if !reader.transaction().text(sql).await.map_err(read_error)?.is_empty() {
            return Err(occupied(format!("a state without runs, but with rows in the table {}", table.name)));
        }
    }
    Ok(())
}

/// The runs of a state in words; `None` if it has none.
pub(super) async fn runs_in(reader: &mut ReadTransaction) -> Result<Option<String>, JournalError> {
    let rows = reader.rows("select count(*), max(started_at) from runs", []).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (runs, last) = (row.number(0)?, row.optional_number(1)?);
    let Some(last) = last else { return Ok(None) };
    let last = to_the_second(super::encoding::to_time(last)?);
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    Ok(Some(format!("a state with {runs}, the last one of {last}")))
}

/// Deletes the rows that a new state has, those that refer to others first.
async fn delete_rows(writer: &mut WriteTransaction, tables: &[TableShape]) -> Result<(), JournalError> {
    for table in tables.iter().rev() {
        writer.execute_text(format!("delete from \"{}\"", table.name)).await?;
    }
    Ok(())
}

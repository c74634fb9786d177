//! The state file of `SQLite`: its folder and modes, and the handling of a corrupt file.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::Utc;
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    JournalError, StepWatch,
    checked_file::{self, FileState},
    connections::Connections,
    copy_target::runs_in,
    database::{CONNECTIONS, Database, Row, Transaction, open_error},
    database_fault::{CONNECTION_PATIENCE, described, primary_code},
    file_lock,
    ownership::is_ours,
    private_file::{self, beside},
    schema::{self, Schema},
    storage_fault::{CORRUPT, NOT_A_DATABASE, StorageFault, has_log, is_read_only},
};

/// How long to wait while another process holds the file for one transaction.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// The pause between attempts, within [`BUSY_PATIENCE`], of an operation for which `SQLite` does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The length of the header of a database (<https://www.sqlite.org/fileformat.html>, section 1.3). `SQLite` treats a
/// file of one byte as an empty database.
const HEADER_BYTES: u64 = 100;

/// Mode bits that let users other than the owner read or write.
const TOO_OPEN: u32 = 0o077;

/// Suffixes of the files that `SQLite` keeps beside the file while it is open.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// What an inspection of the file found.
enum FileContent {
    /// No file, or an empty one.
    Missing,
    /// An intact database.
    Intact(Schema),
    /// Corrupt, for this reason.
    Corrupt(String),
    /// A file that was never a state of this program.
    Foreign,
}

/// Opens or creates the file; a corrupt file is set aside.
pub(super) async fn open(path: &Path, watch: Option<&StepWatch>) -> Result<Database, JournalError> {
    let wrong = |source| JournalError::of_file(path, source);
    let place = path.display().to_string();
    let (mut found, mut exclusive) = (inspect(path, Use::Write).await?, None);
    if matches!(found, FileContent::Missing | FileContent::Corrupt(_)) {
        // Held until the new file is complete, so that no other process uses half of it. Another process may have
        // created it in the meantime.
        exclusive = Some(file_lock::lock_exclusively(path, BUSY_PATIENCE).await?);
        found = inspect(path, Use::Write).await?;
    }
    match found {
        FileContent::Intact(schema) => schema::steps_done(schema, &place).map(drop)?,
        FileContent::Missing => move_side_files_away(path).map_err(wrong)?,
        FileContent::Foreign => return Err(JournalError::NotOurs { place }),
        FileContent::Corrupt(why) => {
            let aside = set_aside(path).map_err(wrong)?;
            let aside = aside.display();
            tracing::warn!(
                state.file = %place,
                state.aside = %aside,
                "the state file {place} was corrupt ({why}) and was set aside as {aside}; its history, \
                 approvals and held changes are lost"
            );
        }
    }
    let made = make_file(path)?;
    let lost = last_set_aside(path).map_err(wrong)?;
    let database = connect(path, made).await?;
    schema::migrate(&database, watch, &place, lost.as_deref()).await?;
    if exclusive.is_some() {
        // What this process has just created needs no check.
        checked_file::remember(path, FileState::of(path), Utc::now());
    }
    Ok(database)
}

/// Opens an existing file and migrates it.
pub(super) async fn open_existing(path: &Path, watch: Option<&StepWatch>) -> Result<Option<Database>, JournalError> {
    let place = path.display().to_string();
    let Some(schema) = existing_schema(path, &place, Use::Write).await? else { return Ok(None) };
    schema::steps_done(schema, &place)?;
    let database = connect(path, make_file(path)?).await?;
    schema::migrate(&database, watch, &place, None).await?;
    Ok(Some(database))
}

/// Opens an existing file so that no statement can change it.
pub(super) async fn open_read_only(path: &Path) -> Result<Option<Database>, JournalError> {
    let place = path.display().to_string();
    let Some(schema) = existing_schema(path, &place, Use::Read).await? else { return Ok(None) };
    schema::is_current(schema, &place)?;
    let pool = pool().connect_with(read_only_options(path)).await;
    Ok(Some(Database::Sqlite(Connections::to_file(pool.map_err(|error| cannot_open(path, error))?))))
}

/// Opens an existing file to copy it. Nothing is written to it, and it keeps its mode and its journal mode.
pub(super) async fn open_unchanged(path: &Path) -> Result<Option<Database>, JournalError> {
    let place = path.display().to_string();
    if existing_schema(path, &place, Use::Copy).await?.is_none() {
        return Ok(None);
    }
    let options = if is_immutable(path) { read_only_options(path) } else { base_options(path) };
    let pool = pool().connect_with(options).await;
    Ok(Some(Database::Sqlite(Connections::to_file(pool.map_err(|error| cannot_open(path, error))?))))
}

/// Creates a file that no other process uses, for very many rows: nothing is durable before the caller makes it so.
pub(super) async fn create_unsynced(path: &Path) -> Result<Database, JournalError> {
    make_file(path)?;
    let options = base_options(path).journal_mode(SqliteJournalMode::Off).synchronous(SqliteSynchronous::Off);
    let pool = pool().max_connections(1).connect_with(options.auto_vacuum(SqliteAutoVacuum::Incremental)).await;
    Ok(Database::Sqlite(Connections::of_pool(pool.map_err(|error| cannot_open(path, error))?)))
}

/// Opens such a file to read it, after a check of every page.
pub(super) async fn open_checked(path: &Path) -> Result<Database, JournalError> {
    let checked = check(path, CheckExtent::Everything).await;
    if let (_, Some(why)) = checked.map_err(|error| cannot_open(path, error))? {
        return Err(JournalError::Unreadable { what: format!("{} is corrupt ({why})", path.display()) });
    }
    let pool = pool().connect_with(read_only_options(path)).await;
    Ok(Database::Sqlite(Connections::to_file(pool.map_err(|error| cannot_open(path, error))?)))
}

/// What is at this path where a new state is to be created, in words; `None` if nothing is. A file of another program is
/// an error.
pub(super) async fn found_at(path: &Path) -> Result<Option<String>, JournalError> {
    match inspect(path, Use::Read).await? {
        FileContent::Missing => Ok(SIDE_FILES.iter().map(|suffix| beside(path, suffix)).find_map(|side_file| {
            let is_there = side_file.symlink_metadata().is_ok();
            is_there.then(|| format!("the file {}, which an earlier state left", side_file.display()))
        })),
        FileContent::Intact(Schema::Version(_)) => {
            let pool = pool().connect_with(read_only_options(path)).await;
            let pool = pool.map_err(|error| cannot_open(path, error))?;
            let database = Database::Sqlite(Connections::to_file(pool));
            let runs = runs_in(&mut database.begin_read().await?).await;
            database.close().await;
            Ok(Some(runs?.unwrap_or_else(|| "a state without runs".to_owned())))
        }
        FileContent::Intact(_) => Ok(Some("an empty database".to_owned())),
        FileContent::Corrupt(why) => Ok(Some(format!("a corrupt state ({why})"))),
        FileContent::Foreign => Err(JournalError::NotOurs { place: path.display().to_string() }),
    }
}

/// The schema of an existing file; a corrupt file is an error.
async fn existing_schema(path: &Path, place: &str, usage: Use) -> Result<Option<Schema>, JournalError> {
    match inspect(path, usage).await? {
        FileContent::Missing | FileContent::Intact(Schema::Empty) => Ok(None),
        FileContent::Intact(schema) => Ok(Some(schema)),
        FileContent::Corrupt(why) => Err(corrupt(place, &why, usage)),
        FileContent::Foreign => Err(JournalError::NotOurs { place: place.to_owned() }),
    }
}

fn corrupt(place: &str, why: &str, usage: Use) -> JournalError {
    let what = match usage {
        Use::Copy => "restore it from a backup, and copy that",
        Use::Write | Use::Read => "the next run sets it aside",
    };
    JournalError::Unreadable { what: format!("the state file {place} is corrupt ({why}); {what}") }
}

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// To write it, too: the check is remembered.
    Write,
    /// To read it: nothing is created beside it.
    Read,
    /// To copy it: read, too.
    Copy,
}

/// Reads the file without changing it.
async fn inspect(path: &Path, usage: Use) -> Result<FileContent, JournalError> {
    let content = examined(path, usage).await;
    if matches!(content, Ok(FileContent::Corrupt(_))) {
        checked_file::forget(path);
    }
    content
}

async fn examined(path: &Path, usage: Use) -> Result<FileContent, JournalError> {
    let Some(mut file) = open_all(path)? else { return Ok(FileContent::Missing) };
    let length = file.metadata().map_err(|source| JournalError::of_file(path, source))?.len();
    if length == 0 {
        return Ok(FileContent::Missing);
    }
    if !is_ours(path, &mut file)? {
        return Ok(FileContent::Foreign);
    }
    if length < HEADER_BYTES {
        return Ok(FileContent::Corrupt("it is shorter than the header of a database".to_owned()));
    }
    let (before, now) = (FileState::of(path), Utc::now());
    let extent = if checked_file::is_checked(path, now) { CheckExtent::Schema } else { CheckExtent::Everything };
    match check(path, extent).await {
        Ok((_, Some(complaint))) => Ok(FileContent::Corrupt(complaint)),
        Ok((Schema::Invalid, None)) => Ok(FileContent::Corrupt("it has no version of its schema".to_owned())),
        Ok((schema, None)) => {
            match (extent, usage) {
                (CheckExtent::Everything, Use::Write) => checked_file::remember(path, before, now),
                (CheckExtent::Everything, Use::Read) => checked_file::renew(path, before, now),
                (CheckExtent::Everything, Use::Copy) | (CheckExtent::Schema, _) => {}
            }
            Ok(FileContent::Intact(schema))
        }
        Err(error) if is_corruption(&error) => Ok(FileContent::Corrupt(described(&error))),
        Err(error) => Err(cannot_open(path, error)),
    }
}

/// How much of a file is read before it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CheckExtent {
    /// The version of its schema.
    Schema,
    /// Every page.
    Everything,
}

/// The schema, and the first problem that `SQLite` found in the file.
async fn check(path: &Path, extent: CheckExtent) -> Result<(Schema, Option<String>), sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(read_only_options(path)).await?;
    let connections = Connections::of_pool(pool);
    let examined = async {
        let mut transaction = Transaction::reading_file(&connections).await?;
        let complaints = match extent {
            CheckExtent::Schema => Vec::new(),
            CheckExtent::Everything => transaction.rows("pragma quick_check(1)", []).await?,
        };
        let complaint = complaints.first().and_then(|row: &Row| row.text(0).ok()).filter(|text| text != "ok");
        let schema = schema::in_transaction(&mut transaction).await?;
        Ok((schema, complaint))
    };
    let examined = examined.await;
    connections.close().await;
    examined
}

/// Whether the file itself is corrupt, in contrast to a lack of permission or space, or to a file that is in use.
fn is_corruption(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| [CORRUPT, NOT_A_DATABASE].contains(&code))
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    primary_code(error).is_some_and(|code| [BUSY, LOCKED].contains(&code))
}

fn base_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_PATIENCE)
        .disable_statement_logging()
}

/// Not opened read-only where the file could change: `SQLite` could not remove the files that it creates beside the file
/// to read it.
fn read_only_options(path: &Path) -> SqliteConnectOptions {
    let options = base_options(path).pragma("query_only", "on");
    if is_immutable(path) { options.immutable(true).read_only(true) } else { options }
}

/// Whether the file is read without the files that `SQLite` creates beside it, which cannot be created there. A process that
/// changes the file, through another mount, keeps a log beside it.
pub(super) fn is_immutable(path: &Path) -> bool {
    is_read_only(path) && !has_log(path)
}

fn pool() -> SqlitePoolOptions {
    // The connection to a file does not break while it is idle: it is not tried out before each use.
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECTION_PATIENCE)
        .test_before_acquire(false)
}

/// The identity of a file, independent of its path.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// Connects to this file. `SQLite` opens it by its path: if the path leads to another file by then, that is an error.
///
/// The file must not be open in this process in any other way: closing another handle of it releases all locks that
/// `SQLite` holds on it (`fcntl`, <https://www.sqlite.org/howtocorrupt.html>, section 2.2). Then the next process that
/// closes the state deletes the write-ahead log that this process is still using.
async fn connect(path: &Path, made: FileIdentity) -> Result<Database, JournalError> {
    // Durable at every commit: after a power failure, the journal still knows every change that was sent.
    let durable = base_options(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    // A new file returns free pages in steps; a file of an earlier version does so once it was rewritten.
    let options = durable.auto_vacuum(SqliteAutoVacuum::Incremental);
    let deadline = Instant::now() + BUSY_PATIENCE;
    loop {
        match pool().connect_with(options.clone()).await {
            Ok(pool) => {
                is_still(made, path)?;
                return Ok(Database::Sqlite(Connections::to_file(pool)));
            }
            // The first switch to WAL needs exclusive access, and SQLite does not always wait for that by itself.
            Err(error) if is_busy(&error) && Instant::now() < deadline => {}
            Err(error) => return Err(cannot_open(path, error)),
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}

/// The error of a file that `SQLite` could not open or read.
fn cannot_open(path: &Path, error: sqlx::Error) -> JournalError {
    let holder = if is_busy(&error) { file_lock::state_holder(path).ok().flatten() } else { None };
    match holder {
        Some(holder) => JournalError::InUse { place: path.display().to_string(), holder },
        None => open_error(StorageFault::explained(path, error)),
    }
}

/// Opens the file, and the files beside it, so that no link is followed; `None` if there is no state file.
fn open_all(path: &Path) -> Result<Option<File>, JournalError> {
    for side_file in SIDE_FILES {
        private_file::open_existing(&beside(path, side_file))?;
    }
    Ok(private_file::open_existing(path)?)
}

/// Creates the file before `SQLite` does, which would let every user read it, and restricts the mode of an existing
/// one.
fn make_file(path: &Path) -> Result<FileIdentity, JournalError> {
    let wrong = |source| JournalError::of_file(path, source);
    let file = private_file::open_or_create(path)?;
    tighten(&file).map_err(wrong)?;
    for side_file in SIDE_FILES {
        if let Some(side_file) = private_file::open_existing(&beside(path, side_file))? {
            tighten(&side_file).map_err(wrong)?;
        }
    }
    Ok(FileIdentity::of(&file.metadata().map_err(wrong)?))
}

fn tighten(file: &File) -> io::Result<()> {
    if file.metadata()?.mode() & TOO_OPEN != 0 { file.set_permissions(Permissions::from_mode(0o600)) } else { Ok(()) }
}

/// Returns an error unless the path still leads to this file, and not through a link.
fn is_still(made: FileIdentity, path: &Path) -> Result<(), JournalError> {
    let found = fs::symlink_metadata(path).map_err(|source| JournalError::of_file(path, source))?;
    if FileIdentity::of(&found) == made {
        return Ok(());
    }
    Err(JournalError::Unreadable { what: format!("{} was replaced while it was opened", path.display()) })
}

/// Renames the file and the files beside it to the first new name that is free.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = Utc::now().format("%Y%m%dT%H%M%SZ");
    let mut aside = beside(path, &format!(".corrupt-{stamp}"));
    let mut number = 1;
    while aside.try_exists()? {
        number += 1;
        aside = beside(path, &format!(".corrupt-{stamp}-{number}"));
    }
    fs::rename(path, &aside)?;
    checked_file::forget(path);
    for side_file in SIDE_FILES {
        move_if_there(&beside(path, side_file), &beside(&aside, side_file))?;
    }
    Ok(aside)
}

/// Renames the write-ahead log of a file that is gone, so that `SQLite` does not apply it to the new file.
fn move_side_files_away(path: &Path) -> io::Result<()> {
    for side_file in SIDE_FILES {
        move_if_there(&beside(path, side_file), &beside(path, &format!(".left-over{side_file}")))?;
    }
    Ok(())
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Why a file that is created has lost its memory: an earlier file lies beside it. It is recognized by its name, so
/// that a process that dies between renaming and creating loses nothing.
fn last_set_aside(path: &Path) -> io::Result<Option<String>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let prefix = format!("{}.corrupt-", name.to_string_lossy());
    let mut aside = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) && !SIDE_FILES.iter().any(|side_file| name.ends_with(side_file)) {
            aside.push(name);
        }
    }
    Ok(aside.into_iter().max().map(|name| format!("the state file was corrupt and was set aside as {name}")))
}

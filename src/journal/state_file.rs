//! The state file of `SQLite`: its folder and modes, and what happens when it is corrupt.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::Utc;
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    JournalError, StepWatch,
    database::{Database, Row, opening},
    lock,
    open::{CONNECTION_PATIENCE, CONNECTIONS},
    schema::{self, Schema},
};

/// How long another process may hold the file for one transaction.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// How often, within [`BUSY_PATIENCE`], something is tried that `SQLite` does not wait for by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The header of a database (<https://www.sqlite.org/fileformat.html>, section 1.3). `SQLite` takes a single byte for none.
const HEADER_BYTES: u64 = 100;

/// What stands beside the file while it is used.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// What a look at the file found.
enum Look {
    /// No file, or an empty one.
    Nothing,
    /// A whole database.
    Whole(Schema),
    /// None, for this reason.
    Corrupt(String),
}

/// Opens or makes the file; what is corrupt is set aside, and the sentences say so.
pub(super) async fn open(path: &Path, watch: Option<&StepWatch>) -> Result<(Database, Vec<String>), JournalError> {
    let wrong = |source| JournalError::File { path: path.to_owned(), source };
    make_folder(path).map_err(wrong)?;
    let place = path.display().to_string();
    let (mut found, mut warnings, mut _alone) = (look(path).await?, Vec::new(), None);
    if !matches!(found, Look::Whole(_)) {
        // Held until the new file is whole: nobody runs on half of it. Somebody else may have been faster.
        _alone = Some(lock::alone(path, BUSY_PATIENCE).await?);
        found = look(path).await?;
    }
    match found {
        Look::Whole(schema) => schema::steps_done(schema, &place).map(drop)?,
        Look::Nothing => drop_companions(path).map_err(wrong)?,
        Look::Corrupt(why) => {
            let aside = set_aside(path).map_err(wrong)?;
            let warning = format!(
                "the state file {place} was corrupt ({why}) and was set aside as {}; what was remembered is lost",
                aside.display()
            );
            tracing::warn!(state.file = %place, state.aside = %aside.display(), "{warning}");
            warnings.push(warning);
        }
    }
    make_file(path).map_err(wrong)?;
    let lost = last_set_aside(path).map_err(wrong)?;
    let database = connect(path).await?;
    schema::migrate(&database, watch, &place, lost.as_deref()).await?;
    Ok((database, warnings))
}

/// Opens the file if there is one, and brings it up to date.
pub(super) async fn open_existing(path: &Path, watch: Option<&StepWatch>) -> Result<Option<Database>, JournalError> {
    let place = path.display().to_string();
    let Some(schema) = existing(path, &place).await? else { return Ok(None) };
    schema::steps_done(schema, &place)?;
    let database = connect(path).await?;
    schema::migrate(&database, watch, &place, None).await?;
    Ok(Some(database))
}

/// Opens the file if there is one, in a way that no statement can change it.
pub(super) async fn open_to_look(path: &Path) -> Result<Option<Database>, JournalError> {
    let place = path.display().to_string();
    let Some(schema) = existing(path, &place).await? else { return Ok(None) };
    schema::is_current(schema, &place)?;
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECTION_PATIENCE);
    Ok(Some(Database::Sqlite(pool.connect_with(reading_only(path)).await.map_err(opening)?)))
}

/// The schema of the file if there is one; what is corrupt is an error.
async fn existing(path: &Path, place: &str) -> Result<Option<Schema>, JournalError> {
    match look(path).await? {
        Look::Nothing | Look::Whole(Schema::Nothing) => Ok(None),
        Look::Whole(schema) => Ok(Some(schema)),
        Look::Corrupt(why) => Err(corrupt(place, &why)),
    }
}

fn corrupt(place: &str, why: &str) -> JournalError {
    JournalError::Unreadable { what: format!("the state file {place} is corrupt ({why}); the next run sets it aside") }
}

/// Reads the file without changing it.
async fn look(path: &Path) -> Result<Look, JournalError> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.len() == 0 => return Ok(Look::Nothing),
        Ok(metadata) if metadata.is_file() && metadata.len() < HEADER_BYTES => {
            return Ok(Look::Corrupt("it is shorter than the header of a database".to_owned()));
        }
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(JournalError::File { path: path.to_owned(), source });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::Nothing),
        Err(source) => return Err(JournalError::File { path: path.to_owned(), source }),
    }
    match examine(path).await {
        Ok((_, Some(complaint))) => Ok(Look::Corrupt(complaint)),
        Ok((Schema::Senseless, None)) => Ok(Look::Corrupt("it has no version of its schema".to_owned())),
        Ok((schema, None)) => Ok(Look::Whole(schema)),
        Err(error) if is_corruption(&error) => Ok(Look::Corrupt(error.to_string())),
        Err(error) => Err(opening(error)),
    }
}

/// The schema, and what `SQLite` has to complain about the file.
async fn examine(path: &Path) -> Result<(Schema, Option<String>), sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(reading_only(path)).await?;
    let examined = async {
        let mut transaction = super::database::Transaction::Sqlite(pool.begin().await?);
        let complaints = transaction.rows("pragma quick_check(1)", []).await?;
        let complaint = complaints.first().and_then(|row: &Row| row.text(0).ok()).filter(|text| text != "ok");
        let schema = schema::found(&mut transaction).await?;
        Ok((schema, complaint))
    };
    let examined = examined.await;
    pool.close().await;
    examined
}

/// Whether it is the file itself that is wrong, and not its permissions, the room on the disk, or somebody who is using it.
fn is_corruption(error: &sqlx::Error) -> bool {
    const CORRUPT: i32 = 11;
    const NOT_A_DATABASE: i32 = 26;
    primary_code(error).is_some_and(|code| [CORRUPT, NOT_A_DATABASE].contains(&code))
}

fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    primary_code(error).is_some_and(|code| [BUSY, LOCKED].contains(&code))
}

/// The result code of `SQLite` (<https://www.sqlite.org/rescode.html>); the upper bits of an extended one are details.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn plain(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_PATIENCE)
        .disable_statement_logging()
}

/// Not opened read-only: `SQLite` could not take away what it puts beside the file to read it.
fn reading_only(path: &Path) -> SqliteConnectOptions {
    plain(path).pragma("query_only", "on")
}

async fn connect(path: &Path) -> Result<Database, JournalError> {
    // Durable at every commit: a change that was sent is known to have been sent even after a power cut.
    let options = plain(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut attempts = BUSY_PATIENCE.as_millis() / BUSY_PAUSE.as_millis();
    loop {
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECTION_PATIENCE);
        match pool.connect_with(options.clone()).await {
            Ok(pool) => return Ok(Database::Sqlite(pool)),
            // The first switch to WAL needs the file alone, and SQLite does not wait for that.
            Err(error) if is_busy(&error) && attempts > 0 => attempts -= 1,
            Err(error) => return Err(opening(error)),
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        _ => Ok(()),
    }
}

/// Makes the file before `SQLite` does, which would let everybody read it, and tightens one that is too open.
fn make_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let companions = COMPANIONS.iter().map(|companion| beside(path, companion));
    for file in std::iter::once(path.to_owned()).chain(companions) {
        match fs::metadata(&file) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&file, Permissions::from_mode(0o600))?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The path with something at its end: `state.db-wal`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renames the file and what belongs to it; the first new name that is free.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = Utc::now().format("%Y%m%dT%H%M%SZ");
    let mut aside = beside(path, &format!(".corrupt-{stamp}"));
    let mut number = 1;
    while aside.try_exists()? {
        number += 1;
        aside = beside(path, &format!(".corrupt-{stamp}-{number}"));
    }
    fs::rename(path, &aside)?;
    for companion in COMPANIONS {
        move_if_there(&beside(path, companion), &beside(&aside, companion))?;
    }
    Ok(aside)
}

/// Keeps `SQLite` from taking the log of a file that is gone for that of the new one.
fn drop_companions(path: &Path) -> io::Result<()> {
    for companion in COMPANIONS {
        move_if_there(&beside(path, companion), &beside(path, &format!(".left-over{companion}")))?;
    }
    Ok(())
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Why a file that is made anew has lost its memory: an earlier one lies beside it. Known by the name, so that a process
/// that dies between setting aside and making anew loses nothing.
fn last_set_aside(path: &Path) -> io::Result<Option<String>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let prefix = format!("{}.corrupt-", name.to_string_lossy());
    let mut aside = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) && !COMPANIONS.iter().any(|companion| name.ends_with(companion)) {
            aside.push(name);
        }
    }
    Ok(aside.into_iter().max().map(|name| format!("the state file was corrupt and was set aside as {name}")))
}

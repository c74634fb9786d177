//! One run at a time. The kernel, or the database, releases the lock when the process dies: nothing to clean up, nothing stale.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
    process,
    time::Duration,
};

use chrono::Utc;
use secrecy::SecretString;
use sqlx::{Connection as _, Either, PgConnection};
use tokio::sync::Mutex;

use super::{
    Journal, JournalError, JournalLocation, Leadership,
    database::connect_error,
    open::{CONNECTION_PATIENCE, server},
    private_file,
    server_lock::{Purpose, ServerLock},
    state_file::beside,
};
use crate::domain::to_the_second;

/// What follows the name of the state file in the name of a lock file: of the one run, and of the one daemon.
const RUN_LOCK: &str = ".lock";
const DAEMON_LOCK: &str = ".daemon.lock";

/// Where the name of the run that holds the lock is written on a server.
const LOCK_HOLDER: &str = "lock_holder";

/// Most bytes of a lock file that are read to see whose it is; far more than a holder takes.
const LONGEST_HOLDER: u64 = 4096;

/// How long a reader may hold the lock of the file to see whether anybody else does; far more than it needs.
const READER_LOCK_TIME: Duration = Duration::from_millis(60);

/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(15);

/// How soon the server of the database notices that a node is gone without a word: after 5 s of silence it asks, and asks
/// again every 3 s; after 11 s it ends the session, and after 10 s where it waits for the word that an answer came. Another
/// node takes over within 15 s.
pub(super) const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "2"),
    ("tcp_user_timeout", "10000"),
];

/// Whether the lock was got.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is held until the value is dropped.
    Acquired(RunLock),
    /// Somebody else holds it; who, as far as they said: `run 01J… (process 4711 on host, since 06:00:00Z)`.
    Held(String),
}

/// The lock of the one run. Dropping it releases it.
pub struct RunLock {
    held: LockKeeper,
    /// A run of the node that leads goes on only while it does.
    leadership: Option<Leadership>,
}

enum LockKeeper {
    /// The kernel holds it as long as the file is open.
    File(File),
    /// The server holds it as long as the session lasts.
    Session(Mutex<ServerLock>),
}

impl fmt::Debug for RunLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunLock")
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if let LockKeeper::File(file) = &self.held {
            // Who comes next must not read the old name before the new one is written. Should it fail, the name is stale for
            // that moment and nothing worse.
            let _ = file.set_len(0);
            let _ = file.unlock();
        }
    }
}

impl RunLock {
    /// Whether the lock is still held, and the leadership where the run needs it ([`Journal::with_leadership`]): a node that loses its
    /// session of the database loses them, and must not write any more. The lock of a file is never lost.
    pub async fn is_still_held(&self) -> bool {
        if let Some(leadership) = &self.leadership
            && !leadership.is_still_held().await
        {
            return false;
        }
        match &self.held {
            LockKeeper::File(_) => true,
            LockKeeper::Session(session) => {
                let mut session = session.lock().await;
                matches!(tokio::time::timeout(CONNECTION_PATIENCE, session.answers()).await, Ok(true))
            }
        }
    }
}

impl Journal {
    /// Tries to get the lock; does not wait. `holder` is what others are told: who holds it. The process, the host and the
    /// time are added.
    pub async fn lock(&self, holder: &str) -> Result<LockAttempt, JournalError> {
        let holder = described_holder(holder);
        match &self.location {
            JournalLocation::Sqlite(path) => lock_file(&beside(path, RUN_LOCK), &holder).await,
            JournalLocation::Postgres(address) => self.lock_session(address, &holder).await,
        }
    }

    /// Tries to get the lock of the one daemon of a state file; does not wait. It is another lock than that of a run, so that
    /// runs can be made beside a daemon that waits for its next one. `None` for a database: several nodes share it.
    pub async fn lock_daemon(&self) -> Result<Option<LockAttempt>, JournalError> {
        match &self.location {
            JournalLocation::Sqlite(path) => {
                lock_file(&beside(path, DAEMON_LOCK), &described_holder("the daemon")).await.map(Some)
            }
            JournalLocation::Postgres(_) => Ok(None),
        }
    }

    /// Who holds the lock at this moment; `None` when nobody does.
    pub async fn lock_holder(&self) -> Result<Option<String>, JournalError> {
        match &self.location {
            JournalLocation::Sqlite(path) => {
                let path = beside(path, RUN_LOCK);
                let Some(mut file) = private_file::open_existing(&path)? else { return Ok(None) };
                holder_in(&mut file).map_err(|source| JournalError::of_file(&path, source))
            }
            JournalLocation::Postgres(_) => self.session_holder().await,
        }
    }

    async fn lock_session(&self, address: &SecretString, holder: &str) -> Result<LockAttempt, JournalError> {
        if let Some(leadership) = &self.leadership
            && !leadership.is_still_held().await
        {
            return Err(JournalError::LockLost);
        }
        let (options, _) = server(address)?;
        // A session of its own: the pool would hand it to others, and close it when it is idle.
        let session =
            PgConnection::connect_with(&options.clone().options(KEEPALIVE)).await.map_err(connect_error(&options))?;
        let Either::Left(session) = ServerLock::try_take(session, Purpose::Run).await? else {
            let holder = self.session_holder().await?;
            return Ok(LockAttempt::Held(holder.unwrap_or_else(unknown_holder)));
        };
        self.write_name(LOCK_HOLDER, holder).await?;
        let held = LockKeeper::Session(Mutex::new(session));
        Ok(LockAttempt::Acquired(RunLock { held, leadership: self.leadership.clone() }))
    }

    /// Writes who holds a lock of the server: it knows sessions only.
    pub(super) async fn write_name(&self, what: &str, name: &str) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        let sql =
            "insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
        writer.execute(sql, [what.into(), name.into()]).await?;
        writer.commit().await
    }

    /// Asks the server who holds the lock, without trying it: a reader never keeps a run from beginning.
    async fn session_holder(&self) -> Result<Option<String>, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select (select value from meta where name = $1) from pg_locks
                   where locktype = 'relation' and mode = 'ExclusiveLock' and granted
                     and database = (select oid from pg_database where datname = current_database())
                     and relation = to_regclass($2)::oid limit 1";
        let rows = reader.rows(sql, [LOCK_HOLDER.into(), Purpose::Run.view().into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(row.optional_text(0)?.unwrap_or_else(unknown_holder)))
    }
}

/// Who it is, with what helps to find them: `run 01J… (process 4711 on host, since 06:00:00Z)`.
fn described_holder(holder: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { String::new() } else { format!(" on {}", host.trim()) };
    let since = to_the_second(Utc::now());
    format!("{holder} (process {}{host}, since {since})", process::id())
}

fn unknown_holder() -> String {
    "a run that has not said its name yet".to_owned()
}

/// What stands where runs leave their lock, beside the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockTrace {
    /// The lock of a run: with its name, or empty.
    OfARun,
    /// A file with another content.
    Unreadable,
    /// Nothing.
    None,
}

/// What stands where every run leaves its lock.
pub(super) fn lock_trace(state: &Path) -> Result<LockTrace, JournalError> {
    let path = beside(state, RUN_LOCK);
    let Some(file) = private_file::open_existing(&path)? else { return Ok(LockTrace::None) };
    let mut holder = Vec::new();
    file.take(LONGEST_HOLDER).read_to_end(&mut holder).map_err(|source| JournalError::of_file(&path, source))?;
    let is_of_a_run = holder.is_empty() || String::from_utf8_lossy(&holder).contains("(process ");
    Ok(if is_of_a_run { LockTrace::OfARun } else { LockTrace::Unreadable })
}

/// Waits until nobody uses the file, to make it anew.
pub(super) async fn lock_exclusively(state: &Path, patience: Duration) -> Result<RunLock, JournalError> {
    let mut attempts = patience.as_millis() / RETRY_PAUSE.as_millis();
    loop {
        match lock_file(&beside(state, RUN_LOCK), &described_holder("making the state file")).await? {
            LockAttempt::Acquired(lock) => return Ok(lock),
            LockAttempt::Held(holder) if attempts == 0 => {
                let what = format!("the state file {} has to be made anew, and is in use by {holder}", state.display());
                return Err(JournalError::Unreadable { what });
            }
            LockAttempt::Held(_) => attempts -= 1,
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

async fn lock_file(path: &Path, holder: &str) -> Result<LockAttempt, JournalError> {
    let wrong = |source| JournalError::of_file(path, source);
    // Never deleted: a process that waits with the deleted file in hand would lock what nobody else sees.
    let mut file = private_file::open_or_create(path)?;
    let mut attempts = READER_LOCK_TIME.as_millis() / RETRY_PAUSE.as_millis();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            // It may be a reader that takes a look.
            Err(TryLockError::WouldBlock) if attempts > 0 => attempts -= 1,
            Err(TryLockError::WouldBlock) => return Ok(LockAttempt::Held(name_in(&mut file).map_err(wrong)?)),
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(holder.as_bytes())
    };
    write(&mut file).map_err(wrong)?;
    Ok(LockAttempt::Acquired(RunLock { held: LockKeeper::File(file), leadership: None }))
}

/// Takes a look without keeping the lock.
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

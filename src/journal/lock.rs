//! One run at a time. The kernel, or the database server, releases the lock when the process ends, so that no stale
//! lock is left.

use std::fmt;

use secrecy::SecretString;
use sqlx::{Connection as _, Either, PgConnection};
use tokio::sync::Mutex;

use super::{
    Journal, JournalError, JournalLocation, Leadership,
    database::connect_error,
    database_fault::CONNECTION_PATIENCE,
    file_lock::{DAEMON_LOCK, FileLock, RUN_LOCK, described_holder, file_lock_holder, lock_file, unknown_holder},
    private_file::beside,
    server::{KEEPALIVE, server},
    server_lock::{Purpose, ServerLock},
};

/// The row of the table `meta` in which the run that holds the lock of a server writes its name.
pub(super) const LOCK_HOLDER: &str = "lock_holder";

/// The result of an attempt to get the lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// This process holds the lock until the value is dropped.
    Acquired(RunLock),
    /// Another process holds the lock: its description, `run 01J… (process 4711 on host, since 06:00:00Z)`.
    Held(String),
}

impl From<Either<FileLock, String>> for LockAttempt {
    fn from(attempt: Either<FileLock, String>) -> Self {
        match attempt {
            Either::Left(lock) => Self::Acquired(RunLock { keeper: LockKeeper::File(lock), leadership: None }),
            Either::Right(holder) => Self::Held(holder),
        }
    }
}

/// The lock of the one run. Dropping it releases the lock.
pub struct RunLock {
    keeper: LockKeeper,
    /// A run of the leader continues only as long as its node leads.
    leadership: Option<Leadership>,
}

/// What keeps the lock.
enum LockKeeper {
    /// The kernel, as long as the file is open.
    File(#[expect(dead_code, reason = "held until it is dropped")] FileLock),
    /// The server, as long as the session lasts.
    Session(Mutex<ServerLock>),
}

impl fmt::Debug for RunLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunLock")
    }
}

impl RunLock {
    /// Whether the lock is still held, and the leadership if the run needs it ([`Journal::with_leadership`]). A node
    /// that loses its database session loses both, and must not write any more. The lock of a file is never lost.
    pub async fn is_still_held(&self) -> bool {
        if let Some(leadership) = &self.leadership
            && !leadership.is_still_held().await
        {
            return false;
        }
        match &self.keeper {
            LockKeeper::File(_) => true,
            LockKeeper::Session(session) => {
                let mut session = session.lock().await;
                matches!(tokio::time::timeout(CONNECTION_PATIENCE, session.answers()).await, Ok(true))
            }
        }
    }
}

impl Journal {
    /// Tries to get the lock; does not wait. Other processes see `holder`, with the process, the host and the time.
    pub async fn lock(&self, holder: &str) -> Result<LockAttempt, JournalError> {
        let holder = described_holder(holder);
        match &self.location {
            JournalLocation::Sqlite(path) => lock_file(&beside(path, RUN_LOCK), &holder).await.map(LockAttempt::from),
            JournalLocation::Postgres(address) => self.lock_session(address, &holder).await,
        }
    }

    /// Tries to get the lock of the one daemon of a state file; does not wait. Other processes see `holder`, with the
    /// process, the host and the time. This is not the lock of a run: other
    /// processes may run while a daemon waits for its next run. `None` for a database, which several nodes share.
    pub async fn lock_daemon(&self, holder: &str) -> Result<Option<LockAttempt>, JournalError> {
        match &self.location {
            JournalLocation::Sqlite(path) => {
                let attempt = lock_file(&beside(path, DAEMON_LOCK), &described_holder(holder)).await?;
                Ok(Some(attempt.into()))
            }
            JournalLocation::Postgres(_) => Ok(None),
        }
    }

    /// Who holds the lock at this moment; `None` if no process does.
    pub async fn lock_holder(&self) -> Result<Option<String>, JournalError> {
        match &self.location {
            JournalLocation::Sqlite(path) => file_lock_holder(&beside(path, RUN_LOCK)),
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
        // A session outside of the pool: the pool would lend it to other tasks, and close it when it is idle.
        let session =
            PgConnection::connect_with(&options.clone().options(KEEPALIVE)).await.map_err(connect_error(&options))?;
        let Either::Left(session) = ServerLock::try_take(session, Purpose::Run).await? else {
            let holder = self.session_holder().await?;
            return Ok(LockAttempt::Held(holder.unwrap_or_else(unknown_holder)));
        };
        self.write_name(LOCK_HOLDER, holder).await?;
        let keeper = LockKeeper::Session(Mutex::new(session));
        Ok(LockAttempt::Acquired(RunLock { keeper, leadership: self.leadership.clone() }))
    }

    /// Writes who holds a lock of the server: the server itself knows only the session.
    pub(super) async fn write_name(&self, what: &str, name: &str) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        let sql =
            "insert into meta (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
        writer.execute(sql, [what.into(), name.into()]).await?;
        writer.commit().await
    }

    /// Asks the server who holds the lock, without trying to take it: a reader must never keep a run from starting.
    async fn session_holder(&self) -> Result<Option<String>, JournalError> {
        let sql = "select (select value from meta where name = $1) from pg_locks
                   where locktype = 'relation' and mode = 'ExclusiveLock' and granted
                     and database = (select oid from pg_database where datname = current_database())
                     and relation = to_regclass($2)::oid limit 1";
        let rows = self.query().await?.rows(sql, [LOCK_HOLDER.into(), Purpose::Run.view().into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(row.optional_text(0)?.unwrap_or_else(unknown_holder)))
    }
}

//! A lock of the database server: a session whose open transaction has locked a view of this program. Only a role with
//! rights on the view can lock it, so that another user of the server cannot keep a run from starting. Any user can
//! take an advisory lock.
//!
//! The transaction has no id and no snapshot while it waits, so that it does not hold back the vacuum of the server.

use std::{fmt, sync::Arc, time::Duration};

use sqlx::{Connection as _, Either, PgConnection};
use tokio::{sync::Mutex, time::timeout};

use super::{DatabaseFault, JournalError, database::open_error};

/// The error code of the server if another session has the lock
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Switches off the limits that would end an idle session, those that this server knows.
pub(super) const NO_LIMITS: &str = "select set_config(name, '0', false) from pg_settings where name in
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout',
     'statement_timeout', 'lock_timeout')";

/// The time limit of one attempt to lead, and of one test of the session. A node that is cut off stops leading after
/// this time; the server gives the lock to another node after 10 s or more.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one run.
    Run,
    /// The leader.
    Leader,
}

impl Purpose {
    /// The view that is locked for this purpose.
    pub(super) fn view(self) -> &'static str {
        match self {
            Self::Run => "run_lock",
            Self::Leader => "leader_lock",
        }
    }

    /// The statement that takes the lock in an open transaction.
    pub(super) fn lock(self) -> &'static str {
        match self {
            Self::Run => "lock table run_lock in exclusive mode nowait",
            Self::Leader => "lock table leader_lock in exclusive mode nowait",
        }
    }
}

/// A lock that is held as long as its session lasts. Dropping it ends the session.
#[derive(Debug)]
pub(super) struct ServerLock(PgConnection);

impl ServerLock {
    /// Takes the lock; returns the session if another one has the lock.
    pub(super) async fn try_take(
        mut session: PgConnection,
        purpose: Purpose,
    ) -> Result<Either<Self, PgConnection>, JournalError> {
        sqlx::raw_sql(NO_LIMITS).execute(&mut session).await.map_err(open_error)?;
        sqlx::raw_sql("begin").execute(&mut session).await.map_err(open_error)?;
        match sqlx::raw_sql(purpose.lock()).execute(&mut session).await {
            Ok(_) => Ok(Either::Left(Self(session))),
            Err(error) if is_taken(&error) => {
                sqlx::raw_sql("rollback").execute(&mut session).await.map_err(open_error)?;
                Ok(Either::Right(session))
            }
            Err(error) => Err(open_error(error)),
        }
    }

    /// Whether the session still answers, which means that the lock is held.
    pub(super) async fn answers(&mut self) -> bool {
        self.0.ping().await.is_ok()
    }

    /// Ends the session in an orderly way.
    pub(super) async fn close(self) {
        // The server releases the lock with the session, even if this message does not arrive.
        let _ = self.0.close().await;
    }
}

/// The leadership, which lasts as long as its session. All clones are one leadership; dropping the last one gives it
/// back.
#[derive(Clone)]
pub struct Leadership(Arc<Mutex<Option<ServerLock>>>);

impl Leadership {
    pub(super) fn new(lock: ServerLock) -> Self {
        Self(Arc::new(Mutex::new(Some(lock))))
    }

    /// Whether this node still leads. A session that does not answer in time is given up for good, because another node
    /// may have led in the meantime.
    pub async fn is_still_held(&self) -> bool {
        let mut held = self.0.lock().await;
        let Some(session) = held.as_mut() else { return false };
        let answers = matches!(timeout(PATIENCE, session.answers()).await, Ok(true));
        if !answers {
            *held = None;
        }
        answers
    }

    /// Gives the leadership back, for all clones.
    pub async fn resign(&self) {
        let session = self.0.lock().await.take();
        if let Some(session) = session {
            let _ = timeout(PATIENCE, session.close()).await;
        }
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leadership")
    }
}

/// Whether another session has the lock.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    let error = DatabaseFault::innermost(error);
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

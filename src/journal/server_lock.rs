//! A lock of the database server: a session whose open transaction has a view of this program locked. Only a role with rights on
//! the view can lock it, so that a stranger on the same server keeps no run from beginning; an advisory lock anybody can take.
//!
//! The transaction has no id and no snapshot while it waits, so that it keeps nothing on the server from being tidied up.

use sqlx::{Connection as _, Either, PgConnection};

use super::{JournalError, database::open_error};

/// What the server answers where another session has the lock (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Limits that would end a session for waiting, as far as this server knows them.
const NO_LIMITS: &str = "select set_config(name, '0', false) from pg_settings where name in
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout')";

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The one run.
    Run,
    /// The node that leads.
    Leader,
}

impl Purpose {
    /// The view of this purpose.
    pub(super) fn view(self) -> &'static str {
        match self {
            Self::Run => "run_lock",
            Self::Leader => "leader_lock",
        }
    }

    fn take(self) -> &'static str {
        match self {
            Self::Run => "begin; lock table run_lock in exclusive mode nowait",
            Self::Leader => "begin; lock table leader_lock in exclusive mode nowait",
        }
    }
}

/// Held for as long as the session lasts; dropping it ends the session.
#[derive(Debug)]
pub(super) struct ServerLock(PgConnection);

impl ServerLock {
    /// Takes the lock, or gives the session back where another one has it.
    pub(super) async fn try_take(
        mut session: PgConnection,
        purpose: Purpose,
    ) -> Result<Either<Self, PgConnection>, JournalError> {
        sqlx::raw_sql(NO_LIMITS).execute(&mut session).await.map_err(open_error)?;
        match sqlx::raw_sql(purpose.take()).execute(&mut session).await {
            Ok(_) => Ok(Either::Left(Self(session))),
            Err(error) if is_taken(&error) => {
                sqlx::raw_sql("rollback").execute(&mut session).await.map_err(open_error)?;
                Ok(Either::Right(session))
            }
            Err(error) => Err(open_error(error)),
        }
    }

    /// Whether the session still answers; with it the lock is held.
    pub(super) async fn answers(&mut self) -> bool {
        self.0.ping().await.is_ok()
    }

    /// Ends the session, and tells the server.
    pub(super) async fn close(self) {
        // The lock goes with the session, whether the server hears the farewell or not.
        let _ = self.0.close().await;
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

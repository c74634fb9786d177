//! The connections that transactions borrow. A pool tries each connection out when it comes back, and opens another one
//! if a transaction begins meanwhile. A run makes one short transaction after the other: it would keep several connections to
//! the state file busy. So one connection to a file is kept here, and is lent again as soon as its transaction has ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Pool, pool::PoolConnection};
use tokio::{
    sync::{Mutex, Notify, OwnedMutexGuard},
    time::timeout,
};

/// How long a connection is kept, also while it is used. The pool may have had it for half an hour before: a file that was
/// replaced is opened again within 40 minutes.
const LONGEST_USE: Duration = Duration::from_secs(600);

/// How long [`Connections::close`] may wait for a connection that is being closed in the background.
const LONGEST_CLOSING: Duration = Duration::from_secs(5);

/// The connections to one database. Clones share them.
pub(super) struct Connections<D: sqlx::Database> {
    pool: Pool<D>,
    /// `None` if every connection belongs to the pool.
    kept: Option<Kept<D>>,
}

/// The connection that is kept.
struct Kept<D: sqlx::Database> {
    place: Arc<Mutex<Place<D>>>,
    ending: Arc<Ending>,
}

/// The place of the connection that is kept. It is locked while the connection is lent.
struct Place<D: sqlx::Database> {
    connection: Option<D::Connection>,
    since: Instant,
}

/// Whether the connection that is kept comes back at once: its transaction is being rolled back.
#[derive(Default)]
struct Ending {
    is_under_way: AtomicBool,
    is_over: Notify,
}

/// A connection that is lent. It goes back when this is dropped, and must have no open transaction then.
pub(super) enum Borrowed<D: sqlx::Database> {
    /// The connection that is kept.
    Kept(Loan<D>),
    /// One of the pool.
    Pooled(PoolConnection<D>),
}

/// The loan of the connection that is kept.
pub(super) struct Loan<D: sqlx::Database> {
    /// `None` when it has come back.
    place: Option<OwnedMutexGuard<Place<D>>>,
    ending: Arc<Ending>,
}

impl<D: sqlx::Database> Drop for Loan<D> {
    fn drop(&mut self) {
        drop(self.place.take());
        if self.ending.is_under_way.swap(false, Ordering::AcqRel) {
            self.ending.is_over.notify_waiters();
        }
    }
}

impl<D: sqlx::Database> Connections<D> {
    /// Connections to a file, one of which is kept: it does not break while it is idle.
    pub(super) fn to_file(pool: Pool<D>) -> Self {
        let place = Arc::new(Mutex::new(Place { connection: None, since: Instant::now() }));
        Self { pool, kept: Some(Kept { place, ending: Arc::default() }) }
    }

    /// Connections that all belong to the pool: to a server, or where only one is allowed.
    pub(super) fn of_pool(pool: Pool<D>) -> Self {
        Self { pool, kept: None }
    }

    /// Their pool, which says how they are made.
    pub(super) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// Lends a connection. Waits for the connection that is kept only while its transaction is rolled back, never for
    /// another transaction: the one that asks may be what that one waits for.
    pub(super) async fn borrow(&self) -> Result<Borrowed<D>, sqlx::Error> {
        let Some(Kept { place, ending }) = &self.kept else { return self.pooled().await };
        if self.pool.is_closed() {
            return Err(sqlx::Error::PoolClosed);
        }
        let mut place = loop {
            let is_over = ending.is_over.notified();
            match Arc::clone(place).try_lock_owned() {
                Ok(place) => break place,
                Err(_) if ending.is_under_way.load(Ordering::Acquire) => is_over.await,
                Err(_) => return self.pooled().await,
            }
        };
        if place.connection.is_none() || place.since.elapsed() > LONGEST_USE {
            *place = Place { connection: Some(self.pool.acquire().await?.detach()), since: Instant::now() };
        }
        Ok(Borrowed::Kept(Loan { place: Some(place), ending: Arc::clone(ending) }))
    }

    async fn pooled(&self) -> Result<Borrowed<D>, sqlx::Error> {
        self.pool.acquire().await.map(Borrowed::Pooled)
    }

    /// Refuses new transactions, waits until all others have ended, and closes all connections, also for clones.
    pub(super) async fn close(&self) {
        let others = self.pool.close();
        if let Some(Kept { place, .. }) = &self.kept
            && let Some(connection) = place.lock().await.connection.take()
        {
            // It is closed even if it has an error to report.
            let _ = connection.close().await;
        }
        others.await;
    }
}

impl<D: sqlx::Database> Clone for Connections<D> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), kept: self.kept.clone() }
    }
}

impl<D: sqlx::Database> Clone for Kept<D> {
    fn clone(&self) -> Self {
        Self { place: Arc::clone(&self.place), ending: Arc::clone(&self.ending) }
    }
}

impl<D: sqlx::Database> std::fmt::Debug for Connections<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pool.fmt(f)
    }
}

impl<D: sqlx::Database> Borrowed<D> {
    /// The connection itself.
    pub(super) fn connection(&mut self) -> Result<&mut D::Connection, sqlx::Error> {
        match self {
            Self::Kept(loan) => {
                loan.place.as_mut().and_then(|place| place.connection.as_mut()).ok_or(sqlx::Error::PoolClosed)
            }
            Self::Pooled(connection) => Ok(connection),
        }
    }

    /// Makes the next transaction wait for this connection: it comes back at once.
    pub(super) fn is_ending(&self) {
        if let Self::Kept(loan) = self {
            loan.ending.is_under_way.store(true, Ordering::Release);
        }
    }

    /// Closes the connection, in the background, instead of giving it back.
    pub(super) fn close(self) {
        match self {
            Self::Kept(mut loan) => {
                let Some(mut place) = loan.place.take() else { return };
                let Some(connection) = place.connection.take() else { return };
                drop(tokio::spawn(async move {
                    // It is closed even if it has an error to report, or is dropped at the end of its time.
                    let _ = timeout(LONGEST_CLOSING, connection.close()).await;
                    // Locked until now: the closing of all connections waits for it.
                    drop(place);
                }));
            }
            Self::Pooled(mut connection) => connection.close_on_drop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use sqlx::{
        Sqlite,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
    };

    use super::{
        super::{commit_group::CommitGroup, open_transaction::OpenTransaction},
        *,
    };

    async fn connections(folder: &tempfile::TempDir) -> Connections<Sqlite> {
        let options = SqliteConnectOptions::new().filename(folder.path().join("state.db")).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal);
        Connections::to_file(SqlitePoolOptions::new().max_connections(2).connect_with(options).await.unwrap())
    }

    async fn read(connections: &Connections<Sqlite>) -> OpenTransaction<Sqlite> {
        let mut open = OpenTransaction::begin(connections, "begin").await.unwrap();
        open.script("select name from sqlite_master").await.unwrap();
        open
    }

    #[tokio::test]
    async fn one_connection_serves_transactions_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (connections, group) = (connections(&folder).await, CommitGroup::default());
        for _ in 0..20 {
            drop(read(&connections).await);
            drop(OpenTransaction::for_statement(&connections).await.unwrap());
            drop(OpenTransaction::join(&group, &connections, "begin immediate").await.unwrap());
        }
        assert_eq!(connections.pool().size(), 0, "no other connection was made");
        let (_one, _other) = (read(&connections).await, read(&connections).await);
        assert_eq!(connections.pool().size(), 1, "two transactions at the same time need two");
    }

    #[tokio::test]
    async fn no_transaction_waits_for_one_that_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (connections, group) = (connections(&folder).await, CommitGroup::default());
        let join = || OpenTransaction::join(&group, &connections, "begin immediate");
        // Its rollback is under way while both others ask for a connection.
        drop(read(&connections).await);
        let reader = async {
            let _open = read(&connections).await;
            join().await.unwrap().commit().await.unwrap();
        };
        let writer = async { join().await.unwrap().commit().await.unwrap() };
        let both = async { tokio::join!(reader, writer) };
        timeout(Duration::from_secs(20), both).await.expect("neither waits for ever");
    }

    #[tokio::test]
    async fn a_connection_whose_statement_failed_is_not_lent_again() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder).await;
        let mut broken = read(&connections).await;
        broken.script("select no_such_column from sqlite_master").await.unwrap_err();
        drop(broken);
        // It would refuse to begin a transaction within the one that failed.
        drop(read(&connections).await);
        let mut cancelled = read(&connections).await;
        let long =
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < 300000) select max(i) from n";
        let mut script = Box::pin(cancelled.script(long));
        assert!(poll_fn(|context| Poll::Ready(script.as_mut().poll(context).is_pending())).await);
        drop(script);
        drop(cancelled);
        drop(read(&connections).await);
    }

    #[tokio::test]
    async fn closing_waits_for_transactions_and_leaves_no_side_files() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder).await;
        let mut open = read(&connections).await;
        open.script("create table one (number integer)").await.unwrap();
        let closing = tokio::spawn({
            let connections = connections.clone();
            async move { connections.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        assert!(matches!(connections.borrow().await.err(), Some(sqlx::Error::PoolClosed)));
        open.commit().await.unwrap();
        closing.await.unwrap();
        assert!(matches!(connections.borrow().await.err(), Some(sqlx::Error::PoolClosed)));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["state.db"]);
    }
}

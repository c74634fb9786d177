//! The connections that transactions borrow. A pool tries each connection out when it comes back, and opens another one
//! for whoever asks meanwhile. A run makes one short transaction after the other: it would keep several connections to the
//! state file busy. So one connection to a file is kept here, and is lent again as soon as its transaction has ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Pool, pool::PoolConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long a connection is kept, also while it is used: a file that was replaced is opened again after that time.
const LONGEST_USE: Duration = Duration::from_secs(1800);

/// The connections to one database. Clones share them.
pub(super) struct Connections<D: sqlx::Database> {
    pool: Pool<D>,
    /// `None` if every connection belongs to the pool.
    kept: Option<Kept<D>>,
}

/// The connection that is kept, and whether its transaction is about to end.
struct Kept<D: sqlx::Database> {
    place: Arc<Mutex<Place<D>>>,
    is_ending: Arc<AtomicBool>,
}

/// The place of the connection that is kept.
pub(super) struct Place<D: sqlx::Database> {
    connection: Option<D::Connection>,
    since: Instant,
}

/// A connection without an open transaction, which goes back when this is dropped.
pub(super) enum Borrowed<D: sqlx::Database> {
    /// The connection that is kept.
    Kept(OwnedMutexGuard<Place<D>>, Arc<AtomicBool>),
    /// One of the pool.
    Pooled(PoolConnection<D>),
}

impl<D: sqlx::Database> Connections<D> {
    /// Connections to a file, one of which is kept: it does not break while it is idle.
    pub(super) fn to_file(pool: Pool<D>) -> Self {
        let place = Arc::new(Mutex::new(Place { connection: None, since: Instant::now() }));
        Self { pool, kept: Some(Kept { place, is_ending: Arc::default() }) }
    }

    /// Connections that all belong to the pool: to a server, or to a database in memory, which has only one.
    pub(super) fn of_pool(pool: Pool<D>) -> Self {
        Self { pool, kept: None }
    }

    /// Their pool, which says how they are made.
    pub(super) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// Lends a connection.
    pub(super) async fn borrow(&self) -> Result<Borrowed<D>, sqlx::Error> {
        let Some(Kept { place, is_ending }) = &self.kept else { return self.pooled().await };
        let mut place = match Arc::clone(place).try_lock_owned() {
            Ok(place) => place,
            Err(_) if is_ending.load(Ordering::Acquire) => Arc::clone(place).lock_owned().await,
            Err(_) => return self.pooled().await,
        };
        is_ending.store(false, Ordering::Release);
        if place.connection.is_none() || place.since.elapsed() > LONGEST_USE {
            *place = Place { connection: Some(self.pool.acquire().await?.detach()), since: Instant::now() };
        }
        Ok(Borrowed::Kept(place, Arc::clone(is_ending)))
    }

    async fn pooled(&self) -> Result<Borrowed<D>, sqlx::Error> {
        self.pool.acquire().await.map(Borrowed::Pooled)
    }

    /// Waits until all transactions have ended, and closes all connections, also for clones.
    pub(super) async fn close(&self) {
        if let Some(Kept { place, .. }) = &self.kept
            && let Some(connection) = place.lock().await.connection.take()
        {
            // The connection is closed, even where it has an error to report.
            let _ = connection.close().await;
        }
        self.pool.close().await;
    }
}

impl<D: sqlx::Database> Clone for Connections<D> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), kept: self.kept.clone() }
    }
}

impl<D: sqlx::Database> Clone for Kept<D> {
    fn clone(&self) -> Self {
        Self { place: Arc::clone(&self.place), is_ending: Arc::clone(&self.is_ending) }
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
            Self::Kept(place, _) => place.connection.as_mut().ok_or(sqlx::Error::PoolClosed),
            Self::Pooled(connection) => Ok(connection),
        }
    }

    /// Whoever asks for a connection waits for this one: its transaction is about to end.
    pub(super) fn is_ending(&self) {
        if let Self::Kept(_, is_ending) = self {
            is_ending.store(true, Ordering::Release);
        }
    }

    /// Closes the connection, in the background, instead of giving it back.
    pub(super) fn close(self) {
        match self {
            // The thread of the connection ends with it.
            Self::Kept(mut place, _) => place.connection = None,
            Self::Pooled(mut connection) => connection.close_on_drop(),
        }
    }
}

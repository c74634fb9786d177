//! Returns the space of deleted rows to the file system. `PostgreSQL` reuses it by itself (autovacuum); a `SQLite` file
//! keeps its free pages until the program returns them.

use std::path::Path;

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{
    Journal, JournalError, RunLock,
    database::{Database, write_error},
    storage_fault::{DiskSpace, StorageFault},
};

/// Denominator of the share of free pages that a file may keep: the next run writes into them.
const FREE_SHARE: i64 = 10;

/// Pages that are returned in one step: other writers wait for a fraction of a second.
const PAGES_A_STEP: i64 = 1_000;

/// The largest file that is rewritten while the state is in use, in bytes: other writers wait for it, for about two
/// seconds at most.
const LARGEST_REWRITE: i64 = 128 * 1024 * 1024;

/// How many times its size a file may need while it is rewritten: a copy, and the write-ahead log.
const COPIES: i64 = 2;

/// The value of `pragma auto_vacuum` for a file that returns pages in steps.
const IN_STEPS: i64 = 2;

/// The numbers of pages of a file.
struct Pages {
    all: i64,
    free: i64,
    bytes_each: i64,
}

impl Pages {
    async fn of(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        Ok(Self {
            all: number(connection, "pragma page_count").await?,
            free: number(connection, "pragma freelist_count").await?,
            bytes_each: number(connection, "pragma page_size").await?,
        })
    }

    fn are_too_many_free(&self) -> bool {
        self.free > self.all / FREE_SHARE
    }
}

impl Journal {
    /// Returns free pages beyond a tenth of the file. A file that an earlier version created is rewritten once; if it
    /// is too large for that, it keeps its free pages and reuses them, and the log says how an administrator rewrites
    /// it.
    pub async fn release_free_space(&self, _lock: &RunLock) -> Result<(), JournalError> {
        let Database::Sqlite(connections) = &self.database else { return Ok(()) };
        let options = connections.pool().connect_options();
        let given_back = async { give_back(connections.borrow().await?.connection()?, options.get_filename()).await };
        given_back.await.map_err(|error| write_error(StorageFault::explained(options.get_filename(), error)))
    }
}

async fn give_back(connection: &mut SqliteConnection, file: &Path) -> Result<(), sqlx::Error> {
    let mut pages = Pages::of(connection).await?;
    if !pages.are_too_many_free() {
        return Ok(());
    }
    if number(connection, "pragma auto_vacuum").await? != IN_STEPS {
        return rewrite(connection, file, &pages).await;
    }
    while pages.are_too_many_free() {
        let sql = AssertSqlSafe(format!("pragma incremental_vacuum({PAGES_A_STEP})"));
        sqlx::query(sql).fetch_all(&mut *connection).await?;
        let left = Pages::of(connection).await?;
        if left.free >= pages.free {
            break;
        }
        pages = left;
    }
    Ok(())
}

/// Rewrites the file without its free pages. From then on it returns them in steps, because its connections set that
/// mode.
async fn rewrite(connection: &mut SqliteConnection, file: &Path, pages: &Pages) -> Result<(), sqlx::Error> {
    let bytes = pages.all.saturating_mul(pages.bytes_each);
    let free = DiskSpace::of(file).free;
    if free.is_some_and(|free| i64::try_from(free).is_ok_and(|free| free < bytes.saturating_mul(COPIES))) {
        // The pages are reused meanwhile, and a later run tries again.
        tracing::debug!("the state file keeps its free pages: a copy of it does not fit on its file system");
        return Ok(());
    }
    if bytes > LARGEST_REWRITE {
        let megabytes = pages.free.saturating_mul(pages.bytes_each) / (1024 * 1024);
        tracing::info!(
            "{megabytes} MB of the state file {file} are free and will be reused; to return them to the file system, \
             stop the daemon and run as root: sqlite3 '{file}' 'pragma auto_vacuum = incremental; vacuum'",
            file = file.display()
        );
        return Ok(());
    }
    sqlx::query("vacuum").execute(connection).await.map(drop)
}

async fn number(connection: &mut SqliteConnection, pragma: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(pragma).fetch_one(connection).await?.try_get(0)
}

//! Opening the journal: creating it, migrating it, setting a corrupt one aside.

use std::{path::PathBuf, sync::Arc};

use secrecy::SecretString;

use crate::domain::WantedNotifications;

use super::{
    JournalError, Leadership, StepWatch,
    database::{Database, ReadTransaction, WriteTransaction},
    schema::{self, Schema},
    server::{connect, pool, server},
    state_file,
};

/// Where the journal is.
#[derive(Clone, Debug)]
pub enum JournalLocation {
    /// A file on this host; an absolute path. Its folder is made with mode 0700, the file with 0600.
    Sqlite(PathBuf),
    /// A database that several nodes share; the whole address, which may hold a password.
    Postgres(SecretString),
}

/// How the journal is opened.
#[derive(Clone)]
pub struct JournalOptions {
    /// Where it is.
    pub location: JournalLocation,
    /// Called around every transaction that writes.
    pub watch: Option<StepWatch>,
}

/// The journal. Clones share one connection pool.
#[derive(Clone)]
pub struct Journal {
    pub(super) database: Database,
    pub(super) location: JournalLocation,
    pub(super) watch: Option<StepWatch>,
    /// Which notifications are written with what is recorded.
    pub(super) wanted: Arc<WantedNotifications>,
    /// What every run of this journal needs beside its own lock; `None` for runs that anybody may make.
    pub(super) leadership: Option<Leadership>,
    /// Whether the connections may write; not those of [`Self::open_read_only`].
    pub(super) is_writable: bool,
}

impl Journal {
    /// Opens the journal for a run: creates what is missing and migrates what is old. A corrupt file is set aside beside its
    /// old place, with a warning in the log, and every instance's memory counts as lost until a read of it is
    /// accepted anew (also after a restart). A file from the future is refused and left as it is.
    pub async fn open(options: &JournalOptions) -> Result<Self, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open(path, options.watch.as_ref()).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server).await?;
                schema::migrate(&database, options.watch.as_ref(), &place, None).await?;
                database
            }
        };
        Ok(Self::over(database, options))
    }

    /// Opens what exists and migrates what is old, for commands that have something to write but make no run; `None` when
    /// there is nothing yet. Creates nothing, and sets nothing aside: a corrupt file is an error here.
    pub async fn open_existing(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open_existing(path, options.watch.as_ref()).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server).await?;
                let is_there = schema::of_database(&database).await? != Schema::Empty;
                if is_there {
                    schema::migrate(&database, options.watch.as_ref(), &place, None).await?;
                }
                is_there.then_some(database)
            }
        };
        Ok(database.map(|database| Self::over(database, options)))
    }

    /// Opens what exists for commands that only look; `None` when there is nothing yet. Whatever would write through it
    /// fails, and a schema of an earlier version is an error: a daemon of that version may be at work on it.
    pub async fn open_read_only(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let database = match &options.location {
            JournalLocation::Sqlite(path) => state_file::open_read_only(path).await?,
            JournalLocation::Postgres(address) => {
                let (server, place) = server(address)?;
                let database = connect(server.options([("default_transaction_read_only", "on")])).await?;
                let schema = schema::of_database(&database).await?;
                if schema != Schema::Empty {
                    schema::is_current(schema, &place)?;
                }
                (schema != Schema::Empty).then_some(database)
            }
        };
        Ok(database.map(|database| Self { is_writable: false, ..Self::over(database, options) }))
    }

    /// Whether something can be recorded through it; not through one that was opened with [`Self::open_read_only`].
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// The journal on a server that several nodes share, whether or not that answers at this moment: nothing is asked of it
    /// before [`Self::prepare`]. `None` for a file.
    pub fn connect_lazily(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let JournalLocation::Postgres(address) = &options.location else { return Ok(None) };
        let (server, _) = server(address)?;
        Ok(Some(Self::over(Database::Postgres(pool().connect_lazy_with(server)), options)))
    }

    /// Creates what is missing on the server, and migrates what is old.
    pub(super) async fn prepare(&self, address: &SecretString) -> Result<(), JournalError> {
        let (_, place) = server(address)?;
        schema::migrate(&self.database, self.watch.as_ref(), &place, None).await
    }

    /// Closes all connections and waits for it: a file is left without its side files. Clones are closed as well.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(pool) => pool.close().await,
            Database::Postgres(pool) => pool.close().await,
        }
    }

    pub(super) async fn begin_read(&self) -> Result<ReadTransaction, JournalError> {
        self.database.begin_read().await
    }

    pub(super) async fn begin_write(&self) -> Result<WriteTransaction, JournalError> {
        self.database.begin_write(self.watch.as_ref()).await
    }

    fn over(database: Database, options: &JournalOptions) -> Self {
        Self {
            database,
            location: options.location.clone(),
            watch: options.watch.clone(),
            wanted: Arc::default(),
            leadership: None,
            is_writable: true,
        }
    }
}

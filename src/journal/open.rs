//! Opens the journal: creates it, migrates it, and sets a corrupt file aside.

use std::{path::PathBuf, sync::Arc};

use secrecy::SecretString;
use sqlx::Sqlite;

use crate::domain::WantedNotifications;

use super::{
    JournalError, Leadership, StepWatch, checked_file,
    commit_group::CommitGroup,
    database::{Database, ReadTransaction, SingleQuery, WriteTransaction},
    schema::{self, Schema},
    server::{connect, pool, server},
    state_file,
};

/// The location of the journal.
#[derive(Clone, Debug)]
pub enum JournalLocation {
    /// A file on this host; an absolute path. Its folder is created with mode 0700, the file with mode 0600.
    Sqlite(PathBuf),
    /// A database that several nodes share; its full address, which may hold a password.
    Postgres(SecretString),
}

impl JournalLocation {
    /// The name of the place in messages: the path, or the database and its server, without any password.
    pub fn place(&self) -> Result<String, JournalError> {
        Ok(match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(address) => server(address)?.1,
        })
    }
}

/// The options of [`Journal::open`].
#[derive(Clone)]
pub struct JournalOptions {
    /// The location.
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
    /// The writers of the state file: instances of a run write at the same time.
    pub(super) writers: CommitGroup<Sqlite>,
    /// The notifications that are written with what is recorded.
    pub(super) wanted: Arc<WantedNotifications>,
    /// The leadership that every run of this journal needs besides its own lock; `None` if any run may start.
    pub(super) leadership: Option<Leadership>,
    /// Whether the connections may write: not if they were opened with [`Self::open_read_only`].
    pub(super) is_writable: bool,
}

impl Journal {
    /// Opens the journal for a run: creates the tables and migrates an earlier schema. A corrupt file is renamed within
    /// its folder, with a warning in the log; from then on the memory of every instance counts as lost until a read of
    /// that instance is accepted, also after a restart. A file of a newer version is refused and not changed.
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

    /// Lends an existing journal, or `None`, as [`Self::open_existing`] opens it, and closes it afterwards, also where the
    /// work failed: a state file that was not closed is checked as a whole by the next process.
    pub async fn with_existing<T>(
        options: &JournalOptions,
        work: impl AsyncFnOnce(Option<&Self>) -> T,
    ) -> Result<T, JournalError> {
        let journal = Self::open_existing(options).await?;
        let outcome = work(journal.as_ref()).await;
        if let Some(journal) = journal {
            journal.close().await;
        }
        Ok(outcome)
    }

    /// Opens an existing journal and migrates an earlier schema, for commands that write but do not run; `None` if
    /// there is none. Creates nothing and sets nothing aside: a corrupt file is an error here.
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

    /// Opens an existing journal for commands that only read; `None` if there is none. Writing through it fails, and an
    /// earlier schema is an error: a daemon of that version may be using it.
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

    /// Whether the journal can be written: not if it was opened with [`Self::open_read_only`].
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Returns the journal on a server that several nodes share, without connecting before [`Self::prepare`]: the
    /// server need not be reachable. `None` for a file.
    pub fn connect_lazily(options: &JournalOptions) -> Result<Option<Self>, JournalError> {
        let JournalLocation::Postgres(address) = &options.location else { return Ok(None) };
        let (server, _) = server(address)?;
        Ok(Some(Self::over(Database::Postgres(pool().connect_lazy_with(server)), options)))
    }

    /// Creates the tables on the server, and migrates an earlier schema.
    pub(super) async fn prepare(&self, address: &SecretString) -> Result<(), JournalError> {
        let (_, place) = server(address)?;
        schema::migrate(&self.database, self.watch.as_ref(), &place, None).await
    }

    /// Closes all connections and waits for it, after which no side files of `SQLite` are left. Clones are closed as
    /// well.
    pub async fn close(&self) {
        self.database.close().await;
        self.remember_own_writes();
    }

    /// Remembers that the state file is as this process wrote it, so that the next process need not check all of it.
    pub(super) fn remember_own_writes(&self) {
        if let JournalLocation::Sqlite(path) = &self.location
            && self.is_writable
        {
            checked_file::remember_own_writes(path);
        }
    }

    /// Prepares one query: see [`Database::query`].
    pub(super) async fn query(&self) -> Result<SingleQuery, JournalError> {
        self.database.query().await
    }

    pub(super) async fn begin_read(&self) -> Result<ReadTransaction, JournalError> {
        self.database.begin_read().await
    }

    pub(super) async fn begin_write(&self) -> Result<WriteTransaction, JournalError> {
        let mut writer = self.database.begin_write(&self.writers, self.watch.as_ref()).await?;
        // Another node may have migrated the tables since this process looked at them. On a server this query waits for a
        // migration, and a migration waits for the end of this transaction.
        self.is_current(schema::recorded(writer.reader()).await?)?;
        Ok(writer)
    }

    /// Returns an error unless the state has the schema that this version knows: another node with a newer version may
    /// have migrated it.
    pub async fn require_current_schema(&self) -> Result<(), JournalError> {
        self.is_current(schema::recorded(&mut self.begin_read().await?).await?)
    }

    fn is_current(&self, schema: Schema) -> Result<(), JournalError> {
        if schema::is_known(schema) { Ok(()) } else { schema::is_current(schema, &self.location.place()?) }
    }

    fn over(database: Database, options: &JournalOptions) -> Self {
        Self {
            database,
            location: options.location.clone(),
            watch: options.watch.clone(),
            writers: CommitGroup::default(),
            wanted: Arc::default(),
            leadership: None,
            is_writable: true,
        }
    }
}

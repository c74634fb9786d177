//! One interface to both databases: the same SQL text, columns of text or whole numbers, and transactions that call the
//! step watch at every write.

use std::{error::Error, sync::Arc};

use sqlx::{AssertSqlSafe, PgPool, Sqlite, postgres::PgConnectOptions};

use super::{
    DatabaseFault, JournalError, StorageFault, commit_group::CommitGroup, connections::Connections,
    database_fault::server_name, statement_text::placeholders,
};
pub(super) use super::{
    transaction::{Chunk, ChunkText, Transaction},
    values::{Row, Value},
};

/// Most placeholders of one statement: each statement of another length is compiled, and a longer one takes longer.
pub(super) const MOST_PLACEHOLDERS: usize = 600;

/// Connections of the pool of one process, beside the one to a file that is kept: one writes, the others read.
pub(super) const CONNECTIONS: u32 = 4;

/// A moment of a transaction that writes, so that a test can end the process between any two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteStep {
    /// The transaction is about to begin.
    Before,
    /// The transaction is durable.
    After,
}

/// Called around every transaction that writes.
pub type StepWatch = Arc<dyn Fn(WriteStep) + Send + Sync>;

/// The connections to the tables.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// A file on this host.
    Sqlite(Connections<Sqlite>),
    /// A server that several nodes share.
    Postgres(PgPool),
}

pub(super) fn read_error(source: sqlx::Error) -> JournalError {
    failed("read", source)
}

pub(super) fn write_error(source: sqlx::Error) -> JournalError {
    failed("written", source)
}

pub(super) fn open_error(source: sqlx::Error) -> JournalError {
    failed("opened", source)
}

/// Makes the error of a connection to this server.
pub(super) fn connect_error(server: &PgConnectOptions) -> impl Fn(sqlx::Error) -> JournalError + use<> {
    let place = server_name(server);
    move |error| open_error(DatabaseFault::located(place.as_str(), error))
}

fn failed(doing: &'static str, source: sqlx::Error) -> JournalError {
    let fault = |error| -> Box<dyn Error + Send + Sync> { DatabaseFault::of(error).into() };
    let source = match source {
        sqlx::Error::Io(error) => {
            error.downcast::<StorageFault>().map_or_else(|error| fault(sqlx::Error::Io(error)), Into::into)
        }
        error => fault(error),
    };
    JournalError::Database { doing, source }
}

/// A transaction that only reads: the journal does not change while it is open.
pub(super) struct ReadTransaction(Transaction);

impl ReadTransaction {
    /// Reads within this transaction.
    pub(super) fn over(transaction: Transaction) -> Self {
        Self(transaction)
    }

    pub(super) fn transaction(&mut self) -> &mut Transaction {
        &mut self.0
    }

    pub(super) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.0.rows(sql, values).await.map_err(read_error)
    }

    /// Reads many rows in few, as of [`Transaction::chunk`].
    pub(super) async fn chunk<const N: usize>(
        &mut self,
        statement: (&'static str, &'static str),
        values: [Value; N],
    ) -> Result<Chunk, JournalError> {
        self.0.chunk(statement, values).await
    }
}

/// A connection for one query.
pub(super) struct SingleQuery(Transaction);

impl SingleQuery {
    pub(super) async fn rows<const N: usize>(
        mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.0.rows(sql, values).await.map_err(read_error)
    }
}

/// A transaction that writes. Dropping it without [`Self::commit`] rolls it back.
pub(super) struct WriteTransaction {
    reader: ReadTransaction,
    watch: Option<StepWatch>,
    /// Whether anything was written so far.
    is_changed: bool,
}

impl WriteTransaction {
    pub(super) fn transaction(&mut self) -> &mut Transaction {
        self.reader.transaction()
    }

    /// Reads what this transaction sees: with what it has written.
    pub(super) fn reader(&mut self) -> &mut ReadTransaction {
        &mut self.reader
    }

    pub(super) async fn execute<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<(), JournalError> {
        self.returning(sql, values).await.map(drop)
    }

    /// Executes statements that have the same values and return no rows. `SQLite` gets all of them at once.
    pub(super) async fn execute_each(
        &mut self,
        statements: &[&'static str],
        values: &[Value],
    ) -> Result<(), JournalError> {
        self.is_changed = true;
        if !self.transaction().is_of_server() {
            // The text consists of constants.
            let sql = AssertSqlSafe(statements.join("; "));
            return self.transaction().rows(sql, values.iter().cloned()).await.map(drop).map_err(write_error);
        }
        for sql in statements {
            self.transaction().rows(*sql, values.iter().cloned()).await.map_err(write_error)?;
        }
        Ok(())
    }

    /// Executes a statement that writes and returns rows (`returning`).
    pub(super) async fn returning<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.is_changed = true;
        self.transaction().rows(sql, values).await.map_err(write_error)
    }

    /// Executes a statement that only reads.
    pub(super) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.reader.rows(sql, values).await
    }

    /// Inserts many rows with few statements. `head` is `insert into … (…)`, `tail` is the text after the values.
    pub(super) async fn insert<const N: usize>(
        &mut self,
        head: &'static str,
        rows: impl IntoIterator<Item = [Value; N]>,
        tail: &'static str,
    ) -> Result<(), JournalError> {
        self.for_rows((head, tail), [], rows).await.map(drop)
    }

    /// Executes a statement for many rows, in few statements, and returns the rows that they return. The rows stand as
    /// `values …` between `head` and `tail`, and have the columns `column1` and so on; `values` are the first
    /// placeholders.
    pub(super) async fn for_rows<const N: usize, const V: usize>(
        &mut self,
        (head, tail): (&'static str, &'static str),
        values: [Value; V],
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> Result<Vec<Row>, JournalError> {
        let (mut rows, mut returned) = (rows.into_iter(), Vec::new());
        loop {
            let chunk: Vec<[Value; N]> = rows.by_ref().take(MOST_PLACEHOLDERS / N.max(1)).collect();
            if chunk.is_empty() {
                return Ok(returned);
            }
            let sql = format!("{head} values {} {tail}", placeholders(V, chunk.len(), N));
            self.is_changed = true;
            let values = values.iter().cloned().chain(chunk.into_iter().flatten());
            // The text consists of constants and numbered placeholders.
            returned.extend(self.transaction().rows(AssertSqlSafe(sql), values).await.map_err(write_error)?);
        }
    }

    /// Reads many rows in few, as of [`Transaction::chunk`].
    pub(super) async fn chunk<const N: usize>(
        &mut self,
        statement: (&'static str, &'static str),
        values: [Value; N],
    ) -> Result<Chunk, JournalError> {
        self.reader.chunk(statement, values).await
    }

    /// Inserts rows of one table, whose columns are known only at run time. The statement is `insert into … (…)`.
    pub(super) async fn insert_rows(
        &mut self,
        head: &str,
        columns: usize,
        values: Vec<Value>,
    ) -> Result<(), JournalError> {
        if values.is_empty() {
            return Ok(());
        }
        self.is_changed = true;
        // The text consists of constants and of names of tables and columns of this program.
        let sql = AssertSqlSafe(format!("{head} values {}", placeholders(0, values.len() / columns.max(1), columns)));
        self.transaction().rows(sql, values).await.map(drop).map_err(write_error)
    }

    /// Executes a statement that writes, as of [`Transaction::text`].
    pub(super) async fn execute_text(&mut self, sql: String) -> Result<Vec<Row>, JournalError> {
        self.is_changed = true;
        self.transaction().text(sql).await.map_err(write_error)
    }

    /// Runs a script of several statements.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), JournalError> {
        self.is_changed = true;
        self.transaction().script(sql).await.map_err(write_error)
    }

    /// Commits, if anything was written.
    pub(super) async fn commit(self) -> Result<(), JournalError> {
        if !self.is_changed {
            return Ok(());
        }
        self.reader.0.commit().await.map_err(write_error)?;
        if let Some(watch) = self.watch {
            watch(WriteStep::After);
        }
        Ok(())
    }
}

impl Database {
    /// Prepares one query, which sees a single state of the tables without a transaction around it.
    pub(super) async fn query(&self) -> Result<SingleQuery, JournalError> {
        let connection = match self {
            Self::Sqlite(connections) => Transaction::of_one_statement_in_file(connections).await,
            Self::Postgres(pool) => Transaction::of_one_statement_on_server(pool).await,
        };
        connection.map(SingleQuery).map_err(read_error)
    }

    /// Waits until all transactions have ended, and closes all connections, also for clones.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(connections) => connections.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    pub(super) async fn begin_read(&self) -> Result<ReadTransaction, JournalError> {
        let transaction = match self {
            Self::Sqlite(connections) => Transaction::reading_file(connections).await,
            // One snapshot for several tables: a commit in between is visible in all of them or in none.
            Self::Postgres(pool) => {
                let begin = "begin isolation level repeatable read read only";
                Transaction::of_server(pool, begin).await
            }
        };
        transaction.map(ReadTransaction).map_err(read_error)
    }

    /// The only way to write: no code can write without the watch. The writers of a group take turns with a state file,
    /// and commit together; a server orders its writers itself.
    pub(super) async fn begin_write(
        &self,
        group: &CommitGroup<Sqlite>,
        watch: Option<&StepWatch>,
    ) -> Result<WriteTransaction, JournalError> {
        if let Some(watch) = watch {
            watch(WriteStep::Before);
        }
        let transaction = match self {
            Self::Sqlite(connections) => Transaction::writing_file(connections, group).await,
            Self::Postgres(pool) => Transaction::of_server(pool, "begin").await,
        };
        Ok(WriteTransaction {
            reader: ReadTransaction(transaction.map_err(write_error)?),
            watch: watch.cloned(),
            is_changed: false,
        })
    }
}

/// How `SQLite` finds the rows of a statement.
#[cfg(test)]
pub(super) mod plans {
    use super::{
        super::{Journal, JournalLocation, JournalOptions},
        Value,
    };

    /// Asserts that the statement for many rows, as of [`super::WriteTransaction::for_rows`], looks its rows up by this
    /// index, however many rows are given.
    pub(in super::super) async fn is_searched_by<const V: usize>(
        index: &str,
        (head, tail): (&'static str, &'static str),
        values: [Value; V],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let location = JournalLocation::Sqlite(folder.path().join("state.db"));
        let journal = Journal::open(&JournalOptions { location, watch: None }).await.unwrap();
        let head: &'static str = Box::leak(format!("explain query plan {head}").into_boxed_str());
        for given in [1, 2, 100] {
            let rows = (0..given).map(|_| [(); 5].map(|()| Value::from("x")));
            let mut writer = journal.begin_write().await.unwrap();
            let plan = writer.for_rows((head, tail), values.clone(), rows).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.text(3).unwrap()).collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{given} rows: {plan:#?}");
        }
    }
}

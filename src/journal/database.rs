//! One interface to both databases: the same SQL text, columns of text or whole numbers, and transactions that call the
//! step watch at every write.

use std::{borrow::Cow, error::Error, ops::Deref, path::PathBuf, sync::Arc};

use futures_util::TryStreamExt as _;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgPool, Postgres, SqlSafeStr, Sqlite, postgres::PgConnectOptions};

pub(super) use super::values::{Row, Value};
use super::{
    DatabaseFault, JournalError, StorageFault,
    commit_group::CommitGroup,
    connections::Connections,
    database_fault::server_name,
    encoding::from_json,
    open_transaction::OpenTransaction,
    statement_text::{anonymous, bound, placeholders},
};

/// Most placeholders of one statement: each statement of another length is compiled, and a longer one takes longer.
pub(super) const MOST_PLACEHOLDERS: usize = 600;

/// Connections of one process: one writes, the others read.
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

/// The pool of connections.
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

/// A transaction of either database.
pub(super) enum Transaction {
    /// A transaction of `SQLite`.
    Sqlite {
        /// The transaction, on a connection of the pool.
        open: OpenTransaction<Sqlite>,
        /// The state file, for errors.
        file: PathBuf,
    },
    /// A transaction of `PostgreSQL`.
    Postgres {
        /// The transaction, on a connection of the pool.
        open: OpenTransaction<Postgres>,
        /// The name of the database and its server, for errors.
        place: String,
    },
}

impl Transaction {
    /// Begins a transaction on the server with this statement.
    pub(super) async fn of_server(pool: &PgPool, begin: &'static str) -> Result<Self, sqlx::Error> {
        Self::over_server(pool, OpenTransaction::begin(&Connections::of_pool(pool.clone()), begin).await)
    }

    fn over_server(pool: &PgPool, begun: Result<OpenTransaction<Postgres>, sqlx::Error>) -> Result<Self, sqlx::Error> {
        let place = server_name(&pool.connect_options());
        match begun {
            Ok(open) => Ok(Self::Postgres { open, place }),
            Err(error) => Err(DatabaseFault::located(place, error)),
        }
    }

    /// Begins a transaction that reads the state file.
    pub(super) async fn reading_file(connections: &Connections<Sqlite>) -> Result<Self, sqlx::Error> {
        Self::over_file(connections, OpenTransaction::begin(connections, "begin").await)
    }

    /// Takes part in the transaction that writes to the state file. It takes the write lock at once: `SQLite` refuses a
    /// reader that becomes a writer after another process wrote.
    pub(super) async fn writing_file(
        connections: &Connections<Sqlite>,
        group: &CommitGroup<Sqlite>,
    ) -> Result<Self, sqlx::Error> {
        Self::over_file(connections, OpenTransaction::join(group, connections, "begin immediate").await)
    }

    fn over_file(
        connections: &Connections<Sqlite>,
        begun: Result<OpenTransaction<Sqlite>, sqlx::Error>,
    ) -> Result<Self, sqlx::Error> {
        let file = connections.pool().connect_options().get_filename().to_owned();
        match begun {
            Ok(open) => Ok(Self::Sqlite { open, file }),
            Err(error) => Err(StorageFault::explained(&file, error)),
        }
    }

    /// Whether it is a transaction of a server, and not of a file.
    pub(super) fn is_of_server(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Executes a statement whose text is known only at run time: names of tables and columns of this program.
    pub(super) async fn text(&mut self, sql: String) -> Result<Vec<Row>, sqlx::Error> {
        self.rows(AssertSqlSafe(sql), []).await
    }

    pub(super) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => {
                let (sql, values) = anonymous(sql.into_sql_str().as_str(), values.into_iter().collect());
                // The text is that of the caller, with other placeholders.
                let sql = AssertSqlSafe(sql);
                let rows = open.run(async |connection| bound(sql, values).fetch_all(connection).await).await;
                let rows = rows.map_err(|error| StorageFault::explained(file, error))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres { open, place } => {
                let rows = open.run(async |connection| bound(sql, values).fetch_all(connection).await).await;
                let rows = rows.map_err(|error| DatabaseFault::located(place.as_str(), error))?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Reads many rows in few: the database combines them into one JSON array, because each row of a result costs a
    /// dozen allocations. `columns` are those of the statement `sql`, which selects and orders at most some thousand
    /// rows.
    pub(super) async fn chunk<const N: usize>(
        &mut self,
        (columns, sql): (&'static str, &'static str),
        values: [Value; N],
    ) -> Result<Chunk, JournalError> {
        let array = match self {
            Self::Sqlite { .. } => format!("json_group_array(json_array({columns}))"),
            Self::Postgres { .. } => format!("cast(json_agg(json_build_array({columns})) as text)"),
        };
        // The text consists of constants and numbered placeholders.
        let sql = AssertSqlSafe(format!("select {array} from ({sql}) as chunk"));
        let rows = self.rows(sql, values).await.map_err(read_error)?;
        let array = rows.first().map(|row| row.optional_text(0)).transpose()?.flatten();
        Ok(Chunk(array.unwrap_or_else(|| "[]".to_owned())))
    }

    /// Reads rows one after the other, and passes each on before it reads the next: a table of any size needs the memory
    /// of a few rows.
    pub(super) async fn each_row(
        &mut self,
        sql: String,
        mut take: impl AsyncFnMut(Row) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        // The text consists of constants and of names of tables and columns of this program.
        let query = AssertSqlSafe(sql);
        let mut refused = Ok(());
        let read = match self {
            Self::Sqlite { open, file } => {
                let read = open.run(async |connection| {
                    let mut rows = sqlx::query(query).fetch(connection);
                    while let Some(row) = rows.try_next().await? {
                        refused = take(Row::Sqlite(row)).await;
                        if refused.is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
                read.await.map_err(|error| StorageFault::explained(file, error))
            }
            Self::Postgres { open, place } => {
                let read = open.run(async |connection| {
                    let mut rows = sqlx::query(query).fetch(connection);
                    while let Some(row) = rows.try_next().await? {
                        refused = take(Row::Postgres(row)).await;
                        if refused.is_err() {
                            break;
                        }
                    }
                    Ok(())
                });
                read.await.map_err(|error| DatabaseFault::located(place.as_str(), error))
            }
        };
        read.map_err(read_error)?;
        refused
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => open.script(sql).await.map_err(|error| StorageFault::explained(file, error)),
            Self::Postgres { open, place } => {
                open.script(sql).await.map_err(|error| DatabaseFault::located(place.as_str(), error))
            }
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => open.commit().await.map_err(|error| StorageFault::explained(&file, error)),
            Self::Postgres { open, place } => open.commit().await.map_err(|error| DatabaseFault::located(place, error)),
        }
    }
}

/// Rows as one JSON array, which holds their texts.
pub(super) struct Chunk(String);

/// A text of a [`Chunk`], borrowed from it unless it has an escape.
#[derive(Deserialize)]
pub(super) struct ChunkText<'t>(#[serde(borrow)] Cow<'t, str>);

impl Deref for ChunkText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Chunk {
    /// The rows, which may borrow their texts.
    pub(super) fn rows<'t, T: Deserialize<'t>>(&'t self) -> Result<Vec<T>, JournalError> {
        from_json(&self.0, "rows of the state")
    }
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
            Self::Sqlite(connections) => {
                Transaction::over_file(connections, OpenTransaction::for_statement(connections).await)
            }
            Self::Postgres(pool) => {
                let connections = Connections::of_pool(pool.clone());
                Transaction::over_server(pool, OpenTransaction::for_statement(&connections).await)
            }
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
            Self::Sqlite(pool) => Transaction::reading_file(pool).await,
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
            Self::Sqlite(pool) => Transaction::writing_file(pool, group).await,
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

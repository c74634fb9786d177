//! One way to speak to either database: the same SQL text, columns that are text or whole numbers, and transactions that
//! tell the step watch of every write.

use std::path::PathBuf;

use sqlx::{
    AssertSqlSafe, ColumnIndex, Decode, Encode, Executor, PgPool, Pool, Postgres, Row as _, SqlSafeStr, Sqlite,
    SqlitePool, Type, pool::PoolConnection, postgres::PgRow, query::Query, sqlite::SqliteRow,
};

use crate::domain::FoldedName;

use super::{Journal, JournalError, Step, StepWatch, StorageFault};

/// Placeholders of one statement. `SQLite` looks each name up among all before it: many small statements are ten times
/// faster than few that come near its limit of 32,766.
const MOST_PLACEHOLDERS: usize = 600;

/// The pool of connections.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// A file on this host.
    Sqlite(SqlitePool),
    /// A server that several nodes share.
    Postgres(PgPool),
}

/// What is written into one column.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// `TEXT`.
    Text(Option<String>),
    /// `BIGINT`.
    Number(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<FoldedName> for Value {
    fn from(name: FoldedName) -> Self {
        Self::Text(Some(name.into_string()))
    }
}

impl From<&FoldedName> for Value {
    fn from(name: &FoldedName) -> Self {
        name.as_str().into()
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

/// One row of an answer; columns are read by position.
pub(super) enum Row {
    /// Of `SQLite`.
    Sqlite(SqliteRow),
    /// Of `PostgreSQL`.
    Postgres(PgRow),
}

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<String, JournalError> {
        self.get(column)
    }

    /// A column that holds the key of a name.
    pub(super) fn folded(&self, column: usize) -> Result<FoldedName, JournalError> {
        self.get(column).map(FoldedName::stored)
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<String>, JournalError> {
        self.get(column)
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, JournalError> {
        self.get(column)
    }

    pub(super) fn optional_number(&self, column: usize) -> Result<Option<i64>, JournalError> {
        self.get(column)
    }

    fn get<T>(&self, column: usize) -> Result<T, JournalError>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
        usize: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        let value = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        value.map_err(reading)
    }
}

pub(super) fn reading(source: sqlx::Error) -> JournalError {
    failed("read", source)
}

pub(super) fn writing(source: sqlx::Error) -> JournalError {
    failed("written", source)
}

pub(super) fn opening(source: sqlx::Error) -> JournalError {
    failed("opened", source)
}

fn failed(doing: &'static str, source: sqlx::Error) -> JournalError {
    match source {
        sqlx::Error::Io(error) => match error.downcast::<StorageFault>() {
            Ok(source) => JournalError::Storage { doing, source },
            Err(error) => JournalError::Database { doing, source: sqlx::Error::Io(error) },
        },
        source => JournalError::Database { doing, source },
    }
}

/// A transaction of either database.
pub(super) enum Transaction {
    /// Of `SQLite`.
    Sqlite {
        /// On a connection of the pool.
        open: OpenTransaction<Sqlite>,
        /// The state file, for errors.
        file: PathBuf,
    },
    /// Of `PostgreSQL`.
    Postgres(OpenTransaction<Postgres>),
}

impl Transaction {
    /// A transaction of the state file, begun with this statement.
    pub(super) async fn of_file(pool: &SqlitePool, begin: &'static str) -> Result<Self, sqlx::Error> {
        let file = pool.connect_options().get_filename().to_owned();
        match OpenTransaction::begin(pool, begin).await {
            Ok(open) => Ok(Self::Sqlite { open, file }),
            Err(error) => Err(StorageFault::explained(&file, error)),
        }
    }

    pub(super) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => {
                let rows = open.ask(async |connection| bound(sql, values).fetch_all(connection).await).await;
                let rows = rows.map_err(|error| StorageFault::explained(file, error))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(open) => {
                let rows = open.ask(async |connection| bound(sql, values).fetch_all(connection).await).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => open.script(sql).await.map_err(|error| StorageFault::explained(file, error)),
            Self::Postgres(open) => open.script(sql).await,
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => open.commit().await.map_err(|error| StorageFault::explained(&file, error)),
            Self::Postgres(open) => open.commit().await,
        }
    }
}

/// A transaction on a connection of a pool. A connection on which anything failed, or was broken off, is closed: `SQLite` ends
/// a transaction by itself where the disk is full, and whoever gets the connection next would be told that one is open
/// (<https://github.com/launchbadge/sqlx/issues/3932>).
pub(super) struct OpenTransaction<D: sqlx::Database>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    connection: Option<PoolConnection<D>>,
    state: TransactionState,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransactionState {
    /// Everything so far was done: it is rolled back and goes back to the pool.
    Open,
    /// Something is under way, or failed: it is closed.
    Doubtful,
    /// It goes back to the pool.
    Ended,
}

impl<D: sqlx::Database> OpenTransaction<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    async fn begin(pool: &Pool<D>, statement: &'static str) -> Result<Self, sqlx::Error> {
        let mut begun = Self { connection: Some(pool.acquire().await?), state: TransactionState::Doubtful };
        begun.script(statement).await?;
        begun.state = TransactionState::Open;
        Ok(begun)
    }

    /// Passes the connection to `ask`, the only way to it.
    async fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut D::Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let before = std::mem::replace(&mut self.state, TransactionState::Doubtful);
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let answer = ask(connection).await?;
        self.state = before;
        Ok(answer)
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.ask(async |connection| sqlx::raw_sql(sql).execute(connection).await).await.map(drop)
    }

    async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.script("commit").await?;
        self.state = TransactionState::Ended;
        Ok(())
    }
}

impl<D: sqlx::Database> Drop for OpenTransaction<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match self.state {
            TransactionState::Open => drop(tokio::spawn(roll_back(connection))),
            TransactionState::Doubtful => connection.close_on_drop(),
            TransactionState::Ended => {}
        }
    }
}

/// Ends a transaction that nothing became of, and with it the connection where that fails.
async fn roll_back<D: sqlx::Database>(mut connection: PoolConnection<D>)
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    if let Err(error) = sqlx::raw_sql("rollback").execute(&mut *connection).await {
        tracing::debug!(%error, "a connection to the state is closed: its transaction could not be rolled back");
        connection.close_on_drop();
    }
}

/// A statement with its values.
fn bound<D: sqlx::Database>(
    sql: impl SqlSafeStr,
    values: impl IntoIterator<Item = Value>,
) -> Query<'static, D, D::Arguments>
where
    for<'v> Option<String>: Encode<'v, D> + Type<D>,
    for<'v> Option<i64>: Encode<'v, D> + Type<D>,
{
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    })
}

/// A view on the journal that does not change while it is looked at.
pub(super) struct Reading(Transaction);

impl Reading {
    pub(super) fn transaction(&mut self) -> &mut Transaction {
        &mut self.0
    }

    pub(super) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.0.rows(sql, values).await.map_err(reading)
    }
}

/// A transaction that writes. Dropped without [`Self::commit`] it never happened.
pub(super) struct Writing {
    transaction: Transaction,
    watch: Option<StepWatch>,
}

impl Writing {
    pub(super) fn transaction(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    pub(super) async fn execute<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<(), JournalError> {
        self.transaction.rows(sql, values).await.map(drop).map_err(writing)
    }

    pub(super) async fn rows<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>, JournalError> {
        self.transaction.rows(sql, values).await.map_err(reading)
    }

    /// Inserts many rows with few statements. `head` is `insert into … (…)`, `tail` what follows the values.
    pub(super) async fn insert<const N: usize>(
        &mut self,
        head: &'static str,
        rows: impl IntoIterator<Item = [Value; N]>,
        tail: &'static str,
    ) -> Result<(), JournalError> {
        let mut rows = rows.into_iter();
        loop {
            let chunk: Vec<[Value; N]> = rows.by_ref().take(MOST_PLACEHOLDERS / N.max(1)).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            let sql = format!("{head} values {} {tail}", placeholders(chunk.len(), N));
            // Built of constants and numbered placeholders alone.
            self.transaction.rows(AssertSqlSafe(sql), chunk.into_iter().flatten()).await.map_err(writing)?;
        }
    }

    /// Runs a script of several statements.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), JournalError> {
        self.transaction.script(sql).await.map_err(writing)
    }

    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), JournalError> {
        self.transaction.commit().await.map_err(writing)?;
        if let Some(watch) = self.watch {
            watch(Step::After);
        }
        Ok(())
    }
}

/// `($1, $2), ($3, $4)` for two rows of two columns.
fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

impl Database {
    pub(super) async fn reading(&self) -> Result<Reading, JournalError> {
        let transaction = match self {
            Self::Sqlite(pool) => Transaction::of_file(pool, "begin").await,
            // One look at several tables, so that a commit in between is seen in all of them or in none.
            Self::Postgres(pool) => {
                let begin = "begin isolation level repeatable read read only";
                OpenTransaction::begin(pool, begin).await.map(Transaction::Postgres)
            }
        };
        transaction.map(Reading).map_err(reading)
    }

    /// The only way to write: no writer can forget the watch.
    pub(super) async fn writing(&self, watch: Option<&StepWatch>) -> Result<Writing, JournalError> {
        if let Some(watch) = watch {
            watch(Step::Before);
        }
        let transaction = match self {
            // Takes the write lock at once: a reader that turns into a writer is refused when somebody else wrote.
            Self::Sqlite(pool) => Transaction::of_file(pool, "begin immediate").await,
            Self::Postgres(pool) => OpenTransaction::begin(pool, "begin").await.map(Transaction::Postgres),
        };
        Ok(Writing { transaction: transaction.map_err(writing)?, watch: watch.cloned() })
    }
}

impl Journal {
    pub(super) async fn reading(&self) -> Result<Reading, JournalError> {
        self.database.reading().await
    }

    pub(super) async fn writing(&self) -> Result<Writing, JournalError> {
        self.database.writing(self.watch.as_ref()).await
    }
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn placeholders_are_numbered_through_all_rows() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}

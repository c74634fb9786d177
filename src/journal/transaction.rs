//! A transaction of either database, and what it reads.

use std::{borrow::Cow, ops::Deref, path::PathBuf};

use futures_util::TryStreamExt as _;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgPool, Postgres, SqlSafeStr, Sqlite};

use super::{
    DatabaseFault, JournalError, StorageFault,
    commit_group::CommitGroup,
    connections::Connections,
    database::read_error,
    database_fault::server_name,
    encoding::from_json,
    open_transaction::OpenTransaction,
    statement_text::{anonymous, bound},
    values::{Row, Value},
};

/// A transaction of either database.
pub(super) enum Transaction {
    /// A transaction of `SQLite`.
    Sqlite {
        /// The transaction, on a borrowed connection.
        open: OpenTransaction<Sqlite>,
        /// The state file, for errors.
        file: PathBuf,
    },
    /// A transaction of `PostgreSQL`.
    Postgres {
        /// The transaction, on a borrowed connection.
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

    /// A connection to the server for one statement, which is a transaction by itself.
    pub(super) async fn of_one_statement_on_server(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Self::over_server(pool, OpenTransaction::for_statement(&Connections::of_pool(pool.clone())).await)
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

    /// A connection to the state file for one statement, which is a transaction by itself.
    pub(super) async fn of_one_statement_in_file(connections: &Connections<Sqlite>) -> Result<Self, sqlx::Error> {
        Self::over_file(connections, OpenTransaction::for_statement(connections).await)
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
    /// dozen allocations. `columns` are those of the statement `sql`, which selects some thousand rows; all of
    /// them are in memory twice.
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

    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite { open, file } => open.script(sql).await.map_err(|error| StorageFault::explained(file, error)),
            Self::Postgres { open, place } => {
                open.script(sql).await.map_err(|error| DatabaseFault::located(place.as_str(), error))
            }
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
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

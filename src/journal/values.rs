//! The values of columns and the rows of results, the same for both databases.

use sqlx::{ColumnIndex, Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use crate::domain::{FoldedName, SharedText};

use super::{JournalError, database::read_error};

/// The value of one column.
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

impl From<&SharedText> for Value {
    fn from(text: &SharedText) -> Self {
        text.as_str().into()
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

/// One row of a result; columns are read by position.
pub(super) enum Row {
    /// A row of `SQLite`.
    Sqlite(SqliteRow),
    /// A row of `PostgreSQL`.
    Postgres(PgRow),
}

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<String, JournalError> {
        self.get(column)
    }

    /// Reads a column that holds a folded name.
    pub(super) fn folded(&self, column: usize) -> Result<FoldedName, JournalError> {
        self.text(column).map(FoldedName::stored)
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
        value.map_err(read_error)
    }
}

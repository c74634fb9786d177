//! The tables of a state as `state copy` reads, writes and compares them: their columns, the order of their rows, and a
//! digest over all of them that is the same on both databases.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{
    JournalError,
    chain::hexadecimal,
    connections::Connections,
    database::{Database, MOST_PLACEHOLDERS, ReadTransaction, Row, Value, open_error},
    leadership::LEADER,
    lock::LOCK_HOLDER,
    schema,
};

/// Most bytes of text that are inserted with one statement: a report of a large run has some megabytes.
const MOST_BYTES: usize = 1024 * 1024;

/// The table with what holds for the whole state. Who leads, and who holds the lock, is not part of a state.
const META: &str = "meta";

/// One table: everything that its statements need.
#[derive(Clone, Debug)]
pub(super) struct TableShape {
    /// Its name.
    pub(super) name: String,
    columns: Vec<Column>,
    /// The tables that its rows refer to.
    refers_to: BTreeSet<String>,
}

/// A column of a table.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: ColumnKind,
    is_key: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnKind {
    Text,
    Number,
}

/// Every table of the schema that this version knows, each after those that its rows refer to. They are read from an
/// empty state in memory, so that no table of a later migration can be missing, and no table of another program that
/// lies beside them on a server is among them.
pub(super) async fn tables() -> Result<Vec<TableShape>, JournalError> {
    let memory = SqliteConnectOptions::new().in_memory(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(memory).await.map_err(open_error)?;
    let database = Database::Sqlite(Connections::of_pool(pool));
    schema::migrate(&database, None, "a state in memory", None).await?;
    let mut reader = database.begin_read().await?;
    let mut tables: Vec<TableShape> = Vec::new();
    let sql = "select t.name, c.name, lower(c.type), c.pk from sqlite_master t, pragma_table_info(t.name) c
               where t.type = 'table' and t.name <> 'campaign_group_sync_schema' and substr(t.name, 1, 7) <> 'sqlite_'
               order by t.name, c.cid";
    for row in reader.rows(sql, []).await? {
        let (name, kind) = (row.text(0)?, kind_of(&row.text(2)?)?);
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(TableShape { name, columns: Vec::new(), refers_to: BTreeSet::new() });
        }
        let column = Column { name: row.text(1)?, kind, is_key: row.number(3)? > 0 };
        if let Some(table) = tables.last_mut() {
            table.columns.push(column);
        }
    }
    let sql =
        "select t.name, r.\"table\" from sqlite_master t, pragma_foreign_key_list(t.name) r where t.type = 'table'";
    for row in reader.rows(sql, []).await? {
        let (name, other) = (row.text(0)?, row.text(1)?);
        if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
            table.refers_to.insert(other);
        }
    }
    drop(reader);
    database.close().await;
    Ok(in_order(tables))
}

fn kind_of(declared: &str) -> Result<ColumnKind, JournalError> {
    match declared {
        "text" => Ok(ColumnKind::Text),
        "bigint" => Ok(ColumnKind::Number),
        other => Err(JournalError::Unreadable { what: format!("a column has the type {other}") }),
    }
}

/// The tables, each after those that it refers to.
fn in_order(mut left: Vec<TableShape>) -> Vec<TableShape> {
    let mut ordered: Vec<TableShape> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_placed = |name: &String| ordered.iter().any(|table| table.name == *name);
        let (ready, later): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|table| table.refers_to.iter().all(|other| *other == table.name || is_placed(other)));
        if ready.is_empty() {
            // No schema has a circle. The database would refuse the rows.
            ordered.extend(later);
            break;
        }
        ordered.extend(ready);
        left = later;
    }
    ordered
}

impl TableShape {
    /// The number of its columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The statement that reads all rows in the order of their key, or of all columns where no key makes them unique.
    /// Both databases order text by its bytes.
    fn select(&self, database: DatabaseKind) -> String {
        let collation = match database {
            DatabaseKind::Sqlite => "",
            DatabaseKind::Postgres => " collate \"C\"",
        };
        let has_key = self.columns.iter().any(|column| column.is_key);
        let order = self.columns.iter().filter(|column| column.is_key || !has_key).map(|column| match column.kind {
            ColumnKind::Text => format!("\"{}\"{collation} nulls first", column.name),
            ColumnKind::Number => format!("\"{}\" nulls first", column.name),
        });
        let order = order.collect::<Vec<_>>().join(", ");
        let condition =
            if self.name == META { format!(" where name not in ('{LEADER}', '{LOCK_HOLDER}')") } else { String::new() };
        format!("select {} from \"{}\"{condition} order by {order}", self.column_names(), self.name)
    }

    /// The beginning of the statement that inserts rows.
    pub(super) fn insert_head(&self) -> String {
        format!("insert into \"{}\" ({})", self.name, self.column_names())
    }

    fn column_names(&self) -> String {
        self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>, JournalError> {
        let columns = self.columns.iter().enumerate();
        let value = |(at, column): (usize, &Column)| match column.kind {
            ColumnKind::Text => row.optional_text(at).map(Value::Text),
            ColumnKind::Number => row.optional_number(at).map(Value::Number),
        };
        columns.map(value).collect()
    }

    /// Reads all rows of the table in their order, and passes each on.
    pub(super) async fn each_row(
        &self,
        reader: &mut ReadTransaction,
        mut take: impl AsyncFnMut(Vec<Value>) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let select = self.select(DatabaseKind::of(reader));
        reader.transaction().each_row(select, async |row| take(self.values(&row)?).await).await
    }
}

/// Which database a transaction is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseKind {
    fn of(reader: &mut ReadTransaction) -> Self {
        if reader.transaction().is_of_server() { Self::Postgres } else { Self::Sqlite }
    }
}

/// The number of rows of a table, and a digest over all of them in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct RowDigest {
    hasher: Sha256,
    pub(super) rows: u64,
}

impl RowDigest {
    /// Adds the next row. Each value is preceded by its kind and length, so that different rows never give the same text.
    pub(super) fn add(&mut self, row: &[Value]) {
        for value in row {
            match value {
                Value::Text(None) | Value::Number(None) => self.hasher.update("-"),
                Value::Text(Some(text)) => {
                    self.hasher.update(format!("t{}:", text.len()));
                    self.hasher.update(text);
                }
                Value::Number(Some(number)) => self.hasher.update(format!("n{number};")),
            }
        }
        self.hasher.update("\n");
        self.rows += 1;
    }

    /// 64 hexadecimal digits.
    pub(super) fn finish(self) -> String {
        hexadecimal(self.hasher)
    }
}

/// Rows that wait until one statement inserts them.
#[derive(Debug, Default)]
pub(super) struct RowBatch {
    values: Vec<Value>,
    bytes: usize,
}

impl RowBatch {
    /// Adds a row.
    pub(super) fn push(&mut self, row: Vec<Value>) {
        let length = |value: &Value| if let Value::Text(Some(text)) = value { text.len() } else { 0 };
        self.bytes += row.iter().map(length).sum::<usize>();
        self.values.extend(row);
    }

    /// Whether one more row could be too much for one statement.
    pub(super) fn is_full(&self, width: usize) -> bool {
        self.values.len() + width > MOST_PLACEHOLDERS || self.bytes > MOST_BYTES
    }

    /// Takes all rows out.
    pub(super) fn take(&mut self) -> Vec<Value> {
        self.bytes = 0;
        std::mem::take(&mut self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_table_comes_after_those_that_its_rows_refer_to() {
        let tables = tables().await.expect("the schema");
        let at = |name: &str| tables.iter().position(|table| table.name == name).expect(name);
        assert!(at("runs") < at("plans") && at("runs") < at("changes"));
        assert!(at("approvals") < at("approved_changes"));
        assert!(tables.iter().all(|table| table.name != "campaign_group_sync_schema" && table.width() > 0));
    }

    #[tokio::test]
    async fn rows_are_ordered_by_their_key_and_without_one_by_all_columns() {
        let tables = tables().await.expect("the schema");
        let select = |name: &str, kind| tables.iter().find(|table| table.name == name).expect(name).select(kind);
        assert_eq!(
            select("undone", DatabaseKind::Postgres),
            "select \"instance\", \"op\", \"group_folded\", \"operator_folded\", \"run\" from \"undone\" order by \
             \"instance\" collate \"C\" nulls first, \"op\" collate \"C\" nulls first, \
             \"group_folded\" collate \"C\" nulls first, \"operator_folded\" collate \"C\" nulls first"
        );
        assert_eq!(
            select("event_head", DatabaseKind::Sqlite),
            "select \"position\", \"hash\", \"digests_from\" from \"event_head\" order by \"position\" nulls first, \
             \"hash\" nulls first, \"digests_from\" nulls first"
        );
        assert!(select("meta", DatabaseKind::Sqlite).contains("where name not in ('leader', 'lock_holder')"));
    }

    #[test]
    fn different_rows_have_different_digests() {
        let digest = |rows: &[Vec<Value>]| {
            let mut digest = RowDigest::default();
            for row in rows {
                digest.add(row);
            }
            digest.finish()
        };
        let rows: [&[Vec<Value>]; 6] = [
            &[vec!["a".into(), "b".into()]],
            &[vec!["ab".into(), "".into()]],
            &[vec!["a".into()], vec!["b".into()]],
            &[vec!["1".into(), Value::Text(None)]],
            &[vec![1.into(), Value::Text(None)]],
            &[],
        ];
        let digests: BTreeSet<String> = rows.iter().map(|rows| digest(rows)).collect();
        assert_eq!(digests.len(), rows.len());
    }

    #[test]
    fn a_batch_is_full_by_values_and_by_bytes() {
        let mut batch = RowBatch::default();
        batch.push(vec![1.into(); MOST_PLACEHOLDERS - 2]);
        assert!(!batch.is_full(2) && batch.is_full(3));
        assert_eq!(batch.take().len(), MOST_PLACEHOLDERS - 2);
        batch.push(vec!["x".repeat(MOST_BYTES + 1).into()]);
        assert!(batch.is_full(1));
    }
}

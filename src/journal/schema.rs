//! The schema and its version: reads the version of a database, and migrates it to the one that this program knows.
//!
//! `sqlx::migrate!` cannot do this: two of the steps are Rust code, and existing states name their version in a table
//! that is also how a state file is recognized.

use super::{
    JournalError, StepWatch, chain,
    commit_group::CommitGroup,
    database::{Database, ReadTransaction, Transaction, WriteTransaction, read_error, write_error},
    refolding::refold,
};

/// The schema of a new state, in one script: the steps to it would take longer than everything else that creates a state.
const NEWEST: &str = include_str!("schema.sql");

/// One step of the schema.
enum Migration {
    /// Statements that both databases understand.
    Script(&'static str),
    /// The folded names are computed again, by Rust code.
    RefoldNames,
    /// The chain of events begins, by Rust code.
    BeginChain,
}

/// Every step of the schema with its number, in ascending order. A number is never used again; a state stores that of the
/// last step that was made.
const MIGRATIONS: [(i64, Migration); 23] = [
    (1, Migration::Script(include_str!("migrations/0001_first.sql"))),
    (2, Migration::Script(include_str!("migrations/0002_unfinished_disablements.sql"))),
    (3, Migration::Script(include_str!("migrations/0003_named_skips.sql"))),
    (4, Migration::RefoldNames),
    (5, Migration::Script(include_str!("migrations/0005_known_profiles.sql"))),
    (6, Migration::Script(include_str!("migrations/0006_approvals_in_use.sql"))),
    (7, Migration::Script(include_str!("migrations/0007_calls_and_order.sql"))),
    (8, Migration::Script(include_str!("migrations/0008_former_logins.sql"))),
    (9, Migration::Script(include_str!("migrations/0009_server_locks.sql"))),
    (10, Migration::Script(include_str!("migrations/0010_forgotten_pauses.sql"))),
    (11, Migration::Script(include_str!("migrations/0011_seen_operators.sql"))),
    (12, Migration::Script(include_str!("migrations/0012_events.sql"))),
    (13, Migration::BeginChain),
    (14, Migration::Script(include_str!("migrations/0014_approvers.sql"))),
    (15, Migration::Script(include_str!("migrations/0015_observations.sql"))),
    (16, Migration::Script(include_str!("migrations/0016_notifications.sql"))),
    (17, Migration::Script(include_str!("migrations/0017_retention.sql"))),
    (18, Migration::Script(include_str!("migrations/0018_probes.sql"))),
    (19, Migration::Script(include_str!("migrations/0019_scale.sql"))),
    (20, Migration::Script(include_str!("migrations/0020_reviews.sql"))),
    (21, Migration::Script(include_str!("migrations/0021_organization.sql"))),
    (22, Migration::Script(include_str!("migrations/0022_operator_blocks.sql"))),
    (23, Migration::Script(include_str!("migrations/0023_ended_memberships.sql"))),
];

/// The step that created the views which runs and the leader lock.
pub(super) const LOCK_VIEWS: i64 = 9;

/// Key of the advisory lock that prevents two nodes from migrating one `PostgreSQL` database at once; any constant that
/// no other lock uses.
pub(super) const MIGRATION_LOCK: i64 = 0x6367_735f_6d69_6772;

/// The newest schema that this version knows.
const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// What a database contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// No tables.
    Empty,
    /// Tables of another program, and none of ours.
    Foreign,
    /// Our tables, with this version of the schema.
    Version(i64),
    /// Our version table, without a valid version.
    Invalid,
}

/// Reads the schema within a transaction.
pub(super) async fn in_transaction(transaction: &mut Transaction) -> Result<Schema, sqlx::Error> {
    let (ours, others) = match transaction {
        Transaction::Sqlite { .. } => (
            "select name from sqlite_master where name = 'campaign_group_sync_schema'",
            "select name from sqlite_master limit 1",
        ),
        // Other programs may have tables in the same schema of a shared server.
        Transaction::Postgres { .. } => {
            ("select 'ours' where to_regclass('campaign_group_sync_schema') is not null", "select 'none' where 1 = 0")
        }
    };
    if transaction.rows(ours, []).await?.is_empty() {
        let is_foreign = !transaction.rows(others, []).await?.is_empty();
        return Ok(if is_foreign { Schema::Foreign } else { Schema::Empty });
    }
    let rows = transaction.rows("select version from campaign_group_sync_schema", []).await?;
    let version = match rows.as_slice() {
        [row] => row.number(0).ok().filter(|version| *version > 0),
        _ => None,
    };
    Ok(version.map_or(Schema::Invalid, Schema::Version))
}

/// Reads the schema in a transaction of its own.
pub(super) async fn of_database(database: &Database) -> Result<Schema, JournalError> {
    in_transaction(database.begin_read().await?.transaction()).await.map_err(read_error)
}

/// Creates the schema, or migrates it; `place` names the database in errors. A schema that is created stores, in the
/// same transaction, why an earlier memory was lost.
pub(super) async fn migrate(
    database: &Database,
    watch: Option<&StepWatch>,
    place: &str,
    lost: Option<&str>,
) -> Result<(), JournalError> {
    if steps_done(of_database(database).await?, place)? == KNOWN {
        return Ok(());
    }
    let mut step = database.begin_write(&CommitGroup::default(), watch).await?;
    if matches!(step.transaction(), Transaction::Postgres { .. }) {
        step.execute("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK.into()]).await?;
    }
    // Another process may have migrated it in the meantime.
    let done = steps_done(in_transaction(step.transaction()).await.map_err(write_error)?, place)?;
    if done > 0 && step.transaction().is_of_server() {
        // Waits for all transactions that write: they began with the earlier schema. Later ones see the new one.
        step.execute("lock table campaign_group_sync_schema in access exclusive mode", []).await?;
    }
    migrate_from(&mut step, done, lost).await?;
    step.commit().await
}

/// Creates the schema, or makes its steps after step `done`, without a commit.
pub(super) async fn migrate_from(
    step: &mut WriteTransaction,
    done: i64,
    lost: Option<&str>,
) -> Result<(), JournalError> {
    if done > 0 {
        make_steps(step, done).await?;
        return step.execute("update campaign_group_sync_schema set version = $1", [KNOWN.into()]).await;
    }
    step.execute("create table campaign_group_sync_schema (version bigint not null)", []).await?;
    step.execute("insert into campaign_group_sync_schema (version) values ($1)", [KNOWN.into()]).await?;
    step.script(NEWEST).await?;
    chain::begin(step).await?;
    match lost {
        Some(why) => step.execute("insert into meta (name, value) values ('memory_lost', $1)", [why.into()]).await,
        None => Ok(()),
    }
}

/// Makes the steps of the schema after step `done`.
async fn make_steps(step: &mut WriteTransaction, done: i64) -> Result<(), JournalError> {
    for (_, migration) in MIGRATIONS.iter().filter(|(number, _)| *number > done) {
        match migration {
            Migration::Script(script) => step.script(script).await?,
            Migration::RefoldNames => refold(step).await?,
            Migration::BeginChain => chain::begin(step).await?,
        }
    }
    Ok(())
}

/// The number of the last migration that was made.
pub(super) fn steps_done(schema: Schema, place: &str) -> Result<i64, JournalError> {
    match schema {
        Schema::Empty => Ok(0),
        Schema::Version(version) if version <= KNOWN => Ok(version),
        Schema::Version(found) => Err(JournalError::NewerSchema { place: place.to_owned(), found, known: KNOWN }),
        Schema::Foreign => Err(JournalError::NotOurs { place: place.to_owned() }),
        Schema::Invalid => Err(JournalError::Unreadable { what: format!("{place} has no version of its schema") }),
    }
}

/// Reads the version of the tables, which must exist, with one query.
pub(super) async fn recorded(reader: &mut ReadTransaction) -> Result<Schema, JournalError> {
    let rows = reader.rows("select version from campaign_group_sync_schema", []).await?;
    let version = rows.first().map(|row| row.number(0)).transpose()?;
    Ok(version.map_or(Schema::Invalid, Schema::Version))
}

/// Whether it is the schema that this version knows.
pub(super) fn is_known(schema: Schema) -> bool {
    schema == Schema::Version(KNOWN)
}

/// Returns an error unless it is the schema that this version knows.
pub(super) fn is_current(schema: Schema, place: &str) -> Result<(), JournalError> {
    match steps_done(schema, place)? {
        KNOWN => Ok(()),
        found => Err(JournalError::OlderSchema { place: place.to_owned(), found, known: KNOWN }),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::connections::Connections, *};

    #[test]
    fn the_numbers_of_the_steps_ascend() {
        assert!(MIGRATIONS.is_sorted_by(|(one, _), (next, _)| one < next));
    }

    /// Tables with their columns and keys, indexes and views, and all rows, as text.
    async fn described(step: &mut WriteTransaction) -> Vec<String> {
        let texts = async |step: &mut WriteTransaction, sql: String| -> Vec<String> {
            let rows = step.execute_text(sql).await.expect("readable");
            rows.iter().map(|row| row.text(0).expect("text")).collect()
        };
        let words = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let objects = "select type || ' ' || name || ' ' || coalesce(case when type <> 'table' then sql end, '')
                       from sqlite_master order by type, name";
        let mut described: Vec<_> = texts(step, objects.to_owned()).await.iter().map(|sql| words(sql)).collect();
        let tables = "select name from sqlite_master where type = 'table' order by name";
        for table in texts(step, tables.to_owned()).await {
            for sql in [
                format!(
                    "select json_array(name, type, \"notnull\", dflt_value, pk) from pragma_table_info('{table}') order by cid"
                ),
                format!("select json_array(id, \"table\", \"from\", \"to\") from pragma_foreign_key_list('{table}')"),
                format!("select json_array(name, \"unique\", origin) from pragma_index_list('{table}') order by name"),
            ] {
                described.extend(texts(step, sql).await.iter().map(|text| format!("{table} {text}")));
            }
            let columns = format!("select group_concat('\"' || name || '\"') from pragma_table_info('{table}')");
            let columns = texts(step, columns).await.concat();
            let rows = texts(step, format!("select json_array({columns}) from \"{table}\" order by 1")).await;
            described.extend(rows.iter().map(|row| format!("{table} has {row}")));
        }
        described
    }

    #[tokio::test]
    async fn a_new_state_has_the_schema_to_which_the_steps_lead() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = async |name: &str| {
            let pool = sqlx::sqlite::SqlitePoolOptions::new();
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join(name));
            let pool = pool.connect_with(options.create_if_missing(true)).await.expect("opens");
            Database::Sqlite(Connections::to_file(pool))
        };
        let (new, migrated) = (open("new.db").await, open("migrated.db").await);
        let mut new = new.begin_write(&CommitGroup::default(), None).await.expect("begins");
        migrate_from(&mut new, 0, None).await.expect("created");
        let mut migrated = migrated.begin_write(&CommitGroup::default(), None).await.expect("begins");
        migrated.script("create table campaign_group_sync_schema (version bigint not null)").await.expect("created");
        migrated
            .execute("insert into campaign_group_sync_schema (version) values ($1)", [KNOWN.into()])
            .await
            .expect("inserted");
        make_steps(&mut migrated, 0).await.expect("migrated");
        let (new, migrated) = (described(&mut new).await, described(&mut migrated).await);
        assert!(new.len() > 200, "{new:#?}");
        for (one, other) in new.iter().zip(&migrated) {
            assert_eq!(one, other);
        }
        assert_eq!(new.len(), migrated.len());
    }

    #[test]
    fn only_the_newest_schema_is_current_and_the_error_of_an_older_one_names_the_next_run() {
        assert!(is_current(Schema::Version(KNOWN), "here").is_ok());
        let older = is_current(Schema::Version(KNOWN - 1), "here").expect_err("older");
        assert!(matches!(older, JournalError::OlderSchema { .. }), "{older:?}");
        assert!(older.to_string().contains("the next run brings it up to date"), "{older}");
        let newer = is_current(Schema::Version(KNOWN + 1), "here").expect_err("newer");
        assert!(matches!(newer, JournalError::NewerSchema { .. }), "{newer:?}");
    }
}

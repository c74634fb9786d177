//! A state that an earlier version wrote, and the runs of this version after it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use campaign_group_sync::{
    domain::{InstanceName, Limits, Outcome},
    sandbox::Scenario,
};
use chrono::Utc;
use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::harness::{Harness, changes, open};

/// Written by version 0.1.0 with schema 2: a run, an undo of it, and a run that holds what was undone. Some names are
/// decomposed, as Apple's systems write them.
const STATE: &str = include_str!("../journal/schema_2.sql");

/// The world as it was when that state was left.
const WORLD: &str = include_str!("../journal/schema_2.json");

/// What the last run held, and every later run has to hold.
const HELD: [&str; 5] = [
    "held: add eve@acme.com to delivery",
    "held: add jose\u{301}@acme.com to delivery",
    "held: add σοφός@acme.com to gro\u{308}ße",
    "held: remove karl@acme.com from delivery",
    "held: remove zoe\u{301}@acme.com from delivery",
];

/// The same without any name that is not ASCII.
fn plain(text: &str) -> String {
    text.replace(['\u{301}', '\u{308}'], "").replace('ß', "ss").replace("σοφός", "sofos").replace("É", "E")
}

async fn state_file(path: &Path, state: &str) {
    // A dump has its tables in the order of their names, not of their keys.
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
    sqlx::raw_sql(sqlx::AssertSqlSafe(state.to_owned())).execute(&mut connection).await.expect("the state");
    connection.close().await.expect("closed");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("private");
}

/// Columns that migrations after schema 2 added to its tables.
const LATER_COLUMNS: [&str; 16] = [
    "begun_at",
    "approver_uid",
    "approver_user",
    "approver_login_uid",
    "approver_login_user",
    "approved_by",
    "pause_asked",
    "position",
    "login_folded",
    "source",
    "unread",
    "granted_by",
    "ended_by",
    "held_since",
    "vouched",
    "report_digest",
];

/// All rows of the tables and columns that schema 2 has, as text.
async fn rows(path: &Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
    let mut found = Vec::new();
    for table in STATE.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")) {
        let table = table.split([' ', '(']).next().expect("a name").trim_matches('"');
        if table == "campaign_group_sync_schema" {
            continue;
        }
        let columns = sqlx::query(sqlx::AssertSqlSafe(format!("select name from pragma_table_info('{table}')")));
        let columns = columns.fetch_all(&mut connection).await.expect("columns");
        // Columns that came later stand behind those of schema 2.
        let known = columns
            .iter()
            .map(|row| row.get::<String, _>(0))
            .filter(|column| !LATER_COLUMNS.contains(&column.as_str()));
        let quoted: Vec<String> = known.map(|column| format!("quote({column})")).collect();
        // The organization to which the state belongs is recorded since schema 21.
        let later = if table == "meta" { "where name <> 'organization'" } else { "" };
        let sql = format!("select {} from {table} {later} order by rowid", quoted.join(" || ',' || "));
        let all = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("rows");
        found.extend(all.iter().map(|row| format!("{table}: {}", row.get::<String, _>(0))));
    }
    connection.close().await.expect("closed");
    found
}

async fn harness(dump: &str, world: &str) -> (Harness, tempfile::TempDir) {
    let scenario: Scenario = serde_json::from_str(world).expect("a world");
    let mut harness = Harness::with(scenario).await;
    // Those of the runs that wrote the state: with other limits the guard judges anew.
    harness.options.limits =
        Limits { max_removals_percent: 100, max_group_removals_percent: 50, ..harness.options.limits };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    state_file(&path, dump).await;
    harness.journal = open(&path).await;
    (harness, folder)
}

#[tokio::test]
async fn a_state_of_schema_2_is_brought_forward_and_nothing_is_held_or_made_for_it() {
    let (harness, _folder) = harness(STATE, WORLD).await;
    for attempt in ["the first run", "the next run"] {
        let report = harness.sync().await;
        assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{attempt}: {report:#?}");
        assert_eq!(changes(&report), HELD, "{attempt}: {report:#?}");
        assert!(report.instances.iter().all(|instance| instance.skipped.is_empty()), "{attempt}: {report:#?}");
    }
    let history = harness.journal.history(&InstanceName::new("production"), Utc::now()).await.expect("readable");
    let undone: Vec<_> = history.undone.iter().map(|key| (key.group.as_str(), key.operator.as_str())).collect();
    assert!(undone.contains(&("gr\u{f6}ße", "σοφόσ@acme.com")), "{undone:?}");
    assert!(undone.contains(&("delivery", "zo\u{e9}@acme.com")), "{undone:?}");
}

#[tokio::test]
async fn a_state_of_schema_2_with_names_in_ascii_is_used_as_it_is() {
    let (dump, world) = (plain(STATE), plain(WORLD));
    assert!(dump.is_ascii(), "nothing else is left");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    state_file(&path, &dump).await;
    let before = rows(&path).await;
    assert!(before.len() > 40, "{before:?}");
    open(&path).await.close().await;
    assert_eq!(rows(&path).await, before);
    let (harness, _folder) = harness(&dump, &world).await;
    let report = harness.sync().await;
    assert_eq!((report.outcome, harness.writes()), (Outcome::Held, 0), "{report:#?}");
    assert_eq!(changes(&report), HELD.map(plain), "{report:#?}");
}

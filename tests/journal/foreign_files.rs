//! A file that was never a state of this program is not changed, even if `state.url` names it.

use std::{fs, path::Path, str::FromStr as _};

use campaign_group_sync::journal::{Journal, JournalError};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::fixture::JournalFixture;

/// The names in a folder, and the content of the files.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut content: Vec<_> =
        entries.map(|path| (path.display().to_string(), fs::read(&path).expect("readable"))).collect();
    content.sort();
    content
}

async fn assert_refused_and_untouched(fixture: &JournalFixture) {
    let folder = fixture.file().parent().expect("a folder").to_owned();
    let before = content(&folder);
    let results = [
        Journal::open(&fixture.options).await.map(drop),
        Journal::open_existing(&fixture.options).await.map(drop),
        Journal::open_read_only(&fixture.options).await.map(drop),
    ];
    for result in results {
        let error = result.expect_err("refused");
        assert!(matches!(error, JournalError::NotOurs { .. }), "{error:?}");
    }
    assert_eq!(content(&folder), before);
}

fn in_new_folder() -> JournalFixture {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir(fixture.file().parent().expect("a folder")).expect("a folder");
    fixture
}

#[tokio::test]
async fn a_text_file_is_not_renamed() {
    for text in ["x", "root:x:0:0:root:/root:/bin/bash\n", "SQLite format 3\0"] {
        let fixture = in_new_folder();
        fs::write(fixture.file(), text).expect("written");
        assert_refused_and_untouched(&fixture).await;
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_not_opened() {
    let fixture = in_new_folder();
    let options = SqliteConnectOptions::from_str("sqlite://").expect("options").filename(fixture.file());
    let mut theirs = SqliteConnection::connect_with(&options.create_if_missing(true)).await.expect("a connection");
    let sql = "pragma journal_mode = wal; create table mail (subject text); insert into mail values ('hello')";
    sqlx::raw_sql(sql).execute(&mut theirs).await.expect("done");
    // Its program uses it: beside the file is a log, which the last connection would write back and delete.
    assert_refused_and_untouched(&fixture).await;
    theirs.close().await.expect("closed");
    assert_refused_and_untouched(&fixture).await;
}

#[tokio::test]
async fn a_state_that_was_cut_off_before_its_first_run_is_known_by_its_tables() {
    let fixture = JournalFixture::in_a_folder();
    drop(fixture.open().await);
    let lock = fixture.file().with_file_name("state.db.lock");
    fs::remove_file(lock).expect("removed");
    let journal = fixture.open().await;
    assert!(journal.runs(1).await.expect("readable").is_empty());
}

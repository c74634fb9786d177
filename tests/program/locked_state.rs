//! A state that another process has locked.

use campaign_group_sync::journal::{Journal, JournalLocation, JournalOptions};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::harness::Served;

#[test]
fn a_run_does_not_wait_for_minutes_for_a_state_that_another_process_has_locked() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let path = served.state();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let locked = runtime.block_on(async {
        let options = JournalOptions { location: JournalLocation::Sqlite(path.clone()), watch: None };
        let journal = Journal::open(&options).await.expect("opened");
        let lock = journal.lock("a copy that hangs").await.expect("tried");
        journal.close().await;
        let options = SqliteConnectOptions::new().filename(&path);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("a file");
        sqlx::query("begin immediate").execute(&mut connection).await.expect("locked");
        (lock, connection)
    });
    let refused = served.sync_now(&[]);
    drop(locked);
    let words = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(refused.exit, Some(7), "{words}");
    assert!(words.contains("is in use by") && words.contains("a copy that hangs"), "{words}");
}

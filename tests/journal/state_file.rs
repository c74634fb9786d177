//! The file of `SQLite`: its modes, and the handling of a corrupt file and of one of a newer version.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use campaign_group_sync::{
    domain::{Memory, OrganizationId, ProductProfileId},
    journal::{Journal, JournalError, JournalLocation, JournalOptions, LockAttempt},
};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    fixture::JournalFixture,
    sample::{at, begin_and_die, production, read, run_id},
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

async fn connection(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::from_str("sqlite://").expect("options").filename(path);
    SqliteConnection::connect_with(&options).await.expect("a connection")
}

async fn run_sql(path: &Path, sql: &'static str) {
    let mut connection = connection(path).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("done");
    connection.close().await.expect("closed");
}

/// A file with content that no process uses.
async fn a_used_file() -> JournalFixture {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    begin_and_die(&journal, "01JA", at(0)).await;
    journal.accept_read(&production(), &run_id("01JA"), at(0), &read(&["delivery"])).await.expect("accepted");
    drop(journal);
    // Moves the write-ahead log into the file.
    run_sql(&fixture.file(), "pragma wal_checkpoint(truncate)").await;
    fixture
}

fn set_aside(fixture: &JournalFixture) -> Vec<PathBuf> {
    let folder = fixture.file().parent().expect("a folder").to_owned();
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.to_string_lossy().contains("state.db.corrupt-")).collect()
}

async fn lost(journal: &Journal) -> Option<String> {
    match journal.history(&production(), at(0)).await.expect("readable").memory {
        Memory::Kept => None,
        Memory::Lost(why) => Some(why),
    }
}

/// Checks that the corrupt file lies beside the new one, and that the new one reports the loss until a read is
/// accepted.
async fn assert_set_aside(fixture: &JournalFixture, content: &[u8]) {
    let journal = Journal::open(&fixture.options).await.expect("a new journal");
    let aside = set_aside(fixture);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read(&aside[0]).expect("readable"), content, "kept as it was");
    assert!(journal.runs(9).await.expect("readable").is_empty());
    drop(journal);

    let journal = Journal::open(&fixture.options).await.expect("the new journal again");
    assert_eq!(set_aside(fixture), aside, "once");
    assert!(lost(&journal).await.expect("lost after a restart, too").contains(".corrupt-"));
    journal.accept_read(&production(), &run_id("01JB"), at(0), &read(&["delivery"])).await.expect("accepted");
    assert_eq!(lost(&journal).await, None);
}

#[tokio::test]
async fn the_folder_and_the_file_are_private() {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    begin_and_die(&journal, "01JA", at(0)).await;
    assert_eq!(mode(fixture.file().parent().expect("a folder")), 0o700);
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(&fixture.file().with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_mode_of_a_file_that_others_may_read_is_restricted() {
    let fixture = a_used_file().await;
    fs::set_permissions(fixture.file(), Permissions::from_mode(0o644)).expect("loosened");
    drop(fixture.open().await);
    assert_eq!(mode(&fixture.file()), 0o600);
}

#[tokio::test]
async fn the_file_uses_a_write_ahead_log() {
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    begin_and_die(&journal, "01JA", at(0)).await;
    let mut connection = connection(&fixture.file()).await;
    let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut connection).await.expect("readable");
    assert_eq!(mode, "wal");
    assert!(fs::metadata(fixture.file().with_file_name("state.db-wal")).expect("a log").len() > 0);
}

#[tokio::test]
async fn garbage_is_set_aside() {
    for content in [&b"x"[..], b"SQLite format 3\0", &[0; 100], &[b'?'; 10_000]] {
        let fixture = a_used_file().await;
        fs::write(fixture.file(), content).expect("written");
        assert_set_aside(&fixture, content).await;
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_set_aside() {
    let whole = fs::read(a_used_file().await.file()).expect("readable");
    for length in [50, 600, 4_096, whole.len() / 2, whole.len() - 4_096] {
        let fixture = a_used_file().await;
        fs::write(fixture.file(), &whole[..length]).expect("cut off");
        println!("cut off at {length} of {}", whole.len());
        assert_set_aside(&fixture, &whole[..length]).await;
    }
}

#[tokio::test]
async fn a_damaged_page_is_set_aside() {
    let fixture = a_used_file().await;
    let mut content = fs::read(fixture.file()).expect("readable");
    content[4_096..8_192].fill(0xa5);
    fs::write(fixture.file(), &content).expect("damaged");
    assert_set_aside(&fixture, &content).await;
}

/// A used file that was closed and checked, and the page that the table of events begins with.
async fn a_checked_file() -> (JournalFixture, usize) {
    let fixture = a_used_file().await;
    fixture.open().await.close().await;
    let mut connection = connection(&fixture.file()).await;
    let sql = "select rootpage from sqlite_master where name = 'events'";
    let page: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a table");
    connection.close().await.expect("closed");
    (fixture, usize::try_from(page).expect("a page"))
}

fn damage(fixture: &JournalFixture, page: usize) -> Vec<u8> {
    let mut content = fs::read(fixture.file()).expect("readable");
    content[(page - 1) * 4_096..page * 4_096].fill(0xa5);
    fs::write(fixture.file(), &content).expect("damaged");
    content
}

/// Claims that the file was checked at this time and did not change since: a damage that a check has not seen, such as
/// one of the device.
fn claim_check(fixture: &JournalFixture, checked_at: DateTime<Utc>) {
    let found = fs::metadata(fixture.file()).expect("a file");
    let claim = serde_json::json!({"at": checked_at, "file": {
        "device": found.dev(), "inode": found.ino(), "length": found.len(),
        "modified": [found.mtime(), found.mtime_nsec()], "changed": [found.ctime(), found.ctime_nsec()]}});
    let checked = fixture.file().with_file_name("state.db.checked");
    assert!(checked.exists(), "a check was recorded");
    fs::write(checked, claim.to_string()).expect("written");
}

#[tokio::test]
async fn a_file_that_was_damaged_after_it_was_closed_is_set_aside() {
    let (fixture, page) = a_checked_file().await;
    let content = damage(&fixture, page);
    assert_set_aside(&fixture, &content).await;
}

#[tokio::test]
async fn an_unchanged_file_is_checked_again_after_a_day() {
    let now = Utc::now();
    for (checked_at, is_checked_again) in [
        (now - TimeDelta::hours(23), false),
        (now - TimeDelta::hours(25), true),
        // The clock was set back since.
        (now + TimeDelta::hours(1), true),
    ] {
        let (fixture, page) = a_checked_file().await;
        damage(&fixture, page);
        claim_check(&fixture, checked_at);
        drop(fixture.open().await);
        assert_eq!(set_aside(&fixture).len(), usize::from(is_checked_again), "{checked_at}");
    }
}

#[tokio::test]
async fn a_file_that_was_not_closed_is_checked() {
    let (fixture, page) = a_checked_file().await;
    damage(&fixture, page);
    claim_check(&fixture, Utc::now());
    fs::write(fixture.file().with_file_name("state.db-wal"), "left over").expect("written");
    drop(fixture.open().await);
    assert!(!set_aside(&fixture).is_empty());
}

#[tokio::test]
async fn a_command_that_reads_does_not_check_a_file_that_a_daemon_uses_and_renews_a_check_after_a_day() {
    let (fixture, page) = a_checked_file().await;
    let marked =
        || fs::read_to_string(fixture.file().with_file_name("state.db.checked")).expect("a check was recorded");
    let options = JournalOptions { location: JournalLocation::Sqlite(fixture.file()), watch: None };
    let journal = fixture.open().await;
    let lock = journal.lock_daemon("the daemon").await.expect("tried");
    let content = fs::read(fixture.file()).expect("readable");
    damage(&fixture, page);
    drop(Journal::open_read_only(&options).await.expect("not checked"));
    fs::write(fixture.file(), content).expect("repaired");
    claim_check(&fixture, Utc::now() - TimeDelta::hours(25));
    let before = marked();
    drop(Journal::open_read_only(&options).await.expect("intact"));
    assert_ne!(marked(), before, "renewed");
    drop(lock);
    journal.close().await;
    damage(&fixture, page);
    Journal::open_read_only(&options).await.map(drop).expect_err("corrupt");
}

#[tokio::test]
async fn a_file_that_was_just_created_and_closed_is_not_checked() {
    let fixture = a_used_file().await;
    assert!(fixture.file().with_file_name("state.db.checked").exists());
}

#[tokio::test]
async fn a_damage_that_a_statement_meets_is_set_aside_by_the_next_process() {
    let (fixture, page) = a_checked_file().await;
    damage(&fixture, page);
    claim_check(&fixture, Utc::now());
    let journal = fixture.open().await;
    journal.verify(None).await.map(drop).expect_err("corrupt");
    journal.close().await;
    let content = fs::read(fixture.file()).expect("readable");
    assert_set_aside(&fixture, &content).await;
}

#[tokio::test]
async fn a_schema_without_a_version_is_set_aside() {
    for damage in [
        "delete from campaign_group_sync_schema",
        "insert into campaign_group_sync_schema values (1)",
        "update campaign_group_sync_schema set version = 'one'",
        "update campaign_group_sync_schema set version = -1",
    ] {
        let fixture = a_used_file().await;
        run_sql(&fixture.file(), damage).await;
        let content = fs::read(fixture.file()).expect("readable");
        println!("{damage}");
        assert_set_aside(&fixture, &content).await;
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_one() {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir(fixture.file().parent().expect("a folder")).expect("a folder");
    fs::write(fixture.file(), "").expect("written");
    let journal = fixture.open().await;
    assert_eq!(lost(&journal).await, None);
}

#[tokio::test]
async fn the_loss_is_known_after_dying_between_renaming_and_creating() {
    let fixture = a_used_file().await;
    fs::rename(fixture.file(), fixture.file().with_file_name("state.db.corrupt-20261122T060000Z")).expect("set aside");
    fs::write(fixture.file().with_file_name("state.db-wal"), "left over").expect("written");
    let journal = fixture.open().await;
    assert!(lost(&journal).await.expect("lost").contains("state.db.corrupt-20261122T060000Z"));
}

#[tokio::test]
async fn a_file_that_is_in_use_is_not_set_aside() {
    let fixture = a_used_file().await;
    let journal = fixture.open().await;
    let LockAttempt::Acquired(_lock) = journal.lock("run 01JA").await.expect("a lock") else {
        panic!("the lock is held")
    };
    fs::write(fixture.file(), "garbage").expect("written");
    let error = Journal::open(&fixture.options).await.err().expect("refused");
    assert!(error.to_string().contains("run 01JA"), "{error}");
    assert!(set_aside(&fixture).is_empty());
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_not_changed() {
    let fixture = a_used_file().await;
    run_sql(&fixture.file(), "update campaign_group_sync_schema set version = 99").await;
    run_sql(&fixture.file(), "pragma wal_checkpoint(truncate)").await;
    let before = fs::read(fixture.file()).expect("readable");
    for error in [
        Journal::open(&fixture.options).await.err(),
        Journal::open_existing(&fixture.options).await.err(),
        Journal::open_read_only(&fixture.options).await.err(),
    ] {
        assert!(matches!(error, Some(JournalError::NewerSchema { found: 99, .. })), "{error:?}");
    }
    assert_eq!(fs::read(fixture.file()).expect("readable"), before);
    assert!(set_aside(&fixture).is_empty());
}

/// A file of the first version, with a run and a user.
const FIRST_VERSION: &str = concat!(
    include_str!("../../src/journal/migrations/0001_first.sql"),
    "create table campaign_group_sync_schema (version bigint not null);
     insert into campaign_group_sync_schema (version) values (1);
     insert into runs (run, mode, started_at, instances, outcome, summary)
         values ('01J9', 'apply', 0, '[\"production\"]', null, '{}');
     insert into identities (instance, user_folded, operator) values ('production', 'ab12@acme', 1001);"
);

/// A read as the first version stored it: without other profiles, and without ids of groups.
const FIRST_VERSION_READ: &str = r#"insert into accepted_reads (instance, run, at, read, followed) values ('production', '01J9', 0,
    '{"mask": "P - (.*)", "membership": "effective", "manage": "ims", "users": 9,
      "matched": [{"group": "one", "profile_id": 1, "profile": "P - one"}]}',
    '[{"group": "gone", "profile_id": 2, "profile": "P - gone"}]');"#;

#[tokio::test]
async fn a_read_of_an_earlier_version_has_the_followed_groups_without_their_ids() {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir(fixture.file().parent().expect("a folder")).expect("a folder");
    fs::write(fixture.file(), "").expect("written");
    run_sql(&fixture.file(), FIRST_VERSION).await;
    run_sql(&fixture.file(), FIRST_VERSION_READ).await;
    let history = fixture.open().await.history(&production(), at(0)).await.expect("readable");
    assert_eq!(history.accepted.map(|read| (read.users, read.matched.len())), Some((Some(9), 1)));
    let known = history.known.groups().iter();
    let known: Vec<_> = known.map(|known| (known.group.as_str(), known.profile_id, known.group_id)).collect();
    assert_eq!(known, [("gone", Some(ProductProfileId(2)), None), ("one", Some(ProductProfileId(1)), None)]);
    assert_eq!(history.known.name(ProductProfileId(3)), None);
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_migrated_with_its_content() {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir(fixture.file().parent().expect("a folder")).expect("a folder");
    fs::write(fixture.file(), "").expect("written");
    run_sql(&fixture.file(), FIRST_VERSION).await;
    let looked = Journal::open_read_only(&fixture.options).await.err();
    assert!(matches!(looked, Some(JournalError::OlderSchema { found: 1, .. })), "{looked:?}");
    let history = fixture.open().await.history(&production(), at(0)).await.expect("readable");
    assert_eq!(history.identities.iter().count(), 1);
    assert!(set_aside(&fixture).is_empty());
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_not_changed() {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir(fixture.file().parent().expect("a folder")).expect("a folder");
    fs::write(fixture.file(), "").expect("written");
    run_sql(&fixture.file(), "create table songs (name text)").await;
    let before = fs::read(fixture.file()).expect("readable");
    let error = Journal::open(&fixture.options).await.err().expect("refused");
    assert!(matches!(error, JournalError::NotOurs { .. }), "{error}");
    assert_eq!(fs::read(fixture.file()).expect("readable"), before);
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_an_error_and_not_a_corrupt_file() {
    let fixture = JournalFixture::in_a_folder();
    fs::create_dir_all(fixture.file()).expect("a folder where the file should be");
    let error = Journal::open(&fixture.options).await.err().expect("refused");
    assert!(matches!(error, JournalError::Untrusted(_)), "{error:?}");
    assert!(error.to_string().contains("state.db is a folder"), "{error}");
    assert!(set_aside(&fixture).is_empty());
}

#[tokio::test]
async fn opening_read_only_creates_nothing_and_sets_nothing_aside() {
    let fixture = JournalFixture::in_a_folder();
    assert!(Journal::open_read_only(&fixture.options).await.expect("nothing there").is_none());
    assert!(Journal::open_existing(&fixture.options).await.expect("nothing there").is_none());
    let folder = fixture.file().parent().expect("a folder").to_owned();
    assert!(!folder.exists());
    fs::create_dir(folder).expect("a folder");
    fs::write(fixture.file(), "garbage").expect("written");
    // The empty lock file that a run leaves.
    fs::write(fixture.file().with_file_name("state.db.lock"), "").expect("written");
    for error in
        [Journal::open_read_only(&fixture.options).await.err(), Journal::open_existing(&fixture.options).await.err()]
    {
        assert!(error.expect("corrupt").to_string().contains("corrupt"));
    }
    assert_eq!(fs::read(fixture.file()).expect("readable"), b"garbage");
}

#[tokio::test]
async fn an_existing_journal_can_be_opened_for_approving_and_reading_beside_a_writer() {
    for fixture in JournalFixture::all().await {
        assert!(Journal::open_existing(&fixture.options).await.expect("nothing there").is_none());
        assert!(Journal::open_read_only(&fixture.options).await.expect("nothing there").is_none());
        let writer = fixture.open().await;
        begin_and_die(&writer, "01JA", at(0)).await;
        let existing = Journal::open_existing(&fixture.options).await.expect("readable").expect("there");
        assert_eq!(existing.runs(9).await.expect("readable").len(), 1);
        let reader = Journal::open_read_only(&fixture.options).await.expect("readable").expect("there");
        assert_eq!(reader.runs(9).await.expect("readable").len(), 1);
        begin_and_die(&writer, "01JB", at(1)).await;
        assert_eq!(reader.runs(9).await.expect("readable").len(), 2, "it sees later runs");
    }
}

#[tokio::test]
async fn a_journal_that_is_opened_read_only_cannot_be_written() {
    for fixture in JournalFixture::all().await {
        begin_and_die(&fixture.open().await, "01JA", at(0)).await;
        let reader = Journal::open_read_only(&fixture.options).await.expect("readable").expect("there");
        let organization = OrganizationId::new("0123456789ABCDEF01234567@AdobeOrg");
        let error = reader.set_pause(&organization, Duration::from_secs(9), at(0)).await.expect_err("refused");
        assert!(matches!(error, JournalError::Database { .. }), "{error:?}");
        assert_eq!(reader.call_windows(&organization, at(0)).await.expect("readable").not_before, None);
    }
}

#[tokio::test]
async fn opening_read_only_does_not_change_the_file_and_its_folder() {
    let fixture = a_used_file().await;
    let names = || {
        let entries = fs::read_dir(fixture.file().parent().expect("a folder")).expect("readable");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    let before = (fs::read(fixture.file()).expect("readable"), names());
    let reader = Journal::open_read_only(&fixture.options).await.expect("readable").expect("there");
    assert_eq!(reader.runs(9).await.expect("readable").len(), 1);
    reader.close().await;
    assert_eq!((fs::read(fixture.file()).expect("readable"), names()), before);
}

#[tokio::test]
async fn processes_that_open_a_new_journal_at_once_share_it() {
    for fixture in JournalFixture::all().await {
        let open = |options: &JournalOptions| {
            let options = options.clone();
            tokio::spawn(async move { Journal::open(&options).await.map(drop) })
        };
        let opened: Vec<_> = (0..8).map(|_| open(&fixture.options)).collect();
        for task in opened {
            task.await.expect("no panic").expect("a journal");
        }
        let journal = fixture.open().await;
        assert_eq!(lost(&journal).await, None);
        begin_and_die(&journal, "01JA", at(0)).await;
    }
}

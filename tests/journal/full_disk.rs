//! A full file system, and that the journal works again when there is space again.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use campaign_group_sync::journal::{Journal, JournalError, JournalLocation, JournalOptions, WriteStep};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::sample::{at, begin_and_die, production, read, run_id};

/// The size of the file system, in KiB: space for the state, and for what fills it.
const KIB: usize = 8 * 1_024;

/// More than the connections of a journal, so that each of them gets the error.
const CONNECTIONS_OF_A_POOL: usize = 10;

/// A small file system in memory, mounted for one test.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a printed note, if this process may not mount.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let size = format!("size={KIB}k,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "small"]).arg(folder.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: only root can mount a small file system");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn state(&self) -> PathBuf {
        self.path().join("state.db")
    }

    fn journal(&self) -> JournalOptions {
        JournalOptions { location: JournalLocation::Sqlite(self.state()), watch: None }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the connections of the journal may still be closing.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Writes until the file system is full.
fn fill(folder: &Path) {
    let mut filler = File::create(folder.join("filler")).expect("a file");
    while filler.write_all(&[0; 512]).is_ok() {}
}

fn make_room(folder: &Path) {
    fs::remove_file(folder.join("filler")).expect("removed");
}

fn words(error: &JournalError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

/// Many groups need more space than the write-ahead log has kept from earlier writes.
async fn write(groups: usize, journal: &Journal) -> Result<(), JournalError> {
    let names: Vec<String> = (0..groups).map(|number| format!("a group with a long name, number {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    journal.accept_read(&production(), &run_id("01JA"), at(0), &read(&names)).await
}

#[tokio::test]
async fn incident_47_the_first_write_after_there_is_room_again_succeeds() {
    let Some(disk) = SmallDisk::mount() else { return };
    let journal = Journal::open(&disk.journal()).await.expect("a journal");
    begin_and_die(&journal, "01JA", at(0)).await;
    for round in 1..=4 {
        let groups = round * 1_500;
        fill(disk.path());
        let mut errors = Vec::new();
        for _ in 0..3 {
            errors.extend(write(groups, &journal).await.err());
        }
        assert_eq!(errors.len(), 3, "round {round}: {errors:?}");
        for error in &errors {
            let words = words(error);
            let expected =
                ["no space left", "state.db", "0 bytes free on", "(tmpfs)", disk.path().to_str().expect("text")];
            assert!(expected.iter().all(|part| words.contains(part)), "{words}");
        }
        make_room(disk.path());
        write(groups, &journal).await.unwrap_or_else(|error| panic!("round {round}: {}", words(&error)));
    }
}

#[tokio::test]
async fn incident_47_one_write_without_room_leaves_nothing_behind() {
    let Some(disk) = SmallDisk::mount() else { return };
    let begun = Arc::new(AtomicUsize::new(0));
    let (counted, folder) = (Arc::clone(&begun), disk.path().to_owned());
    // The disk is full in the third transaction, and has space again in the fourth.
    let watch = move |step: WriteStep| {
        if step == WriteStep::Before {
            match counted.fetch_add(1, Ordering::SeqCst) {
                2 => fill(&folder),
                3 => make_room(&folder),
                _ => {}
            }
        }
    };
    Journal::open(&disk.journal()).await.expect("a journal").close().await;
    let journal =
        Journal::open(&JournalOptions { watch: Some(Arc::new(watch)), ..disk.journal() }).await.expect("a journal");
    let mut outcomes = Vec::new();
    for groups in [1, 1, 3_000, 3_000, 1] {
        outcomes.push(write(groups, &journal).await.is_ok());
    }
    assert_eq!((outcomes, begun.load(Ordering::SeqCst)), (vec![true, true, false, true, true], 5));
}

#[tokio::test]
async fn incident_47_a_state_that_cannot_be_made_for_want_of_room_names_the_file_system() {
    let Some(disk) = SmallDisk::mount() else { return };
    fill(disk.path());
    let error = Journal::open(&disk.journal()).await.err().expect("no space");
    let words = words(&error);
    assert!(words.contains("0 bytes free on") && words.contains("(tmpfs)"), "{words}");
    make_room(disk.path());
    Journal::open(&disk.journal()).await.expect("a journal");
}

#[tokio::test]
async fn a_failed_statement_closes_its_connection_and_no_later_one() {
    let folder = TempDir::new().expect("a folder");
    let options = JournalOptions { location: JournalLocation::Sqlite(folder.path().join("state.db")), watch: None };
    let writer = Journal::open(&options).await.expect("a journal");
    let reader = Journal::open_read_only(&options).await.expect("readable").expect("there");
    for _ in 0..10 {
        write(1, &reader).await.expect_err("it is read-only");
        assert!(reader.runs(9).await.expect("still readable").is_empty());
    }
    write(1, &writer).await.expect("writable");
}

#[tokio::test]
async fn incident_47_after_a_failed_write_the_next_one_succeeds_whether_or_not_sqlite_rolled_back_by_itself() {
    let folder = TempDir::new().expect("a folder");
    let options = JournalOptions { location: JournalLocation::Sqlite(folder.path().join("state.db")), watch: None };
    let journal = Journal::open(&options).await.expect("a journal");
    let other = SqliteConnectOptions::new().filename(folder.path().join("state.db"));
    let mut other = SqliteConnection::connect_with(&other).await.expect("opened");
    // A connection that is closed after an error releases the file a moment later: the default timeout of SQLite
    // covers it.
    // `abort` leaves the transaction open, as most errors do; `rollback` ends it, as a full disk and a failing one do.
    for kind in ["abort", "rollback", "abort"] {
        for _ in 0..CONNECTIONS_OF_A_POOL {
            let trigger = format!(
                "create trigger fault before insert on accepted_reads begin select raise({kind}, 'injected'); end"
            );
            sqlx::raw_sql(AssertSqlSafe(trigger)).execute(&mut other).await.expect("no transaction is open");
            write(1, &journal).await.expect_err("injected");
            sqlx::raw_sql("drop trigger fault").execute(&mut other).await.expect("no transaction is open");
            write(1, &journal).await.unwrap_or_else(|error| panic!("{kind}: {}", words(&error)));
        }
    }
}

//! One run at a time, and what readers see of it.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use campaign_group_sync::journal::{Journal, JournalLocation, JournalOptions, LockAttempt};
use secrecy::ExposeSecret as _;

use super::{
    fixture::JournalFixture,
    sample::{at, begin_and_die, production},
};
use crate::support::process::test_process;

/// Set in the process that holds the lock until it is killed.
const HOLDER: &str = "TEST_JOURNAL_HOLDER";

/// Time limit of what happens at once unless it is broken.
const DEADLINE: Duration = Duration::from_secs(15);

/// Waits for what the kernel or the server does by itself, of which the journal gets no event.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

async fn try_lock(journal: &Journal, holder: &str) -> LockAttempt {
    journal.lock(holder).await.expect("an answer")
}

async fn got(journal: &Journal, holder: &str) -> Option<LockAttempt> {
    Some(try_lock(journal, holder).await).filter(|lock| matches!(lock, LockAttempt::Acquired(_)))
}

#[tokio::test]
async fn the_second_process_learns_who_holds_the_lock() {
    for fixture in JournalFixture::all().await {
        let (first, second) = (fixture.open().await, fixture.open().await);
        assert_eq!(first.lock_holder().await.expect("readable"), None);
        let LockAttempt::Acquired(lock) = try_lock(&first, "run 01JA").await else { panic!("the lock is held") };
        assert!(lock.is_still_held().await);
        let LockAttempt::Held(holder) = try_lock(&second, "run 01JB").await else { panic!("it is held") };
        assert!(holder.starts_with(&format!("run 01JA (process {}", std::process::id())), "{holder}");
        assert_eq!(second.lock_holder().await.expect("readable"), Some(holder.clone()));
        assert_eq!(first.lock_holder().await.expect("readable"), Some(holder));
        drop(lock);
        eventually("released by the drop", async || got(&second, "run 01JB").await).await;
    }
}

#[tokio::test]
async fn a_released_lock_has_no_holder() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        drop(try_lock(&journal, "run 01JA").await);
        let no_holder = async || journal.lock_holder().await.expect("readable").is_none().then_some(());
        eventually("released", no_holder).await;
    }
}

#[tokio::test]
async fn a_reader_never_keeps_another_process_from_locking() {
    for fixture in JournalFixture::all().await {
        let journal = fixture.open().await;
        for _ in 0..50 {
            assert_eq!(journal.lock_holder().await.expect("readable"), None);
        }
        assert!(matches!(try_lock(&journal, "run 01JA").await, LockAttempt::Acquired(_)));
    }
}

#[tokio::test]
async fn of_two_attempts_at_once_exactly_one_gets_the_lock() {
    for fixture in JournalFixture::all().await {
        let (first, second) = tokio::join!(Journal::open(&fixture.options), Journal::open(&fixture.options));
        let (first, second) = (first.expect("a journal"), second.expect("a journal"));
        let (one, other) = tokio::join!(first.lock("one"), second.lock("other"));
        let locks = [one.expect("an answer"), other.expect("an answer")];
        assert_eq!(locks.iter().filter(|lock| matches!(lock, LockAttempt::Acquired(_))).count(), 1, "{locks:?}");
    }
}

/// Not a test of its own: the process that [`killing_the_holder_releases_the_lock`] starts in another process.
#[tokio::test]
async fn hold_the_lock_until_killed() {
    let Ok(address) = env::var(HOLDER) else {
        println!("skipped: only another test starts this, in a process of its own");
        return;
    };
    let location = match address.strip_prefix("file:") {
        Some(path) => JournalLocation::Sqlite(PathBuf::from(path)),
        None => JournalLocation::Postgres(address.into()),
    };
    let journal = Journal::open(&JournalOptions { location, watch: None }).await.expect("a journal");
    let _lock = try_lock(&journal, "run 01JA").await;
    begin_and_die(&journal, "01JA", at(0)).await;
    println!("\nholding");
    std::future::pending::<()>().await;
}

/// Starts a process that holds the lock, and waits until it does.
fn holder(fixture: &JournalFixture) -> Child {
    let address = match &fixture.options.location {
        JournalLocation::Sqlite(path) => format!("file:{}", path.display()),
        JournalLocation::Postgres(address) => address.expose_secret().to_owned(),
    };
    let mut child = test_process(module_path!(), "hold_the_lock_until_killed")
        .env(HOLDER, address)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "holding"), "the process ended without the lock");
    child
}

#[tokio::test]
async fn killing_the_holder_releases_the_lock() {
    for fixture in JournalFixture::all().await {
        let mut child = holder(&fixture);
        let journal = fixture.open().await;
        assert!(matches!(try_lock(&journal, "run 01JB").await, LockAttempt::Held(who) if who.starts_with("run 01JA")));
        assert_eq!(journal.runs(1).await.expect("readable")[0].outcome, None, "it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
        let _lock = eventually("freed by the kill", async || got(&journal, "run 01JB").await).await;
        let bob = journal.operator_record(&production(), &["bob@acme.com".into()], 1).await.expect("readable");
        assert_eq!(bob.changes.len(), 1, "what the dead process wrote is there");
    }
}

#[tokio::test]
async fn the_lock_file_stays_and_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = JournalFixture::in_a_folder();
    let journal = fixture.open().await;
    drop(try_lock(&journal, "run 01JA").await);
    let path = fixture.file().with_file_name("state.db.lock");
    let mode = std::fs::metadata(path).expect("still there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

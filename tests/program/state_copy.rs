//! `state copy`: a whole state at another place, or nothing.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use campaign_group_sync::journal::{Candidate, Election, Journal, JournalLocation, JournalOptions, LockAttempt};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{
    harness::{Finished, Served, program, run},
    process::{DEADLINE, Started},
};

static SCHEMAS: AtomicUsize = AtomicUsize::new(0);

/// Rows that take the built program long enough to be stopped in between.
const MANY: u32 = 150_000;

/// A sandbox after a run that made changes.
pub(super) fn after_a_run() -> Served {
    let sandbox = Served::of(&["first_day"]);
    let made = sandbox.sync_now(&[]);
    assert_eq!(made.exit, Some(0), "{}", made.stderr);
    sandbox
}

pub(super) fn state_of(sandbox: &Served) -> PathBuf {
    let text = fs::read_to_string(&sandbox.configuration).expect("written");
    text.split("sqlite://").nth(1).and_then(|rest| rest.split('"').next()).expect("an address").into()
}

pub(super) fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// An empty schema of the server of this environment: its address with a user, and that schema alone.
pub(super) async fn empty_schema() -> Option<String> {
    let Ok(server) = env::var("TEST_POSTGRES_URL") else {
        println!("skipped for PostgreSQL: TEST_POSTGRES_URL is not set (tests/journal/with_postgres sets it)");
        return None;
    };
    let schema = format!("copy_{}_{}", std::process::id(), SCHEMAS.fetch_add(1, Ordering::Relaxed));
    execute(&server, &format!("create schema {schema}")).await;
    Some(format!("{server}?options=-c%20search_path%3D{schema}"))
}

/// An empty database, whose sessions are those of one test.
async fn empty_database() -> Option<String> {
    let schema = empty_schema().await?;
    let (server, name) = schema.split_once("?options=-c%20search_path%3D").expect("a schema");
    execute(server, &format!("create database {name}")).await;
    let (server, _) = server.rsplit_once('/').expect("a database");
    Some(format!("{server}/{name}"))
}

pub(super) async fn execute(address: &str, sql: &str) {
    let mut server = PgConnection::connect(address).await.expect("a server");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut server).await.expect("done");
}

async fn number(address: &str, sql: &str) -> i64 {
    let mut server = PgConnection::connect(address).await.expect("a server");
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut server).await.expect("a number")
}

async fn execute_in_file(path: &Path, sql: &str) {
    let mut file = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.expect("a file");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut file).await.expect("done");
    file.close().await.expect("closed");
}

/// Adds rows to a state.
pub(super) async fn enlarge(state: &Path) {
    let sql = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {MANY})
         insert into named_skips (instance, reason, subject) select 'production', 'no-operator', 'user ' || i from n"
    );
    execute_in_file(state, &sql).await;
}

pub(super) fn copied(from: &str, to: &str, more: &[&str]) -> Finished {
    run(&mut copying(from, to, more))
}

pub(super) fn copying(from: &str, to: &str, more: &[&str]) -> Command {
    let mut command = program(&["state", "copy", from, to]);
    command.args(more);
    command
}

/// Runs a command on a state at another place.
pub(super) fn with_state(sandbox: &Served, address: &str, arguments: &[&str]) -> Finished {
    run(sandbox.prepared(arguments).env("CAMPAIGN_GROUP_SYNC__STATE__URL", address))
}

async fn journal_at(location: JournalLocation) -> Journal {
    Journal::open(&JournalOptions { location, watch: None }).await.expect("opened")
}

/// The names in a folder that are there besides lock files.
fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| Path::new(name).extension().is_none_or(|suffix| suffix != "lock")).collect()
}

pub(super) fn assert_refused(finished: &Finished, exit: i32, expected: &[&str]) {
    assert_eq!(finished.exit, Some(exit), "{finished:?}");
    assert!(finished.stdout.is_empty(), "{finished:?}");
    for text in expected {
        assert!(finished.stderr.contains(text), "{text}: {}", finished.stderr);
    }
}

#[tokio::test]
async fn a_copy_holds_every_row_and_the_next_run_continues_there() {
    let served = after_a_run();
    let original = state_of(&served);
    let mut places = vec![url(&served.path("new/state.db"))];
    places.extend(empty_schema().await);
    places.push(url(&served.path("back/state.db")));
    let (mut from, mut digest) = (url(&original), None);
    for to in &places {
        let finished = copied(&from, to, &["--output", "json"]);
        assert_eq!(finished.exit, Some(0), "{finished:?}");
        let document = finished.json();
        assert_eq!((&document["version"], &document["record_faults"]), (&1.into(), &0.into()));
        let runs = document["tables"].as_array().expect("a list").iter().find(|table| table["table"] == "runs");
        assert_eq!(runs.expect("there")["rows"], 1);
        assert_eq!(*digest.get_or_insert(document["digest"].clone()), document["digest"]);
        let verified = with_state(&served, to, &["history", "--verify", "--output", "json"]).json();
        assert_eq!((&verified["whole"], &verified["head"]), (&true.into(), &document["record"]));
        from.clone_from(to);
    }
    let mode_of = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!((mode_of(&served.path("back")), mode_of(&served.path("back/state.db"))), (0o700, 0o600));
    assert_eq!(names_in(&served.path("back")), ["state.db"]);
    let access = |address: &str| with_state(&served, address, &["access", "--csv", "--at", "2099-01-01"]);
    for to in &places {
        assert_eq!(access(to).stdout, access(&url(&original)).stdout);
        let made = with_state(&served, to, &["--sync-now", "--output", "json"]);
        assert_eq!(made.json()["outcome"], "in_sync", "{}", made.stderr);
        let verified = with_state(&served, to, &["history", "--verify", "--output", "json"]).json();
        assert_eq!(verified["whole"], true, "{verified}");
        let history = with_state(&served, to, &["history", "--output", "json"]).json();
        assert_eq!(history["runs"].as_array().expect("a list").len(), 2);
    }
}

#[tokio::test]
async fn the_text_names_what_was_copied_and_what_to_do_next() {
    let served = after_a_run();
    let to = served.path("new.db");
    let finished = copied(&url(&state_of(&served)), &url(&to), &[]);
    assert_eq!(finished.exit, Some(0), "{finished:?}");
    let text = finished.stdout.replace('\n', " ");
    for expected in
        ["1   runs", "memberships, present and past", "is equal: digest ", "events is unbroken; its head is "]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(text.contains(&format!("set url = \"{}\" in [state]", url(&to))), "{text}");
    let longest = finished.stdout.lines().filter(|line| !line.contains('/') && !line.contains(':')).map(str::len).max();
    assert!(longest.is_some_and(|longest| longest <= 80), "{}", finished.stdout);
    let markdown = copied(&url(&to), &url(&served.path("third.db")), &["--output", "markdown"]);
    assert!(markdown.stdout.contains("| runs | 1 |"), "{}", markdown.stdout);
}

#[tokio::test]
async fn wrong_addresses_are_refused_and_no_password_is_shown() {
    let served = after_a_run();
    let (from, to) = (url(&state_of(&served)), url(&served.path("to.db")));
    assert_refused(&run(&mut program(&["state", "copy"])), 64, &["two addresses"]);
    assert_refused(&run(&mut program(&["state", "copy", &from])), 64, &["two addresses"]);
    assert_refused(&copied(&from, &from, &[]), 64, &["are the same state"]);
    let folder = state_of(&served).parent().expect("a folder").to_owned();
    let around = url(&folder.join("..").join(folder.file_name().expect("named")).join("state.db"));
    assert_refused(&copied(&from, &around, &[]), 64, &["are the same state"]);
    assert_refused(&copied(&to, &url(&served.path("x.db")), &[]), 64, &["there is no state at", "to.db"]);
    assert_refused(
        &copied("mysql://u:secret@h/d", &to, &[]),
        64,
        &["FROM is neither", "postgres://user@host/database"],
    );
    assert_refused(&copied(&from, "sqlite://relative.db", &[]), 64, &["TO is not sqlite://"]);
    let closed = "postgres://u:secret@127.0.0.1:1/d";
    let finished = copied(&from, closed, &[]);
    assert_refused(&finished, 1, &["TO is as it was before", "database d on 127.0.0.1:1", "TO contains a password"]);
    let surplus = run(&mut program(&["state", "copy", &from, &to, closed]));
    assert_refused(&surplus, 64, &["given: 3"]);
    let wrong = [finished, surplus, copied("mysql://u:secret@h/d", &to, &[])];
    assert!(wrong.iter().all(|finished| !finished.stderr.contains("secret")), "{wrong:?}");
    assert!(!served.path("to.db").exists());
}

#[tokio::test]
async fn a_target_that_holds_something_is_refused_and_named() {
    let sandbox = after_a_run();
    let (from, other) = (url(&state_of(&sandbox)), sandbox.path("other.db"));
    assert_eq!(copied(&from, &url(&other), &[]).exit, Some(0));
    let before = fs::read(&other).expect("readable");
    assert_refused(&copied(&from, &url(&other), &[]), 64, &["already holds a state with 1 run, the last one of 20"]);
    assert_eq!(fs::read(&other).expect("readable"), before);
    let foreign = sandbox.path("foreign.db");
    fs::write(&foreign, "").expect("written");
    execute_in_file(&foreign, "create table theirs (a text)").await;
    assert_refused(&copied(&from, &url(&foreign), &[]), 78, &["is not a state of campaign-group-sync"]);
    fs::write(sandbox.path("left.db-wal"), "of an earlier state").expect("written");
    assert_refused(&copied(&from, &url(&sandbox.path("left.db")), &[]), 64, &["left.db-wal"]);
    let Some(server) = empty_schema().await else { return };
    assert_eq!(copied(&from, &server, &[]).exit, Some(0));
    assert_refused(&copied(&from, &server, &[]), 64, &["already holds a state with 1 run", "database "]);
    assert_refused(&copied(&server, &format!("{server}&application_name=x"), &[]), 64, &["are the same state"]);
}

#[tokio::test]
async fn an_empty_state_on_a_server_is_replaced_and_one_with_other_rows_is_not() {
    let Some(server) = empty_schema().await else { return };
    let sandbox = after_a_run();
    let from = url(&state_of(&sandbox));
    journal_at(JournalLocation::Postgres(server.as_str().into())).await.close().await;
    execute(&server, "insert into sent_calls (credential, kind, purpose, at) values ('a', 'users', 'run', 1)").await;
    assert_refused(&copied(&from, &server, &[]), 64, &["a state without runs, but with rows in the table sent_calls"]);
    execute(&server, "delete from sent_calls").await;
    let finished = copied(&from, &server, &[]);
    assert_eq!(finished.exit, Some(0), "{finished:?}");
    assert_eq!(number(&server, "select count(*) from runs").await, 1);
}

#[tokio::test]
async fn a_state_of_another_version_is_neither_copied_nor_changed() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("to.db"));
    execute_in_file(&from, "update campaign_group_sync_schema set version = version + 1000").await;
    assert_refused(
        &copied(&url(&from), &url(&to), &[]),
        78,
        &["newer version of this program", "install that version"],
    );
    execute_in_file(&from, "update campaign_group_sync_schema set version = version - 1001").await;
    let before = fs::read(&from).expect("readable");
    let expected = ["earlier version of this program", "make one run with this version"];
    assert_refused(&copied(&url(&from), &url(&to), &[]), 78, &expected);
    assert_eq!(fs::read(&from).expect("readable"), before);
    assert!(!to.exists());
}

#[tokio::test]
async fn a_state_that_a_run_or_a_daemon_uses_is_refused_and_the_user_is_named() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("to.db"));
    for (used, suffix) in [(&from, ".lock"), (&from, ".daemon.lock"), (&to, ".lock"), (&to, ".daemon.lock")] {
        let path = PathBuf::from(format!("{}{suffix}", used.display()));
        fs::write(&path, "the user of it (process 1)").expect("written");
        let lock = File::open(&path).expect("readable");
        lock.lock().expect("locked");
        let expected = format!("{} is in use: the user of it (process 1)", used.display());
        assert_refused(&copied(&url(&from), &url(&to), &[]), 7, &[&expected, "stop the daemons"]);
        assert!(!to.exists());
    }
    assert_eq!(copied(&url(&from), &url(&to), &[]).exit, Some(0));
}

#[tokio::test]
async fn a_state_on_a_server_that_a_run_or_a_leader_uses_is_refused_and_the_user_is_named() {
    let (Some(from), Some(to)) = (empty_schema().await, empty_schema().await) else { return };
    let served = after_a_run();
    assert_eq!(copied(&url(&state_of(&served)), &from, &[]).exit, Some(0));
    for used in [&from, &to] {
        let journal = journal_at(JournalLocation::Postgres(used.as_str().into())).await;
        let LockAttempt::Acquired(lock) = journal.lock("run 01KB").await.expect("an answer") else { panic!("held") };
        assert_refused(&copied(&from, &to, &[]), 7, &["is in use: run 01KB (process "]);
        drop(lock);
        let mut candidate: Candidate = journal.candidate("node-a").expect("a server");
        let Election::Leader(leadership) = candidate.try_to_lead().await.expect("an answer") else { panic!("held") };
        assert_refused(&copied(&from, &to, &[]), 7, &["is in use: the daemon on node-a leads"]);
        leadership.resign().await;
        journal.close().await;
    }
    await_end_of_sessions(&from).await;
    assert_eq!(copied(&from, &to, &[]).exit, Some(0));
}

/// Waits until no session holds a lock of a state.
async fn await_end_of_sessions(address: &str) {
    let sql = "select count(*) from pg_locks where mode = 'ExclusiveLock' and locktype = 'relation'
               and relation in (to_regclass('run_lock')::oid, to_regclass('leader_lock')::oid)";
    let begin = Instant::now();
    while number(address, sql).await > 0 {
        assert!(begin.elapsed() < DEADLINE, "a session does not end");
    }
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_behind_and_says_how_much_is_free() {
    let Some(disk) = SmallDisk::mount(4_096) else { return };
    let served = after_a_run();
    let from = state_of(&served);
    enlarge(&from).await;
    let to = disk.path().join("state/state.db");
    assert_refused(&copied(&url(&from), &url(&to), &[]), 1, &["TO is as it was before", "no space left", "(tmpfs)"]);
    assert!(!to.parent().expect("a folder").exists());
}

/// How a copy ends in the middle.
#[derive(Clone, Copy, Debug)]
enum End {
    Interrupt,
    Terminate,
    Kill,
}

impl End {
    fn send(self, process: &Started) {
        process.signal(match self {
            Self::Interrupt => "-INT",
            Self::Terminate => "-TERM",
            Self::Kill => "-KILL",
        });
    }
}

#[tokio::test]
async fn a_copy_to_a_file_that_is_stopped_in_the_middle_leaves_no_state() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("to/state.db"));
    enlarge(&from).await;
    let in_progress = served.path("to/state.db.copy-in-progress");
    for end in [End::Interrupt, End::Terminate, End::Kill] {
        let copy = Started::of(&mut copying(&url(&from), &url(&to), &[]));
        let begin = Instant::now();
        while fs::metadata(&in_progress).map_or(0, |file| file.len()) < 1_000_000 {
            assert!(begin.elapsed() < DEADLINE, "the copy does not begin");
        }
        end.send(&copy);
        let finished = copy.finish();
        assert!(!to.exists(), "{end:?}: {finished:?}");
        if matches!(end, End::Kill) {
            assert_eq!(finished.exit, None);
        } else {
            assert_refused(&finished, 1, &["a signal stopped the copy, and ", "to/state.db is as it was before"]);
            assert!(names_in(&served.path("to")).is_empty(), "{end:?}");
        }
    }
    // What a killed copy left is replaced.
    assert_eq!(copied(&url(&from), &url(&to), &[]).exit, Some(0));
    assert_eq!(names_in(&served.path("to")), ["state.db"]);
}

#[tokio::test]
async fn a_copy_to_a_server_that_is_stopped_in_the_middle_leaves_no_table() {
    let Some(to) = empty_database().await else { return };
    let served = after_a_run();
    let from = state_of(&served);
    enlarge(&from).await;
    for end in [Some(End::Interrupt), Some(End::Kill), None] {
        let copy = Started::of(&mut copying(&url(&from), &to, &[]));
        let begin = Instant::now();
        while number(&to, &of_copies("count(*)")).await == 0 {
            assert!(begin.elapsed() < DEADLINE, "the copy does not begin");
        }
        match end {
            Some(end) => end.send(&copy),
            // The connection is cut.
            None => drop(number(&to, &of_copies("count(pg_terminate_backend(pid))")).await),
        }
        let finished = copy.finish();
        match end {
            Some(End::Kill) => assert_eq!(finished.exit, None),
            _ => assert_refused(&finished, 1, &["as it was before"]),
        }
        let begin = Instant::now();
        while number(&to, &of_copies("count(*)")).await > 0 {
            assert!(begin.elapsed() < DEADLINE, "the session does not end");
        }
        assert_eq!(number(&to, "select count(*) from pg_tables where schemaname = current_schema").await, 0, "{end:?}");
    }
    assert_eq!(copied(&url(&from), &to, &[]).exit, Some(0));
}

/// Selects something of the session that inserts the many rows.
fn of_copies(what: &str) -> String {
    format!(
        "select {what} from pg_stat_activity
         where datname = current_database() and query like 'insert into \"named_skips\"%'"
    )
}

#[tokio::test]
async fn a_copy_that_reads_back_differently_is_not_kept() {
    let Some(to) = empty_schema().await else { return };
    let served = after_a_run();
    journal_at(JournalLocation::Postgres(to.as_str().into())).await.close().await;
    let sql = "create function spoil() returns trigger language plpgsql as
               $$ begin new.login := new.login || ' '; return new; end $$;
               create trigger spoil before insert on stays for each row execute function spoil()";
    execute(&to, sql).await;
    let finished = copied(&url(&state_of(&served)), &to, &[]);
    assert_refused(&finished, 1, &["TO is as it was before", "differs from the source in the table stays"]);
    assert_eq!(number(&to, "select count(*) from runs").await, 0);
}

/// The statements of `docs/state.md`, for a database and roles of this test.
fn rights_in_docs(heading: &str, database: &str) -> String {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state.md")).expect("readable");
    let block = docs.split(heading).nth(1).and_then(|rest| rest.split("```sql\n").nth(1)).expect("statements");
    let block = block.split("```").next().expect("statements");
    let lines = block.lines().filter(|line| !line.starts_with("create") && !line.starts_with('\\'));
    lines.collect::<Vec<_>>().join("\n").replace("group_sync", database)
}

#[tokio::test]
async fn the_rights_in_the_documentation_suffice_for_the_owner_and_for_a_user_who_owns_nothing() {
    let Ok(server) = env::var("TEST_POSTGRES_URL") else {
        println!("skipped: TEST_POSTGRES_URL is not set (tests/journal/with_postgres sets it)");
        return;
    };
    let sandbox = after_a_run();
    let name = format!("rights_{}", std::process::id());
    execute(&server, &format!("create role {name} login")).await;
    execute(&server, &format!("create role {name}_run login")).await;
    execute(&server, &format!("create database {name} owner {name}")).await;
    let (_, host) = server.split_once('@').expect("a user");
    let host = host.split('/').next().expect("a host");
    let of = |user: &str| format!("postgres://{user}@{host}/{name}");
    let (admin, owner, user) = (of("test"), of(&name), of(&format!("{name}_run")));
    execute(&admin, &rights_in_docs("### The user of the database", &name)).await;
    let stranger = with_state(&sandbox, &user, &["--sync-now", "--dry-run"]);
    assert!(stranger.stderr.contains("permission denied"), "{}", stranger.stderr);
    let finished = copied(&url(&state_of(&sandbox)), &owner, &[]);
    assert_eq!(finished.exit, Some(0), "{finished:?}");
    execute(&owner, &rights_in_docs("**A user without the right to create tables**", &name)).await;
    let made = with_state(&sandbox, &user, &["--sync-now", "--output", "json"]);
    assert_eq!(made.json()["outcome"], "in_sync", "{}", made.stderr);
    // A table that a later version creates.
    execute(&owner, "create table later (a text)").await;
    execute(&user, "insert into later (a) values ('b')").await;
}

#[tokio::test]
async fn a_text_that_the_server_cannot_store_is_named() {
    let Some(to) = empty_schema().await else { return };
    let served = after_a_run();
    let from = state_of(&served);
    let sql = "insert into named_skips (instance, reason, subject) values ('a', 'b', 'c' || char(0))";
    execute_in_file(&from, sql).await;
    let expected = ["row 1 of the table named_skips contains the character U+0000"];
    assert_refused(&copied(&url(&from), &to, &[]), 1, &expected);
}

#[tokio::test]
async fn a_record_that_was_changed_before_is_copied_as_it_is_and_reported() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("to.db"));
    execute_in_file(&from, "update events set body = body || ' ' where position = 2").await;
    let finished = copied(&url(&from), &url(&to), &["--output", "json"]);
    assert_eq!(finished.exit, Some(3), "{finished:?}");
    assert!(finished.json()["record_faults"].as_u64().expect("a number") > 0);
    let text = copied(&url(&from), &url(&served.path("text.db")), &[]).stdout.replace('\n', " ");
    assert!(text.contains("was broken before the copy, "), "{text}");
}

/// A small file system in memory, mounted for one test.
pub(super) struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a printed note, if this process may not mount.
    pub(super) fn mount(kib: usize) -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let size = format!("size={kib}k,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "small"]).arg(folder.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: only root can mount a small file system");
        None
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

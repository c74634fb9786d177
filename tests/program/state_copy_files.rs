//! `state copy` with files: owners, limits, file systems that are read-only, and what remains after a failure.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    harness::{program, run},
    state_copy::{
        SmallDisk, after_a_run, assert_refused, copied, copying, empty_schema, enlarge, execute, state_of, url,
        with_state,
    },
};

/// A user id that no file of this host needs.
const SERVICE: u32 = 64_321;

/// Every name in a folder, in order.
fn all_names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn folders_and_files_that_root_creates_get_the_owner_of_the_source() {
    let served = after_a_run();
    let from = state_of(&served);
    if chown(&from, Some(SERVICE), Some(SERVICE)).is_err() {
        println!("skipped: only root can change the owner of a file");
        return;
    }
    let to = served.path("new/inner/state.db");
    assert_eq!(copied(&url(&from), &url(&to), &[]).exit, Some(0));
    for made in [served.path("new"), served.path("new/inner"), to] {
        let found = fs::metadata(&made).expect("there");
        assert_eq!((found.uid(), found.gid()), (SERVICE, SERVICE), "{}", made.display());
    }
    assert_eq!(all_names_in(&served.path("new/inner")), ["state.db"]);
}

#[test]
fn a_copy_that_fails_removes_its_folders_and_lock_files_and_no_others() {
    let served = after_a_run();
    let from = state_of(&served);
    let before = all_names_in(from.parent().expect("a folder"));
    let other = served.path("other");
    fs::create_dir(&other).expect("made");
    let to = other.join("state.db");
    fs::write(other.join("state.db.lock"), "").expect("written");
    let locked = File::open(other.join("state.db.lock")).expect("readable");
    locked.lock().expect("locked");
    assert_refused(&copied(&url(&from), &url(&to), &[]), 7, &["is in use"]);
    assert_eq!(all_names_in(&other), ["state.db.lock"]);
    assert_eq!(all_names_in(from.parent().expect("a folder")), before);
}

#[tokio::test]
async fn the_limit_on_file_sizes_is_reported_and_leaves_nothing_behind() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("limited/state.db"));
    enlarge(&from).await;
    let copy = copying(&url(&from), &url(&to), &[]);
    let mut limited = Command::new("bash");
    limited.args(["-c", "ulimit -f 2000; exec \"$0\" \"$@\""]).arg(copy.get_program()).args(copy.get_args());
    limited.env_clear().env("PATH", "/usr/bin:/bin");
    let expected = ["TO is as it was before", "no space left", "2048000 bytes at most (ulimit -f)", "it needs about "];
    assert_refused(&run(&mut limited), 1, &expected);
    assert!(!served.path("limited").exists());
}

#[tokio::test]
async fn a_full_disk_is_reported_with_the_need_and_the_space_before_the_copy() {
    let Some(disk) = SmallDisk::mount(4_096) else { return };
    let served = after_a_run();
    let from = state_of(&served);
    enlarge(&from).await;
    let finished = copied(&url(&from), &url(&disk.path().join("state.db")), &[]);
    let needed =
        format!("it needs about {} bytes, and before it there were ", fs::metadata(&from).expect("there").len());
    assert_refused(&finished, 1, &[&needed, " bytes free on "]);
    assert!(!finished.stderr.contains("were 0 bytes"), "{}", finished.stderr);
    assert!(all_names_in(disk.path()).is_empty());
}

/// A disk with a copy of the state, mounted read-only after `prepare`.
fn on_read_only_disk(state: &Path, prepare: impl FnOnce(&Path)) -> Option<(SmallDisk, PathBuf)> {
    let disk = SmallDisk::mount(16_384)?;
    let copy = disk.path().join("state.db");
    fs::copy(state, &copy).expect("copied");
    prepare(&copy);
    let mounted = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()).status();
    assert!(mounted.expect("mount runs").success());
    Some((disk, copy))
}

#[test]
fn a_state_on_a_read_only_disk_is_reviewed_and_copied_and_a_run_says_why_it_cannot_write() {
    let served = after_a_run();
    let Some((_disk, state)) = on_read_only_disk(&state_of(&served), |_| {}) else { return };
    for arguments in [&["review"][..], &["history"], &["history", "--verify"], &["access"]] {
        let shown = with_state(&served, &url(&state), arguments);
        assert_eq!(shown.exit, Some(0), "{arguments:?}: {shown:?}");
        assert!(!shown.stdout.is_empty(), "{arguments:?}");
    }
    let (one, other) = (served.path("one.db"), served.path("other.db"));
    let digest = |from: &Path, to: &Path| {
        let copied = copied(&url(from), &url(to), &["--output", "json"]);
        assert_eq!(copied.exit, Some(0), "{copied:?}");
        copied.json()["digest"].to_string()
    };
    assert_eq!(digest(&state, &one), digest(&state_of(&served), &other));
    let made = with_state(&served, &url(&state), &["--sync-now"]);
    assert_eq!(made.exit, Some(1), "{made:?}");
    let said = format!("{}{}", made.stdout, made.stderr);
    assert!(said.contains("mounted read-only") && !said.contains("database server"), "{said}");
}

#[test]
fn a_state_with_an_unread_log_on_a_read_only_disk_is_refused_with_the_reason() {
    let served = after_a_run();
    let prepare = |state: &Path| fs::write(format!("{}-wal", state.display()), "changes").expect("written");
    let Some((_disk, state)) = on_read_only_disk(&state_of(&served), prepare) else { return };
    let finished = copied(&url(&state), &url(&served.path("to.db")), &[]);
    assert_refused(&finished, 1, &["mounted read-only", "state.db-wal beside it has changes"]);
    assert!(!finished.stderr.contains("database server"), "{}", finished.stderr);
}

#[test]
fn messages_of_a_copy_name_no_configuration_and_wrong_addresses_exit_with_64() {
    let served = after_a_run();
    let (from, to) = (state_of(&served), served.path("to.db"));
    fs::create_dir(served.path("folder")).expect("made");
    let corrupt = served.path("corrupt.db");
    let mut bytes = fs::read(&from).expect("readable");
    bytes.truncate(8_192);
    fs::write(&corrupt, bytes).expect("written");
    let wrong_option = "postgres://u@127.0.0.1:1/d?sslmode=foo";
    let refusals = [
        (copied(&url(&from), &url(&served.path("folder")), &[]), 78, "is a folder and not a regular file"),
        (copied(&url(&from), wrong_option, &[]), 64, "TO: "),
        (copied(wrong_option, &url(&to), &[]), 64, "FROM: "),
        (copied(&url(&from), "postgres://u@127.0.0.1:1/d", &[]), 1, "check that the database server runs"),
        (copied(&url(&corrupt), &url(&to), &[]), 1, "restore it from a backup"),
    ];
    for (finished, exit, expected) in &refusals {
        assert_refused(finished, *exit, &[expected]);
        for word in ["configuration", "state.url", "journal", "sets it aside"] {
            assert!(!finished.stderr.contains(word), "{word}: {}", finished.stderr);
        }
    }
}

#[test]
fn no_path_is_broken_at_the_end_of_a_line() {
    let served = after_a_run();
    let to = served.path("a-very-long-name-of-a-folder-with-hyphens/and-another-one-that-is-long/state.db");
    let finished = copied(&url(&state_of(&served)), &url(&to), &[]);
    assert!(finished.stdout.contains(&format!("\"{}\"", url(&to))), "{}", finished.stdout);
    let shown = run(&mut program(&["help", "state", "copy"]));
    assert!(shown.stdout.contains("<sqlite:///absolute/path>"), "{}", shown.stdout);
}

#[tokio::test]
async fn a_database_with_a_table_of_another_program_is_refused_and_the_table_is_named() {
    let Some(to) = empty_schema().await else { return };
    execute(&to, "create table customers (a text)").await;
    let served = after_a_run();
    let finished = copied(&url(&state_of(&served)), &to, &[]);
    assert_refused(&finished, 78, &["has the table customers", "a database of its own", "TO is as it was before"]);
    execute(&to, "drop table customers").await;
    assert_eq!(copied(&url(&state_of(&served)), &to, &[]).exit, Some(0));
}

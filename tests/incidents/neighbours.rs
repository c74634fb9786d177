//! Files, locks and databases that other users of the host, or of the server, can reach as well.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use campaign_group_sync::journal::{Journal, JournalError, JournalLocation, JournalOptions, LockAttempt};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// What a file holds that the program must not touch.
const PRECIOUS: &str = "root:x:0:0:root:/root:/bin/bash\n";

fn at(path: &Path) -> JournalOptions {
    JournalOptions { location: JournalLocation::Sqlite(path.to_owned()), watch: None }
}

/// A private folder with a state that was used once, and beside it a file of another user.
async fn used_state() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state").join("state.db");
    Journal::open(&at(&state)).await.expect("a journal").close().await;
    let precious = folder.path().join("passwd");
    fs::write(&precious, PRECIOUS).expect("written");
    fs::set_permissions(&precious, Permissions::from_mode(0o644)).expect("readable by all");
    (folder, state, precious)
}

fn beside(state: &Path, suffix: &str) -> PathBuf {
    state.with_file_name(format!("state.db{suffix}"))
}

/// The whole error: where it is, what it is, and what to do about it.
fn words(error: &JournalError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[tokio::test]
async fn incident_39_no_file_of_the_state_is_opened_through_a_link() {
    for suffix in ["", "-wal", "-shm", ".lock", ".daemon.lock"] {
        let (_folder, state, precious) = used_state().await;
        let link = beside(&state, suffix);
        let _ = fs::remove_file(&link);
        symlink(&precious, &link).expect("a link");
        let tried = async {
            let journal = Journal::open(&at(&state)).await?;
            let run = journal.lock("run 01JA").await?;
            Ok::<_, JournalError>((run, journal.lock_daemon("the daemon").await?))
        };
        let error = tried.await.expect_err("refused");
        let words = words(&error);
        let expected = [link.to_str().expect("text"), precious.to_str().expect("text"), "symbolic link", "remove"];
        assert!(expected.iter().all(|part| words.contains(part)), "{suffix}: {words}");
        assert_eq!(fs::read_to_string(&precious).expect("readable"), PRECIOUS, "{suffix}");
        assert_eq!(fs::metadata(&precious).expect("there").permissions().mode() & 0o777, 0o644, "{suffix}");
    }
}

#[tokio::test]
async fn incident_39_a_look_follows_no_link_either() {
    for suffix in ["", "-wal", "-shm"] {
        let (_folder, state, precious) = used_state().await;
        let link = beside(&state, suffix);
        let _ = fs::remove_file(&link);
        symlink(&precious, &link).expect("a link");
        for error in [Journal::open_read_only(&at(&state)).await.err(), Journal::open_existing(&at(&state)).await.err()]
        {
            assert!(matches!(error, Some(JournalError::Untrusted(_))), "{suffix}: {error:?}");
        }
        assert_eq!(fs::read_to_string(&precious).expect("readable"), PRECIOUS, "{suffix}");
    }
    let (_folder, state, precious) = used_state().await;
    let journal = Journal::open(&at(&state)).await.expect("a journal");
    let lock = beside(&state, ".lock");
    let _ = fs::remove_file(&lock);
    symlink(&precious, &lock).expect("a link");
    assert!(matches!(journal.lock_holder().await, Err(JournalError::Untrusted(_))));
}

#[tokio::test]
async fn incident_39_a_folder_that_others_may_change_is_refused() {
    for mode in [0o777, 0o770, 0o703, 0o1777] {
        let (_folder, state, _) = used_state().await;
        let folder = state.parent().expect("a folder");
        fs::set_permissions(folder, Permissions::from_mode(mode)).expect("loosened");
        for error in [Journal::open(&at(&state)).await.err(), Journal::open_read_only(&at(&state)).await.err()] {
            let words = words(&error.expect("refused"));
            assert!(words.contains(&format!("{} (mode {mode:04o})", folder.display())), "{words}");
        }
        fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("tightened");
        assert!(Journal::open(&at(&state)).await.is_ok(), "others may look into it");
    }
}

#[tokio::test]
async fn incident_39_what_is_no_file_is_named_and_nothing_waits_for_it() {
    let (_folder, state, _) = used_state().await;
    let lock = beside(&state, ".lock");
    let _ = fs::remove_file(&lock);
    let made = std::process::Command::new("mkfifo").arg(&lock).status().expect("mkfifo runs");
    assert!(made.success());
    let words = words(&Journal::open(&at(&state)).await.map(drop).expect_err("refused"));
    assert!(words.contains(&format!("{} is a named pipe", lock.display())), "{words}");
}

#[tokio::test]
async fn incident_39_the_folder_of_a_service_with_a_dynamic_user_is_reached_through_its_link() {
    let host = tempfile::tempdir().expect("a folder");
    let private = host.path().join("private");
    fs::create_dir_all(private.join("campaign-group-sync")).expect("a folder");
    fs::set_permissions(private.join("campaign-group-sync"), Permissions::from_mode(0o700)).expect("private");
    symlink("private/campaign-group-sync", host.path().join("campaign-group-sync")).expect("a link");
    let state = host.path().join("campaign-group-sync").join("state.db");
    let journal = Journal::open(&at(&state)).await.expect("a journal");
    assert!(matches!(journal.lock("run 01JA").await.expect("an answer"), LockAttempt::Acquired(_)));
    assert!(private.join("campaign-group-sync/state.db").exists());
}

#[tokio::test]
async fn incident_39_what_root_makes_in_the_folder_of_the_service_belongs_to_the_service() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    const SERVICE: u32 = 61_184;
    let folder = tempfile::tempdir().expect("a folder");
    if chown(folder.path(), Some(SERVICE), Some(SERVICE)).is_err() {
        println!("skipped: only root can give a folder to another user");
        return;
    }
    let state = folder.path().join("state.db");
    let journal = Journal::open(&at(&state)).await.expect("a journal");
    let _locks =
        (journal.lock("run 01JA").await.expect("a lock"), journal.lock_daemon("the daemon").await.expect("a lock"));
    for suffix in ["", "-wal", "-shm", ".lock", ".daemon.lock"] {
        assert_eq!(fs::metadata(beside(&state, suffix)).expect("there").uid(), SERVICE, "{suffix}");
    }
    journal.close().await;
    fs::remove_file(beside(&state, ".lock")).expect("removed");
    let precious = folder.path().join("passwd");
    fs::write(&precious, PRECIOUS).expect("written");
    fs::hard_link(&precious, beside(&state, ".lock")).expect("a hard link");
    let words = words(&journal.lock("run 01JB").await.expect_err("refused"));
    assert!(words.contains("more than one hard link"), "{words}");
    assert_eq!(fs::read_to_string(&precious).expect("readable"), PRECIOUS);
}

#[tokio::test]
async fn incident_40_a_server_without_tls_is_told_nothing() {
    // Bytes of the request for TLS (https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest).
    const TLS_REQUEST: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.expect("a connection");
        let mut request = [0; TLS_REQUEST];
        peer.read_exact(&mut request).await.expect("a request");
        // "No TLS here."
        drop(peer.write_all(b"N").await);
        let mut told = Vec::new();
        drop(peer.read_to_end(&mut told).await);
        told
    });
    // Reaches this host, and is no address of its loopback interface.
    let address = format!("postgres://sync:TOPSECRET@0.0.0.0:{port}/state");
    let error =
        Journal::open(&JournalOptions { location: JournalLocation::Postgres(address.into()), watch: None }).await.err();
    let words = words(&error.expect("refused"));
    assert!(words.contains("TLS") && !words.contains("TOPSECRET"), "{words}");
    assert_eq!(server.await.expect("no panic"), b"", "no user, no database, no password");
}

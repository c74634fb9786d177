//! A pipe, a device or a socket in place of a file is refused at once: reading it could block forever.

use std::{
    fs::remove_file,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::world::{CLOUD_SECRET, LEAST, World, least_with};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg("-m").arg("600").arg(path).status().expect("mkfifo").success());
}

/// The problems of a configuration. If the reader waits for the writer of a pipe, the test fails instead of blocking.
fn problems(world: World) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(world.problems()));
    receiver.recv_timeout(Duration::from_secs(60)).expect("refused without waiting for a writer")
}

#[test]
fn a_configuration_that_is_a_pipe_is_refused_at_once() {
    let world = World::new();
    pipe(&world.path("pipe"));
    let found = problems(world.set(("CAMPAIGN_GROUP_SYNC_CONFIG", "FOLDER/pipe")));
    let expected = "FOLDER/pipe (named by CAMPAIGN_GROUP_SYNC_CONFIG): is not a regular file | name a TOML file";
    assert_eq!(found, [expected]);
}

#[test]
fn a_secret_file_that_is_a_pipe_a_device_or_a_socket_is_refused_at_once() {
    let makers: [fn(&Path); 3] = [
        pipe,
        |path| symlink("/dev/zero", path).expect("a link"),
        |path| drop(UnixListener::bind(path).expect("a socket")),
    ];
    for make in makers {
        let text = least_with("experience_cloud", "client_secret_file = \"FOLDER/secret\"");
        let world = World::new().unset(CLOUD_SECRET).config(&text);
        make(&world.path("secret"));
        let expected = "experience_cloud.client_secret (FOLDER/secret, named by FOLDER/config.toml, line 3): is not a regular \
                        file | name a file that holds the secret";
        assert_eq!(problems(world), [expected]);
    }
}

#[test]
fn a_credential_that_is_a_pipe_is_refused_at_once() {
    let name = "credentials/experience_cloud.client_secret";
    let world = World::new().unset(CLOUD_SECRET).set(("CREDENTIALS_DIRECTORY", "FOLDER/credentials"));
    let world = world.config(LEAST).file(name, "", 0o600);
    remove_file(world.path(name)).expect("removed");
    pipe(&world.path(name));
    let found = problems(world);
    assert!(matches!(&found[..], [problem] if problem.contains("is not a regular file | name a file")), "{found:?}");
}

#[test]
fn a_link_to_a_regular_file_is_read() {
    let text = least_with("experience_cloud", "client_secret_file = \"FOLDER/link\"");
    let world = World::new().unset(CLOUD_SECRET).file("meant.toml", &text, 0o644).file("secret", "s", 0o600);
    symlink(world.path("meant.toml"), world.path("config.toml")).expect("a link");
    symlink(world.path("secret"), world.path("link")).expect("a link");
    world.settings();
}

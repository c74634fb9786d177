//! The folder of the control socket: only its owner can change it, and it is not a link.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::harness::{Harness, NEVER};

#[test]
fn incident_39_a_link_in_the_place_of_the_control_socket_is_refused() {
    let harness = Harness::of("first_day", NEVER);
    fs::create_dir(harness.path("run")).expect("made");
    fs::write(harness.path("precious"), "precious").expect("written");
    fs::set_permissions(harness.path("precious"), Permissions::from_mode(0o600)).expect("private");
    symlink(harness.path("precious"), harness.socket()).expect("a link");
    let refused = harness.command(&[]);
    assert_eq!(refused.exit, Some(78), "{refused:?}");
    let is_told = refused.stderr.contains(&format!("{} is a symbolic link to", harness.socket().display()));
    assert!(is_told, "{}", refused.stderr);
    let mode = fs::metadata(harness.path("precious")).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn incident_39_a_control_socket_in_a_folder_that_all_may_change_is_refused() {
    let harness = Harness::of("first_day", NEVER);
    fs::create_dir(harness.path("run")).expect("made");
    fs::set_permissions(harness.path("run"), Permissions::from_mode(0o1777)).expect("open");
    let refused = harness.command(&[]);
    assert_eq!(refused.exit, Some(78), "{refused:?}");
    let folder = harness.path("run").display().to_string();
    assert!(refused.stderr.contains(&folder) && refused.stderr.contains("mode 1777"), "{}", refused.stderr);
    assert!(!harness.socket().exists());
}

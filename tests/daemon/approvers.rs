//! Who approved, as the daemon records it of a peer of its control socket: the kernel is believed, a name is only
//! noted.

use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};

use super::harness::{Harness, NEVER};

const HOLDING: &str = "[guard]\nmax_removals = 1\n";

/// The user of this process, and of every command that it starts.
fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").expect("a process").uid()
}

/// The login user of this process as the kernel writes it; `null` where it began without a sign-in.
fn own_login() -> Value {
    let text = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    text.trim().parse().ok().filter(|uid: &u32| *uid != u32::MAX).map_or(Value::Null, |uid| json!(uid))
}

#[test]
fn incident_41_a_name_that_a_peer_of_the_socket_forges_is_shown_as_claimed_beside_its_user() {
    let harness = Harness::of("first_day", &format!("{NEVER}{HOLDING}"));
    let mut daemon = harness.daemon();
    assert_eq!(harness.command(&["--sync-now"]).exit, Some(4));
    daemon.hear("STATUS=blocked");
    let digest = harness.status()["held"][0].as_str().expect("a digest").to_owned();
    let mut talk = harness.talk();
    let ask = json!({"ask": "approve", "digest": digest, "approver": "zoe\nall is well", "run": "at_once"});
    let answer = talk.say(&ask.to_string());
    let approval = &answer["approval"];
    assert_eq!(approval["outcome"], "approved", "{answer}");
    assert_eq!(approval["approver_uid"], json!(own_uid()), "{answer}");
    assert_eq!(approval["approver_login_uid"], own_login(), "{answer}");
    daemon.hear("STATUS=idle: all changes were applied");

    let run = harness.history()[0]["run"].as_str().expect("a run").to_owned();
    let report = harness.command(&["history", &run, "--output", "json"]).json();
    let noted = &report["approvals"][0];
    assert_eq!((&noted["uid"], &noted["login_uid"]), (&json!(own_uid()), &own_login()), "{noted}");
    assert_eq!(noted["claimed"], "zoe\\nall is well", "{noted}");
    let by = noted["approved_by"].as_str().expect("one line");
    assert!(by.starts_with(noted["by"].as_str().expect("a name")) && !by.starts_with("zoe"), "{by}");
    let released = report["instances"][0]["changes"].as_array().expect("changes").iter();
    assert!(released.clone().count() == 3 && released.clone().all(|change| change["approved_by"] == json!(by)));
    let log = daemon.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("applied: remove")).collect();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.contains(", approved by ")), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("all is well")), "{log}");
}

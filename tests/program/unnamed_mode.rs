//! An instance without the key `mode`.

use std::fs;

use reqwest::Method;

use super::harness::Served;

/// Removes every line with a mode from the configuration.
fn name_no_mode(served: &Served) {
    let text = fs::read_to_string(&served.configuration).expect("readable");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("mode = ")).collect();
    assert!(lines.len() < text.lines().count(), "{text}");
    fs::write(&served.configuration, lines.join("\n")).expect("written");
}

#[test]
fn an_instance_without_a_mode_is_observed_and_the_report_names_the_key() {
    let served = Served::of(&["first_day"]);
    name_no_mode(&served);
    let before = served.ask(Method::GET, "world", "");
    let run = served.sync_now(&[]);
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(
        run.stdout.contains("observe: nothing is written; when the plan is right, write mode = \"apply\""),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("set mode = \"apply\" under [instances.production]"), "{}", run.stderr);
    let memberships = |world: &str| {
        let world: serde_json::Value = serde_json::from_str(world).expect("JSON");
        world["campaign"]["production"]["memberships"].clone()
    };
    assert_eq!(memberships(&served.ask(Method::GET, "world", "")), memberships(&before));
    assert_eq!(served.sync_now(&[]).exit, Some(2), "a state without writes is used as before");
}

#[test]
fn an_instance_with_earlier_writes_needs_an_explicit_mode() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    name_no_mode(&served);
    let undone = served.command(&["history", "--output", "json"]).json()["runs"][0]["run"].clone();
    let undo = ["undo", undone.as_str().expect("a run")];
    for arguments in [&["--sync-now"][..], &["--sync-now", "--dry-run"], &[], &undo] {
        let refused = served.command(arguments);
        assert_eq!(refused.exit, Some(78), "{arguments:?}: {refused:?}");
        let parts = ["instances.production.mode", "write mode = \"apply\" under [instances.production]"];
        assert!(parts.iter().all(|part| refused.stderr.contains(part)), "{}", refused.stderr);
    }
    let text = fs::read_to_string(&served.configuration).expect("readable");
    fs::write(
        &served.configuration,
        text.replace("[instances.production]", "[instances.production]\nmode = \"observe\""),
    )
    .expect("written");
    assert_eq!(served.sync_now(&[]).exit, Some(0), "in sync, with an explicit mode");
}

//! Files with unexpected content: a database of another program as state, a scenario file with a mistake.

use std::fs;

use super::harness::{Served, program, run};

#[test]
fn a_database_of_another_program_is_refused_and_not_changed() {
    let served = Served::of(&["first_day"]);
    let foreign = served.path("accounts.db");
    fs::write(&foreign, "root:x:0:0:root:/root:/bin/bash\n").expect("written");
    for command in [&["--sync-now"][..], &["history"], &["status"], &["approve", "0123456789abcdef"], &[]] {
        let mut prepared = served.prepared(command);
        prepared.env("CAMPAIGN_GROUP_SYNC__STATE__URL", format!("sqlite://{}", foreign.display()));
        let finished = run(&mut prepared);
        let expected = format!("{} is not a state of campaign-group-sync and was not changed", foreign.display());
        assert_eq!(finished.exit, Some(78), "{command:?}: {finished:?}");
        assert!(finished.stderr.contains(&expected), "{command:?}: {finished:?}");
    }
    assert_eq!(fs::read_to_string(&foreign).expect("readable"), "root:x:0:0:root:/root:/bin/bash\n");
    let names: Vec<_> =
        fs::read_dir(served.path("")).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert!(names.iter().all(|name| name == "accounts.db" || name == "sandbox.toml"), "{names:?}");
}

#[test]
fn a_mistake_in_a_scenario_file_is_wrong_usage_with_file_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [
        ("syntax.toml", "title = \"x\"\n[organization\n"),
        ("key.toml", "title = \"x\"\ntitel = \"y\"\n"),
        ("based.toml", "based_on = \"first_day\"\n[campaign.production]\nmask = 1\n"),
        ("basis.toml", "based_on = \"last_day\"\n"),
        (
            "world.toml",
            "[campaign.a]\ntenant = \"a\"\nassociation_mask = \"x\"\nauthentication = \"ims\"\nmemberships = [[\"ann\", \"delivery\"]]\n",
        ),
    ] {
        fs::write(path(name), text).expect("written");
    }
    let cases = [
        ("syntax.toml", "syntax.toml is invalid: line 2: "),
        ("key.toml", "key.toml is invalid: line 2: unknown field `titel`"),
        ("based.toml", "campaign.production"),
        ("basis.toml", "there is no scenario named \"last_day\"; write one of first_day, "),
        ("world.toml", "the world of the sandbox is inconsistent: "),
        ("absent.toml", "absent.toml cannot be read: No such file or directory\n"),
    ];
    for (name, part) in cases {
        for command in [&["sandbox"][..], &["--sync-now", "--sandbox"], &["mask", "--sandbox"], &["check", "--sandbox"]]
        {
            let finished = run(program(command).arg(path(name)));
            assert_eq!(finished.exit, Some(64), "{command:?} {name}: {finished:?}");
            assert!(finished.stderr.contains(part), "{command:?} {name}: {finished:?}");
            assert!(!finished.stderr.contains("\\u{"), "{finished:?}");
        }
    }
}

#[test]
fn an_invalid_mask_is_shown_without_escapes() {
    let finished = run(&mut program(&["mask", "--sandbox", "first_day", "--try", "Campaign - (acme"]));
    assert_eq!(finished.exit, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("is not a valid regular expression: unclosed group"), "{finished:?}");
    assert!(!finished.stderr.contains("\\u{") && !finished.stderr.contains("\\n"), "{finished:?}");
}

//! `history`: past runs and their reports.

use super::harness::{Served, program, run};

#[test]
fn before_the_first_run_the_list_is_empty_and_no_error() {
    let served = Served::of(&["first_day"]);
    let finished = served.command(&["history"]);
    assert_eq!((finished.exit, finished.stdout.as_str()), (Some(0), "No run has been recorded yet.\n"));
    let finished = served.command(&["history", "--output", "json"]);
    assert_eq!((finished.exit, &finished.json()["runs"]), (Some(0), &serde_json::json!([])));
}

#[test]
fn runs_are_listed_newest_first_and_each_report_can_be_shown() {
    let served = Served::of(&["first_day"]);
    let dry = served.sync_now(&["--dry-run", "--output", "json"]).json();
    let first = served.sync_now(&["--output", "json"]).json();
    let second = served.sync_now(&["--output", "json"]).json();

    let finished = served.command(&["history", "--output", "json"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let document = finished.json();
    let runs = document["runs"].as_array().expect("a list");
    let listed: Vec<_> = runs.iter().map(|run| (&run["run"], &run["mode"], &run["outcome"])).collect();
    let expected: Vec<_> = [&second, &first, &dry].map(|run| (&run["run"], &run["mode"], &run["outcome"])).into();
    assert_eq!(listed, expected);
    assert_eq!((&runs[1]["summary"]["applied"], &runs[1]["started_at"]), (&8.into(), &first["started_at"]));

    let run = first["run"].as_str().expect("a name");
    assert_eq!(
        served.command(&["history", run, "--output", "json"]).json(),
        first,
        "the stored report is the printed one"
    );
    let text = served.command(&["history", run]).stdout;
    assert!(text.contains("5 to add, 3 to remove: 8 applied; 9 unchanged"), "{text}");
    let markdown = served.command(&["history", run, "--output", "markdown"]).stdout;
    assert!(markdown.starts_with(&format!("# Run {run}, ")), "{markdown}");
}

#[test]
fn the_limit_shortens_the_list() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    let last = served.sync_now(&["--output", "json"]).json();
    let document = served.command(&["history", "--limit", "1", "--output", "json"]).json();
    let runs = document["runs"].as_array().expect("a list");
    assert_eq!((runs.len(), &runs[0]["run"]), (1, &last["run"]));
}

#[test]
fn an_unknown_run_is_wrong_usage_and_the_message_names_the_list() {
    let served = Served::of(&["first_day"]);
    for has_history in [false, true] {
        if has_history {
            served.sync_now(&[]);
        }
        for command in [&["history", "01NOSUCHRUN"][..], &["undo", "01NOSUCHRUN"], &["undo", "01NOSUCHRUN", "--apply"]]
        {
            let finished = served.command(command);
            assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{command:?}: {}", finished.stderr);
            assert!(
                finished.stderr.contains("01NOSUCHRUN") && finished.stderr.contains("history"),
                "{}",
                finished.stderr
            );
        }
    }
}

#[test]
fn runs_with_the_same_beginning_are_listed_one_per_line() {
    let served = Served::of(&["first_day"]);
    let run = || served.sync_now(&["--output", "json"]).json()["run"].as_str().expect("a name").to_owned();
    let (first, second) = (run(), run());
    let beginning: String = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    for command in [&["history", beginning.as_str()][..], &["undo", &beginning], &["undo", &beginning, "--apply"]] {
        let finished = served.command(command);
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{command:?}: {}", finished.stderr);
        let begins = |run: &str| finished.stderr.lines().filter(|line| line.starts_with(&format!("  {run} ("))).count();
        assert_eq!((begins(&first), begins(&second)), (1, 1), "{command:?}: {}", finished.stderr);
    }
}

#[test]
fn sync_now_together_with_a_command_is_refused() {
    let finished = run(&mut program(&["--sync-now", "--dry-run", "undo", "01J", "--apply"]));
    assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{}", finished.stderr);
}

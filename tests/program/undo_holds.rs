//! A held undo: it waits for its approval beside ordinary runs, and the commands in the report release it.

use reqwest::Method;
use serde_json::Value;

use super::harness::Served;

fn memberships(served: &Served) -> Value {
    let world: Value = serde_json::from_str(&served.ask(Method::GET, "world", "")).expect("JSON");
    let mut pairs = world["campaign"]["production"]["memberships"].as_array().expect("a list").clone();
    pairs.sort_by_key(ToString::to_string);
    Value::from(pairs)
}

fn held(served: &Served) -> Vec<String> {
    let status = served.command(&["status", "--output", "json"]).json();
    let held = status["held"].as_array().expect("a list");
    held.iter().map(|digest| digest.as_str().expect("a digest").to_owned()).collect()
}

#[test]
fn a_held_undo_is_released_by_the_commands_in_its_report_also_after_ordinary_runs() {
    let served = Served::of(&["first_day"]);
    let before = memberships(&served);
    let report = served.sync_now(&["--output", "json"]).json();
    let run = report["run"].as_str().expect("a name");
    let undo = served.command(&["undo", run, "--apply"]);
    assert_eq!(undo.exit, Some(4), "{undo:?}");
    let waiting = held(&served);
    let [digest] = waiting.as_slice() else { panic!("{waiting:?}: {undo:?}") };
    let (approve, again) =
        (format!("campaign-group-sync approve {digest}"), format!("campaign-group-sync undo {run} --apply"));
    for text in [&undo.stdout, &undo.stderr] {
        assert!(text.contains(&approve) && text.contains(&again), "{undo:?}");
        assert!(!text.contains("--sync-now --approve"), "{undo:?}");
    }

    // An ordinary run has another plan, and the undo keeps waiting.
    assert_eq!(served.sync_now(&[]).exit, Some(4));
    assert!(held(&served).contains(digest), "{:?}", held(&served));
    let approved = served.command(&["approve", digest, "--output", "json"]).json();
    assert_eq!(approved["undo_of"], run, "{approved}");
    assert!(approved["message"].as_str().expect("a sentence").contains(&format!("{again} makes these changes")));
    let between = served.sync_now(&["--output", "json"]).json();
    assert!(!between.to_string().contains(digest), "the approval is not for this run: {between}");
    assert!(held(&served).contains(digest), "{:?}", held(&served));

    let released = served.command(&["undo", run, "--apply", "--output", "json"]);
    assert_eq!(released.exit, Some(0), "{released:?}");
    assert_eq!(memberships(&served), before);
    assert_eq!(released.json()["undo_of"], run);
    assert!(!held(&served).contains(digest), "{:?}", held(&served));
}

#[test]
fn a_run_that_approves_an_undo_names_the_command_that_makes_it() {
    let served = Served::of(&["first_day"]);
    let report = served.sync_now(&["--output", "json"]).json();
    let run = report["run"].as_str().expect("a name");
    assert_eq!(served.command(&["undo", run, "--apply"]).exit, Some(4));
    let digest = held(&served).pop().expect("a digest");
    let finished = served.sync_now(&["--approve", &digest]);
    assert!(
        finished.stdout.contains(&format!("the approval of {digest} is recorded for instance production")),
        "{finished:?}"
    );
    assert!(finished.stdout.contains(&format!("campaign-group-sync undo {run} --apply")), "{finished:?}");
    assert!(!finished.stdout.contains("is not held any more"), "{finished:?}");
    assert_eq!(served.command(&["undo", run, "--apply"]).exit, Some(0));
}

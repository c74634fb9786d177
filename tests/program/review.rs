//! `review`: the access review, from the record alone.

use std::path::Path;

use campaign_group_sync::journal::{Journal, JournalLocation, JournalOptions};
use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    harness::{Finished, Served, program, run},
    two_years::{HOSTILE, record_two_years},
};

/// The guard holds every removal.
const NO_REMOVALS: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");

fn change_world(served: &Served, changes: &Value) {
    served.ask(Method::POST, "world", &json!({"changes": changes}).to_string());
}

fn review(served: &Served, more: &[&str]) -> Finished {
    let mut arguments = vec!["review"];
    arguments.extend(more);
    let finished = served.command(&arguments);
    assert_eq!(finished.exit, Some(0), "{}{}", finished.stdout, finished.stderr);
    finished
}

/// The only instance of the document.
fn production(served: &Served, more: &[&str]) -> Value {
    let document = review(served, &[more, &["--output", "json"]].concat()).json();
    assert_eq!((&document["version"], document["instances"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    document["instances"][0].clone()
}

/// `login group`, for each entry of a list.
fn pairs(list: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let entries = list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter();
    entries.map(|entry| format!("{} {}", text(&entry["login"]), text(&entry["group"]))).collect()
}

fn member<'a>(instance: &'a Value, group: &str, login: &str) -> &'a Value {
    let groups = instance["groups"].as_array().expect("groups").iter();
    let mut of_group =
        groups.filter(|it| it["group"] == group).flat_map(|it| it["members"].as_array().expect("members"));
    of_group.find(|it| it["login"] == login).unwrap_or_else(|| panic!("{login} is not in {group}: {instance}"))
}

#[test]
fn before_the_first_run_a_review_says_what_to_do_and_nothing_can_be_recorded() {
    let served = Served::of(&["first_day"]);
    for format in ["text", "markdown"] {
        let finished = review(&served, &["--output", format]);
        assert!(finished.stdout.starts_with("Nothing is recorded: no run has read Campaign yet."), "{finished:?}");
        assert!(finished.stdout.contains("campaign-group-sync --sync-now"), "{finished:?}");
        assert!(finished.stdout.contains("The state is /") && finished.stdout.contains("state.db."), "{finished:?}");
    }
    for format in ["json", "csv", "html"] {
        let finished = review(&served, &["--output", format, "--instance", "production"]);
        assert!(finished.stderr.contains("no run has read it yet"), "{finished:?}");
    }
    let refused = served.command(&["review", "--done"]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (Some(64), ""), "{refused:?}");
    assert!(refused.stderr.contains("no run has read an instance; make one with"), "{refused:?}");
}

#[test]
fn wrong_times_names_formats_and_digests_are_wrong_usage_with_a_remedy() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    for (line, remedy) in [
        (&["review", "--since", "2999-01-01"][..], "is in the future"),
        (&["review", "--done", "--since", "2999-01-01"], "is in the future"),
        (&["review", "--since", "yesterday"], "must be a time such as"),
        (&["review", "--instance", "nowhere"], "there is no instance \"nowhere\"; the configuration has: production"),
        (&["review", "--done", "--instance", "nowhere"], "there is no instance \"nowhere\""),
        (&["review", "--done", "0123456789abcde"], "the first 16 are enough"),
        (&["history", "--output", "html"], "formats of `review` only"),
        (&["--output", "csv", "access"], "`access --csv`"),
    ] {
        let finished = served.command(line);
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{line:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(remedy), "{line:?}: {}", finished.stderr);
    }
    let without_state = run(&mut program(&["review", "--output", "pdf"]));
    assert_eq!(without_state.exit, Some(64), "{without_state:?}");
}

#[test]
fn a_review_shows_who_is_in_which_group_since_when_and_by_what() {
    let served = Served::of(&["first_day"]);
    let synced = served.sync_now(&["--output", "json"]).json();
    let calls = served.ask(Method::GET, "requests", "").len();
    let instance = production(&served, &[]);
    assert_eq!(served.ask(Method::GET, "requests", "").len(), calls, "neither Adobe nor Campaign is called");
    assert_eq!((&instance["since"], &instance["since_origin"]), (&Value::Null, &json!("beginning")));
    assert_eq!(instance["read"]["run"], synced["run"]);
    let granted = member(&instance, "delivery", "dev@acme.com");
    assert_eq!((&granted["origin"], &granted["run"]), (&json!("run"), &synced["run"]), "{granted}");
    assert_eq!(granted["profile"], "Campaign - acme - delivery");
    let before = member(&instance, "delivery", "ann@acme.com");
    assert_eq!(
        (&before["origin"], &before["run"], &before["disabled"]),
        (&json!("before"), &Value::Null, &json!(false))
    );
    assert!(before["since"].as_str().is_some_and(|since| since.starts_with("20") && since.ends_with('Z')), "{before}");
    assert_eq!(pairs(&instance["without_profile"]), ["night.batch delivery"]);
    assert_eq!(member(&instance, "delivery", "night.batch")["without_profile"], "not-managed");
    let joined = [
        "hugo@acme.com content",
        "dev@acme.com delivery",
        "elena@acme.com delivery",
        "bob@acme.com report",
        "dev@acme.com workflow",
    ];
    assert_eq!(pairs(&instance["joined"]), joined);
    assert_eq!(pairs(&instance["left"]), ["ines@acme.com content", "karl@acme.com delivery", "lena@acme.com report"]);
    assert!(
        instance["operators_without_group"].as_array().expect("known").contains(&json!("lena@acme.com")),
        "the run left it in no group"
    );
}

#[test]
fn after_a_review_the_next_one_lists_only_what_changed_since() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    let shown = review(&served, &["--output", "json"]).json();
    let digest = shown["digest"].as_str().expect("a digest").to_owned();
    let mut command = served.prepared(&["review", "--done", &digest[..16], "--output", "json"]);
    let done = run(command.env("SUDO_USER", "zoe-of-no-account"));
    assert_eq!(done.exit, Some(0), "{done:?}");
    let recorded = &done.json()["recorded"];
    assert_eq!(
        (&recorded["digest"], &recorded["claimed"]),
        (&json!(digest), &json!("zoe-of-no-account")),
        "{recorded}"
    );
    assert!(recorded["uid"].is_u64() && recorded["at"].is_string(), "{recorded}");

    let nothing = production(&served, &[]);
    assert_eq!(
        (&nothing["since_origin"], &nothing["joined"], &nothing["left"]),
        (&json!("last_review"), &json!([]), &json!([]))
    );
    assert_eq!(nothing["last_review"]["reviewed_by"], recorded["reviewed_by"]);
    assert_eq!(nothing["last_review"]["digest"], nothing["digest"], "the access is the reviewed one");

    change_world(
        &served,
        &json!([
            {"op": "join", "instance": "production", "login": "ines@acme.com", "group": "workflow"},
            {"op": "assign", "user": "ines@acme.com", "group": "Campaign - acme - workflow"},
            {"op": "assign", "user": "grace@acme.com", "group": "Campaign - acme - report"},
            {"op": "unassign", "user": "bob@acme.com", "group": "Campaign - acme - report"},
            {"op": "add_operator", "instance": "production", "login": "off@acme.com", "disabled": true}
        ]),
    );
    let held = run(served.prepared(&["--sync-now"]).env(NO_REMOVALS.0, NO_REMOVALS.1));
    assert_eq!(held.exit, Some(4), "{held:?}");
    let changed = production(&served, &[]);
    assert_eq!(pairs(&changed["joined"]), ["grace@acme.com report", "ines@acme.com workflow"]);
    assert_eq!(changed["joined"][0]["origin"], "run");
    assert_eq!(changed["joined"][1]["origin"], "campaign", "by hand");
    assert_eq!(changed["left"], json!([]));
    assert_eq!(pairs(&changed["without_profile"]), ["night.batch delivery", "bob@acme.com report"]);
    assert_eq!(member(&changed, "report", "bob@acme.com")["without_profile"], "held");
    assert_eq!(changed["disabled_operators"], json!([{"login": "off@acme.com", "groups": []}]));
    assert_ne!(changed["digest"], nothing["digest"]);

    // What was printed before is not what would be recorded now.
    let refused = served.command(&["review", "--done", &digest]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (Some(4), ""), "{refused:?}");
    assert!(refused.stderr.contains("nothing was recorded"), "{refused:?}");
    assert_eq!(production(&served, &[])["last_review"], nothing["last_review"]);

    for _ in 0..2 {
        let text = review(&served, &["--done"]).stdout;
        assert!(text.starts_with("Recorded as reviewed by ") && text.contains("in 4 groups; digest"), "{text}");
    }
    assert_eq!(production(&served, &[])["joined"], json!([]));
    let all = production(&served, &["--since", "2020-02-29", "--instance", "PRODUCTION"]);
    assert_eq!((&all["since_origin"], all["joined"].as_array().map(Vec::len)), (&json!("given"), Some(7)), "{all}");
    let verified = served.command(&["history", "--verify"]);
    assert_eq!(verified.exit, Some(0), "{verified:?}");
}

#[test]
fn the_approver_of_a_removal_is_named_and_an_operator_that_is_disabled_by_the_run_at_once() {
    let served = Served::of(&["first_day"]);
    let held = run(served.prepared(&["--sync-now", "--output", "json"]).env(NO_REMOVALS.0, NO_REMOVALS.1)).json();
    let digest = held["instances"][0]["held"].as_str().expect("held").to_owned();
    assert_eq!(pairs(&production(&served, &[])["without_profile"]).len(), 4, "three are held, one is not managed");
    let disable = ("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__WITHOUT_GROUPS", "disable");
    let mut approving = served.prepared(&["--sync-now", "--approve", &digest]);
    let applied = run(approving.env(NO_REMOVALS.0, NO_REMOVALS.1));
    assert_eq!(applied.exit, Some(0), "{applied:?}");
    let instance = production(&served, &[]);
    let left = instance["left"].as_array().expect("a list");
    assert!(
        left.len() == 3 && left.iter().all(|it| it["approved_by"].as_str().is_some_and(|by| by.contains("uid "))),
        "{instance}"
    );
    let text = review(&served, &[]).stdout;
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains("; approved by "), "{text}");

    change_world(&served, &json!([{"op": "unassign", "user": "hugo@acme.com", "group": "Campaign - acme - content"}]));
    let disabled = run(served.prepared(&["--sync-now", "--approve", &digest]).env(disable.0, disable.1));
    assert_eq!(disabled.exit, Some(0), "{disabled:?}");
    let operators = production(&served, &[])["disabled_operators"].clone();
    assert!(
        operators.as_array().expect("known").contains(&json!({"login": "hugo@acme.com", "groups": []})),
        "{operators}"
    );
}

/// A state with two years of history at the place of the sandbox's state.
fn after_two_years() -> Served {
    let served = Served::of(&["first_day"]);
    let configuration = std::fs::read_to_string(&served.configuration).expect("readable");
    let line = configuration.lines().find(|line| line.contains("sqlite://")).expect("a state file");
    let path = line.split("sqlite://").nth(1).expect("a path").trim_end_matches('"').to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let location = JournalLocation::Sqlite(Path::new(&path).to_owned());
        let journal = Journal::open(&JournalOptions { location, watch: None }).await.expect("a journal");
        record_two_years(&journal, Utc::now()).await;
        journal.close().await;
    });
    served
}

#[test]
fn after_two_years_every_format_has_every_part_and_no_name_is_a_formula_or_markup() {
    let served = after_two_years();
    let text = review(&served, &[]).stdout;
    // The command with the path of a file is not broken, so that it can be copied.
    let is_command = |line: &&str| line.starts_with("  campaign-group-sync review --config ");
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80 && !is_command(line)).collect();
    assert!(long.is_empty(), "{long:#?}");
    let markdown = review(&served, &["--output", "markdown"]).stdout;
    let html = review(&served, &["--output", "html"]).stdout;
    for part in [
        "Added (",
        "Removed (",
        "Groups that are managed since then (1)",
        "Members without the profile (5)",
        "Not decided by the last run (1)",
        "Operators without a group (1)",
        "Disabled operators (2)",
        "Groups without members (1)",
        "Profiles that no user has (1)",
        "To record that exactly this access was reviewed",
    ] {
        for shown in [&text, &markdown, &html] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"), "{html}");
    for loaded in ["http://", "https://", " src=", "url(", "@import"] {
        assert!(!html.contains(loaded), "{loaded}");
    }
    let csv = review(&served, &["--output", "csv"]).stdout;
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(rows.len() > 50 && rows[0].starts_with("at,instance,kind,login,group,"), "{csv}");
    assert!(csv.contains(&format!(",member,'{},content,", HOSTILE[0])), "{csv}");
    let dangerous = |row: &&&str| row.split(',').any(|cell| cell.trim_matches('"').starts_with(['=', '+', '-', '@']));
    assert_eq!(rows.iter().find(dangerous), None);
    let document = review(&served, &["--output", "json"]).json();
    assert!(document["instances"][0]["groups"].as_array().is_some_and(|groups| groups.len() == 6), "{document}");
}

#[test]
fn configured_instances_that_no_run_has_read_are_named_and_so_are_those_that_are_not_configured_any_more() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let text = std::fs::read_to_string(&served.configuration).expect("written");
    let section = &text[text.find("[instances.production]").expect("an instance")..];
    let section = section.split("\n[").next().unwrap_or(section);
    let second =
        section.replace("instances.production", "instances.second").replace("campaign/production", "campaign/other");
    std::fs::write(&served.configuration, format!("{text}\n{second}\n")).expect("written");
    for format in ["text", "markdown", "json", "csv", "html"] {
        let shown = review(&served, &["--output", format]).stdout;
        assert!(shown.contains("second") && shown.contains("never"), "{format}: {shown}");
    }
    let done = review(&served, &["--done"]).stdout;
    assert!(done.contains("Not reviewed: Instance second"), "{done}");
    assert_eq!(review(&served, &["--output", "json"]).json()["never_read"], json!(["second"]));

    std::fs::write(&served.configuration, text.replace("instances.production", "instances.renamed")).expect("written");
    let document = review(&served, &["--output", "json"]).json();
    assert_eq!(document["never_read"], json!(["renamed"]));
    let note = document["instances"][0]["notes"][0].as_str().expect("a note");
    assert!(note.contains("not in the configuration any more"), "{note}");
}

#[test]
fn a_review_needs_no_secret_and_names_the_command_with_this_configuration() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let text = std::fs::read_to_string(&served.configuration).expect("written");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("secret")).collect();
    assert_ne!(without.len(), text.lines().count(), "{text}");
    std::fs::write(&served.configuration, without.join("\n")).expect("written");
    assert_eq!(served.sync_now(&[]).exit, Some(78));
    let shown = review(&served, &[]).stdout;
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let command = format!("campaign-group-sync review --config {}", served.configuration.display());
    assert!(words.contains(&command), "{shown}");
    review(&served, &["--done"]);
    let stale = served.command(&["review", "--done", "0123456789abcdef"]);
    assert_eq!(stale.exit, Some(4), "{stale:?}");
    assert!(stale.stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains(&command), "{stale:?}");
}

#[test]
fn a_recorded_review_whose_output_is_lost_says_that_it_is_recorded() {
    let served = Served::of(&["first_day"]);
    assert_eq!(served.sync_now(&[]).exit, Some(0));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut command = program(&["review", "--done", "--config"]);
    let output = command.arg(&served.configuration).stdout(full).output().expect("started");
    let error = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.code() == Some(1) && error.contains("the review was recorded"), "{error}");
    assert_ne!(production(&served, &[])["last_review"], json!(null));
}

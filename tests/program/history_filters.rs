//! `history` with filters: runs by time and instance, changes by operator, group, kind and outcome.

use serde_json::{Value, json};

use super::harness::{Served, run};

/// The guard holds every removal.
const NO_REMOVALS: (&str, &str) = ("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "0");

/// A sandbox with a dry run, and a run that adds users and holds removals.
fn served() -> (Served, Value) {
    let served = Served::of(&["first_day"]);
    served.sync_now(&["--dry-run"]);
    let mut command = served.prepared(&["--sync-now", "--output", "json"]);
    let report = run(command.env(NO_REMOVALS.0, NO_REMOVALS.1)).json();
    (served, report)
}

fn listed(served: &Served, filters: &[&str], what: &str) -> Vec<Value> {
    let finished = served.command(&[&["history", "--output", "json"], filters].concat());
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    finished.json()[what].as_array().expect("a list").clone()
}

#[test]
fn changes_are_filtered_by_operator_group_kind_and_outcome() {
    let (served, report) = served();
    let planned = report["instances"][0]["changes"].as_array().expect("changes");
    let count = |field: &str, value: &Value| planned.iter().filter(|change| change[field] == *value).count();
    let of_run = |found: &[Value]| found.iter().filter(|change| change["run"] == report["run"]).count();

    let held = listed(&served, &["--outcome", "held"], "changes");
    assert_eq!(of_run(&held), count("outcome", &json!("held")));
    assert!(held.iter().all(|change| change["outcome"] == "held" && change["op"] == "remove"), "{held:?}");
    let added = listed(&served, &["--op", "add", "--outcome", "applied"], "changes");
    assert_eq!(added.len(), count("outcome", &json!("applied")), "{added:?}");
    assert!(added.iter().all(|change| change["mode"] == "apply" && change["at"] == change["recorded_at"]));
    let of_group = listed(&served, &["--group", "DELIVERY"], "changes");
    assert_eq!(of_run(&of_group), count("group", &json!("delivery")), "letter case does not count: {of_group:?}");

    let one = &added[0];
    let login = one["operator"].as_str().expect("a login").to_uppercase();
    let of_one = listed(&served, &["--user", &login, "--instance", "Production"], "changes");
    assert!(of_run(&of_one) >= 1 && of_one.iter().all(|change| change["operator"] == one["operator"]), "{of_one:?}");
    assert!(of_one.iter().any(|change| change["mode"] == "dry-run"), "a dry run is found too: {of_one:?}");
    assert!(listed(&served, &["--user", "nobody@acme.com"], "changes").is_empty());
    assert_eq!(listed(&served, &["--op", "add", "--limit", "1"], "changes").len(), 1);

    let text = served.command(&["history", "--op", "add", "--outcome", "applied"]).stdout;
    assert!(text.contains(one["operator"].as_str().expect("a login")) && text.contains("applied"), "{text}");
    let text = served.command(&["history", "--user", "nobody@acme.com"]).stdout;
    assert_eq!(text, "No recorded change matches.\n");
}

#[test]
fn runs_are_filtered_by_their_start_and_by_instance() {
    let (served, report) = served();
    let began = report["started_at"].as_str().expect("a time");
    let runs = |filters: &[&str]| listed(&served, filters, "runs").len();
    assert_eq!(runs(&["--since", "2020-02-29"]), 2);
    assert_eq!(runs(&["--until", "2020-02-29"]), 0);
    assert_eq!(runs(&["--since", "2020-02-29", "--until", "2020-03-01"]), 0);
    assert_eq!(runs(&["--instance", "production"]), 2);
    assert_eq!(runs(&["--instance", "PRODUCTION"]), 2);
    assert!(runs(&["--since", began]) >= 1);
    assert_eq!(listed(&served, &["--op", "add", "--until", "2020-02-29"], "changes"), Vec::<Value>::new());
}

#[test]
fn an_unknown_instance_is_wrong_usage_and_the_message_names_the_known_ones() {
    let served = Served::of(&["first_day"]);
    let refused = |filters: &[&str]| {
        let finished = served.command(&[&["history", "--instance", "prod"], filters].concat());
        assert_eq!(finished.exit, Some(64), "{filters:?}: {finished:?}");
        assert!(finished.stderr.contains("prod") && finished.stderr.contains("production"), "{}", finished.stderr);
        assert_eq!(finished.stdout, "", "{filters:?}");
    };
    refused(&[]);
    served.sync_now(&["-q"]);
    refused(&[]);
    refused(&["--op", "add"]);
    assert_eq!(served.command(&["history", "--instance", "Production"]).exit, Some(0));
}

#[test]
fn an_instance_that_is_only_in_the_record_can_be_listed() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&["-q"]);
    let text = std::fs::read_to_string(&served.configuration).expect("a configuration");
    std::fs::write(&served.configuration, text.replace("[instances.production]", "[instances.other]"))
        .expect("written");
    assert_eq!(listed(&served, &["--instance", "production"], "runs").len(), 1);
    assert_eq!(listed(&served, &["--instance", "other"], "runs").len(), 0);
}

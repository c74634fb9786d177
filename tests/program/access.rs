//! `access`: the members of managed groups, now or at a past time.

use serde_json::{Value, json};

use super::harness::{Served, program, run};

fn members<'a>(document: &'a Value, group: &str) -> Vec<&'a str> {
    let groups = document["instances"][0]["groups"].as_array().expect("groups");
    let found = groups.iter().find(|known| known["group"] == group).expect("managed");
    found["members"].as_array().expect("members").iter().map(|login| login.as_str().expect("a login")).collect()
}

#[test]
fn current_access_is_the_state_after_the_last_run() {
    let served = Served::of(&["first_day"]);
    assert_eq!(
        served.command(&["access", "--output", "json"]).json()["instances"],
        json!([]),
        "no run has read Campaign yet"
    );
    served.sync_now(&[]);
    let finished = served.command(&["access", "--output", "json"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let document = finished.json();
    assert_eq!(document["instances"][0]["name"], "production");
    assert_eq!(members(&document, "content"), ["carla@acme.com", "grace@acme.com", "hugo@acme.com"]);
    assert!(
        members(&document, "delivery").contains(&"night.batch"),
        "operators that are not managed are listed as well"
    );
    let text = served.command(&["access"]).stdout;
    assert!(text.contains("  content (3 members)\n    carla@acme.com\n"), "{text}");
    let markdown = served.command(&["access", "--output", "markdown"]).stdout;
    assert!(markdown.contains("| content | 3 | `carla@acme.com`, `grace@acme.com`, `hugo@acme.com` |"), "{markdown}");
}

#[test]
fn before_the_first_run_access_is_empty() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    for time in ["2020-02-29", "2020-02-29 14:00", "2020-02-29T14:00:00+01:00"] {
        let finished = served.command(&["access", "--at", time, "--output", "json"]);
        assert_eq!(
            (finished.exit, &finished.json()["instances"]),
            (Some(0), &json!([])),
            "{time}: {}",
            finished.stderr
        );
    }
    let text = served.command(&["access", "--at", "2020-02-29T14:00:00Z"]).stdout;
    assert!(text.starts_with("Nothing is recorded for 2020-02-29T14:00:00Z"), "{text}");
}

#[test]
fn csv_has_one_row_for_each_membership() {
    let served = Served::of(&["first_day"]);
    served.sync_now(&[]);
    let finished = served.command(&["access", "--csv"]);
    assert_eq!(finished.exit, Some(0), "{}", finished.stderr);
    let mut rows = finished.stdout.split("\r\n");
    assert_eq!(rows.next(), Some("at,instance,group,login,profile,since,granted_by_run,approved_by"));
    let content: Vec<_> = rows.filter_map(|row| row.split_once(",production,content,")?.1.split(',').next()).collect();
    assert_eq!(content, ["carla@acme.com", "grace@acme.com", "hugo@acme.com"]);
}

#[test]
fn a_name_that_looks_like_a_formula_is_text_in_csv() {
    let served = Served::of(&["hostile_names"]);
    served.sync_now(&[]);
    let rows = served.command(&["access", "--csv"]).stdout;
    assert!(rows.contains(",production,\"O'Neil & Söhne <\"\"VIP\"\">\",o'brien@acme.com,"), "{rows}");
    let dangerous = |row: &str| row.split(',').any(|cell| cell.starts_with(['=', '+', '-', '@']));
    assert!(!rows.split("\r\n").any(dangerous), "{rows}");
}

#[test]
fn invalid_times_and_contradicting_options_are_wrong_usage() {
    for line in [
        &["access", "--at", "2999-01-01"][..],
        &["access", "--at", "yesterday"],
        &["access", "--csv", "--output", "json"],
        &["--output", "json", "access", "--csv"],
    ] {
        let finished = run(&mut program(line));
        assert_eq!((finished.exit, finished.stdout.as_str()), (Some(64), ""), "{line:?}: {}", finished.stderr);
    }
}

//! The status page of a running daemon, against the sandbox.

use reqwest::Method;

use super::harness::{Harness, get};

/// No run by the schedule, and clocks of a zone that is not the one of the log.
const BERLIN: &str = "[schedule]\ncron = \"0 0 3 29 2 *\"\njitter = \"0s\"\ntimezone = \"Europe/Berlin\"\n";

#[test]
fn the_page_links_each_run_and_shows_changes_by_hand_in_campaign() {
    let harness = Harness::of("first_day", BERLIN);
    let mut daemon = harness.starting_daemon(&[("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0")]);
    daemon.hear("READY=1");
    let log = daemon.log();
    let page = log.split("the status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let page = page.expect("an address in the log");

    let first = harness.command(&["--sync-now", "--output", "json"]).json();
    assert_eq!(first["outcome"], "applied");
    assert!(get(page).1.contains("No run has seen such a change"), "what a run makes is not made by hand");

    // Somebody gives and takes a right in Campaign's own screens.
    let left = r#"{"op": "leave", "instance": "production", "group": "delivery", "login": "ann@acme.com"}"#;
    let joined = r#"{"op": "join", "instance": "production", "group": "workflow", "login": "ann@acme.com"}"#;
    harness.ask(Method::POST, "world", &format!(r#"{{"changes": [{left}, {joined}]}}"#));
    let second = harness.command(&["--sync-now", "--dry-run", "--output", "json"]).json();
    let run = second["run"].as_str().expect("an id");

    let (status, text) = get(page);
    assert_eq!(status, 200);
    for what in ["appeared in <bdi>workflow</bdi>", "vanished from <bdi>delivery</bdi>"] {
        assert!(text.contains(&format!("<bdi>ann@acme.com</bdi> {what}")), "{what}: {text}");
    }
    assert!(text.contains(&format!("<a href=\"/runs/{run}\">")), "{text}");
    assert!(text.contains(" CET</time>") || text.contains(" CEST</time>"), "{text}");

    let (status, text) = get(&format!("{page}runs/{run}"));
    assert_eq!(status, 200);
    for what in ["<bdi>add ann@acme.com to delivery</bdi>", "<bdi>remove ann@acme.com from workflow</bdi>", "dry run"] {
        assert!(text.contains(what), "{what}: {text}");
    }
    assert_eq!(get(&format!("{page}runs/0")).0, 404);
}

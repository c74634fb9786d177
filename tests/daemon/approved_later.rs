//! An approval for the next scheduled run: status and page say the same of it.

use super::harness::{Harness, NEVER, get};

#[test]
fn an_approval_given_for_later_reads_the_same_in_the_status_and_on_the_page() {
    let harness = Harness::of("first_day", &format!("{NEVER}\n[guard]\nmax_removals = 0\n"));
    let mut daemon = harness.starting_daemon(&[("CAMPAIGN_GROUP_SYNC__HTTP__LISTEN", "127.0.0.1:0")]);
    daemon.hear("READY=1");
    let log = daemon.log();
    let page = log.split("the status page are at ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let page = page.expect("an address in the log").to_owned();
    let held = harness.command(&["--sync-now", "--output", "json"]).json();
    let digest = held["instances"][0]["held"].as_str().expect("held").to_owned();
    assert!(harness.status()["reason"].as_str().is_some_and(|reason| reason.ends_with("wait for an approval")));
    assert_eq!(harness.command(&["approve", &digest, "--later"]).exit, Some(0));
    let status = harness.status();
    assert_eq!(status["reason"], "changes are held and approved; the next run makes them", "{status}");
    assert_eq!(status["holds"][0]["digest"], digest, "{status}");
    let text = harness.command(&["status"]).stdout;
    assert!(text.contains("held and approved; the next run makes them"), "{text}");
    let shown = format!("{:?}", get(&page));
    assert!(shown.contains("held and approved; the next run makes them"), "{shown}");
    assert!(!shown.contains("wait for an approval"), "{shown}");
    drop(daemon);
    let _again = harness.daemon();
    assert_eq!(harness.status()["reason"], status["reason"], "after a restart");
}

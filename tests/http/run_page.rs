//! The page of one run: everything that the run read, decided and did.

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome, InstanceName, RunId, RunMode, RunReport},
    journal::{Journal, JournalLocation, JournalOptions},
};
use chrono::Utc;
use tokio::net::TcpListener;

use super::{
    harness::Harness,
    populated_journal::{APPROVED_RUN, DIGEST, LAST_RUN, OLD_DIGEST, change, fill, instance, record, report},
    recording::{Recording as _, RunBegin},
};

#[tokio::test]
async fn the_page_of_a_run_shows_everything_that_it_did() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let status = harness.get("/").await.body;
    let path = format!("/runs/{LAST_RUN}");
    assert!(status.contains(&format!("<a href=\"{path}\">")), "{status}");
    let page = harness.get(&path).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for expected in [
        "1204 users and 31 product profiles",
        "4 calls to the User Management API",
        "<bdi>remove ann@acme.com from offers</bdi>",
        "the group offers would be emptied",
        "It waits for an approval",
        &format!("campaign-group-sync approve {DIGEST}"),
        "no operator of instance production has the login user12@acme.com",
        "from product profile <bdi>Campaign - acme - ops</bdi>: 3 members",
        "observed: nothing is written",
        "the mask looks like a pattern",
    ] {
        assert!(page.body.contains(expected), "{expected} is not on the page: {}", page.body);
    }
    assert!(!page.body.contains("data-live aria"), "a run that ended does not change");
}

#[tokio::test]
async fn incident_41_the_page_of_a_run_names_the_approver_that_the_kernel_reported() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let carol = "root (uid 0, signed in as carol, uid 1004)";
    let page = harness.get(&format!("/runs/{APPROVED_RUN}")).await.body;
    let used = format!("<code>{OLD_DIGEST}</code>, approved by <bdi>{carol}</bdi>");
    assert!(page.contains(&used), "{page}");
    assert!(page.contains(&format!("<td data-label=\"Approved\"><bdi>{carol}</bdi></td>")), "{page}");
    let report = harness.journal.run(APPROVED_RUN).await.expect("readable").expect("known");
    let head = report.record.expect("a head of the record");
    assert!(page.contains(&format!("<code>{head}</code>")), "{page}");
    let status = harness.get("/").await.body;
    assert!(status.contains(&format!("<td data-label=\"By\"><bdi>{carol}</bdi></td>")), "{status}");
    assert!(status.contains(&format!("href=\"/runs/{APPROVED_RUN}\"")), "the run that used it: {status}");
}

#[tokio::test]
async fn a_shortened_id_is_enough_where_only_one_run_has_it() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    assert!(harness.get("/runs/01kb9").await.body.contains(&format!("Run <code>{LAST_RUN}</code>")));
    let several = harness.get("/runs/01KB").await;
    assert_eq!(several.status, 404);
    assert!(several.body.contains("The ids of several runs begin with &quot;01KB&quot;"), "{}", several.body);
    assert!(several.body.contains(&format!("<a href=\"/runs/{LAST_RUN}\">")), "{}", several.body);
}

#[tokio::test]
async fn an_unknown_run_is_a_page_that_helps() {
    let harness = Harness::start().await;
    for id in ["01KZZZZZZZZZZZZZZZZZZZZZZZ", "%3Cscript%3E", "01KB/..", "'", &"0".repeat(300)] {
        let page = harness.get(&format!("/runs/{id}")).await;
        assert_eq!(page.status, 404, "{id}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{id}");
        assert!(page.body.contains("<code class=\"command\">campaign-group-sync history</code>"), "{id}");
        assert!(page.body.contains("deleted after the retention period"), "{id}: {}", page.body);
    }
    assert_eq!(harness.get("/runs/").await.status, 404);
    assert_eq!(harness.ask("POST", &format!("/runs/{LAST_RUN}"), &[]).await.status, 405);
    assert_eq!(harness.ask("GET", "/runs/01", &[("Host", "evil.example")]).await.status, 421);
}

#[tokio::test]
async fn programs_get_the_report_of_a_run() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let answer = harness.ask("GET", &format!("/runs/{LAST_RUN}"), &[("Accept", "application/json")]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let report: RunReport = serde_json::from_str(&answer.body).expect("a report");
    assert_eq!((report.version, report.run.as_str()), (1, LAST_RUN));
    assert_eq!(report.instances[0].changes.len(), 4);
    let browser = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let page = harness.ask("GET", &format!("/runs/{LAST_RUN}"), &[browser]).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn ten_thousand_changes_are_bounded_and_what_failed_comes_first() {
    let harness = Harness::start().await;
    let mut changes: Vec<_> = (0..10_000)
        .map(|number| change(ChangeKind::Add, &format!("user{number}@acme.com"), "delivery", ChangeOutcome::Applied))
        .collect();
    changes[9_999].outcome = ChangeOutcome::Failed;
    let seen = instance("production", &["delivery"], changes);
    record(&harness.journal, &harness.daemon_state, report("01KC", Utc::now(), vec![seen])).await;
    let page = harness.get("/runs/01KC").await.body;
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert!(page.contains("and 9500 changes more"), "{page}");
    assert!(page.contains("<code class=\"command\">campaign-group-sync history 01KC</code>"), "{page}");
    let (failed, applied) = (page.find("user9999@acme.com"), page.find("user0@acme.com"));
    assert!(failed.expect("the failed one") < applied.expect("an applied one"));
}

#[tokio::test]
async fn a_run_under_way_shows_what_it_has_recorded_and_refreshes_itself() {
    let harness = Harness::start().await;
    let production = InstanceName::new("production");
    let (run, started_at) = (RunId::new("01KD"), Utc::now());
    let scope = Some("user ann@acme.com".to_owned());
    let begin = RunBegin { run: run.clone(), mode: RunMode::Apply, scope, started_at, instances: vec![production] };
    let _lock = harness.journal.lock("a test").await.expect("the lock");
    harness.journal.begin_run(&begin).await.expect("begun");
    let planned =
        instance("production", &["delivery"], vec![change(ChangeKind::Add, "ann", "delivery", ChangeOutcome::Pending)]);
    harness.journal.record_plan(&run, started_at, &planned).await.expect("planned");
    let page = harness.get("/runs/01KD").await.body;
    for expected in ["running", "The run has not ended", "user ann@acme.com", "add ann to delivery", "data-live"] {
        assert!(page.contains(expected), "{expected} is not on the page: {page}");
    }
}

#[tokio::test]
async fn hostile_names_of_a_run_are_only_text() {
    let hostile = "\"><script>alert('x')</script><!--\u{202e}\u{0}\n&lt;";
    let harness = Harness::start().await;
    let mut seen =
        instance(hostile, &[hostile], vec![change(ChangeKind::Remove, hostile, hostile, ChangeOutcome::Held)]);
    seen.warnings.push(hostile.to_owned());
    seen.error = Some(hostile.to_owned());
    let mut report = report("01KE", Utc::now(), vec![seen]);
    (report.error, report.record) = (Some(hostile.to_owned()), None);
    report.source.organization = hostile.to_owned();
    record(&harness.journal, &harness.daemon_state, report).await;
    let page = harness.get("/runs/01KE").await.body;
    assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"), "the names are there: {page}");
    assert_eq!(page.matches("<script").count(), 1, "the page's own: {page}");
    for raw in ["<script>", "<!--", "\u{202e}", "\u{0}", "alert('x')"] {
        assert!(!page.contains(raw), "{raw:?} is on the page");
    }
}

#[tokio::test]
async fn an_unreachable_state_is_reported_on_the_page() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    Journal::close(&harness.journal).await;
    let page = harness.get(&format!("/runs/{LAST_RUN}")).await;
    assert_eq!(page.status, 503);
    assert_ne!(page.header("retry-after"), "");
    assert!(page.body.contains("The history cannot be read"), "{}", page.body);
}

/// A server that accepts and never answers.
#[tokio::test]
async fn a_state_that_does_not_answer_delays_the_page_and_does_not_keep_it() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let location = JournalLocation::Postgres(format!("postgres://cgs@127.0.0.1:{port}/state?sslmode=disable").into());
    let journal =
        Journal::connect_lazily(&JournalOptions { location, watch: None }).expect("an address").expect("a server");
    let harness = Harness::with(journal).await;
    let page = harness.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("the history cannot be read: the read of the state timed out after"), "{}", page.body);
}

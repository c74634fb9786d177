//! The page: what it says, and what never gets through.

use std::time::Duration;

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome},
    journal::Journal,
};
use chrono::Utc;
use chrono_tz::Tz;

use super::{
    harness::{Harness, ask},
    populated_journal::{
        APPROVED_RUN, DIGEST, LAST_RUN, change, explanation, fill, instance, observe_offers, orphan, record, report,
    },
    readable::readable,
};

#[tokio::test]
async fn the_page_shows_changes_holds_and_the_next_run() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let page = harness.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for expected in [
        "changes are held and wait for an approval",
        "Held since <time",
        "in 114 minutes",
        "campaign-group-sync approve 00c0ffee00c0ffee",
        "3 changes in instance <bdi>production</bdi>",
        "remove ann@acme.com from offers",
        "the group offers would be emptied",
        "<svg class=\"chart\" role=\"img\"",
        "18 earlier runs",
        "Orphaned groups of <bdi>production</bdi>",
        "01KB9999999999999999999999",
    ] {
        assert!(page.body.contains(expected), "{expected} is not on the page");
    }
    assert_eq!(page.body.matches("<script").count(), 1, "no script stands in the page");
    assert!(!page.body.contains("style=\""), "the policy would refuse it");
}

#[tokio::test]
async fn a_reader_sees_everything_about_the_daemon_and_its_runs() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    insta::assert_snapshot!("page", readable(&harness.get("/").await.body));
    insta::assert_snapshot!("run", readable(&harness.get(&format!("/runs/{LAST_RUN}")).await.body));
    insta::assert_snapshot!("approved_run", readable(&harness.get(&format!("/runs/{APPROVED_RUN}")).await.body));
}

#[tokio::test]
async fn times_are_those_of_the_schedule_s_zone() {
    let harness = Harness::start().await;
    let began = "2026-07-22T06:00:00Z".parse().expect("a time");
    record(&harness.journal, &harness.daemon_state, report("01KF", began, Vec::new())).await;
    for (zone, expected) in [
        (Tz::UTC, "<time datetime=\"2026-07-22T06:00:00Z\">2026-07-22 06:00:00 UTC</time>"),
        (Tz::Europe__Berlin, "<time datetime=\"2026-07-22T06:00:00Z\">2026-07-22 08:00:00 CEST</time>"),
    ] {
        harness.daemon_state.update(|facts| facts.timezone = zone);
        for path in ["/", "/runs/01KF"] {
            let page = harness.get(path).await.body;
            assert!(page.contains(expected), "{path}: {expected} is not on the page: {page}");
        }
    }
}

#[tokio::test]
async fn a_membership_that_changes_by_hand_is_on_the_page_once_a_run_has_seen_it() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let line = |who: &str, what: &str| format!("<bdi>{who}</bdi> {what} <bdi>offers</bdi>");
    let page = harness.get("/").await.body;
    for expected in [line("Mallory@acme.com", "appeared in"), line("ben@acme.com", "vanished from")] {
        assert_eq!(page.matches(&expected).count(), 1, "{expected}: {page}");
    }
    assert!(!page.contains(&line("ann@acme.com", "appeared in")), "the first look tells of no change: {page}");
    observe_offers(&harness.journal, Utc::now(), &["Mallory@acme.com"]).await;
    record(&harness.journal, &harness.daemon_state, report("01KG", Utc::now(), Vec::new())).await;
    let page = harness.get("/").await.body;
    for (who, what) in [("ann@acme.com", "vanished from"), ("Mallory@acme.com", "appeared in")] {
        assert_eq!(page.matches(&line(who, what)).count(), 1, "{who} {what}: {page}");
    }
}

#[tokio::test]
async fn a_reload_that_failed_and_a_pause_are_on_the_page() {
    let harness = Harness::start().await;
    let until = Utc::now() + Duration::from_secs(3_600);
    harness.daemon_state.update(|facts| {
        facts.reload_problem = Some("guard.max_removals is no number".to_owned());
        facts.status.throttled_until = Some(until);
    });
    let page = harness.get("/").await.body;
    for expected in
        ["guard.max_removals is no number", "and reload the service.", "Adobe asked for a pause until <time"]
    {
        assert!(page.contains(expected), "{expected} is not on the page: {page}");
    }
}

#[tokio::test]
async fn the_script_is_a_file_of_its_own_and_leaves_the_form_alone() {
    let harness = Harness::start().await;
    let page = harness.get("/").await;
    assert!(page.header("content-security-policy").contains("script-src 'self'; connect-src 'self';"), "{page:?}");
    assert!(page.body.contains("<script src=\"/page.js\" defer></script>"), "{}", page.body);
    let script = harness.get("/page.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    let form = page.body.split("<section id=\"person\"").nth(1).expect("a form");
    assert!(!form.split("</section>").next().expect("its end").contains("data-live"), "what is typed stays");
}

#[tokio::test]
async fn an_empty_history_is_a_page_too() {
    let harness = Harness::start().await;
    let page = harness.get("/").await;
    for expected in ["Nothing waits for an approval", "No run has been recorded yet", "the schedule is off"] {
        assert!(page.body.contains(expected), "{expected} is not on the page");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_reported_next_to_the_state() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    Journal::close(&harness.journal).await;
    let page = harness.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("the history cannot be read"), "{}", page.body);
    assert!(page.body.contains("<bdi>production</bdi>"), "the last report is still known");
}

#[tokio::test]
async fn an_approved_plan_needs_no_command_any_more() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let digest = campaign_group_sync::domain::Digest::parse(DIGEST).expect("a digest");
    let now = Utc::now();
    harness.journal.approve(&digest, &"eve".into(), now, now + Duration::from_secs(3600)).await.expect("approved");
    let page = harness.get("/").await;
    assert!(page.body.contains("The next run makes these changes"), "{}", page.body);
    assert!(!page.body.contains("campaign-group-sync approve"), "there is nothing left to do");
}

#[tokio::test]
async fn hostile_names_are_only_text() {
    let hostile = "\"><script>alert('x')</script><!--\u{202e}\u{0}\n&lt;";
    let mut harness = Harness::start().await;
    let changes = vec![change(ChangeKind::Remove, hostile, hostile, ChangeOutcome::Held)];
    let mut seen = instance(hostile, &[hostile], changes);
    seen.orphaned.push(orphan(hostile));
    seen.warnings.push(hostile.to_owned());
    seen.error = Some(hostile.to_owned());
    record(&harness.journal, &harness.daemon_state, report("01A\"<script>", Utc::now(), vec![seen])).await;
    harness.daemon_state.update(|facts| {
        facts.status.reason = hostile.to_owned();
        facts.progress = hostile.to_owned();
        facts.status.leader = Some(hostile.to_owned());
    });
    let address = harness.address;
    let path = "/?person=%22%3E%3Cscript%3Ealert('x')%3C%2Fscript%3E%E2%80%AE%00&group=%3Cscript%3E";
    let asking = tokio::spawn(async move { ask(address, "GET", path, &[]).await });
    let question = harness.explain_requests.recv().await.expect("a question");
    question.reply.send(explanation(hostile, hostile)).expect("a listener");
    let page = asking.await.expect("an answer").body;
    assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"), "the names are there: {page}");
    assert_eq!(page.matches("<script").count(), 1, "the page's own: {page}");
    for raw in ["<script>", "<!--", "\u{202e}", "\u{0}", "alert('x')"] {
        assert!(!page.contains(raw), "{raw:?} is on the page");
    }
    let metrics = harness.get("/metrics").await.body;
    assert!(
        metrics.lines().all(|line| line.starts_with("# ") || line.starts_with("campaign_group_sync_")),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_explanation_is_shown_below_its_form() {
    let mut harness = Harness::start().await;
    let address = harness.address;
    let asking =
        tokio::spawn(async move { ask(address, "GET", "/?person=%20ann%40acme.com+&group=offers", &[]).await });
    let question = harness.explain_requests.recv().await.expect("a question");
    assert_eq!(question.user, "ann@acme.com");
    assert_eq!(question.group.expect("a group").as_str(), "offers");
    question.reply.send(explanation("ann@acme.com", "offers")).expect("a listener");
    let page = asking.await.expect("an answer").body;
    for expected in [
        "value=\"ann@acme.com\"",
        "is an active user of the organization",
        "Operator group <bdi>offers</bdi>: a member",
    ] {
        assert!(page.contains(expected), "{expected} is not on the page");
    }
}

#[tokio::test]
async fn a_failed_lookup_is_reported() {
    let mut harness = Harness::start().await;
    let address = harness.address;
    let asking = tokio::spawn(async move { ask(address, "GET", "/?person=ann", &[]).await });
    drop(harness.explain_requests.recv().await.expect("a question"));
    assert!(asking.await.expect("an answer").body.contains("The lookup timed out"));
    harness.explain_requests.close();
    assert!(harness.get("/?person=ann").await.body.contains("The daemon is stopping"));
}

#[tokio::test]
async fn another_web_site_cannot_start_a_lookup() {
    let mut harness = Harness::start().await;
    for (method, site) in [("GET", "cross-site"), ("GET", "same-site"), ("HEAD", "none")] {
        let answer = harness.ask(method, "/?person=ann", &[("Sec-Fetch-Site", site)]).await;
        assert_eq!(answer.status, 200, "{site}");
        assert!(harness.explain_requests.try_recv().is_err(), "{method} {site} was asked on");
    }
    let long = format!("/?person={}", "a".repeat(321));
    assert!(harness.get(&long).await.body.contains("The name is too long"));
    assert!(harness.explain_requests.try_recv().is_err());
}

#[tokio::test]
async fn a_thousand_visits_during_a_run_are_answered_and_its_end_is_seen_at_once() {
    let harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let first = harness.get("/").await.body;
    for _ in 0..1_000 {
        harness.daemon_state.update(|facts| facts.progress = "reading".to_owned());
        assert_eq!(harness.get("/").await.status, 200);
    }
    let next = report("01KC", Utc::now(), vec![instance("production", &["delivery"], Vec::new())]);
    assert!(!first.contains("01KC"));
    record(&harness.journal, &harness.daemon_state, next).await;
    assert!(harness.get("/").await.body.contains("01KC"), "a run that ended is seen at once");
}

/// Serves a filled page for a browser: see `tests/page/run`.
#[tokio::test]
#[ignore = "serves until the folder in SERVE_FOR_A_LOOK has a file named stop"]
async fn serve_for_a_look() {
    let folder = std::env::var("SERVE_FOR_A_LOOK").expect("SERVE_FOR_A_LOOK names a folder");
    let mut harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    let folder = std::path::Path::new(&folder);
    std::fs::write(folder.join("url"), format!("http://{}", harness.address)).expect("written");
    while !folder.join("stop").exists() {
        if let Ok(Some(question)) =
            tokio::time::timeout(Duration::from_millis(200), harness.explain_requests.recv()).await
        {
            let answer = explanation(&question.user, "offers");
            drop(question.reply.send(answer));
        }
    }
}

//! The page: what it says, and what never gets through.

use std::time::Duration;

use campaign_group_sync::{
    domain::{ChangeKind, ChangeOutcome},
    journal::Journal,
};
use chrono::Utc;

use crate::{
    filled::{DIGEST, change, explanation, fill, instance, orphan, record, report},
    stage::{Stage, ask},
};

#[tokio::test]
async fn it_says_what_is_done_held_and_due() {
    let stage = Stage::start().await;
    fill(&stage.journal, &stage.board).await;
    let page = stage.get("/").await;
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
        "16 earlier runs",
        "Orphaned groups of <bdi>production</bdi>",
        "01KB9999999999999999999999",
    ] {
        assert!(page.body.contains(expected), "{expected} is not on the page");
    }
    assert!(!page.body.contains("<script"), "no script is needed");
    assert!(!page.body.contains("style=\""), "the policy would refuse it");
}

#[tokio::test]
async fn an_empty_history_is_a_page_too() {
    let stage = Stage::start().await;
    let page = stage.get("/").await;
    for expected in ["Nothing waits for an approval", "No run has been recorded yet", "the schedule is off"] {
        assert!(page.body.contains(expected), "{expected} is not on the page");
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_said_so_beside_what_is_known() {
    let stage = Stage::start().await;
    fill(&stage.journal, &stage.board).await;
    Journal::close(&stage.journal).await;
    let page = stage.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("the history cannot be read"), "{}", page.body);
    assert!(page.body.contains("<bdi>production</bdi>"), "the last report is still known");
}

#[tokio::test]
async fn an_approved_plan_needs_no_command_any_more() {
    let stage = Stage::start().await;
    fill(&stage.journal, &stage.board).await;
    let digest = campaign_group_sync::domain::Digest::parse(DIGEST).expect("a digest");
    let now = Utc::now();
    stage.journal.approve(&digest, &"eve".into(), now, now + Duration::from_secs(3600)).await.expect("approved");
    let page = stage.get("/").await;
    assert!(page.body.contains("The next run makes these changes"), "{}", page.body);
    assert!(!page.body.contains("campaign-group-sync approve"), "there is nothing left to do");
}

#[tokio::test]
async fn hostile_names_are_only_text() {
    let hostile = "\"><script>alert('x')</script><!--\u{202e}\u{0}\n&lt;";
    let mut stage = Stage::start().await;
    let changes = vec![change(ChangeKind::Remove, hostile, hostile, ChangeOutcome::Held)];
    let mut seen = instance(hostile, &[hostile], changes);
    seen.orphaned.push(orphan(hostile));
    seen.warnings.push(hostile.to_owned());
    seen.error = Some(hostile.to_owned());
    record(&stage.journal, &stage.board, report("01A\"<script>", Utc::now(), vec![seen])).await;
    stage.board.update(|facts| {
        facts.status.reason = hostile.to_owned();
        facts.progress = hostile.to_owned();
        facts.status.leader = Some(hostile.to_owned());
    });
    let address = stage.address;
    let path = "/?person=%22%3E%3Cscript%3Ealert('x')%3C%2Fscript%3E%E2%80%AE%00&group=%3Cscript%3E";
    let asking = tokio::spawn(async move { ask(address, "GET", path, &[]).await });
    let question = stage.questions.recv().await.expect("a question");
    question.reply.send(explanation(hostile, hostile)).expect("a listener");
    let page = asking.await.expect("an answer").body;
    assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"), "the names are there: {page}");
    for raw in ["<script", "<!--", "\u{202e}", "\u{0}", "alert('x')"] {
        assert!(!page.contains(raw), "{raw:?} is on the page");
    }
    let metrics = stage.get("/metrics").await.body;
    assert!(
        metrics.lines().all(|line| line.starts_with("# ") || line.starts_with("campaign_group_sync_")),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_question_is_answered_beside_its_form() {
    let mut stage = Stage::start().await;
    let address = stage.address;
    let asking =
        tokio::spawn(async move { ask(address, "GET", "/?person=%20ann%40acme.com+&group=offers", &[]).await });
    let question = stage.questions.recv().await.expect("a question");
    assert_eq!(question.person, "ann@acme.com");
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
async fn a_question_without_an_answer_says_so() {
    let mut stage = Stage::start().await;
    let address = stage.address;
    let asking = tokio::spawn(async move { ask(address, "GET", "/?person=ann", &[]).await });
    drop(stage.questions.recv().await.expect("a question"));
    assert!(asking.await.expect("an answer").body.contains("No answer: the daemon did not find it out in time"));
    stage.questions.close();
    assert!(stage.get("/?person=ann").await.body.contains("No answer: the daemon is stopping"));
}

#[tokio::test]
async fn a_foreign_site_cannot_make_the_daemon_ask() {
    let mut stage = Stage::start().await;
    for (method, site) in [("GET", "cross-site"), ("GET", "same-site"), ("HEAD", "none")] {
        let answer = stage.ask(method, "/?person=ann", &[("Sec-Fetch-Site", site)]).await;
        assert_eq!(answer.status, 200, "{site}");
        assert!(stage.questions.try_recv().is_err(), "{method} {site} was asked on");
    }
    let long = format!("/?person={}", "a".repeat(321));
    assert!(stage.get(&long).await.body.contains("Nobody has so long a name"));
    assert!(stage.questions.try_recv().is_err());
}

#[tokio::test]
async fn a_thousand_visits_during_a_run_are_answered_and_its_end_is_seen_at_once() {
    let stage = Stage::start().await;
    fill(&stage.journal, &stage.board).await;
    let first = stage.get("/").await.body;
    for _ in 0..1_000 {
        stage.board.update(|facts| facts.progress = "reading".to_owned());
        assert_eq!(stage.get("/").await.status, 200);
    }
    let next = report("01KC", Utc::now(), vec![instance("production", &["delivery"], Vec::new())]);
    assert!(!first.contains("01KC"));
    record(&stage.journal, &stage.board, next).await;
    assert!(stage.get("/").await.body.contains("01KC"), "a run that ended is seen at once");
}

/// Serves a filled page for a browser: see `tests/page/run`.
#[tokio::test]
#[ignore = "serves until the folder in SERVE_FOR_A_LOOK has a file named stop"]
async fn serve_for_a_look() {
    let folder = std::env::var("SERVE_FOR_A_LOOK").expect("SERVE_FOR_A_LOOK names a folder");
    let mut stage = Stage::start().await;
    fill(&stage.journal, &stage.board).await;
    let folder = std::path::Path::new(&folder);
    std::fs::write(folder.join("url"), format!("http://{}", stage.address)).expect("written");
    while !folder.join("stop").exists() {
        if let Ok(Some(question)) = tokio::time::timeout(Duration::from_millis(200), stage.questions.recv()).await {
            let answer = explanation(&question.person, "offers");
            drop(question.reply.send(answer));
        }
    }
}

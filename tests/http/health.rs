//! Health and status: from the last success, not from being alive.

use campaign_group_sync::{
    daemon::{Outstanding, ServiceState, Status},
    domain::{ChangeKind, ChangeOutcome, Outcome},
};
use chrono::{TimeDelta, Utc};

use super::{
    harness::Harness,
    populated_journal::{change, instance, outstanding, report},
};

#[tokio::test]
async fn a_daemon_that_has_done_nothing_is_alive_and_not_ready() {
    let harness = Harness::start().await;
    assert_eq!(harness.get("/healthz").await.status, 200);
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("credentials"), "{}", ready.body);
}

#[tokio::test]
async fn readiness_ages_with_the_last_success() {
    let harness = Harness::start().await;
    let in_sync = report("01A", Utc::now(), vec![instance("production", &["delivery"], Vec::new())]);
    harness.daemon_state.run_ended(in_sync, Outstanding::default());
    assert_eq!(harness.get("/readyz").await.status, 200);
    harness.daemon_state.update(|facts| facts.status.last_success = Some(Utc::now() - TimeDelta::seconds(660)));
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("11 minutes old"), "{}", ready.body);
    assert_eq!(harness.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn refused_credentials_never_make_it_ready() {
    let harness = Harness::start().await;
    let mut refused = report("01A", Utc::now(), Vec::new());
    (refused.outcome, refused.error) = (Outcome::Refused, Some("the client secret is refused".to_owned()));
    refused.source.complete = false;
    harness.daemon_state.run_ended(refused, Outstanding::default());
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("the client secret is refused"), "{}", ready.body);
}

#[tokio::test]
async fn held_changes_keep_the_daemon_ready_and_blocked_until_runs_fail() {
    let harness = Harness::start().await;
    let change = change(ChangeKind::Remove, "ann@acme.com", "offers", ChangeOutcome::Held);
    let held = report("01A", Utc::now(), vec![instance("production", &["offers"], vec![change])]);
    let outstanding = outstanding(&held);
    harness.daemon_state.run_ended(held, outstanding.clone());
    let status = harness.daemon_state.facts().status;
    assert_eq!((status.state, status.holds.as_slice()), (ServiceState::Blocked, outstanding.holds.as_slice()));
    assert!(status.last_success.is_some() && status.last_clean.is_none(), "{status:?}");
    assert_eq!(harness.get("/readyz").await.status, 200);
    let mut unread = report("01B", Utc::now(), Vec::new());
    (unread.outcome, unread.source.complete) = (Outcome::Incomplete, false);
    harness.daemon_state.run_ended(unread, outstanding.clone());
    harness.daemon_state.update(|facts| facts.status.last_success = Some(Utc::now() - TimeDelta::seconds(601)));
    let status = harness.daemon_state.facts().status;
    assert_eq!((status.state, status.holds), (ServiceState::Failing, outstanding.holds), "what is held still is");
    let ready = harness.get("/readyz").await;
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(ready.body.contains("the last success is 10 minutes old"), "{}", ready.body);
}

#[tokio::test]
async fn a_clean_run_holds_nothing_and_fails_nothing() {
    let harness = Harness::start().await;
    for (outcome, is_clean) in [
        (ChangeOutcome::Failed, false),
        (ChangeOutcome::Held, false),
        (ChangeOutcome::Applied, true),
        (ChangeOutcome::Pending, true),
    ] {
        harness.daemon_state.update(|facts| (facts.status.last_success, facts.status.last_clean) = (None, None));
        let change = change(ChangeKind::Remove, "ann@acme.com", "offers", outcome);
        let ended = report("01A", Utc::now(), vec![instance("production", &["offers"], vec![change])]);
        let outstanding = outstanding(&ended);
        harness.daemon_state.run_ended(ended, outstanding);
        let status = harness.daemon_state.facts().status;
        assert!(status.last_success.is_some(), "{outcome:?}");
        assert_eq!(status.last_clean.is_some(), is_clean, "{outcome:?}");
    }
}

#[tokio::test]
async fn an_observed_instance_blocks_nothing() {
    let harness = Harness::start().await;
    let change = change(ChangeKind::Remove, "ann@acme.com", "offers", ChangeOutcome::Held);
    let observed = report("01A", Utc::now(), vec![instance("production", &["offers"], vec![change])]);
    harness.daemon_state.run_ended(observed, Outstanding::default());
    let status = harness.daemon_state.facts().status;
    assert_eq!((status.state, status.held), (ServiceState::Idle, Vec::new()));
    assert_eq!(status.reason, "nothing is held; in an observed instance, changes would be held: production");
}

#[tokio::test]
async fn the_status_is_the_document_of_the_state() {
    let harness = Harness::start().await;
    let held = change(ChangeKind::Remove, "ann@acme.com", "offers", ChangeOutcome::Held);
    let held = report("01A", Utc::now(), vec![instance("production", &["offers"], vec![held])]);
    let outstanding = outstanding(&held);
    harness.daemon_state.run_ended(held, outstanding);
    let answer = harness.get("/status").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let status: Status = serde_json::from_str(&answer.body).expect("a status");
    assert_eq!(status, harness.daemon_state.facts().status);
    assert_eq!(status.state, ServiceState::Blocked);
    assert_eq!(status.held, [super::populated_journal::DIGEST]);
}

#[tokio::test]
async fn a_stop_ends_the_server_although_a_lookup_is_open() {
    let mut harness = Harness::start().await;
    let address = harness.address;
    let asking = tokio::spawn(async move { super::harness::ask(address, "GET", "/?person=ann", &[]).await });
    let question = harness.explain_requests.recv().await.expect("a question");
    drop(harness.stop);
    harness.served.await.expect("not panicked").expect("served");
    drop(question);
    // The connection may have been closed in the middle: that the client is let go is what matters.
    drop(asking.await.expect("let go"));
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

//! The webhook: 2xx is taken, nothing else; no redirect is followed; nothing secret is shown.

use std::time::Duration;

use campaign_group_sync::{
    domain::NotificationTarget,
    journal::AfterFailure,
    notify::{NotifyOptions, UserNames, WebhookTarget, WebhookUrl, probe, send_test},
    transport,
};
use chrono::{TimeDelta, Utc};

use super::{
    fixture::{Fixture, SHORT, delivered, failed_once},
    receivers::{Behavior, webhook},
};

fn options(url: &str) -> NotifyOptions {
    let url = WebhookUrl::parse(url).expect("an address");
    let webhook = WebhookTarget { url, user_names: UserNames::Omitted, http: transport::HttpOptions::default() };
    NotifyOptions {
        webhook: Some(webhook),
        page: Some("http://127.0.0.1:9464/".to_owned()),
        ..NotifyOptions::default()
    }
}

async fn prepared() -> Fixture {
    Fixture::with_one_for(NotificationTarget::Webhook).await
}

#[tokio::test]
async fn the_body_is_one_json_document_with_names_only_if_configured() {
    let (url, log) = webhook(Behavior::Answers("204 No Content"));
    let mut options = options(&format!("{url}/hook?key=secret"));
    delivered(&prepared().await.deliver(&options).await);
    options.webhook.as_mut().expect("configured").user_names = UserNames::Included;
    delivered(&prepared().await.deliver(&options).await);
    let [without, with] = &log.all()[..] else { panic!("{:?}", log.all()) };
    assert_eq!(without.path, "/hook?key=secret");
    assert_eq!(without.headers.get("content-type").map(String::as_str), Some("application/json"));
    let document = without.json();
    for key in ["version", "id", "kind", "time", "run", "instance", "text", "what_to_do", "counts", "page"] {
        assert!(document.get(key).is_some(), "{key}: {document}");
    }
    assert!(document.get("people").is_none() && !without.body.contains("ann@acme.com"), "{document}");
    assert_eq!(with.json()["people"], serde_json::json!(["ann@acme.com"]));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_is_no_delivery() {
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (elsewhere, other) = webhook(Behavior::Answers("200 OK"));
        let head: &'static str = Box::leak(format!("{status}\r\nLocation: {elsewhere}/stolen").into_boxed_str());
        let (url, log) = webhook(Behavior::Answers(head));
        let state = prepared().await.deliver(&options(&url)).await;
        assert!(failed_once(&state).contains("a redirect, which is not followed"), "{state:?}");
        assert_eq!((log.all().len(), other.all().len()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn only_2xx_is_a_delivery_and_an_error_shows_the_host_alone() {
    for status in ["400 Bad Request", "404 Not Found", "410 Gone", "500 Oops", "503 Busy"] {
        let (url, _log) = webhook(Behavior::Answers(status));
        let state = prepared().await.deliver(&options(&format!("{url}/services/secret?sig=secret"))).await;
        let error = failed_once(&state);
        assert!(error.contains(&url) && error.contains(&status[..3]) && error.contains("answer"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
    let state = prepared().await.deliver(&options(&format!("http://{gone}/secret"))).await;
    let error = failed_once(&state);
    assert!(error.contains("connection refused") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_receiver_that_hangs_is_aborted_at_the_deadline() {
    let (url, _log) = webhook(Behavior::Hangs);
    let fixture = prepared().await;
    let state = fixture.deliver(&NotifyOptions { deadline: SHORT, ..options(&url) }).await;
    assert!(failed_once(&state).contains("timed out after 0.3 s"), "{state:?}");
}

#[tokio::test]
async fn the_pause_that_a_receiver_asks_for_is_kept() {
    let (url, log) = webhook(Behavior::Answers("429 Too Many Requests\r\nRetry-After: 600"));
    let (fixture, options) = (prepared().await, NotifyOptions { first_pause: Duration::ZERO, ..options(&url) });
    let before = Utc::now();
    failed_once(&fixture.deliver(&options).await);
    failed_once(&fixture.deliver(&options).await);
    assert_eq!(log.all().len(), 1, "not before its time");
    let webhook = NotificationTarget::Webhook;
    let early = before + TimeDelta::seconds(599);
    assert_eq!(fixture.journal.claim_notification(webhook, early).await.expect("read"), None);
    let late = Utc::now() + TimeDelta::seconds(601);
    assert!(fixture.journal.claim_notification(webhook, late).await.expect("read").is_some());
}

#[tokio::test]
async fn attempts_are_repeated_with_one_id_until_delivery() {
    let (url, log) = webhook(Behavior::Answers("502 Bad Gateway"));
    let (fixture, webhook) = (prepared().await, NotificationTarget::Webhook);
    let options = options(&url);
    failed_once(&fixture.deliver(&options).await);
    // Its pause is over.
    let late = Utc::now() + TimeDelta::seconds(6);
    let claimed = fixture.journal.claim_notification(webhook, late).await.expect("read").expect("due");
    fixture
        .journal
        .notification_failed(&claimed, "once more", AfterFailure::RetryAt(Utc::now()), Utc::now())
        .await
        .expect("ok");
    log.behave(Behavior::Answers("200 OK"));
    let state = fixture.deliver(&options).await;
    assert_eq!((state.waiting, state.delivered, state.failed), (0, 1, 2), "{state:?}");
    let ids: Vec<_> = log.all().iter().map(|one| one.json()["id"].clone()).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn a_notification_is_given_up_after_the_last_attempt() {
    let (url, log) = webhook(Behavior::Answers("500 Oops"));
    let fixture = prepared().await;
    let state = fixture.deliver(&NotifyOptions { first_pause: Duration::ZERO, ..options(&url) }).await;
    assert_eq!((state.waiting, state.given_up, state.failed), (0, 1, 80), "{state:?}");
    assert_eq!(log.all().len(), 80);
}

#[tokio::test]
async fn a_check_connects_to_the_host_and_sends_a_test_only_on_request() {
    let (url, log) = webhook(Behavior::Answers("404 Not Found"));
    let options = options(&format!("{url}/secret"));
    let seen = probe(&options, NotificationTarget::Webhook).await.expect("reached");
    assert!(seen.contains("no notification was sent") && !seen.contains("secret"), "{seen}");
    let [asked] = &log.all()[..] else { panic!("{:?}", log.all()) };
    assert_eq!((asked.path.as_str(), asked.body.as_str()), ("/", ""), "never the address of the webhook");
    log.behave(Behavior::Answers("200 OK"));
    let seen = send_test(&options, NotificationTarget::Webhook).await.expect("taken");
    assert!(!seen.contains("secret"), "{seen}");
    let sent = log.taken();
    assert_eq!((sent.len(), &sent[0].json()["kind"]), (1, &serde_json::json!("test")));
}

//! Lookups of a user on the page: switched off by the configuration, refused while their calls are used up.

use campaign_group_sync::{domain::Explanation, settings::PersonLookup};
use chrono::{TimeDelta, Utc};

use super::{
    harness::{Harness, ask},
    populated_journal::{explanation, fill},
};

#[tokio::test]
async fn incident_36_without_lookup_the_form_is_absent_and_every_lookup_is_refused() {
    let mut harness = Harness::start().await;
    fill(&harness.journal, &harness.daemon_state).await;
    assert!(harness.get("/").await.body.contains("<form"), "the form is there by default");
    harness.daemon_state.update(|facts| facts.person_lookup = PersonLookup::Off);
    let page = harness.get("/").await;
    assert_eq!((page.status, page.body.contains("<form")), (200, false), "{}", page.body);
    for question in ["/?person=ann%40acme.com", "/?person=ann&group=offers", "/?person="] {
        let refused = harness.get(question).await;
        assert_eq!(refused.status, 403, "{question}");
        assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
        assert!(refused.body.contains("http.person_lookup"), "{question}: {}", refused.body);
        assert!(!refused.body.contains("<form"), "{question}: {}", refused.body);
    }
    assert!(harness.explain_requests.try_recv().is_err(), "no question was passed on");
    harness.daemon_state.update(|facts| facts.person_lookup = PersonLookup::On);
    assert!(harness.get("/").await.body.contains("<form"), "the form is back after a reload");
}

#[tokio::test]
async fn incident_36_a_lookup_without_calls_left_names_the_time_of_a_retry() {
    let mut harness = Harness::start().await;
    let address = harness.address;
    let asking = tokio::spawn(async move { ask(address, "GET", "/?person=ann%40acme.com", &[]).await });
    let question = harness.explain_requests.recv().await.expect("a question");
    let again = Utc::now() + TimeDelta::seconds(40);
    let refused = Explanation { retry_at: Some(again), ..explanation("ann@acme.com", "offers") };
    question.reply.send(refused).expect("a listener");
    let page = asking.await.expect("an answer");
    assert_eq!(page.status, 503, "{}", page.body);
    let wait: i64 = page.header("retry-after").parse().expect("seconds");
    assert!((1..=41).contains(&wait), "{wait}");
}

#[tokio::test]
async fn incident_36_a_lookup_is_refused_at_once_when_the_queue_is_full() {
    let harness = Harness::start().await;
    let address = harness.address;
    // Nobody answers: as many wait as the queue holds.
    let mut waiting = Vec::new();
    while harness.explain_requests.len() < harness.explain_requests.max_capacity() {
        waiting.push(tokio::spawn(async move { ask(address, "GET", "/?person=ann", &[]).await }));
        tokio::task::yield_now().await;
    }
    let refused = harness.get("/?person=ann").await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{}", refused.body);
    assert!(refused.body.contains("Too many lookups wait"), "{}", refused.body);
    assert_eq!(harness.get("/healthz").await.status, 200);
    for asking in waiting {
        asking.abort();
    }
}

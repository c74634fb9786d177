//! Call limits.

use campaign_group_sync::sandbox::{Effect, Fault};
use reqwest::StatusCode;
use serde_json::json;

use super::harness::{Harness, header};

#[tokio::test]
async fn calls_beyond_the_limit_of_a_minute_are_refused() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"throttle": {"users_per_minute": 2, "groups_per_minute": 1}}));
    assert_eq!(harness.get("users/{org}/0").await.status(), StatusCode::OK);
    assert_eq!(harness.get("organizations/{org}/users/ann@acme.com").await.status(), StatusCode::OK);
    let refused = harness.get("users/{org}/0/61001").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "one limit for all that begins with users");
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let body = refused.text().await.unwrap();
    assert_eq!(body, r#"{"error_code" : "429050", "message" : "Too many requests"}"#);
    assert_eq!(harness.get("groups/{org}/0").await.status(), StatusCode::OK, "groups have a limit of their own");
    assert_eq!(harness.get("groups/{org}/0").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn page_0_asked_twice_locks_everything_out() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"throttle": {"first_page_interval": 7200, "lockout": 3244}}));
    assert_eq!(harness.get("users/{org}/0").await.status(), StatusCode::OK);
    assert_eq!(harness.get("users/{org}/0/61001").await.status(), StatusCode::OK, "members have no such rule");
    let refused = harness.get("users/{org}/0").await;
    assert_eq!((refused.status(), header(&refused, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "3244"));
    assert_eq!(harness.get("groups/{org}/0").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(harness.get("organizations/{org}/users/ann@acme.com").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_failed_call_for_page_0_counts_as_one() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"throttle": {"first_page_interval": 7200}}));
    harness.sandbox.inject(Fault::new("groups", Effect::status(504)));
    assert_eq!(harness.get("groups/{org}/0").await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(harness.get("groups/{org}/0").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

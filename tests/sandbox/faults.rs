//! Faults, effect by effect.

use campaign_group_sync::sandbox::{Change, Charset, Effect, Fault};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::harness::{Harness, emails, header, json_of};

#[tokio::test]
async fn every_effect_changes_a_page_as_described() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"pages": {"users": 5}}));
    let plain = harness.get_json("users/{org}/1").await;
    let disturbed = async |effect: Effect| {
        harness.sandbox.inject(Fault::new("users", effect).page(1));
        harness.get("users/{org}/1").await
    };

    let html = disturbed(Effect::Html).await;
    assert_eq!((html.status(), header(&html, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let throttled = disturbed(Effect::too_many_requests("38")).await;
    assert_eq!((throttled.status(), header(&throttled, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "38"));
    let empty = disturbed(Effect::EmptyPage).await;
    assert_eq!(header(&empty, "x-page-count"), "3", "the headers stay");
    assert_eq!(json_of(empty).await, json!({"lastPage": false, "result": "success", "users": []}));
    assert_eq!(json_of(disturbed(Effect::LastPage { value: true }).await).await["lastPage"], true);
    assert!(json_of(disturbed(Effect::omit_key("/users")).await).await.get("users").is_none());
    assert_eq!(json_of(disturbed(Effect::set_value("/users", 7)).await).await["users"], 7);
    let repeated = json_of(disturbed(Effect::RepeatPage { page: 0 }).await).await;
    assert_eq!(repeated, harness.get_json("users/{org}/0").await);
    let bare = disturbed(Effect::drop_headers(&["x-total-count", "x-page-count"])).await;
    assert!(bare.headers().get("x-total-count").is_none());
    let claimed = disturbed(Effect::set_header("x-page-count", "99")).await;
    assert_eq!(header(&claimed, "x-page-count"), "99");
    let huge = json_of(disturbed(Effect::huge_string("/users/0/firstname")).await).await;
    assert_eq!(huge["users"][0]["firstname"].as_str().unwrap().len(), 10 << 20);
    let half = disturbed(Effect::Truncate { bytes: None }).await.bytes().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&half).is_err());
    assert_eq!(disturbed(Effect::ExpireTokens).await.status(), StatusCode::UNAUTHORIZED);

    let harness = Harness { token: harness.fresh_token().await, ..harness };
    assert_eq!(harness.get_json("users/{org}/1").await, plain, "each fault was used up");
    assert!(harness.sandbox.faults().iter().all(|fault| fault.disturbed == 1));
}

#[tokio::test]
async fn a_connection_can_be_reset_or_cut_before_or_in_the_response() {
    let harness = Harness::first_day().await;
    let ask = async |effect: Effect| {
        harness.sandbox.inject(Fault::new("users", effect));
        let answer = harness.request("users/{org}/0").send().await;
        match answer {
            Ok(answer) => answer.bytes().await.map(|_| ()).map_err(|_| "in the body"),
            Err(_) => Err("before the head"),
        }
    };
    assert_eq!(ask(Effect::Reset).await, Err("before the head"));
    assert_eq!(ask(Effect::LoseAnswer).await, Err("before the head"));
    assert_eq!(ask(Effect::CutOff { after: None }).await, Err("in the body"));
    assert_eq!(ask(Effect::CutOff { after: Some(0) }).await, Err("in the body"));
    assert_eq!(ask(Effect::Delay { ms: 1 }).await, Ok(()), "the next connection is whole again");
}

#[tokio::test]
async fn a_connection_can_be_reset_in_the_body_and_after_it_and_be_closed_in_the_head() {
    let harness = Harness::first_day().await;
    let ask = async |effect: Effect| {
        harness.sandbox.inject(Fault::new("users", effect));
        match harness.request("users/{org}/0").send().await {
            Ok(answer) => answer.bytes().await.map(|body| body.len()).map_err(|_| "in the body"),
            Err(_) => Err("before the head is complete"),
        }
    };
    let whole = ask(Effect::Delay { ms: 0 }).await;
    assert!(whole.is_ok_and(|bytes| bytes > 100));
    assert_eq!(ask(Effect::ResetInside { after: None }).await, Err("in the body"));
    assert_eq!(ask(Effect::CutHead { after: 20 }).await, Err("before the head is complete"));
    assert_eq!(ask(Effect::ResetAfter).await, whole, "all of it came");
    assert_eq!(ask(Effect::Delay { ms: 0 }).await, whole, "on a new connection");
}

#[tokio::test]
async fn a_response_can_lie_about_its_length() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"quirks": {"uncompressed": true}}));
    let whole = harness.get("users/{org}/0").await.bytes().await.unwrap();
    harness.sandbox.inject(Fault::new("users", Effect::WrongLength { by: -10 }));
    let shorter = harness.get("users/{org}/0").await.bytes().await.unwrap();
    assert_eq!(shorter, whole.slice(..whole.len() - 10), "the rest is left on the connection");
    harness.sandbox.inject(Fault::new("users", Effect::WrongLength { by: 10 }));
    let longer = harness.get("users/{org}/0").await;
    assert_eq!(header(&longer, "content-length"), (whole.len() + 10).to_string());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), longer.bytes()).await;
    assert!(waited.is_err(), "the client waits for bytes that never come");
    assert_eq!(harness.get("users/{org}/0").await.bytes().await.unwrap(), whole);
}

#[tokio::test]
async fn a_page_can_miss_an_entry_belong_to_another_group_be_padded_and_be_in_another_charset() {
    let harness = Harness::first_day().await;
    let members = "users/{org}/0/61001?directOnly=false";
    let plain = harness.get_json(members).await;
    let disturbed = async |effect: Effect| {
        harness.sandbox.inject(Fault::new("members", effect).group("61001"));
        harness.get(members).await
    };
    let containing = "bob@acme.com".to_owned();
    let short = json_of(disturbed(Effect::OmitEntry { containing }).await).await;
    let without_bob: Vec<_> = emails(&plain).into_iter().filter(|email| email != "bob@acme.com").collect();
    assert_eq!(emails(&short), without_bob);
    let other = json_of(disturbed(Effect::OtherGroup { group: "61002".to_owned() }).await).await;
    assert_eq!(other, harness.get_json("users/{org}/0/61002?directOnly=false").await);
    assert_eq!(other["groupName"], "Campaign - acme - content");
    let padded = disturbed(Effect::Pad { bytes: 1_000 }).await.bytes().await.unwrap();
    assert!(padded.ends_with(&[b' '; 1_000]));
    assert_eq!(serde_json::from_slice::<Value>(&padded).unwrap(), plain);
    let recoded = disturbed(Effect::Recode { charset: Charset::Utf16 }).await.bytes().await.unwrap();
    assert!(recoded.starts_with(b"{\0"), "{recoded:?}");
}

#[tokio::test]
async fn a_lost_response_takes_effect_and_a_reset_does_not() {
    let harness = Harness::first_day().await;
    let connection = harness.sandbox.connection();
    let url = format!("{}/action/{}", connection.umapi_url, connection.organization_id);
    let join = async |effect: Effect| {
        harness.sandbox.inject(Fault::new("action", effect));
        let body = json!([{"user": "mona@acme.com", "do": [{"add": {"group": ["Marketing"]}}]}]).to_string();
        let request = harness.http.post(&url).bearer_auth(&harness.token).header("x-api-key", &connection.client_id);
        assert!(request.body(body).send().await.is_err());
        harness.sandbox.world().members("Marketing").contains(&"mona@acme.com".to_owned())
    };
    assert!(!join(Effect::Reset).await);
    assert!(join(Effect::LoseAnswer).await);
}

#[tokio::test]
async fn the_world_can_change_between_two_pages() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"pages": {"users": 5}}));
    let gone: Vec<Change> = serde_json::from_value(json!([{"op": "remove_user", "user": "ann@acme.com"}])).unwrap();
    harness.sandbox.inject(Fault::new("users", Effect::Change { changes: gone }).page(1));
    let mut walked = Vec::new();
    for page in 0..3 {
        walked.extend(emails(&harness.get_json(&format!("users/{{org}}/{page}")).await));
    }
    assert!(walked.contains(&"ann@acme.com".to_owned()), "seen before she went");
    assert!(!walked.contains(&"dev@acme.com".to_owned()), "moved up over the edge of a page and missed");
}

#[tokio::test]
async fn faults_are_injected_read_and_removed_over_http() {
    let harness = Harness::first_day().await;
    let faults =
        json!({"faults": [{"call": "users", "times": "forever", "effect": {"type": "status", "status": 503}}]});
    let injected = json_of(harness.control(reqwest::Method::POST, "faults", faults).await).await;
    assert_eq!(injected["faults"][0]["disturbed"], 0);
    assert_eq!(harness.get("users/{org}/0").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seen = json_of(harness.control(reqwest::Method::GET, "faults", Value::Null).await).await;
    assert_eq!((&seen["faults"][0]["disturbed"], &seen["faults"][0]["times"]), (&json!(1), &json!("forever")));
    harness.control(reqwest::Method::DELETE, "faults", Value::Null).await;
    assert_eq!(harness.get("users/{org}/0").await.status(), StatusCode::OK);
    let wrong = json!({"faults": [{"call": "users", "effect": {"type": "sabotage"}}]});
    assert_eq!(harness.control(reqwest::Method::POST, "faults", wrong).await.status(), StatusCode::BAD_REQUEST);
}

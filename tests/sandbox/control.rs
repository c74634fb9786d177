//! The sandbox itself: its world, its log, its scenarios, its start and stop.

use campaign_group_sync::sandbox::{Change, Effect, Fault, Sandbox, SandboxOptions, Scenario};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::harness::{DEADLINE, Harness, json_of, read};

#[tokio::test]
async fn every_request_is_in_the_log_with_its_status() {
    let harness = Harness::first_day().await;
    harness.sandbox.clear_requests();
    harness.get("users/{org}/0/61001?directOnly=false").await;
    harness.get("users/{org}/3").await;
    harness.get("organizations/{org}/users/nobody@acme.com").await;
    assert_eq!(harness.calls(), ["members", "users", "user"]);
    let requests = harness.sandbox.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].query.as_str()), ("GET", "directOnly=false"));
    assert!(requests[0].path.ends_with("@AdobeOrg/0/61001"));
    assert!(requests[0].headers.iter().any(|(name, _)| name == "authorization"));
    assert_eq!((requests[1].page, requests[1].status), (Some(3), 200));
    assert_eq!(requests[2].status, 404);
    assert!(requests.is_sorted_by_key(|request| request.arrival_ms));
}

#[tokio::test]
async fn the_world_is_read_and_changed_over_http() {
    let harness = Harness::first_day().await;
    let get = harness.control(reqwest::Method::GET, "world", Value::Null).await;
    let before = json_of(get).await;
    assert_eq!(before["organization"]["client_secret"], harness.sandbox.connection().client_secret.as_str());

    let good = json!({"op": "assign", "user": "mona@acme.com", "group": "Marketing"});
    let bad = json!({"op": "assign", "user": "nobody@acme.com", "group": "Marketing"});
    let refused = harness.control(reqwest::Method::POST, "world", json!({"changes": [good, bad]})).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let message = read(refused).await["error"].as_str().unwrap().to_owned();
    assert!(message.contains("change 1") && message.contains("nobody@acme.com"), "{message}");
    let get = harness.control(reqwest::Method::GET, "world", Value::Null).await;
    assert_eq!(json_of(get).await, before, "all or none");

    let changed = json_of(harness.control(reqwest::Method::POST, "world", json!({"changes": [good]})).await).await;
    assert_eq!(changed["organization"]["users"][11]["groups"], json!(["Marketing"]));
    let restored = harness.control(reqwest::Method::PUT, "world", before.clone()).await;
    assert_eq!(json_of(restored).await, before);
}

#[tokio::test]
async fn an_unknown_change_is_refused_with_its_name() {
    let harness = Harness::first_day().await;
    let cases = [
        (json!({"op": "promote", "user": "x"}), "promote"),
        (json!({"instance": "nowhere", "op": "join", "login": "a", "group": "b"}), "nowhere"),
        (json!({"op": "dial", "pages": {"userz": 1}}), "userz"),
        (json!({"op": "dial", "pages": {"users": 0}}), "at least one"),
        (json!({"op": "add_group", "group": {"group_id": 61001, "name": "twin"}}), "61001"),
    ];
    for (change, word) in cases {
        let refused = harness.control(reqwest::Method::POST, "world", json!({"changes": [change]})).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{word}");
        let message = read(refused).await["error"].as_str().unwrap().to_owned();
        assert!(message.contains(word), "{message}");
    }
}

#[tokio::test]
async fn renamed_groups_keep_their_members_and_their_id() {
    let harness = Harness::first_day().await;
    let rename: Vec<Change> = serde_json::from_value(json!([
        {"op": "rename_group", "group": "Campaign - acme - content", "to": "Campaign - acme - texts"},
        {"op": "rename_user", "user": "grace@acme.com", "to": "grace.goto@acme.com"}
    ]))
    .unwrap();
    harness.sandbox.world().apply(&rename).unwrap();
    assert_eq!(harness.members("61002", "").await, ["carla@acme.com", "grace.goto@acme.com", "hugo@acme.com"]);
    let page = harness.get_json("users/{org}/0/61002").await;
    assert_eq!(page["groupName"], "Campaign - acme - texts");
    assert_eq!(page["users"][1]["id"], "A10000000000000000000007@acme.com");
    assert_eq!(page["users"][1]["groups"], json!(["Campaign - acme - texts"]));
}

#[tokio::test]
async fn an_address_moves_from_one_user_to_another_and_two_may_share_one() {
    let harness = Harness::first_day().await;
    let ids = |page: &Value, email: &str| -> Vec<String> {
        let users = page["users"].as_array().unwrap().iter().filter(|user| user["email"] == email);
        users.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = harness.get_json("users/{org}/0").await;
    let [ann, grace] = ["ann@acme.com", "grace@acme.com"].map(|email| ids(&before, email).remove(0));
    let rename = |user: &str, to: &str| json!({"op": "rename_user", "user": user, "to": to});
    let moved = json!({"changes": [rename(&ann, "ann.old@acme.com"), rename(&grace, "ann@acme.com")]});
    json_of(harness.control(reqwest::Method::POST, "world", moved).await).await;
    let page = harness.get_json("users/{org}/0").await;
    assert_eq!(ids(&page, "ann@acme.com"), std::slice::from_ref(&grace));
    assert_eq!(ids(&page, "ann.old@acme.com"), std::slice::from_ref(&ann));
    assert!(ids(&page, "grace@acme.com").is_empty());

    let shared = json!({"changes": [rename(&ann, "ann@acme.com")]});
    json_of(harness.control(reqwest::Method::POST, "world", shared).await).await;
    let both = ids(&harness.get_json("users/{org}/0").await, "ann@acme.com");
    assert_eq!(both, [ann, grace]);
    let ambiguous = json!({"changes": [{"op": "remove_user", "user": "ann@acme.com"}]});
    let refused = harness.control(reqwest::Method::POST, "world", ambiguous).await;
    let message = read(refused).await["error"].as_str().unwrap().to_owned();
    assert!(message.contains("use the id"), "{message}");
}

#[tokio::test]
async fn a_removed_profile_leaves_the_listing_and_its_members() {
    let harness = Harness::first_day().await;
    let remove = json!({"changes": [{"op": "remove_group", "group": "id:61002"}]});
    json_of(harness.control(reqwest::Method::POST, "world", remove).await).await;
    let listing = harness.get_json("groups/{org}/0").await;
    assert!(listing["groups"].as_array().unwrap().iter().all(|group| group["groupId"] != 61002));
    assert_eq!(harness.get("users/{org}/0/61002").await.status(), StatusCode::NOT_FOUND);
    let page = harness.get_json("users/{org}/0").await;
    let names = page["users"].as_array().unwrap().iter().filter_map(|user| user["groups"].as_array()).flatten();
    assert_eq!(names.filter(|name| *name == "Campaign - acme - content").count(), 0);
}

#[tokio::test]
async fn every_scenario_is_served_and_is_the_world_it_describes() {
    for name in Scenario::names() {
        let scenario = Scenario::named(name).unwrap();
        let scenario = if scenario.generate.is_some() { scenario.with_users(300) } else { scenario };
        let harness = Harness::to(scenario).await;
        let page = harness.get_json("users/{org}/0").await;
        assert!(!page["users"].as_array().unwrap().is_empty(), "{name}");
        let described = harness.sandbox.world().describe();
        assert!(!described.title.is_empty() && !described.description.is_empty(), "{name}");
        let text = serde_json::to_string(&described).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), described, "{name}");
    }
}

#[tokio::test]
async fn an_unknown_scenario_is_refused_with_the_known_ones() {
    let message = Scenario::named("last_day").unwrap_err().to_string();
    assert!(message.contains("last_day") && message.contains("first_day, joiners_and_leavers"), "{message}");
}

#[tokio::test]
async fn the_sandbox_listens_on_loopback_only() {
    let options = SandboxOptions { listen: "0.0.0.0:0".parse().unwrap(), scenario: Scenario::default() };
    let message = Sandbox::start(options).await.unwrap_err().to_string();
    assert!(message.contains("0.0.0.0") && message.contains("127.0.0.1"), "{message}");
}

#[tokio::test]
async fn a_stopped_sandbox_resets_requests_in_flight() {
    let harness = Harness::first_day().await;
    harness.sandbox.inject(Fault::new("users", Effect::Delay { ms: 3_600_000 }));
    let waiting = tokio::spawn(harness.request("users/{org}/0").send());
    while !harness.calls().contains(&"users".to_owned()) {
        tokio::task::yield_now().await;
    }
    let url = harness.sandbox.url();
    tokio::time::timeout(DEADLINE, harness.sandbox.stop()).await.unwrap();
    assert!(waiting.await.unwrap().is_err(), "the connection is reset, not left hanging");
    assert!(harness.http.get(url).send().await.is_err(), "it no longer listens");
}

#[tokio::test]
async fn a_dropped_sandbox_no_longer_listens() {
    let harness = Harness::first_day().await;
    let url = harness.sandbox.url();
    drop(harness.sandbox);
    let gone = async { while harness.http.get(&url).send().await.is_ok() {} };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
}

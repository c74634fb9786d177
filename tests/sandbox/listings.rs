//! Users, members of a group, groups and single users.

use std::collections::BTreeSet;
use std::io::Read as _;

use campaign_group_sync::sandbox::{Scenario, UmapiGroup, User};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::harness::{Harness, emails, header, json_of, read};

#[tokio::test]
async fn users_are_listed_page_by_page() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"pages": {"users": 5}}));
    let mut seen = BTreeSet::new();
    for page in 0..3 {
        let answer = harness.get(&format!("users/{{org}}/{page}?directOnly=false")).await;
        assert_eq!(header(&answer, "x-total-count"), "14", "twelve users and two technical accounts");
        assert_eq!(header(&answer, "x-page-count"), "3");
        assert_eq!(header(&answer, "x-current-page"), page.to_string());
        let body = json_of(answer).await;
        assert_eq!(body["lastPage"], page == 2);
        seen.extend(emails(&body));
    }
    assert_eq!(seen.len(), 12);
    let beyond = harness.get("users/{org}/17").await;
    assert_eq!(header(&beyond, "x-current-page"), "2", "past the end is the last page again");
    assert_eq!(json_of(beyond).await, harness.get_json("users/{org}/2").await);
}

#[tokio::test]
async fn a_page_of_technical_accounts_is_empty() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"pages": {"users": 2}}));
    harness.sandbox.world().organization_mut().technical_accounts_from = 4;
    let answer = harness.get("users/{org}/2").await;
    assert_eq!(header(&answer, "x-page-size"), "1", "never zero: Adobe's tool divides by it");
    assert_eq!(json_of(answer).await, json!({"lastPage": false, "result": "success", "users": []}));
}

#[tokio::test]
async fn a_user_has_only_keys_with_values() {
    let harness = Harness::to(Scenario::named("hostile_names").unwrap()).await;
    let page = harness.get_json("users/{org}/0").await;
    let by_id = |id: &str| page["users"].as_array().unwrap().iter().find(|user| user["id"] == id).unwrap().clone();
    assert_eq!(
        by_id("09@acme.com"),
        json!({"id": "09@acme.com", "type": "unknown", "status": "active", "groups": ["CAMPAIGN - Acme - Delivery"]})
    );
    assert_eq!(by_id("07@AdobeID").get("groups"), None, "omitted when empty");
    let ben = by_id("05@acme.com");
    let twice = "Campaign - acme - (.*)+[a-z]$";
    let ghosts = ["Campaign - acme - delivery_0CFE9FE-provisioning", "Campaign - acme - phantom"];
    assert_eq!(ben["groups"], json!([twice, twice, ghosts[0], ghosts[1]]));
}

#[tokio::test]
async fn a_profile_through_a_user_group_is_listed_only_without_direct_only() {
    let harness = Harness::to(Scenario::named("inherited_through_user_group").unwrap()).await;
    let profile = "Campaign%20-%20acme%20-%20delivery";
    for hidden in ["", "directOnly=true", "directOnly=True"] {
        assert_eq!(harness.members(profile, hidden).await, ["dev@acme.com"], "{hidden}");
    }
    for shown in ["directOnly=false", "directOnly=False"] {
        assert_eq!(harness.members(profile, shown).await.len(), 6, "{shown}");
    }
    let gita = |page: &Value| page["users"].as_array().unwrap()[6]["groups"].clone();
    assert_eq!(gita(&harness.get_json("users/{org}/0").await), json!(["Night shift"]));
    assert_eq!(
        gita(&harness.get_json("users/{org}/0?directOnly=false").await),
        json!(["Night shift", "Campaign - acme - delivery", "Campaign - acme - workflow"])
    );
    let listed = harness.get_json("groups/{org}/0").await;
    assert_eq!(listed["groups"][0]["memberCount"], 6);
    harness.adjust(&json!({"quirks": {"member_count": "direct"}}));
    assert_eq!(harness.get_json("groups/{org}/0").await["groups"][0]["memberCount"], 1);
}

#[tokio::test]
async fn groups_are_listed_with_ids_types_and_counts_and_without_headers() {
    let harness = Harness::first_day().await;
    let answer = harness.get("groups/{org}/0").await;
    assert!(answer.headers().keys().all(|name| !name.as_str().starts_with("x-")));
    let body = json_of(answer).await;
    assert_eq!(
        body["groups"][0],
        json!({
            "groupId": 61001, "type": "PRODUCT_PROFILE", "groupName": "Campaign - acme - delivery", "memberCount": 5,
            "productName": "Adobe Campaign (acme)", "licenseQuota": "50",
            "adminGroupName": "_admin_Campaign - acme - delivery"
        })
    );
    let administrators = body["groups"].as_array().unwrap().iter().find(|group| group["groupId"] == 64001).unwrap();
    assert_eq!(administrators["groupName"], "Administrators", "listed under one name, shown as _org_admin");
    let untyped = Harness::to(Scenario::named("hostile_names").unwrap()).await.get_json("groups/{org}/0").await;
    assert_eq!(untyped["groups"][13].get("type"), None);
}

#[tokio::test]
async fn a_page_of_groups_past_the_end_is_the_last_page_or_not_found() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"pages": {"groups": 4}}));
    let last = harness.get_json("groups/{org}/2").await;
    assert_eq!(last["lastPage"], true);
    assert_eq!(harness.get_json("groups/{org}/3").await, last);
    harness.adjust(&json!({"quirks": {"groups_past_the_end": "not_found"}}));
    assert_eq!(harness.get_json("groups/{org}/3").await, json!({"lastPage": true, "result": "Not found"}));
    assert_eq!(harness.get_json("groups/{org}/2").await, last);
}

#[tokio::test]
async fn members_are_listed_by_group_id_or_name_in_any_case() {
    let harness = Harness::first_day().await;
    let by_id = harness.get_json("users/{org}/0/61002").await;
    assert_eq!(by_id["groupName"], "Campaign - acme - content");
    assert_eq!(emails(&by_id), ["carla@acme.com", "grace@acme.com", "hugo@acme.com"]);
    assert_eq!(harness.get_json("users/{org}/0/CAMPAIGN%20-%20ACME%20-%20Content").await, by_id);
    let without = harness.get_json("users/{org}/0/61002?excludeGroups=true").await;
    assert!(without["users"].as_array().unwrap().iter().all(|user| user.get("groups").is_none()));
    assert_eq!(harness.members("_org_admin", "").await, ["farid@acme.com"]);
    assert!(
        harness.members("_admin_Campaign%20-%20acme%20-%20content", "").await.is_empty(),
        "it has no administrators"
    );
}

#[tokio::test]
async fn members_of_an_unknown_group_are_not_found() {
    let harness = Harness::first_day().await;
    let answer = harness.get("users/{org}/0/Group%201234").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let body = json!({"lastPage": false, "result": "error.group.not_found", "message": "Not found: Group 1234"});
    assert_eq!(read(answer).await, body);
}

#[tokio::test]
async fn names_in_the_path_must_be_escaped_whole() {
    let harness = Harness::to(Scenario::named("hostile_names").unwrap()).await;
    let path = |name: &str| format!("users/{{org}}/0/{name}");
    assert_eq!(harness.members("Campaign%20-%20acme%20-%20a%2Fb%5Cc", "").await, ["zoë@acme.com"]);
    let raw = harness.get(&path("Campaign%20-%20acme%20-%20a/b%5Cc")).await;
    assert_eq!(raw.status(), StatusCode::BAD_REQUEST, "a raw slash is one part of the path too many");
    assert_eq!(harness.members("Campaign%20-%20acme%20-%20100%25%20%2B%20more%3Fa%3Db%23c", "").await.len(), 1);
    let dotted = "Campaign%20-%20acme%20-%20v1.2%20co.%20ltd.%20final";
    assert_eq!(harness.members(dotted, "").await, ["ann.berg@acme.com"]);
    harness.adjust(&json!({"quirks": {"cut_names_at_dot": true}}));
    let cut = harness.get(&path(dotted)).await;
    assert_eq!(cut.status(), StatusCode::NOT_FOUND);
    assert_eq!(read(cut).await["message"], "Not found: Campaign - acme - v1.2 co. ltd");
    assert_eq!(harness.members("61004", "").await, ["ann.berg@acme.com"], "the id has no dot");
}

#[tokio::test]
async fn licences_and_domains_filter_a_listing() {
    let harness = Harness::first_day().await;
    harness.sandbox.world().organization_mut().users[2].unlicensed = vec!["Campaign - acme - content".to_owned()];
    assert_eq!(harness.members("61002", "status=inactive").await, ["carla@acme.com"]);
    assert_eq!(harness.members("61002", "status=active").await, ["grace@acme.com", "hugo@acme.com"]);
    assert_eq!(emails(&harness.get_json("users/{org}/0?domain=ACME.com").await).len(), 12);
    assert_eq!(harness.get("users/{org}/0?domain=elsewhere.com").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_inactive_user_is_listed_only_as_a_member() {
    let harness = Harness::first_day().await;
    harness.sandbox.world().organization_mut().users[6].status = Some("disabled".to_owned());
    assert!(!emails(&harness.get_json("users/{org}/0").await).contains(&"grace@acme.com".to_owned()));
    assert!(harness.members("61002", "").await.contains(&"grace@acme.com".to_owned()));
    let single = harness.get("organizations/{org}/users/grace@acme.com").await;
    assert_eq!(single.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_user_is_found_by_address_in_any_case() {
    let harness = Harness::first_day().await;
    let body = harness.get_json("organizations/{org}/users/ANN@acme.com?domain=acme.com").await;
    assert_eq!((&body["result"], &body["user"]["firstname"]), (&json!("success"), &json!("Ann")));
    let nobody = harness.get("organizations/{org}/users/nobody@acme.com").await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    let expected = json!({"result": "error.user.not_found", "message": "User not found nobody@acme.com"});
    assert_eq!(read(nobody).await, expected);
}

#[tokio::test]
async fn a_single_user_has_inherited_profiles_as_direct_only_or_the_behavior_says() {
    let mut scenario = Scenario::default();
    let inherited = "Campaign - acme - delivery";
    scenario.organization.groups =
        vec![UmapiGroup::profile(1, inherited), UmapiGroup::user_group(2, "Marketing", &[inherited])];
    scenario.organization.users = vec![User::federated("ann@acme.com", &["Marketing"])];
    let harness = Harness::to(scenario).await;
    let groups = async |query: &str| {
        harness.get_json(&format!("organizations/{{org}}/users/ann@acme.com{query}")).await["user"]["groups"].clone()
    };
    let (direct, effective) = (json!(["Marketing"]), json!(["Marketing", inherited]));
    for (behavior, absent, said_false, said_true) in [
        ("as_asked", &direct, &effective, &direct),
        ("direct", &direct, &direct, &direct),
        ("effective", &effective, &effective, &effective),
    ] {
        harness.adjust(&json!({"quirks": {"single_user": behavior}}));
        assert_eq!(&groups("").await, absent, "{behavior}");
        assert_eq!(&groups("?directOnly=false").await, said_false, "{behavior}");
        assert_eq!(&groups("?directOnly=True").await, said_true, "{behavior}");
    }
}

#[tokio::test]
async fn of_two_users_with_one_address_the_federated_one_is_found() {
    let harness = Harness::to(Scenario::named("hostile_names").unwrap()).await;
    let ask = async |query: &str| {
        harness.get_json(&format!("organizations/{{org}}/users/sam@acme.com{query}")).await["user"]["type"].clone()
    };
    assert_eq!(ask("").await, "federatedID");
    assert_eq!(ask("?domain=AdobeID").await, "adobeID");
}

#[tokio::test]
async fn responses_are_compressed_for_clients_that_accept_it() {
    let harness = Harness::first_day().await;
    let plain = harness.get("users/{org}/0").await;
    assert!(plain.headers().get("content-encoding").is_none());
    let packed = harness.request("users/{org}/0").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    let mut unpacked = String::new();
    let bytes = packed.bytes().await.unwrap();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked.as_bytes(), plain.bytes().await.unwrap());
}

#[tokio::test]
async fn the_request_id_is_returned() {
    let harness = Harness::first_day().await;
    let answer = harness.request("groups/{org}/0").header("X-Request-Id", "abc_1").send().await.unwrap();
    assert_eq!(header(&answer, "x-request-id"), "abc_1");
}

#[tokio::test]
async fn a_shuffled_listing_has_another_order_each_time() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"quirks": {"shuffle": true}}));
    let first = emails(&harness.get_json("users/{org}/0").await);
    let second = emails(&harness.get_json("users/{org}/0").await);
    assert_ne!(first, second);
    assert_eq!(BTreeSet::from_iter(first), BTreeSet::from_iter(second));
}

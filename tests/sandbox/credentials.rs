//! Tokens, and the callers that the gateway admits.

use reqwest::StatusCode;
use serde_json::json;

use super::harness::{Harness, header, json_of, read};

#[tokio::test]
async fn a_token_is_issued_with_and_without_a_trailing_slash() {
    let harness = Harness::first_day().await;
    let connection = harness.sandbox.connection();
    let scope = "openid,AdobeID,user_management_sdk";
    for version in ["v2", "v3", "v2/", "v3/"] {
        let answer = harness.ask_token(version, &connection.client_id, &connection.client_secret, scope).await;
        let token = json_of(answer).await;
        assert_eq!(token["token_type"], "bearer");
        assert_eq!(token["expires_in"], 86399, "seconds, not milliseconds");
    }
}

#[tokio::test]
async fn the_parameters_of_a_token_request_may_be_in_the_query() {
    let harness = Harness::first_day().await;
    let connection = harness.sandbox.connection();
    let query = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=openid%2CAdobeID%2Cuser_management_sdk",
        connection.client_id, connection.client_secret
    );
    let answer = harness.http.post(format!("{}/ims/token/v3?{query}", connection.ims_url)).send().await.unwrap();
    assert!(json_of(answer).await["access_token"].is_string());
}

#[tokio::test]
async fn a_refused_token_request_has_adobes_error() {
    let harness = Harness::first_day().await;
    let connection = harness.sandbox.connection();
    let (id, secret) = (connection.client_id.as_str(), connection.client_secret.as_str());
    let cases = [
        ("nobody", secret, "openid", "invalid_client", Some("invalid client_id parameter")),
        (id, "wrong", "openid", "invalid_client", Some("invalid client_secret parameter")),
        (id, secret, "world_domination", "invalid_scope", None),
        (id, secret, "", "invalid_request", None),
    ];
    for (id, secret, scope, error, description) in cases {
        let answer = harness.ask_token("v3", id, secret, scope).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body = read(answer).await;
        assert_eq!(body["error"], error);
        if let Some(description) = description {
            assert_eq!(body["error_description"], description);
        }
    }
}

#[tokio::test]
async fn callers_are_refused_like_at_the_gateway() {
    let harness = Harness::first_day().await;
    let connection = harness.sandbox.connection();
    let path = "users/{org}/0";

    let no_token = harness.bare(path).header("x-api-key", &connection.client_id).send().await.unwrap();
    assert_eq!(no_token.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&no_token, "www-authenticate").contains("error=\"invalid_token\""));
    assert!(no_token.bytes().await.unwrap().is_empty());

    let no_key = harness.bare(path).bearer_auth(&harness.token).send().await.unwrap();
    assert_eq!(no_key.status(), StatusCode::FORBIDDEN);
    assert!(no_key.bytes().await.unwrap().is_empty());

    let other_key = harness.bare(path).bearer_auth(&harness.token).header("x-api-key", "other").send().await.unwrap();
    assert_eq!(other_key.status(), StatusCode::FORBIDDEN);
    assert_eq!(read(other_key).await["error_code"], "403003");

    let answer = harness.ask_token("v3", &connection.client_id, &connection.client_secret, "openid").await;
    let token = json_of(answer).await["access_token"].as_str().unwrap().to_owned();
    let scope = harness.bare(path).bearer_auth(token).header("x-api-key", &connection.client_id).send().await.unwrap();
    assert_eq!(read(scope).await["error_code"], "403003", "a token without the scope");

    let malformed = harness.get("users/no-organization/0").await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    assert_eq!(read(malformed).await["result"], "error.organization.invalid_id");
    assert_eq!(harness.get("users/FFFF@AdobeOrg/0").await.status(), StatusCode::UNAUTHORIZED, "another organization");
    assert_eq!(harness.get("users//{org}/0").await.status(), StatusCode::BAD_REQUEST, "two slashes");
}

#[tokio::test]
async fn a_token_expires() {
    let harness = Harness::first_day().await;
    harness.adjust(&json!({"tokens": {"expires_in": 0}}));
    let token = harness.fresh_token().await;
    let key = harness.sandbox.connection().client_id;
    let answer = harness.bare("users/{org}/0").bearer_auth(token).header("x-api-key", key).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(harness.get("users/{org}/0").await.status(), StatusCode::OK, "the earlier token still lives");
}

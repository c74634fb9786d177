//! The simulated identity service and user management API, over real HTTP.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeSet;

use campaign_group_sync::sandbox::{Options, Sandbox, Scenario};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// A sandbox with a client that is logged on.
struct Visit {
    sandbox: Sandbox,
    http: reqwest::Client,
    token: String,
}

impl Visit {
    async fn to(scenario: Scenario) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let sandbox = Sandbox::start(Options { listen, scenario }).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut visit = Self { sandbox, http, token: String::new() };
        let connection = visit.sandbox.connection();
        let answer = visit.ask_token("v3", &connection.client_id, &connection.client_secret).await;
        visit.token = json_of(answer).await["access_token"].as_str().unwrap().to_owned();
        visit
    }

    async fn first_day() -> Self {
        Self::to(Scenario::named("first_day").unwrap()).await
    }

    async fn ask_token(&self, version: &str, id: &str, secret: &str) -> Response {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", "openid,AdobeID,user_management_sdk"),
        ];
        self.http.post(format!("{}/ims/token/{version}", self.sandbox.url())).form(&form).send().await.unwrap()
    }

    /// Asks the user management API; `{org}` stands for the organization.
    async fn get(&self, path: &str) -> Response {
        let connection = self.sandbox.connection();
        let path = path.replace("{org}", &connection.organization_id);
        let request = self.http.get(format!("{}/{path}", connection.umapi_url));
        request.bearer_auth(&self.token).header("x-api-key", connection.client_id).send().await.unwrap()
    }

    async fn get_json(&self, path: &str) -> Value {
        json_of(self.get(path).await).await
    }

    async fn change(&self, changes: Value) -> Response {
        let body = json!({"changes": changes}).to_string();
        self.http.post(format!("{}/sandbox/world", self.sandbox.url())).body(body).send().await.unwrap()
    }

    async fn turn(&self, mut dials: Value) {
        dials["op"] = json!("dial");
        assert_eq!(self.change(json!([dials])).await.status(), StatusCode::OK);
    }
}

async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.url());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

fn emails(page: &Value) -> Vec<&str> {
    page["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn a_token_is_issued_for_the_right_secret_with_and_without_a_slash_at_the_end() {
    let visit = Visit::first_day().await;
    let connection = visit.sandbox.connection();
    for version in ["v2", "v3", "v2/", "v3/"] {
        let token = json_of(visit.ask_token(version, &connection.client_id, &connection.client_secret).await).await;
        assert_eq!(token["token_type"], "bearer");
        assert_eq!(token["expires_in"], 86399, "seconds, not milliseconds");
    }
}

#[tokio::test]
async fn a_wrong_credential_is_refused_with_the_vendors_two_words() {
    let visit = Visit::first_day().await;
    let connection = visit.sandbox.connection();
    let wrong = [
        ("nobody", connection.client_secret.as_str(), "invalid client_id parameter"),
        (connection.client_id.as_str(), "wrong", "invalid client_secret parameter"),
    ];
    for (id, secret, description) in wrong {
        let answer = visit.ask_token("v3", id, secret).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(body, json!({"error": "invalid_client", "error_description": description}));
    }
}

#[tokio::test]
async fn users_are_walked_page_by_page_until_the_last() {
    let visit = Visit::first_day().await;
    visit.turn(json!({"pages": {"users": 5}})).await;
    let mut seen = BTreeSet::new();
    for page in 0..3 {
        let answer = visit.get(&format!("users/{{org}}/{page}?directOnly=false")).await;
        assert_eq!(header(&answer, "x-total-count"), "14", "twelve people and two technical accounts");
        assert_eq!(header(&answer, "x-page-count"), "3");
        assert_eq!(header(&answer, "x-current-page"), page.to_string());
        let body = json_of(answer).await;
        assert_eq!(body["lastPage"], page == 2);
        seen.extend(emails(&body).into_iter().map(str::to_owned));
    }
    assert_eq!(seen.len(), 12);
}

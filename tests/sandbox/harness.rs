//! A sandbox with a client that has a token.

use std::time::Duration;

use campaign_group_sync::sandbox::{Change, Sandbox, Scenario};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// Longest wait for a response before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A sandbox with a client that has a token.
pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

impl Harness {
    pub(crate) async fn to(scenario: Scenario) -> Self {
        let sandbox = crate::support::sandbox::start(scenario).await;
        // Compressed responses are requested, and decompressed, only by their own test.
        campaign_group_sync::transport::install_cryptography();
        let http = reqwest::Client::builder().no_proxy().no_gzip().timeout(DEADLINE).build().unwrap();
        let harness = Self { sandbox, http, token: String::new() };
        let token = harness.fresh_token().await;
        Self { token, ..harness }
    }

    pub(crate) async fn first_day() -> Self {
        Self::to(Scenario::named("first_day").unwrap()).await
    }

    pub(crate) async fn ask_token(&self, version: &str, id: &str, secret: &str, scope: &str) -> Response {
        let form =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", scope)];
        self.http.post(format!("{}/ims/token/{version}", self.sandbox.url())).form(&form).send().await.unwrap()
    }

    pub(crate) async fn fresh_token(&self) -> String {
        let connection = self.sandbox.connection();
        let scope = "openid,AdobeID,user_management_sdk";
        let answer = self.ask_token("v3", &connection.client_id, &connection.client_secret, scope).await;
        json_of(answer).await["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the user management API without credentials; `{org}` stands for the organization.
    pub(crate) fn bare(&self, path: &str) -> RequestBuilder {
        let connection = self.sandbox.connection();
        let path = path.replace("{org}", &connection.organization_id);
        self.http.get(format!("{}/{path}", connection.umapi_url))
    }

    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.bare(path).bearer_auth(&self.token).header("x-api-key", self.sandbox.connection().client_id)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(path).send().await.unwrap()
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        json_of(self.get(path).await).await
    }

    pub(crate) async fn members(&self, group: &str, query: &str) -> Vec<String> {
        emails(&self.get_json(&format!("users/{{org}}/0/{group}?{query}")).await)
    }

    pub(crate) async fn act(&self, query: &str, commands: Value) -> Value {
        let connection = self.sandbox.connection();
        let url = format!("{}/action/{}{query}", connection.umapi_url, connection.organization_id);
        let request = self.http.post(url).bearer_auth(&self.token).header("x-api-key", connection.client_id);
        json_of(request.body(commands.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn control(&self, method: reqwest::Method, what: &str, body: Value) -> Response {
        let url = format!("{}/sandbox/{what}", self.sandbox.url());
        self.http.request(method, url).body(body.to_string()).send().await.unwrap()
    }

    pub(crate) fn adjust(&self, sections: &Value) {
        let change = Change::Behavior(sections.as_object().unwrap().clone());
        self.sandbox.world().apply(&[change]).unwrap();
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.sandbox.requests().into_iter().map(|request| request.call).collect()
    }
}

pub(crate) async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.url());
    read(answer).await
}

pub(crate) async fn read(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

pub(crate) fn emails(page: &Value) -> Vec<String> {
    page["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

//! IMS: `POST /ims/token/v2` and `/v3`, and the state of issued tokens.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::campaign::TokenStatus;
use super::request::{HttpResponse, IncomingRequest, empty, first, json, pairs};
use super::server::Shared;
use super::world::World;

/// The scope without which UMAPI refuses a token.
const UMAPI_SCOPE: &str = "user_management_sdk";

/// Scopes that a credential may request: those of Adobe's documentation and of Campaign's technical accounts.
const SCOPES: [&str; 12] = [
    UMAPI_SCOPE,
    "openid",
    "AdobeID",
    "read_organizations",
    "additional_info.projectedProductContext",
    "additional_info.roles",
    "adobeio_api",
    "read_client_secret",
    "manage_client_secrets",
    "campaign_sdk",
    "campaign_config_server_general",
    "deliverability_service_general",
];

/// The tokens issued so far; a new one does not end earlier ones.
#[derive(Debug, Default)]
pub(super) struct IssuedTokens {
    tokens: HashMap<String, IssuedToken>,
    random: RandomState,
}

#[derive(Debug)]
struct IssuedToken {
    client_id: String,
    opens_umapi: bool,
    until: Instant,
}

impl IssuedTokens {
    fn issue(&mut self, client_id: &str, scopes: &str, life: Duration) -> String {
        let number = self.tokens.len();
        let signature = self.random.hash_one((number, client_id));
        // Shaped like Adobe's tokens: three parts with dots between, opaque to clients.
        let token = format!("eyJhbGciOiJSUzI1NiJ9.eyJzYW5kYm94Ijp0cnVlfQ.{number}-{signature:016x}");
        let opens_umapi = scopes.split([',', ' ']).any(|scope| scope == UMAPI_SCOPE);
        // Longer than any test runs: a lifetime that overflows never ends.
        let until = Instant::now().checked_add(life).unwrap_or_else(|| Instant::now() + Duration::from_hours(24 * 365));
        self.tokens.insert(token.clone(), IssuedToken { client_id: client_id.to_owned(), opens_umapi, until });
        token
    }

    /// The state of a token.
    pub(super) fn status(&self, token: &str) -> TokenStatus {
        match self.tokens.get(token) {
            None => TokenStatus::Unknown,
            Some(token) if token.until <= Instant::now() => TokenStatus::Expired,
            Some(token) => TokenStatus::Valid { client_id: token.client_id.clone() },
        }
    }

    /// Whether a token was issued with the scope of UMAPI.
    pub(super) fn opens_umapi(&self, token: &str) -> bool {
        self.tokens.get(token).is_some_and(|token| token.opens_umapi)
    }

    /// Expires every token.
    pub(super) fn expire_all(&mut self) {
        let now = Instant::now();
        self.tokens.values_mut().for_each(|token| token.until = now);
    }
}

/// Answers a request for a token; parameters are in a form or, as in Adobe's own samples, in the query.
pub(super) fn answer(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    if received.method() != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut parameters = pairs(&String::from_utf8_lossy(received.body()));
    parameters.extend(received.query.iter().cloned());
    let parameter = |name| first(&parameters, name).filter(|value| !value.is_empty());
    let world = shared.world();
    match (parameter("grant_type"), parameter("client_id"), parameter("client_secret"), parameter("scope")) {
        (Some(grant), ..) if grant != "client_credentials" => {
            refusal("unsupported_grant_type", "grant_type is not client_credentials")
        }
        (Some(_), Some(id), Some(secret), Some(scopes)) => match secret_of(&world, id) {
            None => refusal("invalid_client", "invalid client_id parameter"),
            Some(known) if known != secret => refusal("invalid_client", "invalid client_secret parameter"),
            Some(_) if !scopes.split([',', ' ']).all(|scope| SCOPES.contains(&scope)) => {
                refusal("invalid_scope", "the requested scopes are not a subset of those bound to the credential")
            }
            Some(_) => {
                let life = world.behavior.tokens.expires_in;
                let token = shared.tokens().issue(id, scopes, Duration::from_secs(life));
                json(StatusCode::OK, &json!({"access_token": token, "token_type": "bearer", "expires_in": life}))
            }
        },
        _ => refusal("invalid_request", "grant_type, client_id, client_secret and scope are mandatory"),
    }
}

fn refusal(error: &str, description: &str) -> HttpResponse {
    json(StatusCode::BAD_REQUEST, &json!({"error": error, "error_description": description}))
}

/// Client id and secret of the technical account of a Campaign instance.
pub(super) fn instance_credential(instance: &str) -> (String, String) {
    (format!("sandbox-campaign-{instance}"), format!("sandbox-campaign-secret-of-{instance}"))
}

/// The secret of a credential: the organization's, or that of an instance's technical account.
fn secret_of(world: &World, client_id: &str) -> Option<String> {
    let organization = world.organization();
    if client_id == organization.client_id {
        return Some(organization.client_secret.clone());
    }
    let mut credentials = world.instances().map(|(name, _)| instance_credential(name));
    credentials.find(|(known, _)| known == client_id).map(|(_, secret)| secret)
}

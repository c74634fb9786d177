//! UMAPI, Adobe's User Management API: checks the caller and passes the request to the file that answers it.

mod action;
mod groups;
mod paging;
mod user;
mod users;

use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use super::campaign::TokenStatus;
use super::request::{HttpResponse, IncomingRequest, empty, json};
use super::request_log::CallDescription;
use super::server::Shared;

/// A request of UMAPI, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UmapiRequest {
    /// `users/{org}/{page}`
    Users { organization: String, page: u64 },
    /// `users/{org}/{page}/{group}`
    Members { organization: String, page: u64, group: String },
    /// `groups/{org}/{page}`
    Groups { organization: String, page: u64 },
    /// `organizations/{org}/users/{user}`
    User { organization: String, user: String },
    /// `action/{org}`
    Action { organization: String },
    /// `/status` at the root of the host
    Status,
    /// A path with two slashes in a row, a page that is no number, a slash in a group name.
    Malformed,
}

impl UmapiRequest {
    /// Reads the path below `/v2/usermanagement`.
    pub(super) fn of(parts: &[&str]) -> Self {
        if parts.iter().any(|part| part.is_empty()) {
            return Self::Malformed;
        }
        let page = |text: &str| text.parse::<u64>().ok();
        let request = match *parts {
            ["users", organization, number] => {
                page(number).map(|page| Self::Users { organization: organization.to_owned(), page })
            }
            ["users", organization, number, group] => page(number).map(|page| Self::Members {
                organization: organization.to_owned(),
                page,
                group: group.to_owned(),
            }),
            ["groups", organization, number] => {
                page(number).map(|page| Self::Groups { organization: organization.to_owned(), page })
            }
            ["organizations", organization, "users", user] => {
                Some(Self::User { organization: organization.to_owned(), user: user.to_owned() })
            }
            ["action", organization] => Some(Self::Action { organization: organization.to_owned() }),
            _ => None,
        };
        request.unwrap_or(Self::Malformed)
    }

    /// The request as the log and the faults describe it.
    pub(super) fn call(&self) -> CallDescription {
        let (name, page) = match self {
            Self::Users { page, .. } => ("users", Some(*page)),
            Self::Members { page, .. } => ("members", Some(*page)),
            Self::Groups { page, .. } => ("groups", Some(*page)),
            Self::User { .. } => ("user", None),
            Self::Action { .. } => ("action", None),
            Self::Status => ("status", None),
            Self::Malformed => ("unknown", None),
        };
        let group = match self {
            Self::Members { group, .. } => Some(group.clone()),
            _ => None,
        };
        CallDescription { page, group, ..CallDescription::named(name) }
    }

    /// Makes a listing return another page than the requested one.
    pub(super) fn turn_to(&mut self, other: u64) {
        if let Self::Users { page, .. } | Self::Members { page, .. } | Self::Groups { page, .. } = self {
            *page = other;
        }
    }

    /// Makes a listing of the members of a group return those of another group.
    pub(super) fn turn_to_group(&mut self, other: &str) {
        if let Self::Members { group, .. } = self {
            other.clone_into(group);
        }
    }

    fn organization(&self) -> Option<&str> {
        match self {
            Self::Users { organization, .. }
            | Self::Members { organization, .. }
            | Self::Groups { organization, .. }
            | Self::User { organization, .. }
            | Self::Action { organization } => Some(organization),
            Self::Status | Self::Malformed => None,
        }
    }
}

/// Why the gateway refuses a call: the caller is unknown, or calls too often. Counts the call.
pub(super) fn refusal(shared: &Shared, received: &IncomingRequest, request: &UmapiRequest) -> Option<HttpResponse> {
    if *request == UmapiRequest::Status {
        return None;
    }
    let refusal = unknown_caller(shared, received, request).or_else(|| {
        let world = shared.world();
        shared.meter().refusal(&world.organization().client_id, request, &world.behavior.throttle)
    });
    refusal.map(|refusal| with_gateway_headers(received, refusal))
}

/// Answers one request that the gateway admitted.
pub(super) fn answer(shared: &Shared, received: &IncomingRequest, request: &UmapiRequest) -> HttpResponse {
    if *request == UmapiRequest::Status {
        return json(StatusCode::OK, &json!({"build": "2559", "version": "2.1.54", "state": "LIVE"}));
    }
    // Checked again: a fault may have expired the caller's token in between.
    let response = unknown_caller(shared, received, request).unwrap_or_else(|| admitted(shared, received, request));
    with_gateway_headers(received, response)
}

fn with_gateway_headers(received: &IncomingRequest, mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("APIP"));
    if let Some(id) = received.headers().get("x-request-id") {
        headers.insert("x-request-id", id.clone());
    }
    response
}

fn admitted(shared: &Shared, received: &IncomingRequest, request: &UmapiRequest) -> HttpResponse {
    let mut world = shared.world();
    let expected = if matches!(request, UmapiRequest::Action { .. }) { Method::POST } else { Method::GET };
    if received.method() != expected {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    match request {
        UmapiRequest::Users { page, .. } => users::all(&mut world, received, *page),
        UmapiRequest::Members { page, group, .. } => users::of_group(&mut world, received, *page, group),
        UmapiRequest::Groups { page, .. } => groups::all(&mut world, *page),
        UmapiRequest::User { user, .. } => user::one(&mut world, received, user),
        UmapiRequest::Action { .. } => action::act(&mut world, received),
        UmapiRequest::Status | UmapiRequest::Malformed => {
            error(StatusCode::BAD_REQUEST, "error.request.malformed", "Bad request")
        }
    }
}

/// Why the caller is refused, in the order in which the gateway checks.
fn unknown_caller(shared: &Shared, received: &IncomingRequest, request: &UmapiRequest) -> Option<HttpResponse> {
    let bearer = received.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let TokenStatus::Valid { client_id } = shared.tokens().status(bearer) else {
        return Some(unauthorized());
    };
    let Some(key) = received.header("x-api-key") else {
        return Some(empty(StatusCode::FORBIDDEN));
    };
    let world = shared.world();
    let organization = world.organization();
    if key != client_id || key != organization.client_id || !shared.tokens().opens_umapi(bearer) {
        let body = json!({"error_code": "403003", "message": "Api Key is invalid"});
        return Some(json(StatusCode::FORBIDDEN, &body));
    }
    let asked = request.organization()?;
    if !asked.ends_with("@AdobeOrg") {
        return Some(error(StatusCode::BAD_REQUEST, "error.organization.invalid_id", "Bad organization Id"));
    }
    // A token is refused by an organization it was not issued for just as if it had expired.
    (asked != organization.id).then(unauthorized)
}

fn unauthorized() -> HttpResponse {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    let challenge = HeaderValue::from_static(
        "Bearer realm=\"JIL\", error=\"invalid_token\", error_description=\"The access token is invalid\"",
    );
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// An error as the API words it once the gateway admitted the call.
fn error(status: StatusCode, result: &str, message: &str) -> HttpResponse {
    json(status, &json!({"result": result, "message": message}))
}

/// An error about a listing, which carries `lastPage: false` even so.
fn not_found(result: &str, message: &str) -> HttpResponse {
    json(StatusCode::NOT_FOUND, &json!({"lastPage": false, "result": result, "message": message}))
}

//! `/sandbox`: the world, the faults and the log over HTTP.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::change::Change;
use super::connection_parameters::ConnectionParameters;
use super::error::SandboxError;
use super::fault::Fault;
use super::request::{HttpResponse, IncomingRequest, json, typed};
use super::scenario::Scenario;
use super::server::Shared;

/// What `GET /sandbox` shows.
const PAGE: &str = "\
The sandbox: simulated Experience Cloud and Campaign, one world.

GET    /sandbox/connection  what a client must be configured with
GET    /sandbox/world       the world, as a scenario in JSON
POST   /sandbox/world       {\"changes\": [{\"op\": \"assign\", \"user\": …, \"group\": …}, …]}, all or none
PUT    /sandbox/world       replaces the world
GET    /sandbox/faults      the injected faults, and the calls that matched them
POST   /sandbox/faults      {\"faults\": [{\"call\": \"users\", \"page\": 1, \"effect\": {\"type\": \"status\", \"status\": 504}}, …]}
DELETE /sandbox/faults      removes them
GET    /sandbox/requests    the requests so far
DELETE /sandbox/requests    clears them

Changes of the organization: assign, unassign {user, group}; add_user {user: {…}}, remove_user {user},
rename_user {user, to}; add_group {group: {…}}, remove_group {group}, rename_group {group, to}.
With \"instance\", of that Campaign instance: join, leave {login, group}; add_operator {login}, remove_operator {login},
rename_operator {login, new_login}; add_operator_group, remove_operator_group {name}.
Of the behavior: {\"op\": \"dial\", \"pages\": {\"users\": 2}}; the sections are pages, throttle, tokens, quirks.
";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    faults: Vec<Fault>,
}

/// Answers a request about the sandbox itself.
pub(super) fn answer(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    let what: Vec<&str> = received.parts.iter().skip(1).map(String::as_str).collect();
    match (received.method().as_str(), what.as_slice()) {
        ("GET", [] | [""]) => typed(StatusCode::OK, "text/plain; charset=utf-8", PAGE),
        ("GET", ["world"]) => world(shared),
        ("POST", ["world"]) => change(shared, received),
        ("PUT", ["world"]) => replace(shared, received),
        ("GET", ["connection"]) => connection(shared, received),
        ("GET", ["faults"]) => faults(shared),
        ("POST", ["faults"]) => inject(shared, received),
        ("DELETE", ["faults"]) => {
            shared.faults().clear();
            faults(shared)
        }
        ("GET", ["requests"]) => json(StatusCode::OK, &json!({"requests": shared.log().requests()})),
        ("DELETE", ["requests"]) => {
            shared.log().clear();
            json(StatusCode::OK, &json!({"requests": []}))
        }
        (method, _) => {
            let text = format!("{method} {} is unknown to the sandbox\n\n{PAGE}", received.http.uri().path());
            typed(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
        }
    }
}

fn world(shared: &Shared) -> HttpResponse {
    let world = shared.world().describe();
    json(StatusCode::OK, &world)
}

/// The host is the one in the request.
fn connection(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    let host = received.header("host").unwrap_or_default();
    let connection = ConnectionParameters::of(host, &shared.world(), shared.authority());
    json(StatusCode::OK, &connection)
}

fn change(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    match serde_json::from_slice::<Changes>(received.body()) {
        Ok(Changes { changes }) => {
            let outcome = shared.world().apply(&changes);
            outcome.map_or_else(|error| refused(&error), |()| world(shared))
        }
        Err(error) => unreadable(&error),
    }
}

fn replace(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    match serde_json::from_slice::<Scenario>(received.body()) {
        Ok(scenario) => {
            let outcome = shared.world().replace(scenario);
            outcome.map_or_else(|error| refused(&error), |()| world(shared))
        }
        Err(error) => unreadable(&error),
    }
}

fn faults(shared: &Shared) -> HttpResponse {
    json(StatusCode::OK, &json!({"faults": shared.faults().injected()}))
}

fn inject(shared: &Shared, received: &IncomingRequest) -> HttpResponse {
    match serde_json::from_slice::<Faults>(received.body()) {
        Ok(Faults { faults: injected }) => {
            for fault in injected {
                shared.faults().inject(fault);
            }
            faults(shared)
        }
        Err(error) => unreadable(&error),
    }
}

fn refused(error: &SandboxError) -> HttpResponse {
    json(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()}))
}

fn unreadable(error: &serde_json::Error) -> HttpResponse {
    json(StatusCode::BAD_REQUEST, &json!({"error": format!("the body cannot be read: {error}")}))
}

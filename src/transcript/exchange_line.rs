//! One line of a transcript: one exchange, with allow-listed headers.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use url::form_urlencoded;

use super::{
    body::Body,
    configuration::RecordedConfiguration,
    pseudonyms::{KnownWords, Pseudonyms},
    values::ValueKind,
    vocabulary::{METHODS, PATH_WORDS, SCHEMAS},
};
use crate::transport::{Exchange, ExchangeFailure};

/// Headers of a request that stay, and the values that each may have.
const REQUEST_HEADERS: &[(&str, &[&str])] = &[
    ("accept", &["application/json"]),
    ("content-type", &["text/xml; charset=utf-8", "application/json", "application/x-www-form-urlencoded"]),
    ("pragma", &["umapi-sync-start"]),
];

/// Headers of a response that hold a number.
const COUNTING_HEADERS: &[&str] =
    &["x-total-count", "x-page-count", "x-current-page", "x-page-size", "x-has-next-page"];

/// Types of content that stay, without their parameters.
const CONTENT_TYPES: &[&str] =
    &["application/json", "application/soap+xml", "application/xml", "text/html", "text/plain", "text/xml"];

/// Character sets that stay.
const CHARACTER_SETS: &[&str] = &["utf-8", "iso-8859-1"];

/// The system that an exchange was with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum System {
    /// IMS, for the credential of this name.
    Ims { credential: Option<String> },
    /// The User Management API.
    Umapi,
    /// The Campaign instance at this position of the configuration.
    Instance { at: usize },
    /// None of them.
    Other,
}

/// One exchange as the transcript shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ExchangeLine {
    /// What the call was, such as `ExecuteQuery xtk:operator`.
    pub(super) name: String,
    /// `ims`, `umapi`, `other` or the name of an instance.
    pub(super) system: String,
    /// The credential of a call to IMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    method: String,
    /// The path below the address of the system, with its query.
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    soap_action: Option<String>,
    request_headers: BTreeMap<&'static str, String>,
    request: Body,
    /// The HTTP status; `None` where there was no complete response.
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<&'static str>,
    response_headers: BTreeMap<&'static str, String>,
    /// The clock of the server minus that of this host, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset: Option<i64>,
    response: Body,
    duration_ms: u64,
}

impl ExchangeLine {
    /// Makes the line of an exchange that ended at `ended`.
    pub(super) fn of(
        pseudonyms: &mut Pseudonyms,
        configuration: &RecordedConfiguration,
        exchange: &Exchange,
        ended: SystemTime,
    ) -> Self {
        let (system, path) = system(configuration, exchange);
        let soap_action = exchange.request_header("soapaction").map(|action| shown_action(pseudonyms, action));
        let (status, response_headers, clock_offset, response) = match &exchange.outcome {
            Ok(response) => {
                let header = |name: &str| response.headers.get(name).and_then(|value| value.to_str().ok());
                let body = Body::of_response(pseudonyms, &system, &response.body, header("content-type"));
                (
                    Some(response.status),
                    shown_headers(header),
                    header("date").and_then(|date| offset(date, ended)),
                    body,
                )
            }
            Err(_) => (None, BTreeMap::new(), None, Body::Text(String::new())),
        };
        let request_headers = REQUEST_HEADERS
            .iter()
            .filter_map(|(name, known)| {
                let value = exchange.request_header(name)?;
                known.contains(&value).then(|| (*name, value.to_owned()))
            })
            .collect();
        Self {
            name: call_name(exchange, &system, soap_action.as_deref(), &path),
            method: method(&exchange.method),
            path: shown_path(pseudonyms, &system, &path),
            request: Body::of_request(pseudonyms, &system, &exchange.request_body),
            soap_action,
            request_headers,
            status,
            failure: exchange.outcome.as_ref().err().map(|failure| failure_name(*failure)),
            response_headers,
            clock_offset,
            response,
            duration_ms: u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX),
            credential: match &system {
                System::Ims { credential } => credential.clone(),
                _ => None,
            },
            system: match &system {
                System::Ims { .. } => "ims".to_owned(),
                System::Umapi => "umapi".to_owned(),
                System::Instance { at } => RecordedConfiguration::instance_name(*at),
                System::Other => "other".to_owned(),
            },
        }
    }
}

fn failure_name(failure: ExchangeFailure) -> &'static str {
    match failure {
        ExchangeFailure::NotConnected => "not_connected",
        ExchangeFailure::TimedOut => "timed_out",
        ExchangeFailure::ConnectionLost => "connection_lost",
        ExchangeFailure::Unreadable => "unreadable",
    }
}

fn method(method: &str) -> String {
    if ["GET", "POST"].contains(&method) { method.to_owned() } else { "OTHER".to_owned() }
}

/// The system with the longest address that the URL begins with, and the rest of the URL.
fn system(configuration: &RecordedConfiguration, exchange: &Exchange) -> (System, String) {
    let client = form_urlencoded::parse(&exchange.request_body).find(|(name, _)| name == "client_id");
    let credential = || client.as_ref().and_then(|(_, client)| configuration.credential(client));
    let ims = configuration.ims_url.as_deref().map(|url| (url, None));
    let umapi = configuration.umapi_url.as_deref().map(|url| (url, Some(System::Umapi)));
    let instances = configuration.instances.iter().enumerate();
    let instances = instances.filter_map(|(at, one)| Some((one.url.as_deref()?, Some(System::Instance { at }))));
    let found = instances
        .chain(umapi)
        .chain(ims)
        .filter_map(|(url, system)| {
            let url = url.trim_end_matches('/');
            let rest = exchange.url.strip_prefix(url).filter(|rest| rest.starts_with(['/', '?']) || rest.is_empty())?;
            Some((url.len(), rest.to_owned(), system))
        })
        .max_by_key(|(length, ..)| *length);
    match found {
        Some((_, rest, Some(system))) => (system, rest),
        Some((_, rest, None)) => (System::Ims { credential: credential() }, rest),
        None => (System::Other, String::new()),
    }
}

/// What the call was.
fn call_name(exchange: &Exchange, system: &System, action: Option<&str>, path: &str) -> String {
    match (system, action) {
        (System::Ims { .. }, _) => "IMS token".to_owned(),
        (System::Umapi, _) => {
            let kind = path.split('/').find(|part| ["users", "groups", "organizations"].contains(part));
            match kind {
                Some("organizations") => "GET user".to_owned(),
                Some(kind) => format!("GET {kind}"),
                None => "GET".to_owned(),
            }
        }
        (_, Some(action)) => {
            let method = action.rsplit_once('#').map_or(action, |(_, method)| method);
            let body = String::from_utf8_lossy(&exchange.request_body);
            let is_named = |schema: &&&str| {
                body.contains(&format!("schema=\"{schema}\"")) || body.contains(&format!("xtk:schema|{schema}<"))
            };
            let of_rows = SCHEMAS.iter().filter(|schema| **schema != "xtk:queryDef");
            of_rows.rev().find(is_named).map_or_else(|| method.to_owned(), |schema| format!("{method} {schema}"))
        }
        (System::Instance { .. }, None) if path == "/r/test" => "GET /r/test".to_owned(),
        (System::Instance { .. } | System::Other, None) => "unknown".to_owned(),
    }
}

fn shown_action(pseudonyms: &mut Pseudonyms, action: &str) -> String {
    match action.split_once('#') {
        Some((service, method)) if SCHEMAS.contains(&service) && METHODS.contains(&method) => action.to_owned(),
        _ => pseudonyms.words(action, KnownWords::AreReplaced),
    }
}

/// A path: known parts, pages and the organization as they are or with pseudonyms, everything else replaced as a name.
fn shown_path(pseudonyms: &mut Pseudonyms, system: &System, path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = Vec::new();
    for (at, part) in path.split('/').enumerate() {
        let decoded = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
        // `users/ORGANIZATION/PAGE/PROFILE`: the page stays, the profile is a name or an id.
        let is_number = !part.is_empty() && part.len() <= 15 && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_page = is_number && part.len() <= 6 && at == 3 && *system == System::Umapi;
        parts.push(if PATH_WORDS.contains(&part) || part == "soaprouter.jsp" || is_page {
            part.to_owned()
        } else if decoded.ends_with("@AdobeOrg") {
            pseudonyms.value(ValueKind::Organization, &decoded)
        } else {
            let kind = if is_number { ValueKind::Id } else { ValueKind::Profile };
            encoded(&pseudonyms.value(kind, &decoded))
        });
    }
    let mut path = parts.join("/");
    for (at, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        let is_known = name == "directOnly" && ["true", "false"].contains(&value.as_ref());
        let shown = if is_known {
            format!("{name}={value}")
        } else {
            let mut replaced = |text: &str| encoded(&pseudonyms.words(text, KnownWords::AreReplaced));
            format!("{}={}", replaced(&name), replaced(&value))
        };
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(&shown);
    }
    path
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn shown_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> BTreeMap<&'static str, String> {
    let mut shown = BTreeMap::new();
    let is_number = |value: &&str| value.len() <= 9 && value.bytes().all(|byte| byte.is_ascii_digit());
    for name in COUNTING_HEADERS {
        if let Some(value) = header(name).filter(is_number) {
            shown.insert(*name, value.to_owned());
        }
    }
    if let Some(value) = header("content-type") {
        let lower = value.to_ascii_lowercase();
        let (kind, parameters) = lower.split_once(';').unwrap_or((&lower, ""));
        let kind = CONTENT_TYPES.iter().find(|known| **known == kind.trim());
        let set = CHARACTER_SETS.iter().find(|known| parameters.contains(**known));
        let set = set.map(|set| format!("; charset={set}")).unwrap_or_default();
        shown.insert("content-type", format!("{}{set}", kind.unwrap_or(&"application/octet-stream")));
    }
    if let Some(value) = header("retry-after") {
        let seconds = httpdate::parse_http_date(value)
            .ok()
            .map(|until| until.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO).as_secs().to_string());
        if let Some(seconds) = seconds.or_else(|| is_number(&value).then(|| value.to_owned())) {
            shown.insert("retry-after", seconds);
        }
    }
    shown
}

/// The clock of the server minus that of this host, in seconds.
fn offset(date: &str, ended: SystemTime) -> Option<i64> {
    let theirs = httpdate::parse_http_date(date).ok()?;
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match theirs.duration_since(ended) {
        Ok(ahead) => Some(seconds(ahead)),
        Err(behind) => Some(-seconds(behind.duration())),
    }
}

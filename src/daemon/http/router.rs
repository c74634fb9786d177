//! The resources of the HTTP server, and the headers of every response.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts},
};
use chrono::Utc;

use super::{
    HttpState, exposition,
    host::is_addressed_here,
    metrics,
    page::{self, Page, PageQuery, Rendered, RunForm},
    readiness::why_not_ready,
};

/// The most bytes in the URL and the headers of a request; a browser with cookies of other ports of this host stays below.
const MOST_HEAD: usize = 16 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";

/// The headers of every response beside the policy of the page: the browser must not guess the type, frame the page, store it
/// or reveal it to other sites.
const PROTECTION: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Answers every request.
pub(super) struct Router {
    state: HttpState,
    page: Page,
    policy: String,
    listening: SocketAddr,
}

impl Router {
    /// A router for a server that listens on this address.
    pub(super) fn new(state: HttpState, listening: SocketAddr) -> Self {
        let page = Page::new(state.clone());
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            page.style_source()
        );
        Self { state, page, policy, listening }
    }

    /// The response to a request.
    pub(super) async fn handle(&self, head: &Parts) -> Response<Body> {
        let answer = match refusal(self, head) {
            Some(refusal) => refusal,
            None => answer(self, head).await,
        };
        answer.into_response(&self.policy)
    }
}

/// A response before its headers.
struct HttpAnswer {
    status: StatusCode,
    retry_after: Option<Duration>,
    media_type: &'static str,
    body: String,
}

impl HttpAnswer {
    fn text(status: StatusCode, line: &str) -> Self {
        Self { status, retry_after: None, media_type: TEXT, body: format!("{line}\n") }
    }

    fn ok(media_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, retry_after: None, media_type, body }
    }

    fn page(Rendered { status, retry_after, media_type, body }: Rendered) -> Self {
        Self { status, retry_after, media_type, body }
    }

    fn into_response(self, policy: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up, so that a client that retries exactly then is not too early.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
        }
        for (name, value) in PROTECTION {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// The response to a request that is refused before its path is considered.
fn refusal(router: &Router, request: &Parts) -> Option<HttpAnswer> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Some(HttpAnswer::text(StatusCode::METHOD_NOT_ALLOWED, "only the methods GET and HEAD are allowed"));
    }
    if head_size(request) > MOST_HEAD {
        let text = "the URL and the headers are too large";
        return Some(HttpAnswer::text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    let is_public = matches!(request.uri.path(), "/healthz" | "/readyz" | "/metrics");
    // A header that is not text names no host.
    let host = request.headers.get(header::HOST).map(|host| host.to_str().unwrap_or(""));
    (!is_addressed_here(host, router.listening, is_public)).then(|| {
        let text = format!("this server does not accept that host name; use http://{}/", router.listening);
        HttpAnswer::text(StatusCode::MISDIRECTED_REQUEST, &text)
    })
}

fn head_size(request: &Parts) -> usize {
    let uri = &request.uri;
    let address = uri.path().len() + uri.query().map_or(0, str::len);
    address + request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

async fn answer(router: &Router, request: &Parts) -> HttpAnswer {
    let facts = || router.state.daemon_state.facts();
    match request.uri.path() {
        "/healthz" => HttpAnswer::text(StatusCode::OK, "alive"),
        "/readyz" => match why_not_ready(&facts(), Utc::now()) {
            None => HttpAnswer::text(StatusCode::OK, "ready"),
            Some(why) => HttpAnswer::text(StatusCode::SERVICE_UNAVAILABLE, &why),
        },
        "/status" => serde_json::to_string(&facts().status).map_or_else(
            |error| HttpAnswer::text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            |body| HttpAnswer::ok("application/json", body + "\n"),
        ),
        "/metrics" => metrics::open_metrics(&facts()).map_or_else(
            |error| HttpAnswer::text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            |text| exposed(text, &request.headers),
        ),
        "/" => HttpAnswer::page(router.page.status(&query(request)).await),
        "/page.js" => HttpAnswer::ok("text/javascript; charset=utf-8", page::SCRIPT.to_owned()),
        path => match path.strip_prefix("/runs/").filter(|run| !run.is_empty()) {
            Some(run) => HttpAnswer::page(router.page.run(run, run_form(&request.headers)).await),
            None => HttpAnswer::text(
                StatusCode::NOT_FOUND,
                "not found; available are /, /runs/RUN, /status, /healthz, /readyz and /metrics",
            ),
        },
    }
}

/// The metrics in the format that the client accepts; Prometheus requests `OpenMetrics`.
fn exposed(open_metrics: String, headers: &HeaderMap) -> HttpAnswer {
    if accepts(headers, "application/openmetrics-text") {
        return HttpAnswer::ok(exposition::OPEN_METRICS, open_metrics);
    }
    HttpAnswer::ok(exposition::PROMETHEUS_TEXT, exposition::as_prometheus_text(&open_metrics))
}

/// The report as JSON where the client accepts it; browsers do not.
fn run_form(headers: &HeaderMap) -> RunForm {
    if accepts(headers, "application/json") { RunForm::Json } else { RunForm::Page }
}

/// Whether the header `Accept` names this media type.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|accepted| {
        let mut parts = accepted.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        // A weight of zero excludes the media type.
        is_named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// The query of the page. Another site can make a browser send a query without the intention of its user, and each query
/// costs calls to Adobe: such a query only fills the form, for the user to send it.
fn query(request: &Parts) -> PageQuery {
    let mut query = PageQuery::default();
    for (key, value) in url::form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "person" => query.user = Some(value.trim().to_owned()),
            "group" => value.trim().clone_into(&mut query.group),
            _ => {}
        }
    }
    let site = request.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    query.is_foreign = matches!(site, Some("cross-site" | "same-site")) || request.method == Method::HEAD;
    query
}

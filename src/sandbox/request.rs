//! Requests with path and query decoded once, and responses.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::form_urlencoded;

/// Largest body that is read, in bytes; a chunk of writes is far smaller.
const BODY_LIMIT: usize = 32 << 20;

/// A complete response.
pub(super) type HttpResponse = Response<Bytes>;

/// A complete request.
#[derive(Debug)]
pub(super) struct IncomingRequest {
    /// The request as HTTP sees it.
    pub(super) http: Request<Bytes>,
    /// The path between its slashes, each part decoded by itself so that `%2F` stays inside its part.
    pub(super) parts: Vec<String>,
    /// The query, decoded, in its order.
    pub(super) query: Vec<(String, String)>,
}

impl IncomingRequest {
    /// Reads the body and decodes the rest; `None` when the client disconnected or the body is too large.
    pub(super) async fn read(request: Request<Body>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, BODY_LIMIT).await.ok()?;
        let path = head.uri.path().trim_start_matches('/');
        let parts = path.split('/').map(decode).collect();
        let query = pairs(head.uri.query().unwrap_or_default());
        Some(Self { http: Request::from_parts(head, body), parts, query })
    }

    pub(super) fn method(&self) -> &Method {
        self.http.method()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    pub(super) fn body(&self) -> &Bytes {
        self.http.body()
    }

    /// The same request with another body.
    pub(super) fn with_body(&self, change: impl FnOnce(&str) -> String) -> Self {
        let mut http = self.http.clone();
        *http.body_mut() = Bytes::from(change(&String::from_utf8_lossy(self.body())));
        Self { http, parts: self.parts.clone(), query: self.query.clone() }
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// A boolean query parameter; production takes Python's `True` as well as `true`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.parameter(name).map(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// The first value of a name.
pub(super) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Decodes `a=b&c=d`, as queries and forms write it.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Compresses a response if the client accepts it; a response without a body stays as it is.
pub(super) fn compress(received: &IncomingRequest, response: &mut HttpResponse) {
    let takes_gzip = received.header("accept-encoding").is_some_and(|encodings| encodings.contains("gzip"));
    if !takes_gzip || response.body().is_empty() || response.headers().contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    if let Ok(compressed) = encoder.write_all(response.body()).and_then(|()| encoder.finish()) {
        *response.body_mut() = Bytes::from(compressed);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// A response with a body of the given type.
pub(super) fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> HttpResponse {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(body) {
        Ok(body) => typed(status, "application/json", body),
        Err(error) => typed(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_slash_stays_in_its_part() {
        let parts: Vec<_> = "a%2Fb/c%25+d".split('/').map(decode).collect();
        assert_eq!(parts, ["a/b", "c%+d"]);
    }

    #[test]
    fn an_invalid_escape_is_kept() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }

    #[test]
    fn forms_write_spaces_as_plus() {
        assert_eq!(pairs("a+b=c%2Cd&e"), [("a b".into(), "c,d".into()), ("e".into(), String::new())]);
    }
}

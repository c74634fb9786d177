//! The log of requests with the status of each response: tests prove pacing, retries and secrecy with it.

use serde::Serialize;
use tokio::time::Instant;

use super::request::IncomingRequest;

/// Bytes of a body that are kept; enough for the largest write of a client that works in small collections.
const BODY_KEPT: usize = 64 << 10;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// Arrival in milliseconds since the sandbox was started.
    pub arrival_ms: u64,
    /// The short name of the call: `token`, `users`, `groups`, `members`, `user`, `action`, `logon`, `query`, `write`,
    /// `schema`, the SOAP method's name for any other call of Campaign, or `unknown`.
    pub call: String,
    /// The requested page of a listing.
    pub page: Option<u64>,
    /// The Campaign instance that is called.
    pub instance: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, still encoded.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// Names in lower case and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The start of the body, as text.
    pub body: String,
    /// The status of the response; 0 before it is sent, and when the connection is cut instead.
    pub status: u16,
    /// How many earlier requests were still without a response when this one arrived.
    pub pending: usize,
    /// How many requests had their response before this one: their place in the order of responses.
    pub answered_after: Option<usize>,
}

/// The requests in the order of arrival.
#[derive(Debug)]
pub(super) struct RequestLog {
    since: Instant,
    /// The number of cleared requests: the place of a request in flight is counted from the start.
    forgotten: usize,
    requests: Vec<LoggedRequest>,
    /// Requests without a response, cleared ones included.
    pending: usize,
    /// Responses so far.
    answered: usize,
}

/// The place of a request in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogPlace(usize);

impl RequestLog {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), forgotten: 0, requests: Vec::new(), pending: 0, answered: 0 }
    }

    pub(super) fn requests(&self) -> &[LoggedRequest] {
        &self.requests
    }

    pub(super) fn clear(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
    }

    /// Adds a request.
    pub(super) fn arrived(&mut self, received: &IncomingRequest, call: &CallDescription) -> LogPlace {
        let body = received.body();
        let kept = body.get(..BODY_KEPT).unwrap_or(body);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.requests.push(LoggedRequest {
            arrival_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            call: call.name.clone(),
            page: call.page,
            instance: call.instance.clone(),
            method: received.method().to_string(),
            path: received.http.uri().path().to_owned(),
            query: received.http.uri().query().unwrap_or_default().to_owned(),
            headers: received
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: text(kept),
            status: 0,
            pending: self.pending,
            answered_after: None,
        });
        self.pending += 1;
        LogPlace(self.forgotten + self.requests.len() - 1)
    }

    /// How many requests have been answered, cleared ones included.
    pub(super) fn responses(&self) -> usize {
        self.answered
    }

    /// Records the status of the response.
    pub(super) fn answered(&mut self, place: LogPlace, status: u16) {
        let request = place.0.checked_sub(self.forgotten).and_then(|place| self.requests.get_mut(place));
        if let Some(request) = request {
            request.status = status;
            request.answered_after = Some(self.answered);
        }
        self.answered += 1;
    }

    /// A request is no longer without a response: it has one, or its connection is gone.
    pub(super) fn ended(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }
}

/// A request as the log and the faults describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CallDescription {
    /// The short name, as in [`LoggedRequest::call`].
    pub(super) name: String,
    /// The SOAP method's own name.
    pub(super) soap_method: Option<String>,
    /// The page, of a listing.
    pub(super) page: Option<u64>,
    /// The group whose members are listed, as written in the path.
    pub(super) group: Option<String>,
    /// The Campaign instance.
    pub(super) instance: Option<String>,
    /// The schema that the text of a SOAP call names.
    pub(super) schema: Option<String>,
}

impl CallDescription {
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

//! One HTTP exchange as it was on the wire, for a recorder that the options of a client may carry.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{Request, header::HeaderMap};

use super::{HttpResponse, TransportError};

/// One request, with its response or why there is none. It contains secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Exchange {
    /// The method, such as `POST`.
    pub method: String,
    /// The whole address, with its query.
    pub url: String,
    /// The headers of the request.
    pub request_headers: HeaderMap,
    /// The body of the request; empty without one.
    pub request_body: Bytes,
    /// The response, or why there is no complete one.
    pub outcome: Result<ExchangeResponse, ExchangeFailure>,
    /// The time from sending the request to the last byte of the response.
    pub duration: Duration,
}

/// A complete response. It may contain secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct ExchangeResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}

/// Why there is no complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeFailure {
    /// The server did not receive the request: it could not be reached, or its certificate is not accepted.
    NotConnected,
    /// No response came in time.
    TimedOut,
    /// The connection was lost before or within the response.
    ConnectionLost,
    /// The response cannot be read: it is too large, or cannot be decompressed.
    Unreadable,
}

impl From<&TransportError> for ExchangeFailure {
    fn from(error: &TransportError) -> Self {
        match error {
            TransportError::Build(_) | TransportError::Connect(_) => Self::NotConnected,
            TransportError::Timeout { .. } | TransportError::CallTimeout { .. } => Self::TimedOut,
            TransportError::ConnectionLost { .. } | TransportError::IncompleteBody { .. } => Self::ConnectionLost,
            TransportError::Undecodable { .. } | TransportError::TooLarge { .. } => Self::Unreadable,
        }
    }
}

impl Exchange {
    /// The first value of a header of the request, as text.
    pub fn request_header(&self, name: &str) -> Option<&str> {
        self.request_headers.get(name)?.to_str().ok()
    }
}

/// Receives every exchange of the clients whose options carry it. Clones are the same recorder; the default records
/// nothing and costs nothing.
#[derive(Clone, Default)]
pub struct ExchangeRecorder(Option<Arc<dyn Fn(Exchange) + Send + Sync>>);

impl ExchangeRecorder {
    /// A recorder that calls `receive` after each exchange, in the order in which exchanges end.
    pub fn new(receive: impl Fn(Exchange) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(receive)))
    }

    /// Whether exchanges are recorded.
    pub fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// Keeps what is needed of a request before it is sent; `None` where nothing is recorded.
    pub(super) fn begin(&self, request: &Request) -> Option<PendingExchange<'_>> {
        let receive = self.0.as_deref()?;
        let body = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
        Some(PendingExchange {
            receive,
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request.headers().clone(),
            body: body.unwrap_or_default(),
        })
    }
}

impl fmt::Debug for ExchangeRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_recording() { "ExchangeRecorder(on)" } else { "ExchangeRecorder(off)" })
    }
}

/// Two recorders are equal if they are the same.
impl PartialEq for ExchangeRecorder {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Eq for ExchangeRecorder {}

/// A request that was sent.
pub(super) struct PendingExchange<'a> {
    receive: &'a (dyn Fn(Exchange) + Send + Sync),
    method: String,
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

impl PendingExchange<'_> {
    /// Hands the exchange to the recorder.
    pub(super) fn end(self, outcome: Result<&HttpResponse, &TransportError>, duration: Duration) {
        let outcome = match outcome {
            Ok(response) => Ok(ExchangeResponse {
                status: response.status.as_u16(),
                headers: response.headers.clone(),
                body: response.body.clone(),
            }),
            Err(error) => Err(ExchangeFailure::from(error)),
        };
        (self.receive)(Exchange {
            method: self.method,
            url: self.url,
            request_headers: self.headers,
            request_body: self.body,
            outcome,
            duration,
        });
    }
}

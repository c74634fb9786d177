//! One request, one bounded answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap, redirect};

use super::BaseUrl;

/// How long a request may take and how large its answer may be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Until the connection, TLS included, stands.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is awaited or read.
    pub read_timeout: Duration,
    /// Largest answer, after decompression, in bytes.
    pub max_body_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Adobe's gateway gives up on a heavy page after 89 s; leaving earlier would lose its 504 and
            // count a page that was being served (umapi-client uses 120 s as well).
            read_timeout: Duration::from_secs(120),
            // A page of 2,000 users is 0.5 to 1.5 MB; the rest is room for people in very many groups.
            max_body_bytes: 32 * 1024 * 1024,
        }
    }
}

/// A complete answer: nothing is read from the network after it exists.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header as text; `None` when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The client could not be built; without a CA bundle on the host nothing can be verified.
    #[error("the HTTP client could not be built (is the package ca-certificates installed?)")]
    Build(#[source] reqwest::Error),
    /// No connection: the request was certainly not seen by the other side.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// No answer in time: the request may have taken effect.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The connection broke before an answer began: the request may have taken effect.
    #[error("the connection broke before an answer came")]
    Broken(#[source] reqwest::Error),
    /// The answer began and was not whole.
    #[error("the answer was cut off after {received} bytes")]
    CutBody {
        /// Bytes read before the cut.
        received: usize,
        /// What the HTTP library says.
        source: reqwest::Error,
    },
    /// The answer is larger than anything this call can mean.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// An HTTP client for one address: no redirects, honest user agent, bounded in time and size.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    max_body_bytes: usize,
    /// Length of the last body, in bytes.
    last_body: Arc<AtomicUsize>,
}

impl HttpClient {
    /// A client for `base`. Towards loopback, proxies of the environment are ignored.
    pub fn new(base: &BaseUrl, options: &Options) -> Result<Self, TransportError> {
        install_cryptography();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("campaign-group-sync/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            // A redirect would carry credentials to an address nobody configured; Campaign sends one to its login page.
            .redirect(redirect::Policy::none());
        builder = if base.is_loopback() { builder.no_proxy() } else { builder.https_only(true) };
        if base.is_plain() {
            // No certificate is ever looked at: the sandbox works on a host that has none, and the start is quicker.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(TransportError::Build)?;
        Ok(Self { client, max_body_bytes: options.max_body_bytes, last_body: Arc::default() })
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request and reads its whole answer, whatever its status.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, TransportError> {
        let mut response = request.send().await.map_err(no_answer)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        // The pages of a listing are alike, and a compressed one does not tell its length: room for one more like the last,
        // and some, saves moving it while it grows.
        let expected = self.last_body.load(Ordering::Relaxed);
        let mut body = BytesMut::with_capacity((expected + expected / 8).min(self.max_body_bytes));
        loop {
            let chunk = response.chunk().await.map_err(|error| cut_off(error, body.len()))?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge { limit: self.max_body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        self.last_body.store(body.len(), Ordering::Relaxed);
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// Makes ring the cryptography of all TLS in this process. Done by every client; whoever uses reqwest beside it must ask.
pub fn install_cryptography() {
    // An error only says that it is done already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn no_answer(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() {
        TransportError::Connect(error)
    } else if error.is_timeout() {
        TransportError::Timeout(error)
    } else {
        TransportError::Broken(error)
    }
}

fn cut_off(error: reqwest::Error, received: usize) -> TransportError {
    let source = error.without_url();
    if source.is_timeout() { TransportError::Timeout(source) } else { TransportError::CutBody { received, source } }
}

//! The HTTP client: one request, and one response that is limited in time and size.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Request, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, HeaderMap},
    redirect,
    tls::{Certificate as Authority, TlsInfo},
};
use tokio::time::{Instant, timeout_at};

use super::{
    BaseUrl, Certificate, CertificateFault, ConnectError, ExchangeRecorder, ExposeSecret, Proxies, RootCause, Route,
    content_encoding::{self, GZIP},
    retry::log_excessive_pause,
};

/// How long a request may take, how large its response may be, and which authorities are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest time to connect, including TLS.
    pub connect_timeout: Duration,
    /// Longest time without a byte while a response is expected or read.
    pub read_timeout: Duration,
    /// Longest time from sending a request to the last byte of its response, also while bytes arrive.
    pub call_timeout: Duration,
    /// Largest response, compressed or not, in bytes.
    pub max_body_bytes: usize,
    /// The proxies of this host.
    pub proxies: Proxies,
    /// PEM certificates of the authorities that are trusted; `None`: the authorities of the host.
    pub trusted_authorities: Option<String>,
    /// Receives every exchange; the default records nothing.
    pub recorder: ExchangeRecorder,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Adobe's gateway responds with 504 to a slow page after 89 s. A shorter timeout would lose that response
            // and count a page that was being served (umapi-client uses 120 s as well).
            read_timeout: Duration::from_secs(120),
            // A page of 2,000 users takes seconds; five times the read timeout is longer than any useful response.
            call_timeout: Duration::from_secs(600),
            // A page of 2,000 users is 0.5 to 1.5 MB, and larger where users are in very many groups.
            max_body_bytes: 32 * 1024 * 1024,
            proxies: Proxies::default(),
            trusted_authorities: None,
            recorder: ExchangeRecorder::default(),
        }
    }
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed. Empty where the status reports an error and the body could not be read: the status
    /// alone decides what such a response means.
    pub body: Bytes,
    /// The certificate of the server; `None` over plain http.
    pub certificate: Option<Certificate>,
}

impl HttpResponse {
    /// The value of a header as text; `None` where it is missing or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no complete response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The client or its request could not be built, for example because the host has no certificates of authorities.
    #[error("no HTTP request could be prepared; check that the package ca-certificates is installed")]
    Build(#[source] reqwest::Error),
    /// Could not connect: the server did not receive the request.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// Timed out without a byte: the request may have taken effect.
    #[error("{route}: timed out")]
    Timeout {
        /// The server, and the proxy that leads to it.
        route: Box<Route>,
    },
    /// The response was not complete within the time limit of the call: the request may have taken effect.
    #[error("the response was not complete within {} s (run.call_timeout)", after.as_secs_f32())]
    CallTimeout {
        /// The time limit.
        after: Duration,
    },
    /// The connection was lost before a response began: the request may have taken effect.
    #[error("{route}: the connection was lost before a response came")]
    ConnectionLost {
        /// The server, and the proxy that leads to it.
        route: Box<Route>,
        /// The error of the connection.
        source: RootCause,
    },
    /// The response began and is incomplete.
    #[error("{route}: incomplete response, the connection was lost after {received} bytes")]
    IncompleteBody {
        /// The server, and the proxy that leads to it.
        route: Box<Route>,
        /// Bytes of the body that were read.
        received: usize,
        /// The error of the connection.
        source: RootCause,
    },
    /// The response cannot be decompressed: it is incomplete, or its encoding is another one than it says.
    #[error("the response of {received} bytes cannot be decompressed")]
    Undecodable {
        /// Bytes read, compressed.
        received: usize,
        /// The error of the decompression.
        source: io::Error,
    },
    /// The response is larger than any valid response to the call.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl TransportError {
    /// Why the certificate of the server is not accepted, where that is the cause. A retry does not help.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Connect(error) => match &**error {
                ConnectError::Certificate { fault, .. } => Some(fault),
                ConnectError::Proxy { .. } | ConnectError::Failed { .. } => None,
            },
            _ => None,
        }
    }

    /// Whether the configured proxy cannot be used. A retry does not help.
    pub fn is_misconfigured(&self) -> bool {
        matches!(self, Self::Connect(error) if matches!(**error, ConnectError::Proxy { .. }))
    }
}

impl From<ConnectError> for TransportError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Box::new(error))
    }
}

/// Whether a request may use a connection of an earlier request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionReuse {
    /// It may: for requests that may be sent twice. A server may close such a connection while the request is sent; the
    /// request is then sent again at once on a new connection.
    Allowed,
    /// It needs a new connection: for requests that must not be sent twice.
    Forbidden,
}

/// An HTTP client that follows no redirects and limits each response in time and size. Host and proxy are those of each
/// request. Clones share connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    pooled: reqwest::Client,
    /// Closes each connection after its response.
    unpooled: reqwest::Client,
    /// Whether `pooled` may have a connection of an earlier request.
    may_reuse: Arc<AtomicBool>,
    proxies: Proxies,
    call_timeout: Duration,
    max_body_bytes: usize,
    recorder: ExchangeRecorder,
}

impl HttpClient {
    /// A client for `base`, and for other addresses with the same scheme. Fails where the proxy that leads to `base`
    /// cannot be used.
    pub fn new(base: &BaseUrl, options: &HttpOptions) -> Result<Self, TransportError> {
        install_cryptography();
        Route::to(base.as_url(), &options.proxies)?;
        let client = |builder: reqwest::ClientBuilder| builder.build().map_err(TransportError::Build);
        Ok(Self {
            pooled: client(builder(base, options)?)?,
            unpooled: client(builder(base, options)?.pool_max_idle_per_host(0))?,
            may_reuse: Arc::default(),
            proxies: options.proxies.clone(),
            call_timeout: options.call_timeout,
            max_body_bytes: options.max_body_bytes,
            recorder: options.recorder.clone(),
        })
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.pooled.get(url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> RequestBuilder {
        self.pooled.post(url)
    }

    /// Sends a request and reads its whole response, with any status. Awaits `sending` before each request; the request
    /// is not sent where it fails. There is a second request where the server closed a connection of an earlier request
    /// before the first byte of the response.
    pub async fn send<E: From<TransportError>>(
        &self,
        request: RequestBuilder,
        connection: ConnectionReuse,
        sending: impl AsyncFn() -> Result<(), E>,
    ) -> Result<HttpResponse, E> {
        // Decompressed here at once: the HTTP library does it in chunks, which takes twice the time on large pages.
        let request = request.header(ACCEPT_ENCODING, GZIP).build();
        let request = request.map_err(|error| TransportError::Build(error.without_url()))?;
        let route = Route::to(request.url(), &self.proxies).map_err(TransportError::from)?;
        if connection == ConnectionReuse::Forbidden {
            sending().await?;
            return Ok(Box::pin(self.exchange(&self.unpooled, request, &route)).await?);
        }
        let retry = if self.may_reuse.load(Ordering::Relaxed) { request.try_clone() } else { None };
        sending().await?;
        let outcome = Box::pin(self.exchange(&self.pooled, request, &route)).await;
        self.may_reuse.store(outcome.is_ok(), Ordering::Relaxed);
        match (outcome, retry) {
            (Err(TransportError::ConnectionLost { source, .. }), Some(retry)) => {
                tracing::debug!(
                    error = %source,
                    "the server closed a connection of an earlier request; the request is sent again on a new connection"
                );
                sending().await?;
                Ok(Box::pin(self.exchange(&self.unpooled, retry, &route)).await?)
            }
            (outcome, _) => Ok(outcome?),
        }
    }

    /// Sends one request, and hands the exchange to the recorder, if there is one.
    async fn exchange(
        &self,
        client: &reqwest::Client,
        request: Request,
        route: &Route,
    ) -> Result<HttpResponse, TransportError> {
        let Some(pending) = self.recorder.begin(&request) else { return self.execute(client, request, route).await };
        let begin = Instant::now();
        let outcome = Box::pin(self.execute(client, request, route)).await;
        pending.end(outcome.as_ref(), begin.elapsed());
        outcome
    }

    async fn execute(
        &self,
        client: &reqwest::Client,
        request: Request,
        route: &Route,
    ) -> Result<HttpResponse, TransportError> {
        let deadline = Deadline { at: Instant::now() + self.call_timeout, after: self.call_timeout };
        let mut response = deadline.limit(client.execute(request)).await?.map_err(|error| send_error(error, route))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let certificate = response.extensions().get().and_then(TlsInfo::peer_certificate).map(Certificate::from_der);
        let read = deadline.limit(self.read(&mut response, route)).await.and_then(|read| read);
        let body = match read.and_then(|body| content_encoding::decompress(&headers, body, self.max_body_bytes)) {
            Ok(body) => body,
            Err(error) if !status.is_success() => {
                tracing::debug!(
                    http.status = status.as_u16(),
                    error = %error,
                    "the body of an error response could not be read"
                );
                Bytes::new()
            }
            Err(error) => return Err(error),
        };
        let complete = HttpResponse { status, headers, body, certificate };
        log_excessive_pause(&complete, SystemTime::now());
        Ok(complete)
    }

    async fn read(&self, response: &mut Response, route: &Route) -> Result<Bytes, TransportError> {
        let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let mut body = BytesMut::with_capacity(announced.min(self.max_body_bytes));
        loop {
            let chunk = response.chunk().await.map_err(|error| read_error(error, body.len(), route))?;
            let Some(chunk) = chunk else { return Ok(body.freeze()) };
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge { limit: self.max_body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
    }
}

fn send_error(error: reqwest::Error, route: &Route) -> TransportError {
    let host = error.url().map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let error = error.without_url();
    if error.is_connect() || CertificateFault::find_in(&error).is_some() {
        route.failed(host, &error).into()
    } else if error.is_timeout() {
        TransportError::Timeout { route: Box::new(route.clone()) }
    } else {
        TransportError::ConnectionLost { route: Box::new(route.clone()), source: RootCause::of(&error) }
    }
}

fn read_error(error: reqwest::Error, received: usize, route: &Route) -> TransportError {
    let source = error.without_url();
    if source.is_timeout() {
        TransportError::Timeout { route: Box::new(route.clone()) }
    } else {
        TransportError::IncompleteBody { route: Box::new(route.clone()), received, source: RootCause::of(&source) }
    }
}

/// The time limit of a call.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    async fn limit<T>(self, part: impl Future<Output = T>) -> Result<T, TransportError> {
        timeout_at(self.at, part).await.map_err(|_| TransportError::CallTimeout { after: self.after })
    }
}

fn builder(base: &BaseUrl, options: &HttpOptions) -> Result<reqwest::ClientBuilder, TransportError> {
    let proxies = options.proxies.clone();
    // An unusable proxy is an error before anything is sent: see `Route::to`.
    let proxy = move |url: &Url| Some(proxies.to(url).ok()??.1.expose_secret().to_owned());
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("campaign-group-sync/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        // A redirect would carry credentials to an address that is not configured; Campaign sends one to its login
        // page.
        .redirect(redirect::Policy::none())
        .tls_info(true)
        .https_only(!base.is_plain())
        // The settings read the environment, so that an error can name the variable.
        .no_proxy()
        .proxy(reqwest::Proxy::custom(proxy));
    if base.is_plain() {
        // There is no certificate to verify: the sandbox works on a host without authorities, and the start is faster.
        builder = builder.tls_certs_only([]);
    } else if let Some(authorities) = &options.trusted_authorities {
        let authorities = Authority::from_pem_bundle(authorities.as_bytes()).map_err(TransportError::Build)?;
        builder = builder.tls_certs_only(authorities);
    }
    Ok(builder)
}

/// Selects ring for the cryptography of TLS in this process. Every client calls it; other users of reqwest must call it
/// as well.
pub fn install_cryptography() {
    // An error means that it is selected already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

//! One request, one bounded answer.

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
    BaseUrl, Certificate, CertificateFault, ConnectError, ExposeSecret, Proxies, RootCause, Route,
    content_encoding::{self, GZIP},
    retry::log_excessive_pause,
};

/// How long a request may take, how large its answer may be, and whom to believe that a server is the one it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Until the connection, TLS included, stands.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is awaited or read.
    pub read_timeout: Duration,
    /// Longest time from sending a request to the last byte of its answer, however steadily bytes trickle in.
    pub call_timeout: Duration,
    /// Largest answer, compressed or not, in bytes.
    pub max_body_bytes: usize,
    /// The proxies of this host.
    pub proxies: Proxies,
    /// PEM certificates of the authorities that are trusted in place of the host's; `None`: the host's.
    pub trusted_authorities: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            // Adobe's gateway gives up on a heavy page after 89 s; leaving earlier would lose its 504 and
            // count a page that was being served (umapi-client uses 120 s as well).
            read_timeout: Duration::from_secs(120),
            // A page of 2,000 users comes in seconds; five times the longest silence is slow beyond any use.
            call_timeout: Duration::from_secs(600),
            // A page of 2,000 users is 0.5 to 1.5 MB; the rest is room for people in very many groups.
            max_body_bytes: 32 * 1024 * 1024,
            proxies: Proxies::default(),
            trusted_authorities: None,
        }
    }
}

/// A complete answer: nothing is read from the network after it exists.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed. Empty where the status reports an error and the body could not be read: such a
    /// status says all that matters, so that no body can change what it means.
    pub body: Bytes,
    /// What the server proved itself with; `None` over plain http.
    pub certificate: Option<Certificate>,
}

impl HttpResponse {
    /// The value of a header as text; `None` when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The client, or its request, could not be built; without a CA bundle on the host nothing can be verified.
    #[error("no HTTP request could be prepared; check that the package ca-certificates is installed")]
    Build(#[source] reqwest::Error),
    /// No connection: the request was certainly not seen by the other side.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// No answer in time: the request may have taken effect.
    #[error("{route}: timed out")]
    Timeout {
        /// Who was asked, and by which proxy.
        route: Box<Route>,
    },
    /// The answer was not whole when the total deadline of the call came: the request may have taken effect.
    #[error("the answer was not complete within {} s (run.call_timeout)", after.as_secs_f32())]
    CallTimeout {
        /// The deadline.
        after: Duration,
    },
    /// The connection broke before an answer began: the request may have taken effect.
    #[error("{route}: the connection was lost before a response came")]
    ConnectionLost {
        /// Who was asked, and by which proxy.
        route: Box<Route>,
        /// What the connection says.
        source: RootCause,
    },
    /// The answer began and was not whole.
    #[error("{route}: incomplete response, the connection was lost after {received} bytes")]
    IncompleteBody {
        /// Who was asked, and by which proxy.
        route: Box<Route>,
        /// Bytes read before the cut.
        received: usize,
        /// What the connection says.
        source: RootCause,
    },
    /// The answer is compressed and cannot be unpacked, because it is not whole or not what it says.
    #[error("the answer of {received} bytes cannot be unpacked")]
    Undecodable {
        /// Bytes read, compressed.
        received: usize,
        /// What is wrong with them.
        source: io::Error,
    },
    /// The answer is larger than anything this call can mean.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl TransportError {
    /// What is wrong with the server's certificate, where that is why there is no answer. It does not mend itself between
    /// two attempts.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Connect(error) => match &**error {
                ConnectError::Certificate { fault, .. } => Some(fault),
                ConnectError::Proxy { .. } | ConnectError::Failed { .. } => None,
            },
            _ => None,
        }
    }

    /// Whether the proxy that this host is configured with cannot be used: no repetition helps.
    pub fn is_misconfigured(&self) -> bool {
        matches!(self, Self::Connect(error) if matches!(**error, ConnectError::Proxy { .. }))
    }
}

impl From<ConnectError> for TransportError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(Box::new(error))
    }
}

/// Which connection carries a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionReuse {
    /// One that an earlier request left open, where there is one: for requests that may be sent twice. A server may close
    /// such a connection at the moment it is used again; the request is then sent once more, at once, on a new one.
    Allowed,
    /// A new one: for requests that must not be sent twice.
    Forbidden,
}

/// An HTTP client: no redirects, honest user agent, bounded in time and size. Host and proxy are those of each request.
/// Clones share connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    pooled: reqwest::Client,
    /// Closes each connection after its answer.
    unpooled: reqwest::Client,
    /// Whether `pooled` may have a connection left open by an earlier request.
    may_reuse: Arc<AtomicBool>,
    proxies: Proxies,
    call_timeout: Duration,
    max_body_bytes: usize,
}

impl HttpClient {
    /// A client for `base`, and for other addresses that encrypt as it does. Fails where the proxy that leads to `base` cannot
    /// be used.
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

    /// Sends a request and reads its whole answer, whatever its status. `sending` is awaited before each request that goes
    /// out: a second one follows where a kept connection broke before the first byte of the answer. Its error keeps the
    /// request from being sent.
    pub async fn send<E: From<TransportError>>(
        &self,
        request: RequestBuilder,
        connection: ConnectionReuse,
        sending: impl AsyncFn() -> Result<(), E>,
    ) -> Result<HttpResponse, E> {
        // Unpacked here in one go: piece by piece, as the HTTP library does it, costs twice the time on large pages.
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
                tracing::debug!(error = %source, "a kept connection was closed by the server; the request is sent again on a new one");
                sending().await?;
                Ok(Box::pin(self.exchange(&self.unpooled, retry, &route)).await?)
            }
            (outcome, _) => Ok(outcome?),
        }
    }

    async fn exchange(
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
        let body = match read.and_then(|body| content_encoding::unpack(&headers, body, self.max_body_bytes)) {
            Ok(body) => body,
            Err(error) if !status.is_success() => {
                tracing::debug!(http.status = status.as_u16(), error = %error, "the body of an error could not be read");
                Bytes::new()
            }
            Err(error) => return Err(error),
        };
        let answer = HttpResponse { status, headers, body, certificate };
        log_excessive_pause(&answer, SystemTime::now());
        Ok(answer)
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

/// When a call has to be over.
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
        // A redirect would carry credentials to an address that is not configured; Campaign sends one to its login page.
        .redirect(redirect::Policy::none())
        .tls_info(true)
        .https_only(!base.is_plain())
        // The environment is read elsewhere, so that an error can name the variable.
        .no_proxy()
        .proxy(reqwest::Proxy::custom(proxy));
    if base.is_plain() {
        // No certificate is ever looked at: the sandbox works on a host that has none, and the start is quicker.
        builder = builder.tls_certs_only([]);
    } else if let Some(authorities) = &options.trusted_authorities {
        let authorities = Authority::from_pem_bundle(authorities.as_bytes()).map_err(TransportError::Build)?;
        builder = builder.tls_certs_only(authorities);
    }
    Ok(builder)
}

/// Makes ring the cryptography of all TLS in this process. Done by every client; whoever uses reqwest beside it must ask.
pub fn install_cryptography() {
    // An error only says that it is done already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

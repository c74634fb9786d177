//! One request, one bounded answer.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use reqwest::{
    RequestBuilder, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue},
    redirect,
    tls::{Certificate as Authority, TlsInfo},
};

use super::{BaseUrl, Certificate, CertificateFault};

/// The one encoding that answers may have; UMAPI compresses its pages to a tenth.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// How long a request may take, how large its answer may be, and whom to believe that a server is the one it says it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// Until the connection, TLS included, stands.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is awaited or read.
    pub read_timeout: Duration,
    /// Largest answer, after decompression, in bytes.
    pub max_body_bytes: usize,
    /// PEM certificates of the authorities that are trusted in place of the host's; `None`: the host's.
    pub trusted_authorities: Option<String>,
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
            trusted_authorities: None,
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
    /// What the server proved itself with; `None` over plain http.
    pub certificate: Option<Certificate>,
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
    Connect(#[source] ConnectError),
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
    /// The answer is compressed and cannot be unpacked, because it is not whole or not what it says.
    #[error("the answer of {received} bytes cannot be unpacked")]
    Garbled {
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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The certificate that the server showed is not accepted; nothing was sent.
    #[error("the certificate of {host} is not accepted: {fault}")]
    Certificate {
        /// Who showed it, with scheme and port.
        host: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// Anything else.
    #[error(transparent)]
    Other(reqwest::Error),
}

impl TransportError {
    /// What is wrong with the server's certificate, where that is why there is no answer. It does not mend itself between
    /// two attempts.
    pub fn certificate_fault(&self) -> Option<&CertificateFault> {
        match self {
            Self::Connect(ConnectError::Certificate { fault, .. }) => Some(fault),
            _ => None,
        }
    }
}

/// An HTTP client for one address: no redirects, honest user agent, bounded in time and size.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    max_body_bytes: usize,
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
            .redirect(redirect::Policy::none())
            .tls_info(true);
        builder = if base.is_loopback() { builder.no_proxy() } else { builder.https_only(true) };
        if base.is_plain() {
            // No certificate is ever looked at: the sandbox works on a host that has none, and the start is quicker.
            builder = builder.tls_certs_only([]);
        } else if let Some(authorities) = &options.trusted_authorities {
            let authorities = Authority::from_pem_bundle(authorities.as_bytes()).map_err(TransportError::Build)?;
            builder = builder.tls_certs_only(authorities);
        }
        let client = builder.build().map_err(TransportError::Build)?;
        Ok(Self { client, max_body_bytes: options.max_body_bytes })
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
        // Unpacked here in one go: piece by piece, as the HTTP library does it, costs twice the time on large pages.
        let request = request.header(ACCEPT_ENCODING, GZIP);
        let mut response = request.send().await.map_err(no_answer)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let certificate = response.extensions().get().and_then(TlsInfo::peer_certificate).map(Certificate::of_der);
        let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let mut body = BytesMut::with_capacity(announced.min(self.max_body_bytes));
        loop {
            let chunk = response.chunk().await.map_err(|error| cut_off(error, body.len()))?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(TransportError::TooLarge { limit: self.max_body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        let packed = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == GZIP);
        let body = if packed { self.unpacked(&body)? } else { body.freeze() };
        Ok(Answer { status, headers, body, certificate })
    }

    fn unpacked(&self, packed: &[u8]) -> Result<Bytes, TransportError> {
        let garbled = |source| TransportError::Garbled { received: packed.len(), source };
        // The last four bytes tell the length; they may lie, so that they only save moving.
        let told = packed.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        let mut body = Vec::with_capacity(told.min(self.max_body_bytes) + 1);
        let limit = self.max_body_bytes as u64 + 1;
        MultiGzDecoder::new(packed).take(limit).read_to_end(&mut body).map_err(garbled)?;
        if body.len() > self.max_body_bytes {
            return Err(TransportError::TooLarge { limit: self.max_body_bytes });
        }
        Ok(Bytes::from(body))
    }
}

/// Makes ring the cryptography of all TLS in this process. Done by every client; whoever uses reqwest beside it must ask.
pub fn install_cryptography() {
    // An error only says that it is done already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn no_answer(error: reqwest::Error) -> TransportError {
    let host = error.url().map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let error = error.without_url();
    if let Some(fault) = CertificateFault::behind(&error) {
        TransportError::Connect(ConnectError::Certificate { host, fault })
    } else if error.is_connect() {
        TransportError::Connect(ConnectError::Other(error))
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn unpacked(bytes: &[u8], max_body_bytes: usize) -> Result<Bytes, TransportError> {
        let base = BaseUrl::parse("http://127.0.0.1:1").expect("good");
        let client = HttpClient::new(&base, &Options { max_body_bytes, ..Options::default() }).expect("a client");
        client.unpacked(bytes)
    }

    #[test]
    fn a_packed_answer_is_unpacked_whole_or_not_at_all() {
        let page = b"a page ".repeat(1000);
        let whole = packed(&page);
        assert_eq!(unpacked(&whole, page.len()).expect("whole"), page);
        let cut = whole.get(..whole.len() - 9).expect("longer");
        assert!(matches!(unpacked(cut, page.len()), Err(TransportError::Garbled { .. })));
        assert!(matches!(unpacked(b"<html>", 100), Err(TransportError::Garbled { .. })));
        assert!(matches!(unpacked(b"", 100), Err(TransportError::Garbled { .. })));
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        let mut bomb = packed(&vec![0; 10_000_000]);
        assert!(matches!(unpacked(&bomb, 1_000_000), Err(TransportError::TooLarge { limit: 1_000_000 })));
        // A length that lies changes nothing.
        let length = bomb.len();
        bomb.splice(length - 4.., [1, 0, 0, 0]);
        assert!(matches!(unpacked(&bomb, 1_000_000), Err(TransportError::TooLarge { limit: 1_000_000 })));
    }
}

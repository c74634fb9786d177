//! HTTP for both clients: valid base addresses, requests with limited responses, certificates of servers, the retry
//! rule, secrets, and the tokens that both APIs accept.
//!
//! This module knows nothing of users, profiles and operators.
//!
//! | file | contents |
//! |---|---|
//! | `base_url` | valid addresses |
//! | `http_client`, `content_encoding`, `excerpt` | requests, and responses that are limited in time and size |
//! | `proxy`, `connect_error`, `certificate` | proxies, why a connection failed, and the certificate of a server |
//! | `exchange` | hands each exchange to a recorder that the options may carry |
//! | `retry` | how often, and with which pauses, a call is retried |
//! | `identity_service` | tokens of Adobe's identity service (IMS) |
//! | `json_object` | reads a JSON object, and no list in its place |
//! | `fuzzing` | entrances for the fuzz targets |

mod base_url;
mod certificate;
mod connect_error;
mod content_encoding;
mod excerpt;
mod exchange;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http_client;
mod identity_service;
mod json_object;
mod proxy;
mod retry;

pub use base_url::{BaseUrl, BaseUrlError, is_loopback};
pub use certificate::{Certificate, CertificateContent, CertificateFault};
pub use connect_error::{ConnectError, ConnectFailure, RootCause, Route};
pub use excerpt::{EXCERPT_CHARACTERS, excerpt};
pub use exchange::{Exchange, ExchangeFailure, ExchangeRecorder, ExchangeResponse};
pub use http_client::{ConnectionReuse, HttpClient, HttpOptions, HttpResponse, TransportError, install_cryptography};
pub use identity_service::{Credential, IdentityService, IssuedToken, TokenError, TokenErrorText};
pub use json_object::JsonObject;
pub use proxy::{Proxies, Proxy, ProxyFault, is_proxy_variable};
pub use retry::{
    MAX_REQUESTED_PAUSE, RetryAdvice, RetryPolicy, Retryable, retry_after, with_retries, with_retries_and_sleep,
};

/// A value that prints as `[REDACTED]` and is wiped from memory when dropped.
pub use secrecy::{ExposeSecret, SecretString};

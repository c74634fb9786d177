//! Why a connection failed: the server, the proxy, and the cause.

use std::{error::Error, fmt, io};

use reqwest::Url;

use crate::domain::Chain;

use super::{CertificateFault, Proxies, Proxy, ProxyFault, base_url::host_and_port};

/// The server of one request, and the proxy that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Host and port of the server.
    server: String,
    proxy: Option<Proxy>,
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The certificate of the server is not accepted; nothing was sent.
    #[error("the certificate of {host} is not accepted: {fault}")]
    Certificate {
        /// The server, with scheme and port.
        host: String,
        /// What is wrong with it.
        fault: CertificateFault,
    },
    /// The proxy that is configured cannot be used; nothing was sent.
    #[error(
        "could not connect to {server} through {proxy}: {fault}; or add the host to NO_PROXY, if it is reached directly"
    )]
    Proxy {
        /// The proxy, and the variable that configures it.
        proxy: Proxy,
        /// What is wrong with it.
        fault: ProxyFault,
        /// Host and port of the server behind it.
        server: String,
    },
    /// The attempt failed in any other way.
    #[error("{}", describe(route, *failure, cause))]
    Failed {
        /// The server and the proxy.
        route: Route,
        /// The kind of failure.
        failure: ConnectFailure,
        /// The error of the operating system or of TLS.
        cause: RootCause,
    },
}

/// How an attempt to connect failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The host has no address.
    Unresolved,
    /// Nothing listens on the port.
    Refused,
    /// The attempt took too long.
    TimedOut,
    /// The server was reached, and TLS could not be set up.
    Tls,
    /// The proxy did not open a connection to the server: its response to CONNECT was neither 200 nor 407.
    NoTunnel,
    /// Anything else.
    Other,
}

impl Route {
    /// The route of a request to `url`. Fails where the proxy that leads there cannot be used.
    pub(super) fn to(url: &Url, proxies: &Proxies) -> Result<Self, ConnectError> {
        let server = host_and_port(url);
        match proxies.to(url) {
            Ok(found) => Ok(Self { server, proxy: found.map(|(proxy, _)| proxy) }),
            Err((proxy, fault)) => Err(ConnectError::Proxy { proxy, fault, server }),
        }
    }

    /// The error of a failed attempt; `host` has scheme and port.
    pub(super) fn failed(&self, host: String, error: &reqwest::Error) -> ConnectError {
        if let Some(fault) = CertificateFault::find_in(error) {
            return ConnectError::Certificate { host, fault };
        }
        let failure = ConnectFailure::find_in(error, error.is_timeout());
        let fault = match failure {
            // This host resolves and connects to the proxy only; the proxy resolves and connects to the server.
            ConnectFailure::Unresolved => Some(ProxyFault::Unresolved),
            ConnectFailure::Refused => Some(ProxyFault::Refused),
            _ if has_text(error, "proxy authorization required") => Some(ProxyFault::Credentials),
            _ => None,
        };
        match (&self.proxy, fault) {
            (Some(proxy), Some(fault)) => {
                ConnectError::Proxy { proxy: proxy.clone(), fault, server: self.server.clone() }
            }
            _ => ConnectError::Failed { route: self.clone(), failure, cause: RootCause::of(error) },
        }
    }
}

impl ConnectFailure {
    fn find_in(error: &(dyn Error + 'static), is_timeout: bool) -> Self {
        let kinds: Vec<_> = chain(error).filter_map(<dyn Error>::downcast_ref).map(io::Error::kind).collect();
        if is_timeout || kinds.contains(&io::ErrorKind::TimedOut) {
            Self::TimedOut
        } else if has_text(error, "dns error") {
            Self::Unresolved
        } else if kinds.contains(&io::ErrorKind::ConnectionRefused) {
            Self::Refused
        } else if chain(error).any(<dyn Error>::is::<rustls::Error>) {
            Self::Tls
        } else if has_text(error, "tunnel error") {
            Self::NoTunnel
        } else {
            Self::Other
        }
    }
}

/// Whether the text of one of the causes contains `words`. The HTTP library has no type for these causes; tests compare
/// the words.
fn has_text(error: &(dyn Error + 'static), words: &str) -> bool {
    chain(error).any(|error| error.to_string().contains(words))
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // `io::Error::source` skips the error that the `io::Error` wraps.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost cause of an error of the HTTP library. The errors around it ("error sending request", "client error
/// (Connect)") add nothing to the messages of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCause(String);

impl RootCause {
    /// The innermost cause of `error`.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        Self(chain(error).last().map(|cause| Chain(cause).to_string()).unwrap_or_default())
    }
}

impl Error for RootCause {}

impl fmt::Display for RootCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn describe(route: &Route, failure: ConnectFailure, cause: &RootCause) -> String {
    let Route { server, proxy } = route;
    let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host);
    let what = match failure {
        ConnectFailure::Unresolved => format!("could not resolve {host}"),
        ConnectFailure::Refused => format!("connection refused by {server}"),
        ConnectFailure::TimedOut => format!("the connection to {server} timed out"),
        ConnectFailure::Tls => format!("TLS could not be set up with {server}"),
        ConnectFailure::NoTunnel => format!("no connection to {server} was opened (see the log of the proxy)"),
        ConnectFailure::Other => format!("could not connect to {server}"),
    };
    let what = match proxy {
        Some(proxy) => format!("{what} through {proxy}"),
        None => what,
    };
    match failure {
        ConnectFailure::Refused | ConnectFailure::TimedOut => what,
        ConnectFailure::Unresolved | ConnectFailure::Tls | ConnectFailure::NoTunnel | ConnectFailure::Other => {
            format!("{what}: {cause}")
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        self.proxy.iter().try_for_each(|proxy| write!(f, " through {proxy}"))
    }
}

//! Why there is no connection, told by what was connected to, the proxy between, and what went wrong.

use std::{error::Error, fmt, io};

use super::{BaseUrl, CertificateFault, Proxy, ProxyFault};

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Host and port of the server.
    pub(super) server: String,
    pub(super) proxy: Option<Proxy>,
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
    /// The proxy that is configured cannot be used; nothing was sent.
    #[error("{proxy} {fault}; needed for {server}: correct the variable, or add the host to NO_PROXY")]
    Proxy {
        /// Which, and where it was configured.
        proxy: Proxy,
        /// What is wrong with it.
        fault: ProxyFault,
        /// Host and port of the server behind it.
        server: String,
    },
    /// The attempt failed in any other way.
    #[error("{}", in_words(route, *failure))]
    Failed {
        /// Where to.
        route: Route,
        /// How.
        failure: ConnectFailure,
        /// What the HTTP library says.
        source: reqwest::Error,
    },
}

/// How an attempt to connect failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The host has no address.
    Unresolved,
    /// Nothing listens on the port.
    Refused,
    /// No answer came in time.
    TimedOut,
    /// The connection stands, and no encryption.
    Tls,
    /// The proxy did not open a way to the server.
    NoTunnel,
    /// Anything else.
    Other,
}

impl Route {
    /// The way to `base` by this proxy, or none.
    pub(super) fn new(base: &BaseUrl, proxy: Option<Proxy>) -> Self {
        Self { server: base.host_and_port(), proxy }
    }

    /// What an error of connecting says.
    pub(super) fn failed(&self, host: String, error: reqwest::Error) -> ConnectError {
        if let Some(fault) = CertificateFault::behind(&error) {
            return ConnectError::Certificate { host, fault };
        }
        let failure = ConnectFailure::behind(&error, error.is_timeout());
        let fault = match failure {
            // The resolver and the port are those of the proxy: whatever is behind it is asked by the proxy itself.
            ConnectFailure::Unresolved => Some(ProxyFault::Unresolved),
            ConnectFailure::Refused => Some(ProxyFault::Refused),
            _ if says(&error, "proxy authorization required") => Some(ProxyFault::Credentials),
            _ => None,
        };
        match (&self.proxy, fault) {
            (Some(proxy), Some(fault)) => {
                ConnectError::Proxy { proxy: proxy.clone(), fault, server: self.server.clone() }
            }
            _ => ConnectError::Failed { route: self.clone(), failure, source: error },
        }
    }
}

impl ConnectFailure {
    fn behind(error: &(dyn Error + 'static), is_timeout: bool) -> Self {
        let kinds: Vec<_> = chain(error).filter_map(|error| error.downcast_ref().map(io::Error::kind)).collect();
        if is_timeout || kinds.contains(&io::ErrorKind::TimedOut) {
            Self::TimedOut
        } else if says(error, "dns error") {
            Self::Unresolved
        } else if kinds.contains(&io::ErrorKind::ConnectionRefused) {
            Self::Refused
        } else if chain(error).any(|error| error.is::<rustls::Error>()) {
            Self::Tls
        } else if says(error, "tunnel error") {
            Self::NoTunnel
        } else {
            Self::Other
        }
    }
}

/// Whether one of the causes begins so. The HTTP library has no other sign of these two; tests hold the words.
fn says(error: &(dyn Error + 'static), words: &str) -> bool {
    chain(error).any(|error| error.to_string().contains(words))
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // Asked for its source, an `io::Error` leaves out the error that it wraps.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn in_words(route: &Route, failure: ConnectFailure) -> String {
    let Route { server, proxy } = route;
    let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host);
    let what = match failure {
        ConnectFailure::Unresolved => format!("could not resolve {host}"),
        ConnectFailure::Refused => format!("connection refused by {server}"),
        ConnectFailure::TimedOut => format!("the connection to {server} timed out"),
        ConnectFailure::Tls => format!("no TLS connection with {server}"),
        ConnectFailure::NoTunnel => format!("no connection to {server} was opened"),
        ConnectFailure::Other => format!("could not connect to {server}"),
    };
    match proxy {
        Some(proxy) => format!("{what} by {proxy}"),
        None => what,
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.server)?;
        self.proxy.iter().try_for_each(|proxy| write!(f, " by {proxy}"))
    }
}

//! The proxy between this host and a server: its address, the variable that configures it, and whether it can be used.

use std::{collections::BTreeMap, fmt};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::base_url::is_loopback;

/// Variables with a proxy for https, in descending order of precedence, as in reqwest.
const HTTPS_VARIABLES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// Variables with a proxy for all schemes without a proxy of their own.
const ALL_VARIABLES: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// Variables with the hosts that are reached without a proxy.
const NO_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Whether a variable of the environment concerns proxies.
pub fn is_proxy_variable(name: &str) -> bool {
    [HTTPS_VARIABLES, ALL_VARIABLES, NO_VARIABLES].as_flattened().contains(&name)
}

/// The proxies that the environment configures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    configured: Option<Configured>,
    exceptions: String,
}

#[derive(Clone, Debug)]
struct Configured {
    variable: &'static str,
    /// It may contain a password.
    value: SecretString,
}

impl PartialEq for Configured {
    fn eq(&self, other: &Self) -> bool {
        self.variable == other.variable && self.value.expose_secret() == other.value.expose_secret()
    }
}

impl Eq for Configured {}

/// A configured proxy, as messages name it: `the proxy http://proxy.acme.com:3128 (environment variable HTTPS_PROXY)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Scheme, host and port, without user and password. Empty where the value of the variable is not an address.
    address: String,
    variable: &'static str,
}

/// Why a proxy cannot be used. The administrator has to correct the configuration of this host, or of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// The value of the variable is not an address.
    #[error("its value is not an address; set it to one such as http://proxy.example:3128")]
    Unreadable,
    /// The scheme is neither http nor https.
    #[error("its scheme is not supported; use http or https")]
    Scheme,
    /// The proxy requires a user and a password, or refuses those that it was sent.
    #[error(
        "it refused the credentials, or requires some (HTTP 407); set user and password in the variable, as in \
         http://user:password@host:3128 (for the systemd service in the EnvironmentFile of its unit)"
    )]
    Credentials,
    /// The host of the proxy has no address.
    #[error("its host name could not be resolved; correct the variable")]
    Unresolved,
    /// Nothing listens on the port of the proxy.
    #[error("it refused the connection; correct the variable, or start the proxy")]
    Refused,
}

impl Proxies {
    /// The proxies that these variables configure. Other variables are ignored.
    pub fn of_environment(environment: &BTreeMap<String, String>) -> Self {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, environment.get(name)?)));
        let named = |names| first(names).filter(|(_, value)| !value.trim().is_empty());
        let configured = named(HTTPS_VARIABLES).or_else(|| named(ALL_VARIABLES));
        Self {
            configured: configured
                .map(|(variable, value)| Configured { variable, value: SecretString::from(value.trim()) }),
            exceptions: first(NO_VARIABLES).map(|(_, value)| value.clone()).unwrap_or_default(),
        }
    }

    /// The proxy for a request to `url`, with the address to hand to the HTTP client; `None` where the connection is
    /// direct, as it always is to a loopback address.
    pub(super) fn to(&self, url: &Url) -> Result<Option<(Proxy, SecretString)>, (Proxy, ProxyFault)> {
        let Some(Configured { variable, value }) = self.configured.as_ref().filter(|_| !is_loopback(url)) else {
            return Ok(None);
        };
        let (variable, value) = (*variable, value.expose_secret());
        let Ok(target) = url.as_str().parse() else { return Ok(None) };
        // NO_PROXY is evaluated with a valid address, because that of the variable may be invalid.
        let any = Matcher::builder().https("http://proxy.invalid").no(self.exceptions.clone()).build();
        if any.intercept(&target).is_none() {
            return Ok(None);
        }
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        let proxy = |address| Proxy { address, variable };
        if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return Err((proxy(format!("{scheme}://{place}")), ProxyFault::Scheme));
        }
        let whole = format!("{scheme}://{rest}");
        let is_proxy = Matcher::builder().https(whole.clone()).build().intercept(&target).is_some();
        // The HTTP client connects directly where it cannot parse the address of the proxy.
        if !is_proxy || place.is_empty() || Url::parse(&whole).is_err() {
            return Err((proxy(String::new()), ProxyFault::Unreadable));
        }
        Ok(Some((proxy(format!("{scheme}://{place}")), SecretString::from(whole))))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, variable } = self;
        if address.is_empty() {
            return write!(f, "the proxy of the environment variable {variable}");
        }
        write!(f, "the proxy {address} (environment variable {variable})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy to Adobe that these variables give, and what is handed to the client.
    fn found(variables: &[(&str, &str)]) -> String {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = Url::parse("https://usermanagement.adobe.io/v2/usermanagement").expect("an address");
        match Proxies::of_environment(&environment).to(&url) {
            Ok(None) => "direct".to_owned(),
            Ok(Some((proxy, address))) => format!("{proxy}: {}", address.expose_secret()),
            Err((proxy, fault)) => format!("{proxy}: {fault}"),
        }
    }

    #[test]
    fn the_proxy_is_named_with_its_variable_and_without_its_password() {
        for (variables, expected) in [
            (&[][..], "direct"),
            (&[("HTTP_PROXY", "http://p:1")], "direct"),
            (
                &[("HTTPS_PROXY", "http://u:secret@p.acme.com:3128/")],
                "the proxy http://p.acme.com:3128 (environment variable HTTPS_PROXY): http://u:secret@p.acme.com:3128/",
            ),
            (&[("https_proxy", "p:1")], "the proxy http://p:1 (environment variable https_proxy): http://p:1"),
            (
                &[("ALL_PROXY", "https://a:1"), ("https_proxy", "http://p:1")],
                "the proxy http://p:1 (environment variable https_proxy): http://p:1",
            ),
            (
                &[("HTTPS_PROXY", " "), ("all_proxy", "https://a:1")],
                "the proxy https://a:1 (environment variable all_proxy): https://a:1",
            ),
            (&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "acme.com, .adobe.io")], "direct"),
            (&[("HTTPS_PROXY", "socks5://p:1"), ("no_proxy", "*")], "direct"),
            (
                &[("HTTPS_PROXY", "socks5://u:secret@p:1")],
                "the proxy socks5://p:1 (environment variable HTTPS_PROXY): its scheme is not supported; use http or https",
            ),
            (
                &[("HTTPS_PROXY", "http://p:99999")],
                "the proxy of the environment variable HTTPS_PROXY: its value is not an address; set it to one such as \
                 http://proxy.example:3128",
            ),
            (
                &[("HTTPS_PROXY", "http://")],
                "the proxy of the environment variable HTTPS_PROXY: its value is not an address; set it to one such as \
                 http://proxy.example:3128",
            ),
        ] {
            assert_eq!(found(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_loopback_address_is_never_reached_through_a_proxy() {
        let environment = BTreeMap::from([("HTTPS_PROXY".to_owned(), "socks5://p:1".to_owned())]);
        let url = Url::parse("https://127.0.0.1:8443").expect("an address");
        assert!(matches!(Proxies::of_environment(&environment).to(&url), Ok(None)));
    }
}

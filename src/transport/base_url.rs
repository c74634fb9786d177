//! The address of Adobe, Campaign or IMS: https, or http on this host only.

use std::fmt;

use reqwest::Url;

/// A valid address without a trailing slash. Secrets are sent to it, so it is https, or http on a loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why an address is not valid.
#[derive(Debug, thiserror::Error)]
pub enum BaseUrlError {
    /// The text is not a URL.
    #[error("\"{text}\" is not a URL such as https://host.example")]
    Unreadable {
        /// The text.
        text: String,
        /// The error of the parser.
        source: url::ParseError,
    },
    /// Plain http would send secrets unencrypted.
    #[error(
        "\"{text}\" would send secrets unencrypted: use https (http is allowed on 127.0.0.1, [::1] and localhost only)"
    )]
    InTheClear {
        /// The text.
        text: String,
    },
    /// A query, a fragment or credentials do not belong in a base address.
    #[error("\"{text}\" contains a user, a password, a query or a fragment: write only scheme, host, port and path")]
    Decorated {
        /// The address without its password.
        text: String,
    },
}

impl BaseUrl {
    /// Reads an address and removes a trailing slash.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text.trim().trim_end_matches('/'))
            .map_err(|source| BaseUrlError::Unreadable { text: text.to_owned(), source })?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            let host = url.host_str().unwrap_or_default();
            return Err(BaseUrlError::Decorated { text: format!("{}://{host}/…", url.scheme()) });
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err(BaseUrlError::InTheClear { text: text.to_owned() }),
        }
    }

    /// The address of `path` below this one. `path` starts with a slash and is already percent-encoded.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Host and port, for tools that connect without HTTP: `acme.campaign.adobe.com:443`.
    pub fn host_and_port(&self) -> String {
        host_and_port(&self.0)
    }

    /// Whether both addresses are the same. A dot at the end of the host, the default port and slashes at the end make
    /// no difference; the parser has already made host and scheme lower case.
    pub fn is_same_address(&self, other: &Self) -> bool {
        let place = |url: &Url| {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
            (url.scheme().to_owned(), host, url.port_or_known_default(), url.path().trim_end_matches('/').to_owned())
        };
        place(&self.0) == place(&other.0)
    }

    /// Whether connections are not encrypted: http, which [`BaseUrl::parse`] accepts on this host only.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The address in the type of the HTTP library.
    pub(super) fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Host and port of an address, also where it is the default port.
pub(super) fn host_and_port(url: &Url) -> String {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    format!("{host}:{port}")
}

/// Whether an address is a loopback address, which is never reached through a proxy.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_loopback_only() {
        for valid in [
            "https://acme.campaign.adobe.com",
            "http://127.0.0.1:8080/campaign/x/",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(BaseUrl::parse(valid).is_ok(), "{valid}");
        }
        for invalid in
            ["http://acme.campaign.adobe.com", "ftp://127.0.0.1", "acme", "", "https://user:pw@host", "https://h/?q=1"]
        {
            assert!(BaseUrl::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_repeated() {
        let message = BaseUrl::parse("https://user:hunter2@host/").expect_err("refused").to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn joining_keeps_the_path_and_never_doubles_a_slash() {
        let base = BaseUrl::parse("http://127.0.0.1:1/campaign/x/").expect("an address");
        assert_eq!(base.join("/nl/jsp/soaprouter.jsp"), "http://127.0.0.1:1/campaign/x/nl/jsp/soaprouter.jsp");
        let root = BaseUrl::parse("https://host/").expect("an address");
        assert_eq!(root.join("/ims"), "https://host/ims");
        assert_eq!(root.to_string(), "https://host");
        assert_eq!((base.host_and_port().as_str(), root.host_and_port().as_str()), ("127.0.0.1:1", "host:443"));
    }
}

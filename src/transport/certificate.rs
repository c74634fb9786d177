//! The certificate of a server: its content, and why it is not accepted.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use rustls::CertificateError;
use x509_cert::{
    Certificate as Parsed,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// A certificate that was accepted. It is stored as received and parsed only on demand.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Bytes);

/// The content of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateContent {
    /// The end of its validity.
    pub not_after: SystemTime,
    /// The host names and addresses that it is valid for.
    pub names: Vec<String>,
    /// The authority that issued it, in the notation of RFC 4514.
    pub issuer: String,
}

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It has expired.
    #[error("it expired{}", on_time(*.since))]
    Expired {
        /// The end of its validity, if known.
        since: Option<SystemTime>,
    },
    /// It is not valid yet.
    #[error("it is not valid yet{}", from_time(*.from))]
    NotYetValid {
        /// The beginning of its validity, if known.
        from: Option<SystemTime>,
    },
    /// No authority that this host trusts has issued it.
    #[error("it was issued by an authority that this host does not trust")]
    UnknownAuthority,
    /// It belongs to another host.
    #[error("it is valid for {}", host_list(names))]
    OtherName {
        /// The host names and addresses that it is valid for, if known.
        names: Vec<String>,
    },
    /// Anything else.
    #[error("{what}")]
    Other {
        /// The error of the TLS library.
        what: String,
    },
}

impl Certificate {
    /// The certificate of this DER text.
    pub(super) fn from_der(der: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(der))
    }

    /// Its content; `None` where it cannot be parsed, which is not expected of an accepted certificate.
    pub fn read(&self) -> Option<CertificateContent> {
        let parsed = Parsed::from_der(&self.0).ok()?;
        let content = parsed.tbs_certificate();
        let names = match content.get_extension::<SubjectAltName>() {
            Ok(Some((_, SubjectAltName(names)))) => names.iter().filter_map(name).collect(),
            _ => Vec::new(),
        };
        Some(CertificateContent {
            not_after: UNIX_EPOCH + content.validity().not_after.to_unix_duration(),
            names,
            issuer: content.issuer().to_string(),
        })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.read()).finish()
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let four = <[u8; 4]>::try_from(octets.as_bytes()).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
            let six = <[u8; 16]>::try_from(octets.as_bytes()).map(|octets| IpAddr::from(Ipv6Addr::from(octets)));
            four.or(six).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

impl CertificateFault {
    /// Finds the refusal of a certificate among the causes of an error.
    pub(super) fn find_in(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(rustls::Error::InvalidCertificate(refusal)) = error.downcast_ref() {
                return Some(refusal.into());
            }
            // `io::Error::source` skips the error that the `io::Error` wraps.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match wrapped {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }
}

impl From<&CertificateError> for CertificateFault {
    fn from(refusal: &CertificateError) -> Self {
        let time = |time: &rustls::pki_types::UnixTime| UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
        match refusal {
            CertificateError::Expired => Self::Expired { since: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired { since: time(not_after) },
            CertificateError::NotValidYet => Self::NotYetValid { from: None },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid { from: time(not_before) },
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::NotValidForName => Self::OtherName { names: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::OtherName { names: presented.iter().map(|name| host_name(name)).collect() }
            }
            other => Self::Other { what: other.to_string() },
        }
    }
}

/// The TLS library writes `DnsName("acme.example")` and `IpAddress(127.0.0.1)`.
fn host_name(presented: &str) -> String {
    let inside = presented.split_once('(').map_or(presented, |(_, rest)| rest.trim_end_matches(')'));
    inside.trim_matches('"').to_owned()
}

fn on_time(time: Option<SystemTime>) -> String {
    time.map(|time| format!(" on {}", humantime::format_rfc3339_seconds(time))).unwrap_or_default()
}

fn from_time(time: Option<SystemTime>) -> String {
    time.map(|time| format!(" (valid from {})", humantime::format_rfc3339_seconds(time))).unwrap_or_default()
}

fn host_list(names: &[String]) -> String {
    if names.is_empty() { "another host".to_owned() } else { format!("{} only", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    fn text(refusal: &CertificateError) -> String {
        CertificateFault::from(refusal).to_string()
    }

    #[test]
    fn a_refusal_is_shown_as_a_sentence() {
        let then = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        let expected = ServerName::try_from("acme.campaign.adobe.com").expect("a name");
        let presented = vec!["DnsName(\"*.acme.example\")".to_owned(), "IpAddress(127.0.0.1)".to_owned()];
        let other_name = CertificateError::NotValidForNameContext { expected: expected.clone(), presented };
        let nameless = CertificateError::NotValidForNameContext { expected, presented: Vec::new() };
        for (refusal, words) in [
            (CertificateError::Expired, "it expired"),
            (CertificateError::ExpiredContext { time: then, not_after: then }, "it expired on 2023-11-14T22:13:20Z"),
            (CertificateError::NotValidYet, "it is not valid yet"),
            (
                CertificateError::NotValidYetContext { time: then, not_before: then },
                "it is not valid yet (valid from 2023-11-14T22:13:20Z)",
            ),
            (CertificateError::UnknownIssuer, "it was issued by an authority that this host does not trust"),
            (CertificateError::NotValidForName, "it is valid for another host"),
            (other_name, "it is valid for *.acme.example, 127.0.0.1 only"),
            (nameless, "it is valid for another host"),
            (CertificateError::Revoked, "Revoked"),
        ] {
            assert_eq!(text(&refusal), words);
        }
    }

    #[test]
    fn a_refusal_is_found_below_an_io_error() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(refused));
        assert_eq!(CertificateFault::find_in(&wrapped), Some(CertificateFault::UnknownAuthority));
        assert_eq!(CertificateFault::find_in(&rustls::Error::DecryptError), None);
        assert_eq!(CertificateFault::find_in(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }

    #[test]
    fn a_certificate_that_cannot_be_parsed_has_no_content() {
        assert_eq!(Certificate::from_der(b"no DER").read(), None);
    }
}

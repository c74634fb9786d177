//! The certificate that a server proves itself with: what it says, and why it is not accepted.

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

/// A certificate that was accepted. It is kept as it came and read only when somebody asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(Bytes);

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateContent {
    /// The end of its life.
    pub not_after: SystemTime,
    /// The host names and addresses it is for.
    pub names: Vec<String>,
    /// The authority that issued it, as RFC 4514 writes names.
    pub issuer: String,
}

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Its life is over.
    #[error("it expired{}", on_time(*.since))]
    Expired {
        /// Since then, if known.
        since: Option<SystemTime>,
    },
    /// Its life has not begun.
    #[error("it is not valid yet{}", from_time(*.from))]
    NotYetValid {
        /// From then on, if known.
        from: Option<SystemTime>,
    },
    /// Nobody whom this host trusts has issued it.
    #[error("it was issued by an authority that this host does not trust")]
    UnknownAuthority,
    /// It belongs to another host.
    #[error("it is for {}", host_list(names))]
    OtherName {
        /// The host names and addresses it is for, if known.
        names: Vec<String>,
    },
    /// Anything else.
    #[error("{what}")]
    Other {
        /// What the TLS library says.
        what: String,
    },
}

impl Certificate {
    /// The certificate in this DER form.
    pub(super) fn from_der(der: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(der))
    }

    /// What it says; `None` when it cannot be read, which is not to be expected of one that was accepted.
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
    /// The refusal of a certificate among the causes of this error.
    pub(super) fn find_in(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(rustls::Error::InvalidCertificate(refusal)) = error.downcast_ref() {
                return Some(refusal.into());
            }
            // Asked for its source, an `io::Error` leaves out the error that it wraps.
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
    time.map(|time| format!(", but from {} on", humantime::format_rfc3339_seconds(time))).unwrap_or_default()
}

fn host_list(names: &[String]) -> String {
    if names.is_empty() { "another host".to_owned() } else { format!("{} alone", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    fn text(refusal: &CertificateError) -> String {
        CertificateFault::from(refusal).to_string()
    }

    #[test]
    fn a_refusal_says_what_is_wrong_in_words() {
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
                "it is not valid yet, but from 2023-11-14T22:13:20Z on",
            ),
            (CertificateError::UnknownIssuer, "it was issued by an authority that this host does not trust"),
            (CertificateError::NotValidForName, "it is for another host"),
            (other_name, "it is for *.acme.example, 127.0.0.1 alone"),
            (nameless, "it is for another host"),
            (CertificateError::Revoked, "Revoked"),
        ] {
            assert_eq!(text(&refusal), words);
        }
    }

    #[test]
    fn a_refusal_is_found_below_an_error_of_the_system() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(refused));
        assert_eq!(CertificateFault::find_in(&wrapped), Some(CertificateFault::UnknownAuthority));
        assert_eq!(CertificateFault::find_in(&rustls::Error::DecryptError), None);
        assert_eq!(CertificateFault::find_in(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }

    #[test]
    fn a_certificate_that_cannot_be_read_says_nothing() {
        assert_eq!(Certificate::from_der(b"no DER").read(), None);
    }
}

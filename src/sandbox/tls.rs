//! TLS: the endpoints that use HTTPS, and the certificate of the server, which is created at each start.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use super::error::SandboxError;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Added to the days left, so that a client that counts whole days gets this number.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// One of the simulated endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// IMS.
    Ims,
    /// UMAPI.
    Umapi,
    /// Every Campaign instance.
    Campaign,
}

/// How the server encrypts. Replacing the world does not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The endpoints that use HTTPS, `vendors` in a scenario; the others use plain HTTP on the same port.
    #[serde(rename = "vendors")]
    pub endpoints: Vec<Endpoint>,
    /// Days until the certificate expires; negative when it has expired.
    pub days_left: i16,
    /// Its host name or address; the address of the server by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether clients get the authority that issued it, or another one.
    pub trusted: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            endpoints: vec![Endpoint::Ims, Endpoint::Umapi, Endpoint::Campaign],
            days_left: 90,
            name: None,
            trusted: true,
        }
    }
}

/// The scheme of the address of an endpoint.
pub(super) fn scheme(tls: Option<&Tls>, endpoint: Endpoint) -> &'static str {
    if tls.is_some_and(|tls| tls.endpoints.contains(&endpoint)) { "https" } else { "http" }
}

/// The certificate of the server, and the authority that clients get.
pub(super) struct Identity {
    /// Accepts TLS connections.
    pub(super) acceptor: TlsAcceptor,
    /// The certificate authority that clients are to trust, in PEM.
    pub(super) authority: String,
}

impl Identity {
    /// A new certificate by a new authority, for a server at this address.
    pub(super) fn new(tls: &Tls, address: IpAddr) -> Result<Self, SandboxError> {
        let name = tls.name.clone().unwrap_or_else(|| address.to_string());
        let wrong = |source: Box<dyn Error + Send + Sync>| SandboxError::Certificate { name: name.clone(), source };
        let authority = authority("Sandbox authority").map_err(|error| wrong(error.into()))?;
        let published = if tls.trusted {
            authority.pem()
        } else {
            self::authority("Another sandbox authority").map_err(|error| wrong(error.into()))?.pem()
        };
        let config = issued(&authority, &name, tls.days_left).map_err(&wrong)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: published })
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// The configuration of a server with a certificate by this authority.
fn issued(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    days_left: i16,
) -> Result<ServerConfig, Box<dyn Error + Send + Sync>> {
    let days = DAY * u32::from(days_left.unsigned_abs());
    let now = SystemTime::now();
    let end = if days_left < 0 { now - days } else { now + days + MARGIN };
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = ((end.min(now) - DAY).into(), end.into());
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    // Named here, because the process may have no default provider, or another.
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(config)
}

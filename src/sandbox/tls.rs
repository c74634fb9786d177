//! TLS: which vendors are reached over https, and the certificate that is shown there, made anew at each start.

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

/// So much longer than the days that are left, so that whoever counts whole days counts as many.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// One of the simulated systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// The identity service.
    Ims,
    /// The user management API.
    Umapi,
    /// Every Campaign instance.
    Campaign,
}

/// How the server encrypts. It is decided at the start: a world that is put in place of another changes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The systems that clients are told to reach over https; the others are reached over plain http, on the same port.
    #[serde(rename = "vendors")]
    pub endpoints: Vec<Endpoint>,
    /// Days until the certificate ends; when negative, days since it did.
    pub days_left: i16,
    /// The host name or address it is for; the address of the server unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether clients are told of the authority that issued it, or of another.
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

/// The beginning of the address at which a vendor is reached.
pub(super) fn scheme(tls: Option<&Tls>, vendor: Endpoint) -> &'static str {
    if tls.is_some_and(|tls| tls.endpoints.contains(&vendor)) { "https" } else { "http" }
}

/// What the server proves itself with, and what clients are told about it.
pub(super) struct Identity {
    /// Shakes hands with clients.
    pub(super) acceptor: TlsAcceptor,
    /// The authority that clients are told to trust, in PEM.
    pub(super) authority: String,
}

impl Identity {
    /// A new certificate by a new authority, for a server at this address.
    pub(super) fn new(tls: &Tls, address: IpAddr) -> Result<Self, SandboxError> {
        let name = tls.name.clone().unwrap_or_else(|| address.to_string());
        let wrong = |source: Box<dyn Error + Send + Sync>| SandboxError::Certificate { name: name.clone(), source };
        let authority = authority("Sandbox authority").map_err(|error| wrong(error.into()))?;
        let told = if tls.trusted {
            authority.pem()
        } else {
            self::authority("Another sandbox authority").map_err(|error| wrong(error.into()))?.pem()
        };
        let config = issued(&authority, &name, tls.days_left).map_err(&wrong)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: told })
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
    // Named here, because the process may have no default or another.
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(config)
}

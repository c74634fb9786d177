//! Certificates: how long the one of an instance is good, and what to do about one that is not accepted.

use chrono::{DateTime, Utc};

use super::{board::Outcome, experience_cloud::time, verdict::Cause};
use crate::{
    settings::Instance,
    transport::{BaseUrl, Certificate, CertificateFault},
};

/// Certificates that renew themselves do so a month before their end (certbot's default): one with fewer days was forgotten.
const FEW_DAYS: i64 = 30;

/// So many names are shown of a certificate; those of shared servers have hundreds.
const NAMES_SHOWN: usize = 3;

/// What is known where no certificate was shown.
pub(super) fn not_shown(url: &BaseUrl) -> Outcome {
    Outcome::not_checked(if url.is_plain() {
        "plain http on this host has no certificate"
    } else {
        "without a connection none is shown"
    })
}

/// How long an accepted certificate is good.
pub(super) fn valid(certificate: &Certificate, now: DateTime<Utc>) -> Outcome {
    let Some(content) = certificate.read() else {
        return Outcome::ok("this host trusts it; how long it is good cannot be read");
    };
    let end = DateTime::<Utc>::from(content.not_after);
    let days = (end - now).num_days();
    let evidence =
        format!("{days} days left, until {}; for {}; issued by {}", time(end), some(&content.names), content.issuer);
    if days >= FEW_DAYS {
        return Outcome::ok(evidence);
    }
    let remedy = "have it renewed before that day, on a hosted instance by the vendor's support: no run can read or write \
                  this instance afterwards";
    Outcome::warning(evidence, remedy)
}

/// A certificate of an instance that is not accepted.
pub(super) fn refused_of_instance(fault: &CertificateFault, instance: &Instance) -> Outcome {
    let name = &instance.name;
    let remedy = match fault {
        CertificateFault::Expired { .. } => {
            "have it renewed, on a hosted instance by the vendor's support; see whether the clock of this host is right \
             (timedatectl)"
                .to_owned()
        }
        CertificateFault::NotYetValid { .. } => CLOCK.to_owned(),
        CertificateFault::OtherName { .. } => {
            format!("write in instances.{name}.url the host name that people have in the browser; the certificate must be for it")
        }
        CertificateFault::UnknownAuthority => format!(
            "install the certificate of the authority on this host (in /usr/local/share/ca-certificates, then \
             update-ca-certificates); where you expect a public authority, look for the proxy that intercepts TLS: {}",
            shown_by(&instance.url)
        ),
        CertificateFault::Other { .. } => format!("look at it: {}", shown_by(&instance.url)),
    };
    refused(fault, &instance.url, remedy)
}

/// A certificate in the name of Adobe's services that is not accepted; `key` is where their address is configured. Adobe's own
/// are issued by public authorities and renewed in time.
pub(super) fn refused_of_vendor(fault: &CertificateFault, url: &BaseUrl, key: &str) -> Outcome {
    let issuer = shown_by(url);
    let remedy = match fault {
        CertificateFault::Expired { .. } | CertificateFault::NotYetValid { .. } => {
            format!("{CLOCK}; if it is, look for a proxy that answers in the vendor's place: {issuer}")
        }
        CertificateFault::OtherName { .. } => {
            format!("compare {key} with the vendor's; see whether a proxy answers in the vendor's place: {issuer}")
        }
        CertificateFault::UnknownAuthority => format!(
            "look for the proxy that intercepts TLS ({issuer}); have it let {} pass untouched, or install the certificate of its \
             authority on this host (in /usr/local/share/ca-certificates, then update-ca-certificates)",
            url.host_and_port()
        ),
        CertificateFault::Other { .. } => format!("look for a proxy that answers in the vendor's place: {issuer}"),
    };
    refused(fault, url, remedy)
}

const CLOCK: &str = "see whether the clock of this host is right (timedatectl)";

/// What a run would end with: no answer for now.
fn refused(fault: &CertificateFault, url: &BaseUrl, remedy: String) -> Outcome {
    let evidence = format!("the certificate of {} is not accepted: {fault}", url.host_and_port());
    Outcome::failed(Cause::Unavailable, evidence, remedy)
}

/// The command that names who issued a certificate.
fn shown_by(url: &BaseUrl) -> String {
    format!("openssl s_client -connect {} </dev/null", url.host_and_port())
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

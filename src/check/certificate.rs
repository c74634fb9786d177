//! Certificates: how long the one of an instance is good, and what to do about one that is not accepted.

use chrono::{DateTime, Utc};

use super::{board::Outcome, names::listed, verdict::Cause};
use crate::{
    domain::to_the_second,
    settings::Access,
    transport::{BaseUrl, Certificate, CertificateFault},
};

/// Certificates that renew themselves do so a month before their end (certbot's default): one with fewer days was forgotten.
const FEW_DAYS: i64 = 30;

/// So many names are shown of a certificate; those of shared servers have hundreds.
const NAMES_SHOWN: usize = 3;

const CLOCK: &str = "see whether the clock of this host is right (timedatectl)";

const INSTALL: &str = "install the certificate of the authority on this host (in /usr/local/share/ca-certificates, then \
                       update-ca-certificates)";

/// How long an accepted certificate is good.
pub(super) fn valid(certificate: &Certificate, now: DateTime<Utc>) -> Outcome {
    let Some(content) = certificate.read() else {
        return Outcome::ok("this host trusts it; how long it is good cannot be read");
    };
    let end = DateTime::<Utc>::from(content.not_after);
    let days = (end - now).num_days();
    let evidence = format!(
        "{days} days left, until {}; for {}; issued by {}",
        to_the_second(end),
        listed(&content.names, NAMES_SHOWN),
        content.issuer
    );
    if days >= FEW_DAYS {
        return Outcome::ok(evidence);
    }
    let remedy = "have it renewed before that day, on a hosted instance by the vendor's support: no run can read or write \
                  this instance afterwards";
    Outcome::warning(evidence, remedy)
}

/// A certificate of an instance that is not accepted.
pub(super) fn refused_of_instance(fault: &CertificateFault, instance: &Access) -> Outcome {
    refused(fault, &instance.url, of_instance(fault, &instance.url, instance.name.as_str()))
}

/// A certificate in the name of Adobe's services that is not accepted; `key` is where their address is configured.
pub(super) fn refused_of_vendor(fault: &CertificateFault, url: &BaseUrl, key: &str) -> Outcome {
    refused(fault, url, of_vendor(fault, url, key))
}

/// What a run would end with: no answer for now.
fn refused(fault: &CertificateFault, url: &BaseUrl, remedy: String) -> Outcome {
    let evidence = format!("the certificate of {} is not accepted: {fault}", url.host_and_port());
    Outcome::failed(Cause::Unavailable, evidence, remedy)
}

fn of_instance(fault: &CertificateFault, url: &BaseUrl, name: &str) -> String {
    match fault {
        CertificateFault::Expired { .. } => {
            format!("have it renewed, on a hosted instance by the vendor's support; {CLOCK}")
        }
        CertificateFault::NotYetValid { .. } => CLOCK.to_owned(),
        CertificateFault::OtherName { .. } => format!(
            "write in instances.{name}.url the host name that people have in the browser; the certificate must be for it"
        ),
        CertificateFault::UnknownAuthority => format!(
            "{INSTALL}; where you expect a public authority, look for the proxy that intercepts TLS: {}",
            shown_by(url)
        ),
        CertificateFault::Other { .. } => format!("look at it: {}", shown_by(url)),
    }
}

/// Adobe's own certificates are issued by public authorities and renewed in time: another one is somebody else's.
fn of_vendor(fault: &CertificateFault, url: &BaseUrl, key: &str) -> String {
    let issuer = shown_by(url);
    match fault {
        CertificateFault::Expired { .. } | CertificateFault::NotYetValid { .. } => {
            format!("{CLOCK}; if it is, look for a proxy that answers in the vendor's place: {issuer}")
        }
        CertificateFault::OtherName { .. } => {
            format!("compare {key} with the vendor's; see whether a proxy answers in the vendor's place: {issuer}")
        }
        CertificateFault::UnknownAuthority => format!(
            "look for the proxy that intercepts TLS ({issuer}); have it let {} pass untouched, or {INSTALL}",
            url.host_and_port()
        ),
        CertificateFault::Other { .. } => format!("look for a proxy that answers in the vendor's place: {issuer}"),
    }
}

/// The command that names who issued a certificate.
fn shown_by(url: &BaseUrl) -> String {
    format!("openssl s_client -connect {} </dev/null", url.host_and_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_remedy_of_its_own() {
        let url = BaseUrl::parse("https://acme.campaign.adobe.com/x").expect("good");
        let look = "openssl s_client -connect acme.campaign.adobe.com:443 </dev/null";
        let (expired, early) =
            (CertificateFault::Expired { since: None }, CertificateFault::NotYetValid { from: None });
        let (other_name, other) =
            (CertificateFault::OtherName { names: Vec::new() }, CertificateFault::Other { what: "Revoked".to_owned() });
        for (fault, instance, vendor) in [
            (expired, "have it renewed", "timedatectl"),
            (early, "timedatectl", "timedatectl"),
            (other_name, "instances.production.url", "experience_cloud.ims_url"),
            (CertificateFault::UnknownAuthority, "update-ca-certificates", "let acme.campaign.adobe.com:443 pass"),
            (other, look, look),
        ] {
            let (of_instance, of_vendor) =
                (of_instance(&fault, &url, "production"), of_vendor(&fault, &url, "experience_cloud.ims_url"));
            assert!(of_instance.contains(instance), "{fault:?}: {of_instance}");
            assert!(of_vendor.contains(vendor) && of_vendor.contains(look), "{fault:?}: {of_vendor}");
        }
    }

    #[test]
    fn of_many_names_a_few_are_shown() {
        let names = |count: usize| (1..=count).map(|number| format!("h{number}")).collect::<Vec<_>>();
        let shown = |count| listed(&names(count), NAMES_SHOWN);
        assert_eq!((shown(1), shown(3)), ("h1".to_owned(), "h1, h2, h3".to_owned()));
        assert_eq!(shown(5), "h1, h2, h3 and 2 more");
    }
}

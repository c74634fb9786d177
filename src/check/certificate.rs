//! Certificates: the day on which that of an instance expires, and the remedy for one that this host does not accept.

use chrono::{DateTime, Utc};

use super::{findings::CheckOutcome, names::listed, report::FailureCause};
use crate::{
    domain::{shell_word, to_the_second},
    settings::InstanceAccess,
    transport::{BaseUrl, Certificate, CertificateFault},
};

/// Days before the expiry from which on a certificate is reported: certbot renews 30 days before the expiry by default.
const FEW_DAYS: i64 = 30;

/// How many names of a certificate are shown; certificates of shared servers have hundreds.
const NAMES_SHOWN: usize = 3;

const CLOCK: &str = "check the clock of this host (timedatectl)";

/// The certificate of the authority must not come from the connection in question. Debian ignores files that do not end
/// in `.crt`.
const INSTALL: &str = "if your organization runs this authority, get its certificate from the department that runs it, not from \
                       this connection, and install it as root: on Debian as a file that ends in .crt in \
                       /usr/local/share/ca-certificates, then update-ca-certificates; on Red Hat in \
                       /etc/pki/ca-trust/source/anchors, then update-ca-trust; then restart the daemon";

/// The outcome for an accepted certificate: the day on which it expires.
pub(super) fn valid(certificate: &Certificate, now: DateTime<Utc>) -> CheckOutcome {
    let Some(content) = certificate.read() else {
        return CheckOutcome::ok("this host trusts it; its expiry date cannot be read");
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
        return CheckOutcome::ok(evidence);
    }
    let remedy = "have it renewed before that day, on a hosted instance by Adobe's support: after that day no run can read \
                  or write this instance";
    CheckOutcome::warning(evidence, remedy)
}

/// The outcome for a certificate of an instance that this host does not accept.
pub(super) fn refused_of_instance(fault: &CertificateFault, instance: &InstanceAccess) -> CheckOutcome {
    refused(fault, &instance.url, of_instance(fault, &instance.url, instance.name.as_str()))
}

/// The outcome for a certificate of one of Adobe's services that this host does not accept; `key` is the configuration
/// key of its address.
pub(super) fn refused_of_adobe(fault: &CertificateFault, url: &BaseUrl, key: &str) -> CheckOutcome {
    refused(fault, url, of_adobe(fault, url, key))
}

/// The cause is that of a run, which would report the instance as temporarily unavailable.
fn refused(fault: &CertificateFault, url: &BaseUrl, remedy: String) -> CheckOutcome {
    let evidence = format!("the certificate of {} is not accepted: {fault}", url.host_and_port());
    CheckOutcome::failed(FailureCause::Unavailable, evidence, remedy)
}

fn of_instance(fault: &CertificateFault, url: &BaseUrl, name: &str) -> String {
    match fault {
        CertificateFault::Expired { .. } => {
            format!("have it renewed, on a hosted instance by Adobe's support; {CLOCK}")
        }
        CertificateFault::NotYetValid { .. } => CLOCK.to_owned(),
        CertificateFault::OtherName { .. } => format!(
            "write in instances.{name}.url the host name that Campaign's operators use in the browser: one that the certificate \
             is for"
        ),
        CertificateFault::UnknownAuthority => format!(
            "find out who issued it: {}; where you expect a public authority, look for the proxy that intercepts TLS; \
             {INSTALL}",
            shown_by(url)
        ),
        CertificateFault::Other { .. } => format!("examine it: {}", shown_by(url)),
    }
}

/// Adobe's certificates come from public authorities and are renewed in time: a certificate with a fault belongs to a
/// proxy.
fn of_adobe(fault: &CertificateFault, url: &BaseUrl, key: &str) -> String {
    let issuer = shown_by(url);
    match fault {
        CertificateFault::Expired { .. } | CertificateFault::NotYetValid { .. } => {
            format!("{CLOCK}; if it is right, look for a proxy that responds in place of Adobe: {issuer}")
        }
        CertificateFault::OtherName { .. } => {
            format!("compare {key} with Adobe's address; look for a proxy that responds in place of Adobe: {issuer}")
        }
        CertificateFault::UnknownAuthority => format!(
            "look for the proxy that intercepts TLS: {issuer}; have it let {} pass unchanged; otherwise, {INSTALL}",
            url.host_and_port()
        ),
        CertificateFault::Other { .. } => format!("look for a proxy that responds in place of Adobe: {issuer}"),
    }
}

/// The command that shows who issued a certificate. It sends only the TLS handshake.
fn shown_by(url: &BaseUrl) -> String {
    format!("openssl s_client -connect {} </dev/null", shell_word(&url.host_and_port()))
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
        for (fault, instance, adobe) in [
            (expired, "have it renewed", "timedatectl"),
            (early, "timedatectl", "timedatectl"),
            (other_name, "instances.production.url", "experience_cloud.ims_url"),
            (CertificateFault::UnknownAuthority, "update-ca-certificates", "let acme.campaign.adobe.com:443 pass"),
            (other, look, look),
        ] {
            let (of_instance, of_adobe) =
                (of_instance(&fault, &url, "production"), of_adobe(&fault, &url, "experience_cloud.ims_url"));
            assert!(of_instance.contains(instance), "{fault:?}: {of_instance}");
            assert!(of_adobe.contains(adobe) && of_adobe.contains(look), "{fault:?}: {of_adobe}");
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

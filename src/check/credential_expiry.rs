//! The day on which the secret of a credential expires. No API of Adobe returns it, so it is read from the
//! configuration.

use chrono::{NaiveDate, TimeDelta};

use super::{
    findings::{CheckOutcome, Findings},
    prerequisites::{CREDENTIAL_EXPIRY, INSTANCE_CREDENTIAL_EXPIRY, SIGN_IN, TOKEN},
    report::FailureCause,
};
use crate::settings::{InstanceAuthentication, PartialSettings};

/// How long before the expiry a secret is reported: time to find an administrator who may rotate it, and to rotate it.
const NOTICE: TimeDelta = TimeDelta::days(30);

/// Checks each credential; runs after the sign-ins, whose refusals it explains. `today` is the date in UTC.
pub(super) fn check(findings: &mut Findings, settings: &PartialSettings, today: NaiveDate) {
    if let Some(configured) = &settings.experience_cloud {
        let refusal = findings.refusal_of_secret(None, TOKEN);
        let status = SecretStatus { section: "experience_cloud", today, refusal };
        if status.explains_refusal(configured.client_secret_expires) {
            findings.defer(None, TOKEN, CREDENTIAL_EXPIRY);
        }
        findings.record(CREDENTIAL_EXPIRY, status.outcome(configured.client_secret_expires));
    }
    for instance in settings.instances.iter().filter_map(|one| one.access.as_ref()) {
        let name = instance.name.as_str();
        let outcome = match &instance.authentication {
            InstanceAuthentication::Native { .. } => {
                CheckOutcome::not_checked("the program signs in with a password of Campaign")
            }
            InstanceAuthentication::Ims { client_secret_expires, .. } => {
                let section = format!("instances.{name}");
                let refusal = findings.refusal_of_secret(Some(name), SIGN_IN);
                let status = SecretStatus { section: &section, today, refusal };
                if status.explains_refusal(*client_secret_expires) {
                    findings.defer(Some(name), SIGN_IN, INSTANCE_CREDENTIAL_EXPIRY);
                }
                status.outcome(*client_secret_expires)
            }
        };
        findings.record_for(name, INSTANCE_CREDENTIAL_EXPIRY, outcome);
    }
}

/// What is known about the secret of one credential.
struct SecretStatus<'a> {
    /// The section of the configuration with the credential.
    section: &'a str,
    today: NaiveDate,
    /// The message of IMS, where it may have refused the secret.
    refusal: Option<String>,
}

impl SecretStatus<'_> {
    /// Whether IMS refuses the secret because it expired.
    fn explains_refusal(&self, last_day: Option<NaiveDate>) -> bool {
        self.refusal.is_some() && last_day.is_some_and(|last_day| last_day < self.today)
    }

    /// The outcome. The secret is valid until the end of its last day.
    fn outcome(&self, last_day: Option<NaiveDate>) -> CheckOutcome {
        let section = self.section;
        let Some(last_day) = last_day else {
            return CheckOutcome::not_checked(format!("{section}.client_secret_expires is not set"));
        };
        let left = last_day - self.today;
        let days = left.num_days().abs();
        let remedy = format!(
            "rotate it in the Developer Console, where a credential may have two secrets at a time: add a new one, put it where \
             {section}.client_secret is read from (campaign-group-sync config shows it), write the new day to \
             {section}.client_secret_expires, restart the daemon, and delete the old one only after campaign-group-sync \
             check has found the new one valid"
        );
        match &self.refusal {
            Some(refusal) if left < TimeDelta::zero() => {
                let evidence = format!("expired after {last_day}, {days} days ago; {refusal}");
                CheckOutcome::failed(FailureCause::Refused, evidence, remedy)
            }
            None if left < TimeDelta::zero() => CheckOutcome::warning(
                format!("should have expired after {last_day}, {days} days ago, and is not refused"),
                remedy,
            ),
            _ if left < NOTICE => {
                CheckOutcome::warning(format!("expires after {last_day} (UTC), {days} days from now"), remedy)
            }
            _ => CheckOutcome::ok(format!("valid to the end of {last_day} (UTC), {days} days from now")),
        }
    }
}

//! The day on which the secret of a credential expires. No API tells it: it is read from the configuration.

use chrono::{NaiveDate, TimeDelta};

use super::{
    board::{Board, Outcome},
    catalogue::{CREDENTIAL_EXPIRY, INSTANCE_CREDENTIAL_EXPIRY, LOG_ON, TOKEN},
    verdict::Cause,
};
use crate::settings::{InstanceAuthentication, PartialSettings};

/// Time that finding an administrator who may rotate the secret, and rotating it, can take.
const NOTICE: TimeDelta = TimeDelta::days(30);

/// Checks each credential once it is known whether it is refused. `today` is the day in UTC.
pub(super) fn check(board: &mut Board, settings: &PartialSettings, today: NaiveDate) {
    if let Some(configured) = &settings.experience_cloud {
        let refusal = board.refusal_of_secret(None, TOKEN);
        let standing = Standing { section: "experience_cloud", today, refusal };
        if standing.explains_refusal(configured.client_secret_expires) {
            board.explain(None, TOKEN, CREDENTIAL_EXPIRY);
        }
        board.settle(CREDENTIAL_EXPIRY, standing.outcome(configured.client_secret_expires));
    }
    for instance in settings.instances.iter().filter_map(|one| one.access.as_ref()) {
        let name = instance.name.as_str();
        let outcome = match &instance.authentication {
            InstanceAuthentication::Native { .. } => {
                Outcome::not_checked("the program signs in with a password of Campaign")
            }
            InstanceAuthentication::Ims { client_secret_expires, .. } => {
                let section = format!("instances.{name}");
                let refusal = board.refusal_of_secret(Some(name), LOG_ON);
                let standing = Standing { section: &section, today, refusal };
                if standing.explains_refusal(*client_secret_expires) {
                    board.explain(Some(name), LOG_ON, INSTANCE_CREDENTIAL_EXPIRY);
                }
                standing.outcome(*client_secret_expires)
            }
        };
        board.settle_of(name, INSTANCE_CREDENTIAL_EXPIRY, outcome);
    }
}

/// What is known of one credential.
struct Standing<'a> {
    /// Where it is configured.
    section: &'a str,
    today: NaiveDate,
    /// What IMS said, where it may have refused the secret.
    refusal: Option<String>,
}

impl Standing<'_> {
    /// Whether the secret is refused because it expired.
    fn explains_refusal(&self, last_day: Option<NaiveDate>) -> bool {
        self.refusal.is_some() && last_day.is_some_and(|last_day| last_day < self.today)
    }

    /// The last day counts to its end.
    fn outcome(&self, last_day: Option<NaiveDate>) -> Outcome {
        let section = self.section;
        let Some(last_day) = last_day else {
            return Outcome::not_checked(format!("{section}.client_secret_expires is not set"));
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
                Outcome::failed(Cause::Refused, evidence, remedy)
            }
            None if left < TimeDelta::zero() => Outcome::warning(
                format!("should have expired after {last_day}, {days} days ago, and is not refused"),
                remedy,
            ),
            _ if left < NOTICE => {
                Outcome::warning(format!("expires after {last_day} (UTC), {days} days from now"), remedy)
            }
            _ => Outcome::ok(format!("valid to the end of {last_day} (UTC), {days} days from now")),
        }
    }
}

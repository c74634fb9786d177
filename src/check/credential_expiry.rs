//! How long the secrets of the credentials stay good: no API tells, so somebody writes the day into the configuration.

use chrono::{NaiveDate, TimeDelta};

use super::{
    board::{Board, Outcome},
    catalogue::{CREDENTIAL_EXPIRY, INSTANCE_CREDENTIAL_EXPIRY, LOG_ON, TOKEN},
    verdict::Cause,
};
use crate::settings::{Authentication, Readable};

/// Time to find whoever may rotate a secret, and for that person to do it.
const NOTICE: TimeDelta = TimeDelta::days(30);

/// Checks each credential once it is known whether it is refused. `today` is the day in UTC.
pub(super) fn check(board: &mut Board, settings: &Readable, today: NaiveDate) {
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
            Authentication::Native { .. } => Outcome::not_checked("the program logs on with a password of Campaign"),
            Authentication::Ims { client_secret_expires, .. } => {
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

/// How it stands with one credential.
struct Standing<'a> {
    /// Where it is configured.
    section: &'a str,
    today: NaiveDate,
    /// What IMS said, where it may have refused the secret.
    refusal: Option<String>,
}

impl Standing<'_> {
    /// Whether the secret is refused because its days are over.
    fn explains_refusal(&self, last_day: Option<NaiveDate>) -> bool {
        self.refusal.is_some() && last_day.is_some_and(|last_day| last_day < self.today)
    }

    /// The last day counts to its end.
    fn outcome(&self, last_day: Option<NaiveDate>) -> Outcome {
        let section = self.section;
        let Some(last_day) = last_day else {
            return Outcome::not_checked(format!("no day is written: {section}.client_secret_expires"));
        };
        let left = last_day - self.today;
        let days = left.num_days().abs();
        let remedy = format!(
            "rotate it in the Developer Console, where a credential may have two secrets at a time: add a new one, put it where \
             {section}.client_secret is read from (campaign-group-sync config shows it), delete the old one, and write the \
             new day to {section}.client_secret_expires"
        );
        match &self.refusal {
            Some(refusal) if left < TimeDelta::zero() => {
                let evidence = format!("ran out after {last_day}, {days} days ago; {refusal}");
                Outcome::failed(Cause::Refused, evidence, remedy)
            }
            None if left < TimeDelta::zero() => Outcome::warning(
                format!("should have run out after {last_day}, {days} days ago, and nobody refused it"),
                remedy,
            ),
            _ if left < NOTICE => {
                Outcome::warning(format!("runs out after {last_day} (UTC), {days} days from now"), remedy)
            }
            _ => Outcome::ok(format!("to the end of {last_day} (UTC), {days} days from now")),
        }
    }
}

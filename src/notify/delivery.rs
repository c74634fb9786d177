//! Delivers due notifications to a target, schedules the next attempt after a failure, and gives up after the last one.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    DeliveryError, NotifyOptions, UserNames, command,
    document::{Document, Place},
    mail, webhook,
};
use crate::{
    domain::{Notification, NotificationTarget},
    journal::{AfterFailure, ClaimedNotification, Journal, JournalError},
    observability::Chain,
};

/// The longest pause between two attempts, unless the target asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The number of attempts before a notification is given up: about three days. A count does not depend on the clock.
const MOST_ATTEMPTS: u32 = 80;

/// Delivers all notifications that are due for one target, the oldest first; answers how many it tried to deliver.
pub async fn deliver_due(
    journal: &Journal,
    options: &NotifyOptions,
    target: NotificationTarget,
) -> Result<usize, JournalError> {
    let mut tried = 0;
    while let Some(claimed) = journal.claim_notification(target, Utc::now()).await? {
        tried += 1;
        match attempt(options, target, &claimed.id, &claimed.notification).await {
            Ok(()) => delivered(journal, &claimed).await?,
            Err(error) => failed(journal, options, &claimed, &error).await?,
        }
    }
    Ok(tried)
}

/// Delivers what is due for all targets at the same time, for `patience` at most. The rest waits for the next run or
/// for the daemon.
pub async fn deliver_all(journal: &Journal, options: &NotifyOptions, patience: Duration) {
    let deliver = async |target| {
        if !options.targets().contains(&target) {
            return;
        }
        match timeout(patience, deliver_due(journal, options, target)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "notifications could not be read from the state"),
            Err(_) => tracing::warn!(
                notify.target = target.as_str(),
                "notifications for {} are not delivered yet; the next run, or the daemon, retries",
                target.as_str()
            ),
        }
    };
    tokio::join!(
        deliver(NotificationTarget::Command),
        deliver(NotificationTarget::Webhook),
        deliver(NotificationTarget::Mail)
    );
}

/// Sends a test notification to one target; answers a sentence about the result.
pub async fn send_test(options: &NotifyOptions, target: NotificationTarget) -> Result<String, DeliveryError> {
    let (id, notification) = (Uuid::new_v4().simple().to_string(), Notification::test(Utc::now()));
    attempt(options, target, &id, &notification).await?;
    let who = match (target, &options.command, &options.webhook, &options.mail) {
        (NotificationTarget::Command, Some(command), ..) => {
            format!("{} exited with status 0", command.program.display())
        }
        (NotificationTarget::Webhook, _, Some(webhook), _) => format!("{} accepted it", webhook.url),
        (NotificationTarget::Mail, .., Some(mail)) => {
            let to: Vec<String> = mail.to.iter().map(|to| to.email.to_string()).collect();
            format!("{} accepted it for {}", mail.server, to.join(", "))
        }
        _ => String::new(),
    };
    Ok(format!("a test notification was sent: {who}"))
}

/// Checks whether one target can be reached, without sending a notification; answers a sentence about the result.
pub async fn probe(options: &NotifyOptions, target: NotificationTarget) -> Result<String, DeliveryError> {
    let probing = async {
        match target {
            NotificationTarget::Command => command::probe(configured(options.command.as_ref(), target)?),
            NotificationTarget::Webhook => webhook::probe(configured(options.webhook.as_ref(), target)?).await,
            NotificationTarget::Mail => mail::probe(configured(options.mail.as_ref(), target)?).await,
        }
    };
    in_time(options, target, probing).await
}

async fn attempt(
    options: &NotifyOptions,
    target: NotificationTarget,
    id: &str,
    notification: &Notification,
) -> Result<(), DeliveryError> {
    let page = options.page_of(notification);
    let (organization, page) = (options.organization.as_deref(), page.as_deref());
    let document = |names| Document::new(id, notification, Place { organization, page }, names);
    let json = |names| document(names).json().map_err(DeliveryError::Document);
    let attempting = async {
        match target {
            NotificationTarget::Command => {
                command::run(configured(options.command.as_ref(), target)?, &json(UserNames::Included)?).await
            }
            NotificationTarget::Webhook => {
                let webhook = configured(options.webhook.as_ref(), target)?;
                webhook::post(webhook, json(webhook.user_names)?).await
            }
            NotificationTarget::Mail => {
                mail::send(configured(options.mail.as_ref(), target)?, id, &document(UserNames::Included)).await
            }
        }
    };
    in_time(options, target, attempting).await
}

async fn in_time<T>(
    options: &NotifyOptions,
    target: NotificationTarget,
    attempt: impl Future<Output = Result<T, DeliveryError>>,
) -> Result<T, DeliveryError> {
    let overdue = |_| DeliveryError::DeadlineExceeded { target: target.as_str(), after: options.deadline };
    timeout(options.deadline, Box::pin(attempt)).await.map_err(overdue)?
}

fn configured<T>(options: Option<&T>, target: NotificationTarget) -> Result<&T, DeliveryError> {
    options.ok_or(DeliveryError::NotConfigured(target.as_str()))
}

async fn delivered(journal: &Journal, claimed: &ClaimedNotification) -> Result<(), JournalError> {
    let ClaimedNotification { id, target, notification, .. } = claimed;
    journal.notification_delivered(claimed, Utc::now()).await?;
    tracing::info!(
        notification.id = %id,
        notify.target = target.as_str(),
        run.id = notification.run.as_deref(),
        "notification delivered by {}: {}",
        target.as_str(),
        notification.kind.as_str()
    );
    Ok(())
}

async fn failed(
    journal: &Journal,
    options: &NotifyOptions,
    claimed: &ClaimedNotification,
    error: &DeliveryError,
) -> Result<(), JournalError> {
    let (why, now) = (Chain(error).to_string(), Utc::now());
    let pause = (claimed.attempts < MOST_ATTEMPTS).then(|| pause(options.first_pause, claimed.attempts, error));
    let after = pause.map_or(AfterFailure::GiveUp, |pause| {
        AfterFailure::RetryAt(now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::hours(1)))
    });
    journal.notification_failed(claimed, &why, after, now).await?;
    let (id, target, kind) = (&claimed.id, claimed.target.as_str(), claimed.notification.kind.as_str());
    let next = match pause {
        Some(pause) => format!("the next attempt is in {} s", pause.as_secs().max(1)),
        None => format!("given up after {MOST_ATTEMPTS} attempts"),
    };
    tracing::warn!(
        notification.id = %id,
        notify.target = target,
        run.id = claimed.notification.run.as_deref(),
        "notification not delivered ({kind}): {why}; {next}"
    );
    Ok(())
}

/// Adds one notification to the outbox for each credential that expires within 30 days. `days` are the last days on
/// which the secrets are valid (UTC), each with its section of the configuration.
pub async fn notify_expiring(
    journal: &Journal,
    days: impl IntoIterator<Item = (String, NaiveDate)>,
    now: DateTime<Utc>,
) -> Result<(), JournalError> {
    for (section, day) in days {
        if let Some((topic, notification)) = Notification::expiring(now, &section, day) {
            journal.report_finding(&topic, &notification).await?;
        }
    }
    Ok(())
}

/// The pause after a failed attempt: it doubles with each attempt, and is shortened by a random part, so that attempts
/// do not coincide.
fn pause(first: Duration, attempts: u32, error: &DeliveryError) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_PAUSE);
    let random = u32::from(Uuid::new_v4().as_bytes()[0]);
    // Between three quarters and all of it.
    let spread = doubled * (1020 - random) / 1020;
    spread.max(error.retry_after().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_respect_the_retry_after_of_the_target() {
        let refused = |retry_after| DeliveryError::NotAccepted {
            host: "https://hooks.acme.com".to_owned(),
            status: 503,
            excerpt: String::new(),
            retry_after,
        };
        let first = Duration::from_secs(8);
        for (attempts, longest) in [(1, 8), (2, 16), (5, 128), (10, 3600), (70, 3600)] {
            let pause = pause(first, attempts, &refused(None)).as_secs();
            assert!((longest * 3 / 4 - 1..=longest).contains(&pause), "{attempts}: {pause}");
        }
        assert_eq!(pause(first, 1, &refused(Some(Duration::from_secs(7200)))).as_secs(), 7200);
        assert_eq!(pause(Duration::ZERO, 1, &refused(None)), Duration::ZERO);
    }
}

//! Whether each notification target can be reached; with `--notify`, whether it accepts a test notification.

use std::os::unix::fs::PermissionsExt as _;

use super::{
    Network,
    findings::{CheckOutcome, Findings},
    prerequisites::{NOTIFY_COMMAND, NOTIFY_MAIL, NOTIFY_WEBHOOK},
    report::FailureCause,
};
use crate::{
    domain::NotificationTarget,
    notify::{CommandTarget, DeliveryError, NotifyOptions, probe, send_test},
    observability::Chain,
};

/// How each target is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationCheck {
    /// The program connects to it and sends no notification.
    Connect,
    /// The program sends it a test notification.
    SendTest,
}

/// Checks every configured target; the others are not reported.
pub(super) async fn check(
    findings: &mut Findings,
    options: &NotifyOptions,
    (network, how): (Network, NotificationCheck),
) {
    for target in options.targets() {
        let id = match target {
            NotificationTarget::Command => NOTIFY_COMMAND,
            NotificationTarget::Webhook => NOTIFY_WEBHOOK,
            NotificationTarget::Mail => NOTIFY_MAIL,
        };
        let outcome = match (network, how) {
            (Network::Offline, _) => CheckOutcome::not_checked("no target is contacted, because --offline was given"),
            (Network::Online, NotificationCheck::Connect) => outcome(options, probe(options, target).await),
            (Network::Online, NotificationCheck::SendTest) => outcome(options, send_test(options, target).await),
        };
        findings.record(id, outcome);
    }
}

fn outcome(options: &NotifyOptions, answer: Result<String, DeliveryError>) -> CheckOutcome {
    match answer {
        Ok(evidence) => match options.command.as_ref().filter(|_| evidence.contains("can be executed")) {
            Some(command) if is_for_root_alone(command) => CheckOutcome::warning(
                format!(
                    "{}, by root; the user of the service is neither its owner nor in its group",
                    command.program.display()
                ),
                "if the service runs it, give every user of this host permission to read and execute it, and keep secrets out of it",
            ),
            _ => CheckOutcome::ok(evidence),
        },
        Err(error) => CheckOutcome::failed(cause(&error), Chain(&error).to_string(), remedy(&error)),
    }
}

/// Root may execute a file that anyone may execute; the user of the service exists only while it runs, and owns no
/// file.
fn is_for_root_alone(command: &CommandTarget) -> bool {
    const BY_OTHERS: u32 = 0o001;
    let mode = std::fs::metadata(&command.program).map(|found| found.permissions().mode());
    rustix::process::geteuid().is_root() && mode.is_ok_and(|mode| mode & BY_OTHERS == 0)
}

fn cause(error: &DeliveryError) -> FailureCause {
    match error {
        DeliveryError::NotConfigured(_) | DeliveryError::NotStarted { .. } | DeliveryError::Message(_) => {
            FailureCause::Configuration
        }
        DeliveryError::NotAccepted { status: 401 | 403 | 404 | 410, .. } => FailureCause::Refused,
        DeliveryError::Smtp { source, .. } if source.is_permanent() => FailureCause::Refused,
        _ => FailureCause::Unavailable,
    }
}

fn remedy(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::NotConfigured(_) | DeliveryError::Document(_) => "configure the target under [notify]",
        DeliveryError::NotStarted { .. } => {
            "write the path of a program that the user of the service may execute; a script needs its interpreter in the first line"
        }
        DeliveryError::CommandFailed { .. } => {
            "correct the program: it gets JSON on standard input and PATH as its only variable, and must exit with status 0"
        }
        DeliveryError::DeadlineExceeded { .. } => {
            "find out what the target waits for: an attempt that takes longer is cancelled"
        }
        DeliveryError::Transport { .. } => {
            "check host and port of notify.webhook, and whether this host may connect there; a proxy comes from HTTPS_PROXY"
        }
        DeliveryError::NotAccepted { status: 300..400, .. } => {
            "write the address that the redirect leads to: the program follows no redirect, because it may lead to another host"
        }
        DeliveryError::NotAccepted { status: 429 | 500.., .. } => {
            "check the receiver: it is overloaded or has a fault of its own; notifications are sent again later"
        }
        DeliveryError::NotAccepted { .. } => {
            "compare notify.webhook with the address that the receiver shows: it may have been revoked"
        }
        DeliveryError::Message(_) => "check the addresses under notify.mail",
        DeliveryError::Smtp { source, .. } if source.is_tls() => {
            "the server must have a certificate for the name in notify.mail.smtp that this host trusts, and \
             offer STARTTLS where smtp+starttls is configured"
        }
        DeliveryError::Smtp { source, .. } if source.is_permanent() => {
            "correct what the server rejects: user and password, the sender, or a recipient under notify.mail"
        }
        DeliveryError::Smtp { source, .. } if source.is_transient() => {
            "check the mail server: it refuses temporarily and gives a reason; notifications are sent again later"
        }
        DeliveryError::Smtp { .. } | DeliveryError::Closed { .. } => {
            "check host and port of notify.mail.smtp, and whether this host may connect there: 465 for smtps, 587 for smtp+starttls"
        }
    }
}

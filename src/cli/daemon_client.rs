//! Reaching the daemon over its control socket.

use std::{io, path::Path, time::Duration};

use crate::{
    check::{DaemonHealth, DaemonStatus},
    daemon::{
        ServiceState, Status,
        control::{ControlClient, ControlRequest, ControlResponse, RefusalReason},
    },
    settings::{self, Settings, SettingsError, Sources},
};

use super::{CommandError, terminal::print_warning};

/// A status is at hand: a daemon that takes longer is not well.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// The daemon of this configuration; `None` where none listens, or none that lets us in.
pub(super) async fn connect(settings: &Settings) -> Option<ControlClient> {
    let socket = &settings.control.socket;
    match ControlClient::connect(socket).await {
        Ok(daemon) => daemon,
        Err(error) => {
            tracing::warn!(control.socket = %socket.display(), %error, "the daemon cannot be reached");
            None
        }
    }
}

/// The daemon of a configuration whose secrets cannot be read: somebody who may use the socket need not be able to.
pub(super) async fn connect_without_secrets(
    sources: &Sources,
    error: SettingsError,
) -> Result<ControlClient, CommandError> {
    if error.is_about_secrets_only() { connect_despite(sources, error).await } else { Err(error.into()) }
}

/// The daemon that answers `status` although this configuration cannot be used: what the daemon does, and whether its own reload
/// failed, does not depend on what this process can read. Says on standard error what is wrong with the configuration.
pub(super) async fn connect_for_status(sources: &Sources, error: SettingsError) -> Result<ControlClient, CommandError> {
    let problems = (!error.is_about_secrets_only()).then(|| error.to_string());
    let daemon = connect_despite(sources, error).await?;
    if let Some(problems) = problems {
        print_warning(&format!("{problems}\nthe daemon answers; it runs with the configuration that it loaded before"));
    }
    Ok(daemon)
}

/// The daemon at the socket that is configured, at the default one where the file cannot be read.
async fn connect_despite(sources: &Sources, error: SettingsError) -> Result<ControlClient, CommandError> {
    let Some(control) = settings::control(sources) else { return Err(error.into()) };
    match ControlClient::connect(&control.socket).await {
        Ok(Some(daemon)) => Ok(daemon),
        // A daemon is there and has the secrets: what is missing is the right to ask it.
        Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => {
            Err(CommandError::NoAccess { socket: control.socket })
        }
        Ok(None) | Err(_) => Err(error.into()),
    }
}

/// What the daemon is doing.
pub(super) async fn fetch_status(mut daemon: ControlClient) -> Result<Status, CommandError> {
    daemon.send(&ControlRequest::Status).await.map_err(CommandError::Control)?;
    match daemon.receive().await.map_err(CommandError::Control)? {
        ControlResponse::Status { status } => Ok(*status),
        other => Err(unexpected_answer(other)),
    }
}

/// What the daemon at this socket says of itself, for a check; otherwise why it says nothing.
pub(super) async fn health_for_check(socket: &Path) -> Result<DaemonStatus, String> {
    let daemon = match ControlClient::connect(socket).await {
        Ok(Some(daemon)) => daemon,
        Ok(None) => return Err(format!("no daemon answers at {}", socket.display())),
        Err(error) => return Err(format!("{}: {error}", socket.display())),
    };
    let Ok(answer) = tokio::time::timeout(STATUS_TIMEOUT, fetch_status(daemon)).await else {
        return Err(format!("the daemon at {} takes its time to answer", socket.display()));
    };
    let status = answer.map_err(|error| error.to_string())?;
    Ok(DaemonStatus {
        health: match status.state {
            ServiceState::Idle | ServiceState::Running | ServiceState::Waiting => DaemonHealth::Healthy,
            ServiceState::Starting => DaemonHealth::Starting,
            ServiceState::Throttled => DaemonHealth::Throttled,
            ServiceState::Blocked => DaemonHealth::Blocked,
            ServiceState::Failing => DaemonHealth::Failing(status.last_run.as_ref().map(|last| last.outcome)),
        },
        described: status.described(),
        held: status.held,
    })
}

/// What to make of an answer that is not the one that was asked for.
pub(super) fn unexpected_answer(answer: ControlResponse) -> CommandError {
    match answer {
        ControlResponse::Refused { reason: RefusalReason::Usage, message } => CommandError::Usage(message),
        ControlResponse::Refused { message, .. } => CommandError::Refused(message),
        ControlResponse::Status { .. }
        | ControlResponse::Progress { .. }
        | ControlResponse::Report { .. }
        | ControlResponse::Approval { .. }
        | ControlResponse::Explanation { .. }
        | ControlResponse::Unpause { .. } => {
            CommandError::Refused("it answered something else than was asked: is it another version?".to_owned())
        }
    }
}

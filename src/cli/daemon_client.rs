//! Connects to the daemon over its control socket.

use std::{io, path::Path, time::Duration};

use crate::{
    check::{DaemonHealth, DaemonStatus},
    daemon::{
        ServiceState, Status,
        control::{ControlClient, ControlRequest, ControlResponse, RefusalReason},
    },
    settings::{PartialSettings, Settings, SettingsError},
};

use super::{CommandError, terminal::print_warning};

/// How long `check` waits for the status, which a healthy daemon returns immediately.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to the daemon of this configuration; `None` where none listens, or this user may not use its socket.
pub(super) async fn connect(settings: &Settings) -> Option<ControlClient> {
    let socket = &settings.control.socket;
    match ControlClient::connect(socket, settings.into()).await {
        Ok(daemon) => daemon,
        Err(error) => {
            tracing::warn!(control.socket = %socket.display(), %error, "could not connect to the daemon");
            None
        }
    }
}

/// Connects to the daemon where this user cannot read the secrets of the configuration: the control socket is enough.
pub(super) async fn connect_without_secrets(
    readable: &PartialSettings,
    error: SettingsError,
) -> Result<ControlClient, CommandError> {
    if error.is_about_secrets_only() { connect_despite(readable, error).await } else { Err(error.into()) }
}

/// Connects to the daemon for `status` although this configuration cannot be used: the state of the daemon, and whether
/// its last reload failed, do not depend on what this process can read. Prints the problems of the configuration as a
/// warning.
pub(super) async fn connect_for_status(
    readable: &PartialSettings,
    error: SettingsError,
) -> Result<ControlClient, CommandError> {
    let problems = (!error.is_about_secrets_only()).then(|| error.to_string());
    let daemon = connect_despite(readable, error).await?;
    if let Some(problems) = problems {
        print_warning(&format!("{problems}\nthe daemon runs; it still uses the configuration that it loaded before"));
    }
    Ok(daemon)
}

/// Connects to the daemon at the configured socket, or at the default one where the configuration cannot be read.
async fn connect_despite(readable: &PartialSettings, error: SettingsError) -> Result<ControlClient, CommandError> {
    let Some(socket) = &readable.control_socket else { return Err(error.into()) };
    match ControlClient::connect(socket, readable.into()).await {
        Ok(Some(daemon)) => Ok(daemon),
        // A daemon runs and has the secrets, but this user lacks the permission to use its socket.
        Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => {
            Err(CommandError::NoAccess { socket: socket.clone() })
        }
        Ok(None) | Err(_) => Err(error.into()),
    }
}

/// Requests the status of the daemon.
pub(super) async fn fetch_status(mut daemon: ControlClient) -> Result<Status, CommandError> {
    daemon.send(&ControlRequest::Status).await.map_err(CommandError::Control)?;
    match daemon.receive().await.map_err(CommandError::Control)? {
        ControlResponse::Status { status } => Ok(*status),
        other => Err(unexpected_answer(other)),
    }
}

/// The status of the daemon at this socket for `check`, or the reason why there is none.
pub(super) async fn health_for_check(socket: &Path, settings: &PartialSettings) -> Result<DaemonStatus, String> {
    let daemon = match ControlClient::connect(socket, settings.into()).await {
        Ok(Some(daemon)) => daemon,
        Ok(None) => return Err(format!("no daemon answers at {}", socket.display())),
        Err(error) => return Err(format!("{}: {error}", socket.display())),
    };
    let Ok(answer) = tokio::time::timeout(STATUS_TIMEOUT, fetch_status(daemon)).await else {
        return Err(format!("the daemon at {} did not respond in time", socket.display()));
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

/// The error for a response of another kind than the requested one.
pub(super) fn unexpected_answer(answer: ControlResponse) -> CommandError {
    match answer {
        ControlResponse::Refused { reason: RefusalReason::Usage, message } => CommandError::Usage(message),
        ControlResponse::Refused { reason: RefusalReason::NotUnderstood, message } => {
            CommandError::Refused(format!("{message}; it may be of an earlier version: restart it after an upgrade"))
        }
        ControlResponse::Refused { reason: RefusalReason::OtherDaemon, message } => CommandError::OtherDaemon(message),
        ControlResponse::Refused { message, .. } => CommandError::Refused(message),
        ControlResponse::Status { .. }
        | ControlResponse::Progress { .. }
        | ControlResponse::Report { .. }
        | ControlResponse::Approval { .. }
        | ControlResponse::Explanation { .. }
        | ControlResponse::Review { .. }
        | ControlResponse::Unpause { .. } => {
            CommandError::Refused("its response does not fit the request; it may be of another version".to_owned())
        }
    }
}

//! Reaching the daemon over its control socket.

use crate::{
    daemon::control::{Answer, Client, Refusal},
    settings::{self, Settings, SettingsError, Sources},
};

use super::CommandError;

/// The daemon of this configuration; `None` where none listens, or none that lets us in.
pub(super) async fn reach(settings: &Settings) -> Option<Client> {
    let socket = &settings.control.socket;
    match Client::connect(socket).await {
        Ok(daemon) => daemon,
        Err(error) => {
            tracing::warn!(control.socket = %socket.display(), %error, "the daemon cannot be reached");
            None
        }
    }
}

/// The daemon of a configuration whose secrets cannot be read: somebody who may use the socket need not be able to.
pub(super) async fn daemon_instead(sources: &Sources, error: SettingsError) -> Result<Client, CommandError> {
    let control = settings::control(sources).filter(|_| error.is_of_secrets_alone());
    if let Some(control) = control
        && let Ok(Some(daemon)) = Client::connect(&control.socket).await
    {
        return Ok(daemon);
    }
    Err(error.into())
}

/// What to make of an answer that is not the one that was asked for.
pub(super) fn unexpected(answer: Answer) -> CommandError {
    match answer {
        Answer::Refused { reason: Refusal::Usage, message } => CommandError::Usage(message),
        Answer::Refused { message, .. } => CommandError::Refused(message),
        Answer::Status { .. } | Answer::Progress { .. } | Answer::Report { .. } | Answer::Approval { .. } => {
            CommandError::Refused("it answered something else than was asked: is it another version?".to_owned())
        }
    }
}

//! `unpause`: ends a pause that Adobe asked for. A running daemon does it; without a daemon this process does.

use crate::{
    daemon::{
        UnpauseAnswer,
        control::{ControlClient, ControlRequest, ControlResponse},
        unpause,
    },
    domain::printable,
    journal::Journal,
    settings::{self, Settings},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    bootstrap::start_log,
    daemon_client::{connect, connect_without_secrets, unexpected_answer},
    exit_status::ExitStatus,
    json::json,
    markdown,
    styles::line,
    terminal::print,
};

/// Shows which pause was ended, or that there was none; both exit with status 0.
pub(super) async fn run(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let readable = settings::load_partial(&arguments.sources());
    let answer = match readable.complete() {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            match connect(&settings).await {
                Some(daemon) => by_daemon(daemon).await?,
                None => in_place(&settings).await?,
            }
        }
        Err(error) => by_daemon(connect_without_secrets(&readable, error).await?).await?,
    };
    print(&match arguments.output {
        OutputFormat::Text => text(&answer),
        OutputFormat::Json => json(&answer)?,
        OutputFormat::Markdown => markdown::cell(&answer.message) + "\n",
    })?;
    Ok(ExitStatus::Done)
}

async fn by_daemon(mut daemon: ControlClient) -> Result<UnpauseAnswer, CommandError> {
    let ask = ControlRequest::Unpause { approver: settings::approver().name().to_owned() };
    daemon.send(&ask).await.map_err(CommandError::Control)?;
    match daemon.receive().await.map_err(CommandError::Control)? {
        ControlResponse::Unpause { unpause } => Ok(*unpause),
        other => Err(unexpected_answer(other)),
    }
}

async fn in_place(settings: &Settings) -> Result<UnpauseAnswer, CommandError> {
    let unpaused = async |journal: Option<&Journal>| unpause(journal, settings, &settings::approver()).await;
    Ok(Journal::with_existing(&settings.journal_options(), unpaused).await??)
}

fn text(answer: &UnpauseAnswer) -> String {
    let mut out = String::new();
    line(&mut out, &printable(&answer.message));
    out
}

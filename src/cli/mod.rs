//! Arguments, output and exit statuses. One file for each command; decisions are made in other modules.

mod access_command;
mod approve_command;
mod argument_values;
mod arguments;
mod bootstrap;
mod check_command;
mod check_markdown;
mod check_text;
mod config_command;
mod core_dumps;
mod csv;
mod daemon_client;
mod daemon_command;
mod exit_status;
mod explain_command;
mod generate_command;
mod history_approvals;
mod history_arguments;
mod history_changes;
mod history_command;
mod history_verify;
mod json;
mod local_run;
mod manual;
mod markdown;
mod mask_command;
mod mask_markdown;
mod mask_text;
mod output_format;
mod probe_command;
mod probe_text;
mod recording;
mod reference;
mod report_markdown;
mod report_text;
mod review_command;
mod review_csv;
mod review_html;
#[cfg(test)]
mod review_sample;
mod review_sections;
mod review_text;
mod sandbox_command;
mod sandbox_configuration;
mod state_arguments;
mod state_command;
mod status_command;
mod styles;
mod sync_now_command;
mod table;
mod temporary_sandbox;
mod terminal;
mod time_argument;
mod undo_command;
mod unpause_command;

use std::process::ExitCode;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    daemon::{DaemonError, ReviewError},
    journal::JournalError,
    settings::MissingModeError,
};
use arguments::{Arguments, Command};
use exit_status::ExitStatus;
use terminal::print_error;

use crate::observability::Chain;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    if let Err(error) = core_dumps::forbid() {
        // A sandbox of the host may refuse it; the units forbid core dumps as well.
        print_error(&format!("core dumps could not be forbidden, and the program goes on: {error}"));
    }
    let arguments = match Arguments::of_process() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error).into(),
    };
    // One thread is enough: a run mostly waits for Adobe and Campaign, and one thread needs less memory.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&format!("the runtime could not be started: {error}"));
            return ExitStatus::Failure.into();
        }
    };
    runtime.block_on(run(arguments)).into()
}

/// Makes a write beyond the limit on file sizes (`ulimit -f`) fail like a write to a full disk. Without a handler the
/// signal ends the process in the middle of its work, without a message. Processes that this one starts have none.
fn handle_file_limit() {
    // The handler stays. Without it the program works as well, below that limit.
    let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
}

async fn run(arguments: Arguments) -> ExitStatus {
    handle_file_limit();
    let result = match &arguments.command {
        // `--sync-now --dry-run undo RUN --apply` contradicts itself, and a guess could write to Campaign.
        Some(_) if arguments.sync_now => {
            Err(CommandError::Usage("--sync-now and a command exclude each other".to_owned()))
        }
        Some(Command::Status) => status_command::run(&arguments).await,
        Some(Command::Check(check)) => check_command::run(&arguments, check).await,
        Some(Command::History(history)) => history_command::run(&arguments, history).await,
        Some(Command::Explain(explain)) => explain_command::run(&arguments, explain).await,
        Some(Command::Access(access)) => access_command::run(&arguments, access).await,
        Some(Command::Review(review)) => review_command::run(&arguments, review).await,
        Some(Command::Approve(approve)) => approve_command::run(&arguments, approve).await,
        Some(Command::Undo(undo)) => undo_command::run(&arguments, undo).await,
        Some(Command::Unpause) => unpause_command::run(&arguments).await,
        Some(Command::Probe(asked)) => Box::pin(probe_command::run(&arguments, asked)).await,
        Some(Command::Mask(mask)) => Box::pin(mask_command::run(&arguments, mask)).await,
        Some(Command::Config) => config_command::run(&arguments),
        Some(Command::State(state)) => Box::pin(state_command::run(&arguments, state)).await,
        Some(Command::Sandbox(sandbox)) => sandbox_command::run(&arguments, sandbox).await,
        Some(Command::Generate(generate)) => generate_command::run(generate),
        None if arguments.sync_now => Box::pin(sync_now_command::run(&arguments)).await,
        None => Box::pin(daemon_command::run(&arguments)).await,
    };
    result.unwrap_or_else(|error| {
        match &error {
            // A list of problems, with a line or more for each.
            CommandError::Settings(problems) => print_error(&problems.to_string()),
            // It may list the runs with that beginning, a line for each.
            CommandError::Run(error) => print_error(&error.to_string()),
            _ => print_error(&Chain(&error).to_string()),
        }
        error.exit()
    })
}

/// Prints the error about the arguments, or the requested help.
fn usage(error: &clap::Error) -> ExitStatus {
    // A closed terminal cannot be reported.
    let _ = error.print();
    if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    #[error(
        "this user may neither use the control socket {} of the daemon nor read the secrets that this command needs without the daemon; \
         run the command as root, or have an administrator add this user to the group of the socket, and sign in again",
        socket.display()
    )]
    NoAccess { socket: std::path::PathBuf },
    #[error("logging could not be started")]
    Logging(#[from] crate::observability::LoggingError),
    #[error("the sandbox could not be started")]
    Sandbox(#[from] crate::sandbox::SandboxError),
    #[error(transparent)]
    Transcript(#[from] crate::sandbox::ReplayFileError),
    #[error(transparent)]
    Folder(#[from] crate::transcript::FolderError),
    #[error("no transcript was written")]
    Recording(#[from] crate::transcript::NoRandomness),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Run(crate::journal::FindRunError),
    #[error(
        "the memberships at {} are not known any more: those that ended before {} were deleted (state.keep_changes); give a \
         later time",
        crate::domain::to_the_second(*at),
        crate::domain::to_the_second(*since)
    )]
    DeletedAccess { at: chrono::DateTime<chrono::Utc>, since: chrono::DateTime<chrono::Utc> },
    #[error(transparent)]
    Mask(#[from] crate::check::MaskError),
    #[error("{0}")]
    NotHeld(String),
    #[error(
        "the access has changed since the review with this digest was made: its digest is {digest} now; nothing was recorded; \
         look at the review again: {command}"
    )]
    NotReviewed { digest: String, command: String },
    #[error(transparent)]
    Review(ReviewError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error("the daemon closed the connection without a response; its log may have the reason")]
    Control(#[source] std::io::Error),
    #[error("the daemon refused: {0}")]
    Refused(String),
    #[error("{0}")]
    OtherDaemon(String),
    #[error("{0}")]
    StateInUse(String),
    #[error("the review was recorded, but its output could not be written; do not repeat --done")]
    RecordedUnseen(#[source] std::io::Error),
    #[error(
        "the probe was abandoned by a second signal; scratch records may be left in Campaign, and the next probe removes \
         them first"
    )]
    ProbeAbandoned,
    #[error("{what}")]
    Copy { what: &'static str, source: crate::journal::CopyError },
    #[error("a signal stopped the copy, and {0} is as it was before")]
    CopyStopped(String),
    #[error("the output could not be written")]
    Output(#[from] std::io::Error),
    #[error("the page could not be written")]
    Page(#[from] askama::Error),
    #[error("the report could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<crate::journal::FindRunError> for CommandError {
    fn from(error: crate::journal::FindRunError) -> Self {
        match error {
            crate::journal::FindRunError::Journal(error) => Self::Journal(error),
            wrong => Self::Run(wrong),
        }
    }
}

impl From<ReviewError> for CommandError {
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Journal(error) => Self::Journal(error),
            error => Self::Review(error),
        }
    }
}

impl CommandError {
    fn exit(&self) -> ExitStatus {
        match self {
            Self::Usage(_) | Self::Run(_) | Self::DeletedAccess { .. } | Self::Transcript(_) | Self::Folder(_) => {
                ExitStatus::Usage
            }
            Self::Sandbox(error) if error.is_of_scenario() => ExitStatus::Usage,
            Self::Settings(_)
            | Self::Logging(_)
            | Self::NoAccess { .. }
            | Self::OtherDaemon(_)
            | Self::MissingMode(MissingModeError::Refused(_))
            | Self::Daemon(DaemonError::SocketFolder(_) | DaemonError::MissingMode(MissingModeError::Refused(_))) => {
                ExitStatus::Configuration
            }
            Self::Journal(error)
            | Self::MissingMode(MissingModeError::Journal(error))
            | Self::Daemon(DaemonError::Journal(error) | DaemonError::MissingMode(MissingModeError::Journal(error)))
                if error.is_of_configuration() =>
            {
                ExitStatus::Configuration
            }
            Self::NotHeld(_) | Self::NotReviewed { .. } => ExitStatus::Held,
            Self::Review(error) if error.is_usage() => ExitStatus::Usage,
            Self::Journal(JournalError::InUse { .. })
            | Self::StateInUse(_)
            | Self::Daemon(DaemonError::Held { .. } | DaemonError::StateHeld { .. }) => ExitStatus::Locked,
            Self::Journal(_)
            | Self::MissingMode(_)
            | Self::Daemon(_)
            | Self::Control(_)
            | Self::Refused(_)
            | Self::Review(_)
            | Self::ProbeAbandoned
            | Self::CopyStopped(_)
            | Self::Sandbox(_)
            | Self::Recording(_)
            | Self::Output(_)
            | Self::RecordedUnseen(_)
            | Self::Page(_)
            | Self::Json(_) => ExitStatus::Failure,
            Self::Mask(error) => mask_command::exit_of(error),
            Self::Copy { source, .. } => state_command::exit_of(source),
        }
    }
}

//! `check`: every prerequisite with its evidence and remedy.

use chrono::Utc;

use crate::{
    check::{self, CheckReport, FailureCause, HostScope, Network, NotificationCheck, Verdict},
    observability::{LogLevel, start_logging},
    settings::{self, PartialSettings, Sources},
};

use super::{
    CommandError,
    arguments::{Arguments, CheckArguments, OutputFormat},
    check_markdown::markdown,
    check_text::text,
    daemon_client::health_for_check,
    exit_status::ExitStatus,
    json::json,
    recording::{Recorded, RecordedReport, Recording},
    temporary_sandbox::TemporarySandbox,
    terminal::{ProgressLine, columns, print},
};

pub(super) async fn run(arguments: &Arguments, check: &CheckArguments) -> Result<ExitStatus, CommandError> {
    let Some(name) = &check.sandbox else {
        let sources = arguments.sources();
        return Box::pin(checked(arguments, check, &sources, settings::load_partial(&sources), HostScope::Service))
            .await;
    };
    let sandbox = TemporarySandbox::start(name).await?;
    let exit = Box::pin(checked(arguments, check, &sandbox.sources(), sandbox.readable(), HostScope::FilesOnly)).await;
    sandbox.stop().await;
    exit
}

async fn checked(
    arguments: &Arguments,
    options: &CheckArguments,
    sources: &Sources,
    mut settings: PartialSettings,
    host: HostScope,
) -> Result<ExitStatus, CommandError> {
    settings.keep_instances(&options.instance).map_err(CommandError::Usage)?;
    if let Some(configured) = &settings.log {
        let logging = configured.options(arguments.log_level(LogLevel::Error), ProgressLine::colours());
        start_logging(&logging, ProgressLine::new())?;
    }
    let network = if options.offline { Network::Offline } else { Network::Online };
    let notifications = if options.notify { NotificationCheck::SendTest } else { NotificationCheck::Connect };
    let daemon = match (&settings.control, host) {
        (Some(control), HostScope::Service) => Some(health_for_check(&control.socket, &settings).await),
        _ => None,
    };
    let recording = match &options.record {
        Some(folder) => Some(Recording::begin(folder, &mut settings)?),
        None => None,
    };
    let request =
        check::CheckRequest { settings: &settings, sources, network, notifications, host, daemon, now: Utc::now() };
    let report = check::check(&request).await;
    let recorded = recording.map(|recording| recording.end(request.now)).transpose()?.flatten();
    show(arguments, &report, recorded.as_ref())?;
    if options.record.is_some() && recorded.is_none() && arguments.output == OutputFormat::Text {
        print("\nNo transcript was written, because no call was made.\n")?;
    }
    Ok(exit(&report))
}

/// Prints the report. A transcript is shown before it is written; the JSON report names its file.
fn show(arguments: &Arguments, report: &CheckReport, recorded: Option<&Recorded>) -> Result<(), CommandError> {
    match (arguments.output, recorded) {
        (OutputFormat::Text, None) => print(&text(report, columns()))?,
        (OutputFormat::Markdown, None) => print(&markdown(report))?,
        (OutputFormat::Json, None) => print(&json(report)?)?,
        (OutputFormat::Text, Some(recorded)) => {
            print(&format!("{}{}", text(report, columns()), recorded.text(arguments.verbose > 0)))?;
            recorded.write()?;
            print(&format!("\n{}", recorded.where_it_is()))?;
        }
        (OutputFormat::Markdown, Some(recorded)) => {
            print(&format!("{}{}", markdown(report), recorded.markdown()))?;
            recorded.write()?;
            print(&format!("\n{}", recorded.where_it_is()))?;
        }
        (OutputFormat::Json, Some(recorded)) => {
            // The document is complete only with a file that exists.
            recorded.write()?;
            print(&json(&RecordedReport { report, recorded: recorded.file() })?)?;
        }
    }
    Ok(())
}

fn exit(report: &CheckReport) -> ExitStatus {
    match report.gravest() {
        Some(FailureCause::Configuration) => ExitStatus::Configuration,
        Some(FailureCause::Refused) => ExitStatus::Refused,
        Some(FailureCause::Incomplete) => ExitStatus::Incomplete,
        Some(FailureCause::Unavailable) => ExitStatus::Unavailable,
        None if report.count(Verdict::Warning) > 0 => ExitStatus::Partial,
        None => ExitStatus::Done,
    }
}

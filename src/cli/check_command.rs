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
    temporary_sandbox::TemporarySandbox,
    terminal::{ProgressLine, columns, print},
};

pub(super) async fn run(arguments: &Arguments, check: &CheckArguments) -> Result<ExitStatus, CommandError> {
    let Some(name) = &check.sandbox else {
        let sources = Sources::of_process(arguments.config.clone());
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
        (Some(control), HostScope::Service) => Some(health_for_check(&control.socket).await),
        _ => None,
    };
    let request =
        check::CheckRequest { settings: &settings, sources, network, notifications, host, daemon, now: Utc::now() };
    let report = check::check(&request).await;
    print(&match arguments.output {
        OutputFormat::Text => text(&report, columns()),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(exit(&report))
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

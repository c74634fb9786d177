//! `check`: every prerequisite with its evidence and what to do.

use chrono::Utc;

use crate::{
    check::{self, Cause, CheckReport, Extent, NotificationCheck, Reach, Verdict},
    observability::{LogLevel, start_logging},
    settings::{self, PartialSettings, Sources},
};

use super::{
    CommandError,
    arguments::{Arguments, CheckArguments, OutputFormat},
    check_markdown::markdown,
    check_text::text,
    daemon_reach::said_by_daemon,
    exit_code::Exit,
    own_sandbox::OwnSandbox,
    report_json::json,
    terminal::{ProgressLine, columns, print},
};

pub(super) async fn run(arguments: &Arguments, check: &CheckArguments) -> Result<Exit, CommandError> {
    let Some(name) = &check.sandbox else {
        let sources = Sources::of_process(arguments.config.clone());
        return Box::pin(checked(arguments, check, &sources, settings::load_partial(&sources), Extent::Service)).await;
    };
    let sandbox = OwnSandbox::start(name).await?;
    let exit = Box::pin(checked(arguments, check, &sandbox.sources(), sandbox.readable(), Extent::Sandbox)).await;
    sandbox.stop().await;
    exit
}

async fn checked(
    arguments: &Arguments,
    options: &CheckArguments,
    sources: &Sources,
    mut settings: PartialSettings,
    extent: Extent,
) -> Result<Exit, CommandError> {
    settings.keep_instances(&options.instance).map_err(CommandError::Usage)?;
    if let Some(configured) = &settings.log {
        let logging = configured.options(arguments.log_level(LogLevel::Error), ProgressLine::colours());
        start_logging(&logging, ProgressLine::new())?;
    }
    let reach = if options.offline { Reach::Offline } else { Reach::Online };
    let notifications = if options.notify { NotificationCheck::SendTest } else { NotificationCheck::Reach };
    let daemon = match (&settings.control, extent) {
        (Some(control), Extent::Service) => Some(said_by_daemon(&control.socket).await),
        _ => None,
    };
    let request =
        check::Request { settings: &settings, sources, reach, notifications, extent, daemon, now: Utc::now() };
    let report = check::check(&request).await;
    print(&match arguments.output {
        OutputFormat::Text => text(&report, columns()),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(exit(&report))
}

fn exit(report: &CheckReport) -> Exit {
    match report.gravest() {
        Some(Cause::Configuration) => Exit::Configuration,
        Some(Cause::Refused) => Exit::Refused,
        Some(Cause::Incomplete) => Exit::Incomplete,
        Some(Cause::Unavailable) => Exit::Unavailable,
        None if report.count(Verdict::Warning) > 0 => Exit::Partial,
        None => Exit::Done,
    }
}

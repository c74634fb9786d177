//! `--sync-now`: makes one run, prints its report and exits with its status. A running daemon makes the run; without a
//! daemon this process makes it.

use crate::{
    daemon::control::{ControlClient, ControlRequest, ControlResponse, RunOrder},
    domain::{OperatorGroupName, RunMode, RunReport, Scope, WantedNotifications},
    journal::Journal,
    settings::{self, Settings},
    sync::{self, RunRequest, Stop, WaitPolicy},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    bootstrap::start_log,
    daemon_client::{connect, connect_without_secrets, unexpected_answer},
    exit_status::ExitStatus,
    json::json,
    local_run::{notify_after_run, run_until_signal},
    report_markdown::markdown,
    report_text::text,
    temporary_sandbox::TemporarySandbox,
    terminal::{ProgressLine, print},
};

pub(super) async fn run(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let Some(scenario) = &arguments.sandbox else {
        return Box::pin(sync_now(arguments)).await;
    };
    let sandbox = TemporarySandbox::start(scenario).await?;
    let settings = sandbox.settings()?;
    let exit = Box::pin(sync_in_sandbox(arguments, settings)).await;
    sandbox.stop().await;
    exit
}

/// Makes the run in a temporary sandbox, which has no daemon.
async fn sync_in_sandbox(arguments: &Arguments, mut settings: Settings) -> Result<ExitStatus, CommandError> {
    let wanted = settings.wanted_notifications();
    settings.keep_instances(&arguments.instance).map_err(CommandError::Usage)?;
    let progress = start_log(arguments, &settings)?;
    let report = in_place(arguments, (&settings, wanted), &progress).await?;
    show(arguments, &progress, &report)
}

async fn sync_now(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let readable = settings::load_partial(&arguments.sources());
    let mut settings = match readable.complete() {
        Ok(settings) => settings,
        Err(error) => {
            let (daemon, progress) = (connect_without_secrets(&readable, error).await?, ProgressLine::new());
            return show(arguments, &progress, &by_daemon(arguments, daemon, &progress).await?);
        }
    };
    let wanted = settings.wanted_notifications();
    settings.keep_instances(&arguments.instance).map_err(CommandError::Usage)?;
    let progress = start_log(arguments, &settings)?;
    let report = match connect(&settings).await {
        Some(daemon) => by_daemon(arguments, daemon, &progress).await?,
        None => in_place(arguments, (&settings, wanted), &progress).await?,
    };
    show(arguments, &progress, &report)
}

fn show(arguments: &Arguments, progress: &ProgressLine, report: &RunReport) -> Result<ExitStatus, CommandError> {
    progress.finish();
    print(&match arguments.output {
        OutputFormat::Text => text(report),
        OutputFormat::Json => json(report)?,
        OutputFormat::Markdown => markdown(report),
    })?;
    Ok(ExitStatus::of(report))
}

/// Has the daemon make the run, and shows its progress. The run continues when this process is stopped.
async fn by_daemon(
    arguments: &Arguments,
    mut daemon: ControlClient,
    progress: &ProgressLine,
) -> Result<RunReport, CommandError> {
    tracing::info!("the running daemon makes the run; its log has the details");
    daemon.send(&ControlRequest::SyncNow { order: order(arguments) }).await.map_err(CommandError::Control)?;
    loop {
        match daemon.receive().await.map_err(CommandError::Control)? {
            ControlResponse::Progress { text } => progress.show_text(&text),
            ControlResponse::Report { report } => return Ok(*report),
            other => return Err(unexpected_answer(other)),
        }
    }
}

/// Makes the run in this process. `wanted` covers all instances, also where the run is for some of them.
async fn in_place(
    arguments: &Arguments,
    (settings, wanted): (&Settings, WantedNotifications),
    progress: &ProgressLine,
) -> Result<RunReport, CommandError> {
    run_until_signal(async |stop| {
        let journal = Journal::open(&settings.journal_options()).await?;
        settings.require_explicit_modes(&journal).await?;
        let journal = journal.with_notifications(wanted);
        let (options, request) = (settings.sync_options(), request(arguments, stop));
        let report = sync::run(&options, &journal, &request, &progress.watcher()).await;
        notify_after_run(&journal, settings, request.mode).await;
        journal.close().await;
        Ok(report)
    })
    .await?
}

/// What the arguments ask of a run in this process.
fn request(arguments: &Arguments, stop: Stop) -> RunRequest {
    RunRequest {
        mode: mode(arguments),
        scope: Scope {
            users: arguments.user.clone(),
            groups: arguments.group.iter().map(OperatorGroupName::new).collect(),
        },
        approve: arguments.approve.clone(),
        approver: settings::approver(),
        wait_policy: if arguments.wait { WaitPolicy::Unbounded } else { WaitPolicy::Bounded },
        stop,
    }
}

/// The same for the daemon.
fn order(arguments: &Arguments) -> RunOrder {
    RunOrder {
        mode: mode(arguments),
        instances: arguments.instance.clone(),
        users: arguments.user.clone(),
        groups: arguments.group.clone(),
        approve: arguments.approve.iter().map(ToString::to_string).collect(),
        approver: settings::approver().name().to_owned(),
        wait_policy: if arguments.wait { WaitPolicy::Unbounded } else { WaitPolicy::Bounded },
    }
}

fn mode(arguments: &Arguments) -> RunMode {
    if arguments.dry_run { RunMode::DryRun } else { RunMode::Apply }
}

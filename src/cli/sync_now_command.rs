//! `--sync-now`: one run, its report, an exit code.

use crate::{
    domain::{InstanceName, OperatorGroupName, RunMode, Scope},
    journal::Journal,
    observability::start_logging,
    sandbox::{Options as SandboxOptions, Sandbox, Scenario},
    settings::{self, Settings, Sources},
    sync::{self, Patience, Request, Stop},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    exit_code::Exit,
    report_json::json,
    report_markdown::markdown,
    report_text::text,
    sandbox_configuration::{ANY_LOOPBACK_PORT, SandboxConfiguration},
    terminal::{ProgressLine, print},
};

pub(super) async fn run(arguments: &Arguments) -> Result<Exit, CommandError> {
    let Some(scenario) = &arguments.sandbox else {
        let settings = settings::load(&Sources::of_process(arguments.config.clone()))?;
        return Box::pin(sync_now(arguments, settings)).await;
    };
    let scenario = Scenario::named(scenario)?;
    let sandbox = Sandbox::start(SandboxOptions { listen: ANY_LOOPBACK_PORT, scenario }).await?;
    let configuration = SandboxConfiguration::write(&sandbox.connection())?;
    let settings = settings::load(&configuration.sources())?;
    let exit = Box::pin(sync_now(arguments, settings)).await;
    sandbox.stop().await;
    exit
}

async fn sync_now(arguments: &Arguments, mut settings: Settings) -> Result<Exit, CommandError> {
    narrow(&mut settings, &arguments.instance)?;
    let progress = ProgressLine::new();
    let logging = settings.logging(arguments.log_level(settings.log.level), ProgressLine::colours());
    start_logging(&logging, progress.clone())?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let request = request(arguments);
    let journal = Journal::open(&settings.journal_options()).await?;
    for warning in journal.warnings() {
        tracing::warn!("{warning}");
    }
    let report = sync::run(&settings.sync_options(), &journal, &request, &|stage| progress.show(&stage)).await;
    journal.close().await;
    progress.finish();
    print(&match arguments.output {
        OutputFormat::Text => text(&report),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(report.outcome.into())
}

/// What the arguments ask of the run.
fn request(arguments: &Arguments) -> Request {
    Request {
        mode: if arguments.dry_run { RunMode::DryRun } else { RunMode::Apply },
        scope: Scope {
            people: arguments.user.clone(),
            groups: arguments.group.iter().map(OperatorGroupName::new).collect(),
        },
        approve: arguments.approve.clone(),
        approver: settings::approver(),
        patience: if arguments.wait { Patience::Unbounded } else { Patience::Bounded },
        stop: Stop::never(),
    }
}

/// Keeps the instances that were named; a name that nobody knows is a slip that must not narrow the run to nothing.
pub(super) fn narrow(settings: &mut Settings, names: &[String]) -> Result<(), CommandError> {
    if names.is_empty() {
        return Ok(());
    }
    let wanted: Vec<_> = names.iter().map(|name| InstanceName::new(name).folded()).collect();
    let known: Vec<_> = settings.instances.iter().map(|instance| instance.name.folded()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&InstanceName::new(name.as_str()).folded())) {
        let list = settings.instances.iter().map(|instance| instance.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(CommandError::Usage(format!("there is no instance \"{unknown}\"; the configuration has: {list}")));
    }
    settings.instances.retain(|instance| wanted.contains(&instance.name.folded()));
    Ok(())
}

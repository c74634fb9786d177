//! `mask`: what the association mask matches and nearly matches, and what another mask would match.

use crate::{
    check::{MaskError, MaskQuery, Network, mask_report},
    observability::start_logging,
    settings::Settings,
};

use super::{
    CommandError,
    arguments::{Arguments, MaskArguments, OutputFormat},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    json::json,
    mask_markdown::markdown,
    mask_text::text,
    temporary_sandbox::TemporarySandbox,
    terminal::{ProgressLine, print},
};

/// Without a mask to try it exits with 0 when everything could be read; with one it exits as a dry run with that mask
/// would.
pub(super) async fn run(arguments: &Arguments, mask: &MaskArguments) -> Result<ExitStatus, CommandError> {
    let Some(scenario) = &mask.sandbox else {
        let (settings, progress) = bootstrap(arguments)?;
        return answer(arguments, mask, settings, &progress).await;
    };
    let sandbox = TemporarySandbox::start(scenario).await?;
    let settings = sandbox.settings()?;
    let progress = ProgressLine::new();
    let logging = settings.logging(arguments.log_level(settings.log.level), ProgressLine::colours());
    start_logging(&logging, progress.clone())?;
    let exit = answer(arguments, mask, settings, &progress).await;
    sandbox.stop().await;
    exit
}

/// The exit status where the report could not be made.
pub(super) fn exit_of(error: &MaskError) -> ExitStatus {
    match error {
        MaskError::Listing(error) => error.outcome().into(),
        MaskError::Journal(_) => ExitStatus::Failure,
        MaskError::NothingRemembered => ExitStatus::Usage,
    }
}

async fn answer(
    arguments: &Arguments,
    mask: &MaskArguments,
    mut settings: Settings,
    progress: &ProgressLine,
) -> Result<ExitStatus, CommandError> {
    settings.keep_instances(&mask.instance).map_err(CommandError::Usage)?;
    if mask.tried.is_some() && settings.instances.len() > 1 {
        let names = settings.instances.iter().map(|instance| instance.name().as_str()).collect::<Vec<_>>().join(", ");
        return Err(CommandError::Usage(format!("--try needs a single instance: add --instance with one of {names}")));
    }
    let query = MaskQuery {
        names: mask.names.clone(),
        tried: mask.tried.clone(),
        network: if mask.offline { Network::Offline } else { Network::Online },
    };
    let report = mask_report(&settings, &query, &progress.watcher()).await;
    progress.finish();
    let report = report?;
    print(&match arguments.output {
        OutputFormat::Text => text(&report),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(report.outcome.into())
}

//! `undo`: shows the plan that reverts the membership changes of one run, or applies it.

use crate::{
    domain::{RunMode, RunReport},
    journal::{FindRunError, Journal},
    settings::Settings,
    sync,
};

use super::{
    CommandError,
    arguments::{Arguments, UndoArguments},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    history_command::one_report,
    local_run::{notify_after_run, run_until_signal},
    terminal::{ProgressLine, print},
};

/// Without `--apply` it is a dry run.
pub(super) async fn run(arguments: &Arguments, undo: &UndoArguments) -> Result<ExitStatus, CommandError> {
    let (settings, progress) = bootstrap(arguments)?;
    let work = async |journal: Option<&Journal>| match journal {
        Some(journal) => undone(journal, &settings, undo, &progress).await,
        // Without a state there is no run to revert.
        None => Err(FindRunError::Unknown(undo.run.clone()).into()),
    };
    let report = Journal::with_existing(&settings.journal_options(), work).await?;
    progress.finish();
    let report = report?;
    print(&one_report(arguments.output, &report)?)?;
    Ok(ExitStatus::of(&report))
}

async fn undone(
    journal: &Journal,
    settings: &Settings,
    undo: &UndoArguments,
    progress: &ProgressLine,
) -> Result<RunReport, CommandError> {
    settings.require_explicit_modes(journal).await?;
    let journal = journal.clone().with_notifications(settings.wanted_notifications());
    let mode = if undo.apply { RunMode::Apply } else { RunMode::DryRun };
    let (options, watcher) = (settings.sync_options(), progress.watcher());
    let report =
        run_until_signal(async |stop| sync::undo(&options, &journal, &undo.run, mode, &stop, &watcher).await).await?;
    notify_after_run(&journal, settings, mode).await;
    Ok(report?)
}

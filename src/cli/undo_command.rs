//! `undo`: shows the plan that reverts the membership changes of one run, or applies it.

use crate::{
    domain::RunMode,
    journal::{FindRunError, Journal},
    sync,
};

use super::{
    CommandError,
    arguments::{Arguments, UndoArguments},
    bootstrap::bootstrap,
    exit_status::ExitStatus,
    history_command::one_report,
    local_run::{notify_after_run, run_until_signal},
    terminal::print,
};

/// Without `--apply` it is a dry run.
pub(super) async fn run(arguments: &Arguments, undo: &UndoArguments) -> Result<ExitStatus, CommandError> {
    let (settings, progress) = bootstrap(arguments)?;
    // Without a state there is no run to revert.
    let Some(journal) = Journal::open_existing(&settings.journal_options()).await? else {
        return Err(FindRunError::Unknown(undo.run.clone()).into());
    };
    settings.require_explicit_modes(&journal).await?;
    let journal = journal.with_notifications(settings.wanted_notifications());
    let mode = if undo.apply { RunMode::Apply } else { RunMode::DryRun };
    let options = settings.sync_options();
    let watcher = progress.watcher();
    let report =
        run_until_signal(async |stop| sync::undo(&options, &journal, &undo.run, mode, &stop, &watcher).await).await?;
    notify_after_run(&journal, &settings, mode).await;
    progress.finish();
    let report = report?;
    print(&one_report(arguments.output, &report)?)?;
    Ok(ExitStatus::of(&report))
}

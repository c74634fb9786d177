//! `undo`: the plan that takes one run's membership changes back, shown or made.

use crate::{
    domain::RunMode,
    journal::{FindRunError, Journal},
    sync,
};

use super::{
    CommandError,
    arguments::{Arguments, UndoArguments},
    exit_code::Exit,
    history_command::one_report,
    notifying::notify_after_run,
    start::{start, until_told_to_end},
    terminal::print,
};

/// Without `--apply` a dry run.
pub(super) async fn run(arguments: &Arguments, undo: &UndoArguments) -> Result<Exit, CommandError> {
    let (settings, progress) = start(arguments)?;
    // Where nothing was recorded there is nothing to take back.
    let Some(journal) = Journal::open_existing(&settings.journal_options()).await? else {
        return Err(FindRunError::Unknown(undo.run.clone()).into());
    };
    settings.require_explicit_modes(&journal).await?;
    let journal = journal.with_notifications(settings.wanted_notifications());
    let mode = if undo.apply { RunMode::Apply } else { RunMode::DryRun };
    let options = settings.sync_options();
    let watcher = progress.watcher();
    let report =
        until_told_to_end(async |stop| sync::undo(&options, &journal, &undo.run, mode, &stop, &watcher).await).await?;
    notify_after_run(&journal, &settings, mode).await;
    progress.finish();
    let report = report?;
    print(&one_report(arguments.output, &report)?)?;
    Ok(Exit::of(&report))
}

//! What the commands begin with: settings and a log, and an ear for being told to end.

use crate::{
    daemon::DaemonError,
    observability::{LogControl, start_logging},
    scheduler::StopSignals,
    settings::{self, Settings, Sources},
    sync::{Stop, StopSwitch},
};

use super::{CommandError, arguments::Arguments, terminal::ProgressLine};

/// Reads the settings and starts the log, which goes around the line of progress.
pub(super) fn start(arguments: &Arguments) -> Result<(Settings, ProgressLine), CommandError> {
    let (settings, progress, _) = start_controlled(arguments)?;
    Ok((settings, progress))
}

/// The same, with what changes the level of the log later.
pub(super) fn start_controlled(arguments: &Arguments) -> Result<(Settings, ProgressLine, LogControl), CommandError> {
    let settings = settings::load(&Sources::of_process(arguments.config.clone()))?;
    let (progress, control) = start_log(arguments, &settings)?;
    Ok((settings, progress, control))
}

/// Starts the log as the settings and the arguments want it.
pub(super) fn log(arguments: &Arguments, settings: &Settings) -> Result<ProgressLine, CommandError> {
    start_log(arguments, settings).map(|(progress, _)| progress)
}

fn start_log(arguments: &Arguments, settings: &Settings) -> Result<(ProgressLine, LogControl), CommandError> {
    let progress = ProgressLine::new();
    let logging = settings.logging(arguments.log_level(settings.log.level), ProgressLine::colours());
    let control = start_logging(&logging, progress.clone())?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok((progress, control))
}

/// Makes a run in this process. Told to end, it finishes what it has in hand.
pub(super) async fn until_told_to_end<T>(run: impl AsyncFnOnce(Stop) -> T) -> Result<T, CommandError> {
    let mut signals = StopSignals::listen().map_err(DaemonError::Signals)?;
    let (switch, stop) = StopSwitch::new();
    let mut run = Box::pin(run(stop));
    tokio::select! {
        biased;
        ended = &mut run => Ok(ended),
        () = signals.come() => {
            switch.stop();
            Ok(run.await)
        }
    }
}

//! What most commands begin with: the settings are loaded and the log is started.

use crate::{
    observability::{LogControl, start_logging},
    settings::{self, Settings},
};

use super::{CommandError, arguments::Arguments, terminal::ProgressLine};

/// Loads the settings and starts the log, whose lines appear above the progress line.
pub(super) fn bootstrap(arguments: &Arguments) -> Result<(Settings, ProgressLine), CommandError> {
    let (settings, progress, _) = bootstrap_with_log_control(arguments)?;
    Ok((settings, progress))
}

/// The same, with a handle to change the log level later.
pub(super) fn bootstrap_with_log_control(
    arguments: &Arguments,
) -> Result<(Settings, ProgressLine, LogControl), CommandError> {
    let settings = settings::load(&arguments.sources())?;
    let (progress, control) = start_log_with_control(arguments, &settings)?;
    Ok((settings, progress, control))
}

/// Starts the log with the level of the arguments or the settings.
pub(super) fn start_log(arguments: &Arguments, settings: &Settings) -> Result<ProgressLine, CommandError> {
    start_log_with_control(arguments, settings).map(|(progress, _)| progress)
}

fn start_log_with_control(
    arguments: &Arguments,
    settings: &Settings,
) -> Result<(ProgressLine, LogControl), CommandError> {
    let progress = ProgressLine::new();
    let logging = settings.logging(arguments.log_level(settings.log.level), ProgressLine::colours());
    let control = start_logging(&logging, progress.clone())?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok((progress, control))
}

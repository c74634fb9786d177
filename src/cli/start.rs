//! What the commands begin with: settings and a log.

use crate::{
    observability::start_logging,
    settings::{self, Settings, Sources},
};

use super::{CommandError, arguments::Arguments, terminal::ProgressLine};

/// Reads the settings and starts the log, which goes around the line of progress.
pub(super) fn start(arguments: &Arguments) -> Result<(Settings, ProgressLine), CommandError> {
    let settings = settings::load(&Sources::of_process(arguments.config.clone()))?;
    let progress = log(arguments, &settings)?;
    Ok((settings, progress))
}

/// Starts the log as the settings and the arguments want it.
pub(super) fn log(arguments: &Arguments, settings: &Settings) -> Result<ProgressLine, CommandError> {
    let progress = ProgressLine::new();
    let logging = settings.logging(arguments.log_level(settings.log.level), ProgressLine::colours());
    start_logging(&logging, progress.clone())?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok(progress)
}

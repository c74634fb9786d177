//! The daemon: runs until it is stopped. It has no command; the program without arguments is the daemon.

use tokio::task::LocalSet;

use crate::daemon;

use super::{CommandError, arguments::Arguments, bootstrap::bootstrap_with_log_control, exit_status::ExitStatus};

pub(super) async fn run(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let (settings, _, log) = bootstrap_with_log_control(arguments)?;
    // A log level given as an argument takes precedence over the configuration, also after a reload.
    let log = (!arguments.names_log_level()).then_some(log);
    let sources = arguments.sources();
    LocalSet::new().run_until(Box::pin(daemon::run(settings, sources, log))).await?;
    Ok(ExitStatus::Done)
}

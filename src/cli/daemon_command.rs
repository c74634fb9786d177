//! Without arguments: the daemon, until it is told to stop.

use tokio::task::LocalSet;

use crate::{daemon, settings::Sources};

use super::{CommandError, arguments::Arguments, exit_code::Exit, start::start};

pub(super) async fn run(arguments: &Arguments) -> Result<Exit, CommandError> {
    let (settings, _) = start(arguments)?;
    let sources = Sources::of_process(arguments.config.clone());
    LocalSet::new().run_until(Box::pin(daemon::run(settings, sources))).await?;
    Ok(Exit::Done)
}

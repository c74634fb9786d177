//! A run that this process makes itself: it stops early on a signal, and its notifications are delivered before it
//! exits.

use std::time::Duration;

use chrono::Utc;

use crate::{
    daemon::DaemonError,
    domain::RunMode,
    journal::Journal,
    notify::{deliver_all, notify_expiring},
    observability::Chain,
    scheduler::StopSignals,
    settings::Settings,
    sync::{Stop, StopSwitch},
};

use super::CommandError;

/// The time limit for deliveries. Undelivered notifications stay in the state for the next run, or the daemon.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes a run in this process. On SIGINT or SIGTERM it finishes the current change and ends.
pub(super) async fn run_until_signal<T>(run: impl AsyncFnOnce(Stop) -> T) -> Result<T, CommandError> {
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

/// Delivers the notifications of the run and those still waiting. A failed delivery does not change the outcome of the
/// run.
pub(super) async fn notify_after_run(journal: &Journal, settings: &Settings, mode: RunMode) {
    if mode != RunMode::Apply || settings.notify.targets().is_empty() {
        return;
    }
    if let Err(error) = notify_expiring(journal, settings.expiry_days(), Utc::now()).await {
        tracing::warn!("no notification of expiring credentials could be recorded: {}", Chain(&error));
    }
    Box::pin(deliver_all(journal, &settings.notify, DELIVERY_TIMEOUT)).await;
}

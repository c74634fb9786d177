//! Notifications of a run that this process made: delivered before it exits, as far as that goes quickly.

use std::time::Duration;

use chrono::Utc;

use crate::{
    domain::RunMode,
    journal::Journal,
    notify::{deliver_all, notify_expiring},
    observability::Chain,
    settings::Settings,
};

/// How long deliveries are waited for. What is left stays in the state for the next run, or the daemon.
const PATIENCE: Duration = Duration::from_secs(15);

/// Delivers the notifications of the run, and those that wait. What cannot be delivered never changes how the run ended.
pub(super) async fn notify_after_run(journal: &Journal, settings: &Settings, mode: RunMode) {
    if mode != RunMode::Apply || settings.notify.targets().is_empty() {
        return;
    }
    if let Err(error) = notify_expiring(journal, settings.expiry_days(), Utc::now()).await {
        tracing::warn!("the expiry of credentials could not be told: {}", Chain(&error));
    }
    Box::pin(deliver_all(journal, &settings.notify, PATIENCE)).await;
}

//! Loads the configuration again while the daemon runs.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use crate::settings::{self, MissingModeError, Settings, SettingsError, StateLocation};

use super::{
    run_loop::{Daemon, JOURNAL_TIMEOUT},
    schedule_task::log_runs_between_reads,
    service_manager::ServiceManager,
};

impl Daemon {
    /// Loads the configuration again. A wrong configuration changes nothing, and the log and the status say so.
    pub(super) async fn reload(&mut self) {
        ServiceManager::reloading();
        match settings::load(&self.sources) {
            Ok(settings) => match timeout(JOURNAL_TIMEOUT, settings.require_explicit_modes(&self.journal)).await {
                Ok(Err(MissingModeError::Refused(error))) => self.reject_reload(&error),
                // The next run reports a state that cannot be read.
                _ => self.use_settings(settings),
            },
            Err(error) => self.reject_reload(&error),
        }
        self.show();
        ServiceManager::ready();
    }

    /// Keeps the active configuration, and reports the problems of the new one.
    fn reject_reload(&mut self, error: &SettingsError) {
        for problem in &error.problems {
            tracing::error!("reload failed, the previous configuration stays active: {}", problem.on_one_line());
        }
        let others = match error.problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let first = error.problems.first().map(|problem| format!("{}: {}", problem.subject, problem.what));
        let problem = first.unwrap_or_default() + &others;
        self.state.update(|facts| facts.reload_problem = Some(problem));
    }

    fn use_settings(&mut self, mut settings: Settings) {
        settings.clients = self.settings.borrow().clients.clone();
        if let Some(log) = &self.log {
            log.set_level(settings.log.level);
        }
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        for key in changes_that_need_a_restart(&self.settings.borrow(), &settings) {
            tracing::warn!("{key} was changed: the new value takes effect after a restart");
        }
        log_runs_between_reads(&settings);
        if let Some(schedule_task) = &self.schedule_task {
            schedule_task.reschedule(&settings.schedule);
        }
        self.state.update(|facts| {
            facts.reload_problem = None;
            facts.use_settings(&settings);
        });
        self.settings.send_replace(Arc::new(settings));
        self.show_next_run();
        tracing::info!("the configuration was reloaded");
    }
}

/// The keys whose new value takes effect only after a restart.
pub(super) fn changes_that_need_a_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let same_state = match (&old.state.url, &new.state.url) {
        (StateLocation::Sqlite(old), StateLocation::Sqlite(new)) => old == new,
        (StateLocation::Postgres(old), StateLocation::Postgres(new)) => old.expose_secret() == new.expose_secret(),
        _ => false,
    };
    let changed = [
        ("state.url", !same_state),
        ("http.listen", old.http.listen != new.http.listen),
        ("control.socket", old.control != new.control),
        ("log.format", old.log.format != new.log.format),
    ];
    changed.into_iter().filter_map(|(key, is_changed)| is_changed.then_some(key)).collect()
}

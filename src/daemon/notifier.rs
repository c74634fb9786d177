//! Delivers notifications while the daemon runs: one task for each target, and one that watches for outages and
//! expiring credentials.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{
    sync::watch,
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::{
    domain::{Notification, NotificationTarget},
    journal::{Journal, JournalError, NotificationTargetState},
    notify,
    observability::Chain,
    settings::Settings,
    sync::Stop,
};

use super::{DaemonState, ServiceState};

/// How often the state is read for notifications that another process has written, and for outages and expiring
/// credentials; the end of a run wakes the tasks at once.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The same where no target is configured: then there is nothing to deliver or report.
const CHECK_INTERVAL_WITHOUT_TARGETS: Duration = Duration::from_secs(10 * 60);

/// How often the task of a target that has notifications waiting checks whether the next attempt is due.
const RETRY_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The values that the tasks need.
#[derive(Clone)]
pub(super) struct Notifier {
    pub(super) daemon_state: DaemonState,
    pub(super) journal: Journal,
    pub(super) settings: watch::Receiver<Arc<Settings>>,
    pub(super) stop: Stop,
}

impl Notifier {
    /// Starts the tasks; a value sent to the returned channel wakes them. They end with the daemon: an attempt that is
    /// under way then is retried after the next start.
    pub(super) fn start(self) -> watch::Sender<()> {
        let (sender, wake) = watch::channel(());
        for target in NotificationTarget::ALL {
            let (task, wake) = (self.clone(), wake.clone());
            spawn_local(async move {
                let stop = task.stop.clone();
                tokio::select! {
                    () = stop.requested() => {}
                    () = task.deliver(target, wake) => {}
                }
            });
        }
        spawn_local(async move {
            let stop = self.stop.clone();
            tokio::select! {
                () = stop.requested() => {}
                () = self.watch(wake) => {}
            }
        });
        sender
    }

    /// Delivers what is due for one target, without end.
    async fn deliver(mut self, target: NotificationTarget, mut wake: watch::Receiver<()>) {
        let mut errors = JournalErrors::default();
        loop {
            let settings = Arc::clone(&self.settings.borrow_and_update());
            let is_configured = settings.notify.targets().contains(&target);
            if is_configured {
                match notify::deliver_due(&self.journal, &settings.notify, target).await {
                    Ok(0) => errors.clear(),
                    Ok(_) => {
                        errors.clear();
                        // The next check logs a journal that cannot be read.
                        let newest = Arc::clone(&self.settings.borrow());
                        let _ = self.update_status(&newest).await;
                    }
                    Err(error) => errors.log_once(&error),
                }
            }
            tokio::select! {
                () = until_next_attempt(&self.daemon_state, target), if is_configured => {}
                Ok(()) = wake.changed() => {}
                Ok(()) = self.settings.changed() => {}
                else => return, // the daemon ends
            }
        }
    }

    /// Reports outages and expiring credentials, shows the state of the targets, and deletes targets that are not
    /// configured any more.
    async fn watch(mut self, mut wake: watch::Receiver<()>) {
        let (mut age, mut errors) = (SuccessAge::new(Instant::now()), JournalErrors::default());
        let mut checked: Option<Arc<Settings>> = None;
        loop {
            let settings = Arc::clone(&self.settings.borrow_and_update());
            let facts = self.daemon_state.facts();
            let age = age.at(facts.status.last_success, Utc::now(), Instant::now());
            let mut is_checked = false;
            if facts.role.keeps_the_schedule() {
                // The success of a run is recorded before the state of the daemon shows it.
                let is_under_way = matches!(facts.status.state, ServiceState::Running | ServiceState::Waiting);
                let is_overdue = age > facts.ready_within && !is_under_way;
                let overdue = is_overdue.then_some((facts.status.last_success, facts.ready_within));
                match self.check(&settings, overdue).await {
                    Ok(()) => {
                        errors.clear();
                        is_checked = true;
                    }
                    Err(error) => errors.log_once(&error),
                }
            }
            // After a change of the targets, an attempt that was under way may still record its result.
            let is_unchanged = checked.replace(Arc::clone(&settings)).is_some_and(|last| Arc::ptr_eq(&last, &settings));
            let is_settled = is_checked && is_unchanged && settings.notify.targets().is_empty();
            let interval = if is_settled { CHECK_INTERVAL_WITHOUT_TARGETS } else { CHECK_INTERVAL };
            tokio::select! {
                () = sleep(interval) => {}
                Ok(()) = wake.changed() => {}
                Ok(()) = self.settings.changed() => {}
            }
        }
    }

    /// `overdue` holds the last success, and how old it may be.
    async fn check(
        &self,
        settings: &Settings,
        overdue: Option<(Option<DateTime<Utc>>, Duration)>,
    ) -> Result<(), JournalError> {
        let wanted = settings.wanted_notifications();
        if wanted.are_any() {
            let journal = self.journal.with_notifications(wanted);
            notify::notify_expiring(&journal, settings.expiry_days(), Utc::now()).await?;
            if let Some((last_success, within)) = overdue {
                let within = humantime::format_duration(Duration::from_secs(within.as_secs())).to_string();
                journal.report_outage(&Notification::overdue(Utc::now(), last_success, &within)).await?;
            }
        }
        let (known, targets) = (self.journal.notification_targets().await?, settings.notify.targets());
        if known.iter().any(|state| !targets.contains(&state.target)) {
            self.journal.forget_other_targets(targets).await?;
        }
        self.show_targets(settings, &known);
        Ok(())
    }

    /// Reads the state of the targets and shows it.
    async fn update_status(&self, settings: &Settings) -> Result<(), JournalError> {
        self.show_targets(settings, &self.journal.notification_targets().await?);
        Ok(())
    }

    /// Shows the state of the configured targets.
    fn show_targets(&self, settings: &Settings, known: &[NotificationTargetState]) {
        let state = |target: NotificationTarget| {
            known
                .iter()
                .find(|state| state.target == target)
                .cloned()
                .unwrap_or_else(|| NotificationTargetState::new(target))
        };
        let states: Vec<NotificationTargetState> = settings.notify.targets().into_iter().map(state).collect();
        if self.daemon_state.facts().status.notifications != states {
            self.daemon_state.update(|facts| facts.status.notifications = states);
        }
    }
}

/// Waits until something may be due for the target: for the interval where something is waiting, otherwise until
/// something is. A follower does not see what is waiting, and checks at each interval.
async fn until_next_attempt(daemon_state: &DaemonState, target: NotificationTarget) {
    let mut changes = daemon_state.changes();
    let may_wait = || {
        let facts = daemon_state.facts();
        let is_waiting = |state: &NotificationTargetState| state.target == target && state.waiting > 0;
        !facts.role.keeps_the_schedule() || facts.status.notifications.iter().any(is_waiting)
    };
    if may_wait() {
        return sleep(RETRY_CHECK_INTERVAL).await;
    }
    while changes.changed().await.is_ok() {
        if may_wait() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Logs errors of the journal: once, not at every check.
#[derive(Default)]
struct JournalErrors {
    is_logged: bool,
}

impl JournalErrors {
    fn log_once(&mut self, error: &JournalError) {
        if !std::mem::replace(&mut self.is_logged, true) {
            tracing::warn!(error = %Chain(error), "notifications are delayed, because the state cannot be read or written: {}", Chain(error));
        }
    }

    fn clear(&mut self) {
        self.is_logged = false;
    }
}

/// The age of the last success: its age when it became known, plus the time since then by the monotonic clock. A clock
/// that jumps ahead causes no report of an outage.
struct SuccessAge {
    last: Option<DateTime<Utc>>,
    known_at: Instant,
    age_then: Duration,
}

impl SuccessAge {
    /// Without a recorded success, the age counts from `start`.
    fn new(start: Instant) -> Self {
        Self { last: None, known_at: start, age_then: Duration::ZERO }
    }

    fn at(&mut self, last: Option<DateTime<Utc>>, now: DateTime<Utc>, instant: Instant) -> Duration {
        if last != self.last {
            let age = last.and_then(|last| (now - last).to_std().ok()).unwrap_or_default();
            *self = Self { last, known_at: instant, age_then: age };
        }
        self.age_then.saturating_add(instant.duration_since(self.known_at))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn incident_28_a_clock_that_jumps_neither_causes_nor_hides_an_outage() {
        let (now, start) = (DateTime::from_timestamp(1_795_413_600, 0).expect("a time"), Instant::now());
        let mut age = SuccessAge::new(start);
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert_eq!(age.at(None, now, start + minute), minute, "without a success, since the start");
        let last = Some(now - TimeDelta::hours(1));
        assert_eq!(age.at(last, now, start + minute), hour, "a success of before the start has its age");
        assert_eq!(age.at(last, now + TimeDelta::days(9), start + 2 * minute), hour + minute, "the clock jumped");
        assert_eq!(age.at(last, now - TimeDelta::days(9), start + 3 * minute), hour + 2 * minute, "and was set back");
        assert_eq!(age.at(Some(now), now, start + 4 * minute), Duration::ZERO, "a new success");
    }
}

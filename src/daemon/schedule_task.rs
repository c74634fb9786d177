//! The schedule as a task that reports due runs: the loop makes the run, and answers when it has ended.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, spawn_local},
};

use crate::{
    scheduler::{self, ScheduleError, ScheduleEvent, Tick},
    settings::Settings,
};

/// A tick that is due, its jitter included. The schedule waits until `done` is used or dropped.
#[derive(Debug)]
pub(super) struct DueTick {
    pub(super) tick: Tick,
    pub(super) done: oneshot::Sender<()>,
}

/// An event of the schedule.
#[derive(Debug)]
pub(super) enum ScheduleTaskEvent {
    /// A run is due.
    Due(DueTick),
    /// The clock was set back: times that were computed from it have to be computed again.
    ClockSetBack,
}

/// The running schedule.
#[derive(Debug)]
pub(super) struct ScheduleTask {
    options: watch::Sender<scheduler::ScheduleOptions>,
    events: mpsc::Receiver<ScheduleTaskEvent>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ScheduleError>>,
}

impl ScheduleTask {
    /// Reports each tick after `since`; ticks that have passed become one.
    pub(super) fn start(options: &scheduler::ScheduleOptions, since: DateTime<Utc>) -> Self {
        let (sender, events) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let (options, current) = watch::channel(options.clone());
        let task = spawn_local(async move {
            let work = |event| {
                let sender = sender.clone();
                async move {
                    match event {
                        ScheduleEvent::ClockSetBack => drop(sender.send(ScheduleTaskEvent::ClockSetBack).await),
                        ScheduleEvent::Due(tick) => {
                            let (done, over) = oneshot::channel();
                            if sender.send(ScheduleTaskEvent::Due(DueTick { tick, done })).await.is_ok() {
                                // An error means that the sender was dropped: the run has ended as well.
                                let _ = over.await;
                            }
                        }
                    }
                }
            };
            scheduler::run(current, since, Utc::now, async { drop(stopped.await) }, work).await
        });
        Self { options, events, stop: Some(stop), task }
    }

    /// Ticks of these options count from now on. A tick that came due before keeps its run.
    pub(super) fn reschedule(&self, options: &scheduler::ScheduleOptions) {
        self.options.send_if_modified(|current| {
            let is_changed = current != options;
            if is_changed {
                current.clone_from(options);
            }
            is_changed
        });
    }

    /// The next event; `None` when the task ended by itself.
    pub(super) async fn next_event(&mut self) -> Option<ScheduleTaskEvent> {
        self.events.recv().await
    }

    /// Stops the schedule, and waits for the end of the run that the last tick began. Drops a tick that was not
    /// handled.
    pub(super) async fn stop(mut self) -> Result<(), ScheduleError> {
        drop(self.stop.take());
        self.events.close();
        while self.events.recv().await.is_some() {}
        // A task that panicked has logged it and has ended.
        (&mut self.task).await.unwrap_or(Ok(()))
    }
}

/// Logs what runs see that are scheduled more often than Adobe's limits allow a read of the whole organization.
pub(super) fn log_runs_between_reads(settings: &Settings) {
    let interval = settings.experience_cloud.first_page_interval;
    let Some((shortest, _)) = settings.schedule.schedule.gaps_after(Utc::now()) else { return };
    if shortest < TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX) {
        tracing::info!(
            "schedule.cron is due more often than every {} (experience_cloud.first_page_interval): runs between two reads of \
             the organization read the members of known product profiles, and see new or renamed product profiles later",
            humantime::format_duration(interval)
        );
    }
}

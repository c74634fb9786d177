//! The schedule as a task that only rings: the loop makes the run, and says when it is over.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_local},
};

use crate::{
    scheduler::{self, ScheduleError, ScheduleEvent, Tick},
    settings::Settings,
};

/// A tick that has come, its jitter over. The next comes after the sender was used or dropped.
#[derive(Debug)]
pub(super) struct DueTick {
    pub(super) tick: Tick,
    pub(super) done: oneshot::Sender<()>,
}

/// What the schedule has to say.
#[derive(Debug)]
pub(super) enum ScheduleTaskEvent {
    /// A run is due.
    Due(DueTick),
    /// The clock was set back: times that were shown by it have to be computed again.
    ClockSetBack,
}

/// The schedule under way.
#[derive(Debug)]
pub(super) struct ScheduleTask {
    events: mpsc::Receiver<ScheduleTaskEvent>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ScheduleError>>,
}

impl ScheduleTask {
    /// Rings at each tick after `since`; those that have passed make one.
    pub(super) fn start(options: &scheduler::ScheduleOptions, since: DateTime<Utc>) -> Self {
        let (sender, events) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let own = options.clone();
        let task = spawn_local(async move {
            let work = |event| {
                let sender = sender.clone();
                async move {
                    match event {
                        ScheduleEvent::ClockSetBack => drop(sender.send(ScheduleTaskEvent::ClockSetBack).await),
                        ScheduleEvent::Due(tick) => {
                            let (done, over) = oneshot::channel();
                            if sender.send(ScheduleTaskEvent::Due(DueTick { tick, done })).await.is_ok() {
                                // An error means that the sender was dropped: over as well.
                                let _ = over.await;
                            }
                        }
                    }
                }
            };
            scheduler::run(&own, since, Utc::now, async { drop(stopped.await) }, work).await
        });
        Self { events, stop: Some(stop), task }
    }

    /// What the schedule says next; `None` when it came to an end by itself.
    pub(super) async fn next_event(&mut self) -> Option<ScheduleTaskEvent> {
        self.events.recv().await
    }

    /// Stops ringing, and waits for the end of the run that the last tick began. A tick that nobody took is given up.
    pub(super) async fn stop(mut self) -> Result<(), ScheduleError> {
        drop(self.stop.take());
        self.events.close();
        while self.events.recv().await.is_some() {}
        // A task that panicked has logged it, and has stopped.
        (&mut self.task).await.unwrap_or(Ok(()))
    }
}

/// Says what runs see that come more often than the vendor lets the whole organization be read.
pub(super) fn log_runs_between_reads(settings: &Settings) {
    let interval = settings.experience_cloud.first_page_interval;
    let Some((shortest, _)) = settings.schedule.schedule.gaps_after(Utc::now()) else { return };
    if shortest < TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX) {
        tracing::info!(
            "schedule.cron ticks more often than every {} (experience_cloud.first_page_interval): runs between two reads of \
             the organization read the members of the profiles they know, and see new or renamed profiles later",
            humantime::format_duration(interval)
        );
    }
}

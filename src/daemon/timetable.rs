//! The schedule as a task that only rings: the loop makes the run, and says when it is over.

use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_local},
};

use crate::scheduler::{self, ScheduleError, Tick};

/// A tick that has come, its jitter over. The next comes after the sender was used or dropped.
#[derive(Debug)]
pub(super) struct DueTick {
    pub(super) tick: Tick,
    pub(super) done: oneshot::Sender<()>,
}

/// The schedule under way.
#[derive(Debug)]
pub(super) struct Timetable {
    ticks: mpsc::Receiver<DueTick>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ScheduleError>>,
}

impl Timetable {
    /// Rings at each tick after `since`; those that have passed make one.
    pub(super) fn start(options: &scheduler::Options, since: DateTime<Utc>) -> Self {
        let (ring, ticks) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let own = options.clone();
        let task = spawn_local(async move {
            let work = |tick| {
                let ring = ring.clone();
                async move {
                    let (done, over) = oneshot::channel();
                    if ring.send(DueTick { tick, done }).await.is_ok() {
                        // An error means that the sender was dropped: over as well.
                        let _ = over.await;
                    }
                }
            };
            scheduler::run(&own, since, async { drop(stopped.await) }, work).await
        });
        Self { ticks, stop: Some(stop), task }
    }

    /// The next tick; `None` when the schedule came to an end by itself.
    pub(super) async fn tick(&mut self) -> Option<DueTick> {
        self.ticks.recv().await
    }

    /// Stops ringing, and waits for the end of the run that the last tick began. A tick that nobody took is given up.
    pub(super) async fn stop(mut self) -> Result<(), ScheduleError> {
        drop(self.stop.take());
        self.ticks.close();
        while self.ticks.recv().await.is_some() {}
        // A task that panicked has logged it, and has stopped.
        (&mut self.task).await.unwrap_or(Ok(()))
    }
}

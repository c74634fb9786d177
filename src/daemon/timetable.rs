//! The schedule as a task that only rings: the loop makes the run, and says when it is over.

use chrono::{DateTime, Utc};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_local},
};

use crate::scheduler::{self, ScheduleError, ScheduleEvent, Tick};

/// A tick that has come, its jitter over. The next comes after the sender was used or dropped.
#[derive(Debug)]
pub(super) struct DueTick {
    pub(super) tick: Tick,
    pub(super) done: oneshot::Sender<()>,
}

/// What the schedule has to say.
#[derive(Debug)]
pub(super) enum Ring {
    /// A run is due.
    Due(DueTick),
    /// The clock was set back: times that were shown by it have to be computed again.
    ClockSetBack,
}

/// The schedule under way.
#[derive(Debug)]
pub(super) struct Timetable {
    rings: mpsc::Receiver<Ring>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ScheduleError>>,
}

impl Timetable {
    /// Rings at each tick after `since`; those that have passed make one.
    pub(super) fn start(options: &scheduler::ScheduleOptions, since: DateTime<Utc>) -> Self {
        let (ring, rings) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let own = options.clone();
        let task = spawn_local(async move {
            let work = |event| {
                let ring = ring.clone();
                async move {
                    match event {
                        ScheduleEvent::ClockSetBack => drop(ring.send(Ring::ClockSetBack).await),
                        ScheduleEvent::Due(tick) => {
                            let (done, over) = oneshot::channel();
                            if ring.send(Ring::Due(DueTick { tick, done })).await.is_ok() {
                                // An error means that the sender was dropped: over as well.
                                let _ = over.await;
                            }
                        }
                    }
                }
            };
            scheduler::run(&own, since, Utc::now, async { drop(stopped.await) }, work).await
        });
        Self { rings, stop: Some(stop), task }
    }

    /// What the schedule says next; `None` when it came to an end by itself.
    pub(super) async fn ring(&mut self) -> Option<Ring> {
        self.rings.recv().await
    }

    /// Stops ringing, and waits for the end of the run that the last tick began. A tick that nobody took is given up.
    pub(super) async fn stop(mut self) -> Result<(), ScheduleError> {
        drop(self.stop.take());
        self.rings.close();
        while self.rings.recv().await.is_some() {}
        // A task that panicked has logged it, and has stopped.
        (&mut self.task).await.unwrap_or(Ok(()))
    }
}

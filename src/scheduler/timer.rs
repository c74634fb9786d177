//! A timer that fires once: a job of tokio-cron-scheduler.
//!
//! tokio-cron-scheduler polls twice a second, and its tasks live as long as their runtime. A timer therefore has a thread
//! with a runtime of its own, which ends with the timer.

use std::{io, thread, time::Duration};

use tokio::{
    runtime,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::ScheduleError;

/// A running timer. Dropping it stops it.
pub(super) struct Timer {
    /// Receives one message when the timer fires, or when it could not be set.
    firing: UnboundedReceiver<Result<(), JobSchedulerError>>,
}

impl Timer {
    /// Starts a timer that fires `seconds` (whole seconds) after the beginning of the current second of the wall clock.
    pub(super) fn start(seconds: Duration) -> Result<Self, ScheduleError> {
        Self::start_thread(seconds).map_err(ScheduleError::TimerThread)
    }

    fn start_thread(seconds: Duration) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let (fire, firing) = mpsc::unbounded_channel();
        thread::Builder::new().name("schedule-timer".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = fire.closed() => {}
                    result = run_job(seconds, fire.clone()) => if result.is_err() {
                        // Fails if the timer was dropped.
                        let _ = fire.send(result);
                    },
                }
            });
        })?;
        Ok(Self { firing })
    }

    /// Waits until the timer fires. A timer that ended without firing never does.
    pub(super) async fn fired(&mut self) -> Result<(), ScheduleError> {
        match self.firing.recv().await {
            Some(result) => result.map_err(ScheduleError::Timer),
            None => std::future::pending().await,
        }
    }
}

/// Fires after `seconds`; completes only if that is impossible.
async fn run_job(
    seconds: Duration,
    fire: UnboundedSender<Result<(), JobSchedulerError>>,
) -> Result<(), JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    scheduler.start().await?;
    let job = Job::new_one_shot(seconds, move |_, _| {
        // Fails if the timer was dropped.
        let _ = fire.send(Ok(()));
    })?;
    scheduler.add(job).await?;
    std::future::pending().await
}

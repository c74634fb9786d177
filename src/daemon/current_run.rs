//! The current run: a task of its own, so that the loop stays responsive, and a run that panics does not end the daemon.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle, spawn_local},
    time::{Instant, timeout},
};

use crate::{
    domain::{RunReport, Watcher, WatcherUpdate},
    journal::Journal,
    sync::{self, RunRequest, StopSwitch},
};

use super::DaemonState;

/// A healthy run reports progress at least this often, apart from announced waits: one call is tried 5 times, and each attempt
/// may wait 10 s for a connection and 120 s for a part of the response.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);

/// The origin of a run, with the receiver of its end.
#[derive(Debug)]
pub(super) enum RunOrigin {
    /// The schedule, which waits for the end before the next tick.
    Schedule(oneshot::Sender<()>),
    /// The daemon itself, after an approval or a forgotten pause; nothing waits for the end.
    Daemon,
    /// A client of the control socket.
    Socket(oneshot::Sender<Result<RunReport, String>>),
}

impl RunOrigin {
    /// Reports the end of the run to its receiver, if that still waits.
    pub(super) fn report_end(self, report: Option<&RunReport>) {
        match self {
            Self::Schedule(done) => drop(done.send(())),
            Self::Daemon => {}
            Self::Socket(reply) => {
                if let Some(report) = report {
                    drop(reply.send(Ok(report.clone())));
                }
            }
        }
    }
}

/// Whether the outcome of a run decides the state of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunExtent {
    /// It does: the run covers everything and may write.
    Whole,
    /// It does not: the run is narrowed, or writes nothing.
    Part,
}

/// The current run.
#[derive(Debug)]
pub(super) struct CurrentRun {
    task: JoinHandle<RunReport>,
    switch: StopSwitch,
    alive_until: Arc<Mutex<Instant>>,
    pub(super) origin: RunOrigin,
    pub(super) extent: RunExtent,
}

impl CurrentRun {
    /// Starts a run. `switch` is the switch of `request.stop`.
    pub(super) fn start(
        (options, request): (sync::SyncOptions, RunRequest),
        switch: StopSwitch,
        (journal, daemon_state): (&Journal, &DaemonState),
        (origin, extent): (RunOrigin, RunExtent),
    ) -> Self {
        let alive_until = Arc::new(Mutex::new(Instant::now() + LONGEST_SILENCE));
        let (journal, shown, heartbeat) = (journal.clone(), daemon_state.clone(), alive_until.clone());
        daemon_state.run_started();
        let task = spawn_local(async move {
            let watcher = Watcher::new(move |news| {
                let pause = match news {
                    WatcherUpdate::Progress(progress) => progress.pause(),
                    WatcherUpdate::Event(..) => None,
                };
                let silence = LONGEST_SILENCE.saturating_add(pause.unwrap_or_default());
                *heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = later(silence);
                match news {
                    WatcherUpdate::Progress(progress) => shown.run_progressed(progress),
                    WatcherUpdate::Event(_, event) => shown.event_recorded(event),
                }
            });
            sync::run(&options, &journal, &request, &watcher).await
        });
        Self { task, switch, alive_until, origin, extent }
    }

    /// Whether the run has reported progress recently enough.
    pub(super) fn is_alive(&self) -> bool {
        Instant::now() < *self.alive_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the run unless a client requested it: this node is no longer the leader.
    pub(super) fn stop_if_scheduled(&self) {
        if matches!(self.origin, RunOrigin::Schedule(_) | RunOrigin::Daemon) {
            self.switch.stop();
        }
    }

    /// Waits for the end of the run.
    pub(super) async fn ended(&mut self) -> Result<RunReport, JoinError> {
        (&mut self.task).await
    }

    /// Stops the run and waits for its end, for `patience` at most; then aborts it. The journal holds what was being written,
    /// and the kernel releases the lock.
    pub(super) async fn stop(mut self, patience: Duration) {
        self.switch.stop();
        let report = if let Ok(ended) = timeout(patience, &mut self.task).await {
            ended.ok()
        } else {
            tracing::warn!(
                "the run did not stop in time and was aborted; the next run continues from its last recorded change"
            );
            self.task.abort();
            // The error says that the task was aborted.
            let _ = self.task.await;
            None
        };
        self.origin.report_end(report.as_ref());
    }
}

/// The time after `silence`, at most in a year, so that no clock overflows.
fn later(silence: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + silence.min(YEAR)
}

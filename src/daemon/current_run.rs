//! The run under way: a task of its own, so that the loop stays responsive, and one that ends badly ends alone.

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

/// A healthy run shows how far it is at least this often, the waits it announces not counted: one call is tried 5 times,
/// and each attempt may wait 10 s for a connection and 120 s for a piece of the answer.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);

/// Who waits for the end of a run.
#[derive(Debug)]
pub(super) enum RunOrigin {
    /// The schedule, which makes no other tick before.
    Schedule(oneshot::Sender<()>),
    /// The daemon itself, for an approval or because a pause was forgotten; no caller waits for its end.
    Daemon,
    /// Somebody at the control socket.
    Socket(oneshot::Sender<Result<RunReport, String>>),
}

impl RunOrigin {
    /// Tells that the run ended. Whoever has left is not told; that is their affair.
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

/// Whether a run says how it stands with the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunExtent {
    /// It is about everything, and may write.
    Whole,
    /// It is narrowed, or writes nothing.
    Part,
}

/// The run under way.
#[derive(Debug)]
pub(super) struct CurrentRun {
    task: JoinHandle<RunReport>,
    switch: StopSwitch,
    alive_until: Arc<Mutex<Instant>>,
    pub(super) origin: RunOrigin,
    pub(super) extent: RunExtent,
}

impl CurrentRun {
    /// Starts it. `request.stop` is what `switch` switches.
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

    /// Whether the run shows that it goes on.
    pub(super) fn is_alive(&self) -> bool {
        Instant::now() < *self.alive_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the run to stop if it was not requested from outside this daemon: its node does not lead any more.
    pub(super) fn stop_if_scheduled(&self) {
        if matches!(self.origin, RunOrigin::Schedule(_) | RunOrigin::Daemon) {
            self.switch.stop();
        }
    }

    /// Waits for the end.
    pub(super) async fn ended(&mut self) -> Result<RunReport, JoinError> {
        (&mut self.task).await
    }

    /// Tells the run to stop and waits for its end, at most so long; then it is dropped where it stands. The journal knows
    /// what was being written, and the kernel releases the lock.
    pub(super) async fn stop(mut self, patience: Duration) {
        self.switch.stop();
        let report = if let Ok(ended) = timeout(patience, &mut self.task).await {
            ended.ok()
        } else {
            tracing::warn!("the run did not stop in time and is left where it stands; the next one goes on from there");
            self.task.abort();
            // Cancelled, as was asked for.
            let _ = self.task.await;
            None
        };
        self.origin.report_end(report.as_ref());
    }
}

/// A time that no clock reaches counts as a year.
fn later(silence: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + silence.min(YEAR)
}

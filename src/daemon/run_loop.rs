//! The loop of the daemon: makes one run at a time, and reacts to every event in between.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinHandle, spawn_local},
    time::timeout,
};

use crate::{
    domain::{Approver, Digest, OperatorGroupName, Outcome, RunMode, RunReport, Scope, Watcher},
    journal::{Journal, Leadership},
    observability::LogControl,
    scheduler::{ReloadSignal, StopSignals},
    settings::{Settings, Sources},
    sync::{self, RunRequest, Stop, StopSwitch, WaitPolicy},
};

use super::{
    DaemonError, DaemonState, Outstanding,
    control::{LoopRequest, RequestedRun, RunOrder, Server},
    current_run::{CurrentRun, RunOrigin},
    leadership::{LeaderChange, LeaderElection},
    restore_status::outstanding_now,
    schedule_task::{DueTick, ScheduleTask, ScheduleTaskEvent},
    service_manager::ServiceManager,
};

/// How long a stopped run may take to finish the change in progress. With the steps after it, the daemon ends within 10
/// s.
const RUN_STOP_TIMEOUT: Duration = Duration::from_secs(7);

/// How long clients of the control socket, and half as long clients of HTTP, may take to receive their responses.
const PEER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the loop may read the journal: everything else waits for it, and a database may be unreachable.
pub(super) const JOURNAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The approver in the request of a scheduled run, which approves nothing.
const SCHEDULE: &str = "the schedule";

/// The signals that wake the loop.
pub(super) struct Signals {
    pub(super) stop: StopSignals,
    pub(super) reload: ReloadSignal,
}

/// The daemon, with everything that it has opened.
pub(super) struct Daemon {
    pub(super) sources: Sources,
    /// Follows `log.level`; `None` where an argument gave the level.
    pub(super) log: Option<LogControl>,
    pub(super) settings: watch::Sender<Arc<Settings>>,
    pub(super) journal: Journal,
    pub(super) state: DaemonState,
    pub(super) manager: ServiceManager,
    /// The schedule; `None` while this node is not the leader.
    pub(super) schedule_task: Option<ScheduleTask>,
    /// `None` where the state is a file.
    pub(super) election: Option<LeaderElection>,
    /// `Some` while this node is the leader.
    pub(super) leadership: Option<Leadership>,
    pub(super) requests: mpsc::Receiver<LoopRequest>,
    pub(super) server: Server,
    pub(super) http: Option<JoinHandle<()>>,
    /// Stops the servers when the daemon ends.
    pub(super) closing: StopSwitch,
    /// Wakes the tasks that deliver notifications.
    pub(super) notifier: watch::Sender<()>,
    pub(super) current: Option<CurrentRun>,
    /// Digests that were approved during the current run.
    pub(super) approved_meanwhile: Vec<Digest>,
}

impl Daemon {
    /// Runs until a signal stops it.
    pub(super) async fn serve(mut self, mut signals: Signals) -> Result<(), DaemonError> {
        let mut changes = self.state.changes();
        ServiceManager::ready();
        let why = loop {
            self.show();
            tokio::select! {
                biased;
                () = signals.stop.come() => break ExitReason::Stopped,
                () = signals.reload.come() => self.reload().await,
                ended = ended(&mut self.current) => self.run_ended(ended).await,
                change = next_leader_change(&mut self.election) => match change {
                    Some(change) => self.apply_leader_change(change),
                    None => break ExitReason::Leadership,
                },
                Some(ordered) = self.requests.recv() => match ordered {
                    LoopRequest::Run(run) => self.run_for_peer(run),
                    LoopRequest::AtOnce(wanted, reply) => {
                        // Fails if the client no longer waits.
                        let _ = reply.send(self.run_at_once(wanted).await);
                    }
                },
                event = next_schedule_event(&mut self.schedule_task), if self.current.is_none() => match event {
                    Some(ScheduleTaskEvent::Due(tick)) => self.scheduled_run(tick),
                    Some(ScheduleTaskEvent::ClockSetBack) => self.clock_was_set_back().await,
                    None => break ExitReason::Schedule,
                },
                Ok(()) = changes.changed() => {}
                () = self.manager.ping_is_due() => {}
            }
        };
        self.end(why).await
    }

    /// Sends the status to systemd, and the watchdog ping; the ping only while the current run makes progress, if there
    /// is one.
    pub(super) fn show(&mut self) {
        let facts = self.state.facts();
        let words = facts.status.described();
        self.manager.show(&match facts.progress.as_str() {
            "" => words,
            progress if words.ends_with(progress) => words,
            progress => format!("{words}; {progress}"),
        });
        if self.current.as_ref().is_none_or(CurrentRun::is_alive) {
            self.manager.ping();
        } else {
            self.manager.skip_ping();
        }
    }

    fn scheduled_run(&mut self, due: DueTick) {
        if self.settings.borrow().schedule.schedule.is_off() {
            // Switched off while the tick waited for the end of a run.
            return;
        }
        tracing::info!(due = %due.tick.due, "a run is due");
        self.begin_whole_run(WaitPolicy::Scheduled, RunOrigin::Schedule(due.done));
    }

    /// Begins a run over everything.
    pub(super) fn begin_whole_run(&mut self, wait_policy: WaitPolicy, origin: RunOrigin) {
        let order = RunOrder {
            mode: RunMode::Apply,
            instances: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            approve: Vec::new(),
            approver: SCHEDULE.to_owned(),
            wait_policy,
        };
        let options = self.settings.borrow().sync_options();
        let request = |stop| request(&order, SCHEDULE.into(), stop);
        self.start(options, order.is_whole(), request, origin);
    }

    /// Corrects the times that were computed from a clock that was ahead.
    async fn clock_was_set_back(&mut self) {
        let outstanding = self.outstanding().await;
        self.state.clock_was_set_back(Utc::now(), outstanding);
        self.show_next_run();
    }

    /// Makes a requested run. During another run it fails as a run of any other process does, because the lock is held.
    fn run_for_peer(&mut self, RequestedRun { order, approver, reply }: RequestedRun) {
        let mut settings = Settings::clone(&self.settings.borrow());
        let wrong = order.approve.iter().find(|digest| Digest::parse(digest).is_none());
        let wrong = wrong.map(|digest| format!("\"{digest}\" is not a digest: a digest has 16 hexadecimal digits"));
        if let Some(message) = wrong.or_else(|| settings.keep_instances(&order.instances).err()) {
            // Fails if the client no longer waits.
            let _ = reply.send(Err(message));
            return;
        }
        let request = |stop| request(&order, approver, stop);
        if self.current.is_none() {
            self.start(settings.sync_options(), order.is_whole(), request, RunOrigin::Socket(reply));
            return;
        }
        // Stopped from the beginning: if the current run ends in this moment, this one still makes no changes, because
        // the loop does not know of it.
        let (switch, stop) = StopSwitch::new();
        switch.stop();
        let (options, request, journal) = (settings.sync_options(), request(stop), self.journal.clone());
        spawn_local(async move {
            let report = sync::run(&options, &journal, &request, &Watcher::none()).await;
            let _ = reply.send(Ok(report));
        });
    }

    fn start(
        &mut self,
        options: sync::SyncOptions,
        is_whole: bool,
        request: impl FnOnce(Stop) -> RunRequest,
        origin: RunOrigin,
    ) {
        let (switch, stop) = StopSwitch::new();
        let request = request(stop);
        let journal = self.journal_for(&origin);
        let run = CurrentRun::start((options, request), switch, (&journal, &self.state), (origin, is_whole));
        self.current = Some(run);
        self.show_next_run();
    }

    async fn run_ended(&mut self, ended: Result<RunReport, JoinError>) {
        let Some(CurrentRun { origin, is_whole, .. }) = self.current.take() else { return };
        match ended {
            Ok(report) => {
                let (report, waiting) = (Arc::new(report), self.outstanding().await);
                let ended = Arc::clone(&report);
                // A run of another process held the lock: this run found out nothing.
                if !is_whole || report.outcome == Outcome::Locked {
                    self.state.partial_run_ended(ended, waiting);
                } else if self.schedule_task.is_some() {
                    self.state.run_ended(ended, waiting);
                } else {
                    self.state.run_on_follower_ended(ended, waiting);
                }
                // A client that has the report may ask for the state next.
                origin.report_end(Some(&report));
            }
            Err(error) => {
                tracing::error!(%error, "the task of a run panicked or was aborted");
                self.state.run_crashed("the last run ended because of a defect of this program; the log says where");
                origin.report_end(None);
            }
        }
        self.notifier.send_replace(());
        self.follow_up_approvals().await;
        self.show_next_run();
    }

    /// The pause and the held plans. If the journal cannot be read, the run has failed as well: the held plans stay as
    /// they were.
    async fn outstanding(&self) -> Outstanding {
        let settings = Arc::clone(&self.settings.borrow());
        match timeout(JOURNAL_TIMEOUT, outstanding_now(&self.journal, &settings)).await {
            Ok(Ok(outstanding)) => outstanding,
            Ok(Err(_)) | Err(_) => Outstanding { throttled_until: None, holds: self.state.facts().status.holds },
        }
    }

    /// Shows the next scheduled time, on a follower as well: a run is expected then, and alerts depend on it.
    pub(super) fn show_next_run(&self) {
        let next = self.settings.borrow().schedule.schedule.next_after(Utc::now());
        self.state.update(|facts| facts.status.next_run = next);
    }

    async fn end(mut self, why: ExitReason) -> Result<(), DaemonError> {
        ServiceManager::stopping();
        tracing::info!("the daemon ends");
        // Stops a run that is still under way.
        if let Some(run) = self.current.take() {
            run.stop(RUN_STOP_TIMEOUT).await;
        }
        drop(self.election.take());
        if let Some(leadership) = self.leadership.take() {
            // Another node may take over at once. If the server does not answer, the lock ends with the process.
            let _ = timeout(PEER_TIMEOUT / 2, leadership.resign()).await;
        }
        self.closing.stop();
        self.requests.close();
        self.server.finish(PEER_TIMEOUT).await;
        if let Some(http) = self.http.take() {
            // Responses that are not sent by then end with the process.
            let _ = timeout(PEER_TIMEOUT / 2, http).await;
        }
        let schedule = match self.schedule_task.take() {
            Some(schedule_task) => schedule_task.stop().await,
            None => Ok(()),
        };
        // Connections that are still in use are closed with the process.
        let _ = timeout(PEER_TIMEOUT / 2, self.journal.close()).await;
        match why {
            ExitReason::Stopped => Ok(()),
            ExitReason::Leadership => Err(DaemonError::Leadership),
            ExitReason::Schedule => Err(DaemonError::Schedule(schedule.err())),
        }
    }
}

/// Why the daemon ends.
#[derive(Clone, Copy, Debug)]
enum ExitReason {
    /// A signal stopped it.
    Stopped,
    /// The schedule ended by itself.
    Schedule,
    /// The election task ended by itself.
    Leadership,
}

/// Waits for the next change of the role; without end where the state is a file.
async fn next_leader_change(election: &mut Option<LeaderElection>) -> Option<LeaderChange> {
    match election {
        Some(election) => election.next_change().await,
        None => std::future::pending().await,
    }
}

/// Waits for the next event of the schedule; without end while this node is not the leader.
async fn next_schedule_event(schedule_task: &mut Option<ScheduleTask>) -> Option<ScheduleTaskEvent> {
    match schedule_task {
        Some(schedule_task) => schedule_task.next_event().await,
        None => std::future::pending().await,
    }
}

/// Waits for the end of the current run; without end when there is none.
async fn ended(current: &mut Option<CurrentRun>) -> Result<RunReport, JoinError> {
    match current {
        Some(run) => run.ended().await,
        None => std::future::pending().await,
    }
}

fn request(order: &RunOrder, approver: Approver, stop: Stop) -> RunRequest {
    RunRequest {
        mode: order.mode,
        scope: Scope { users: order.users.clone(), groups: order.groups.iter().map(OperatorGroupName::new).collect() },
        approve: order.approve.iter().filter_map(|digest| Digest::parse(digest)).collect(),
        approver,
        wait_policy: order.wait_policy,
        stop,
    }
}

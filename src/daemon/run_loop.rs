//! The loop of the daemon: one run at a time, and an answer to whatever happens meanwhile.

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
    settings::{self, MissingModeError, Settings, SettingsError, Sources},
    sync::{self, Patience, Request, Stop, StopSwitch},
};

use super::{
    Board, DaemonError, Outstanding,
    control::{Ordered, OrderedRun, RunOrder, Server, Throttle},
    current_run::{Asker, CurrentRun, Reach},
    expectations::{changes_that_need_a_restart, log_what_runs_see},
    leadership::{Competition, News},
    recall::outstanding_now,
    service_manager::ServiceManager,
    timetable::{DueTick, Ring, Timetable},
};

/// How long a run that was told to stop may take to finish what it has in hand. With what follows the daemon is gone within
/// 10 s.
const RUN_PATIENCE: Duration = Duration::from_secs(7);

/// How long the peers of the control socket, and half as long those of HTTP, may take to get their answers.
const PEER_PATIENCE: Duration = Duration::from_secs(1);

/// How long the loop looks into the journal: everything else has to wait for it, and a database may be out of reach.
pub(super) const JOURNAL_PATIENCE: Duration = Duration::from_secs(1);

/// Who a scheduled run says has approved; it approves nothing.
const SCHEDULE: &str = "the schedule";

/// What wakes the loop.
pub(super) struct Signals {
    pub(super) stop: StopSignals,
    pub(super) reload: ReloadSignal,
}

/// The daemon, with everything that is open.
pub(super) struct Daemon {
    pub(super) sources: Sources,
    /// Follows `log.level`; `None` where an argument gave the level.
    pub(super) log: Option<LogControl>,
    pub(super) settings: watch::Sender<Arc<Settings>>,
    pub(super) journal: Journal,
    pub(super) board: Board,
    pub(super) manager: ServiceManager,
    /// The schedule; `None` while another node keeps it.
    pub(super) timetable: Option<Timetable>,
    /// `None` where the state is a file.
    pub(super) competition: Option<Competition>,
    /// Held while this node leads.
    pub(super) leadership: Option<Leadership>,
    pub(super) orders: mpsc::Receiver<Ordered>,
    pub(super) server: Server,
    pub(super) http: Option<JoinHandle<()>>,
    /// Tells those who serve that the daemon ends.
    pub(super) closing: StopSwitch,
    /// Wakes those who deliver notifications.
    pub(super) notifier: watch::Sender<()>,
    pub(super) current: Option<CurrentRun>,
    /// Digests that were approved while the current run was under way.
    pub(super) approved_meanwhile: Vec<Digest>,
}

impl Daemon {
    /// Goes on until it is told to stop.
    pub(super) async fn serve(mut self, mut signals: Signals) -> Result<(), DaemonError> {
        let mut changes = self.board.changes();
        ServiceManager::ready();
        let why = loop {
            self.show();
            tokio::select! {
                biased;
                () = signals.stop.come() => break End::Asked,
                () = signals.reload.come() => self.reload().await,
                ended = ended(&mut self.current) => self.run_ended(ended).await,
                news = news(&mut self.competition) => match news {
                    Some(news) => self.take_place(news),
                    None => break End::Leadership,
                },
                Some(ordered) = self.orders.recv() => match ordered {
                    Ordered::Run(run) => self.order(run),
                    Ordered::AtOnce(wanted, reply) => {
                        // A peer that has left needs no answer.
                        let _ = reply.send(self.run_at_once(wanted).await);
                    }
                },
                ring = ring(&mut self.timetable), if self.current.is_none() => match ring {
                    Some(Ring::Due(tick)) => self.scheduled_run(tick),
                    Some(Ring::ClockSetBack) => self.clock_was_set_back().await,
                    None => break End::Schedule,
                },
                Ok(()) = changes.changed() => {}
                () = self.manager.ping_is_due() => {}
            }
        };
        self.end(why).await
    }

    /// Tells systemd what the board says, and that the daemon goes on; the latter only while a run does, if there is one.
    fn show(&mut self) {
        let facts = self.board.facts();
        let words = facts.status.described();
        self.manager.show(&match facts.progress.as_str() {
            "" => words,
            progress if words.ends_with(progress) => words,
            progress => format!("{words}; {progress}"),
        });
        if self.current.as_ref().is_none_or(CurrentRun::is_alive) {
            self.manager.ping();
        } else {
            self.manager.keep_silent();
        }
    }

    fn scheduled_run(&mut self, due: DueTick) {
        tracing::info!(due = %due.tick.due, "a run is due");
        self.begin_whole_run(Patience::Scheduled, Asker::Schedule(due.done));
    }

    /// Begins a run over everything.
    pub(super) fn begin_whole_run(&mut self, patience: Patience, asker: Asker) {
        let order = RunOrder {
            mode: RunMode::Apply,
            instances: Vec::new(),
            people: Vec::new(),
            groups: Vec::new(),
            approve: Vec::new(),
            approver: SCHEDULE.to_owned(),
            throttle: Throttle::Leave,
        };
        let options = self.settings.borrow().sync_options();
        let request = |stop| request(&order, SCHEDULE.into(), patience, stop);
        self.start(options, reach_of(&order), request, asker);
    }

    /// Shows what was computed from a clock that was ahead as the corrected clock has it.
    async fn clock_was_set_back(&mut self) {
        let outstanding = self.outstanding().await;
        self.board.clock_was_set_back(Utc::now(), outstanding);
        self.show_next_run();
    }

    /// A run that somebody asked for. Beside another run it fails as any other program would that finds the lock held.
    fn order(&mut self, OrderedRun { order, approver, reply }: OrderedRun) {
        let mut settings = Settings::clone(&self.settings.borrow());
        let wrong = order.approve.iter().find(|digest| Digest::parse(digest).is_none());
        let wrong = wrong.map(|digest| format!("\"{digest}\" is no digest: 16 hexadecimal digits"));
        if let Some(message) = wrong.or_else(|| settings.keep_instances(&order.instances).err()) {
            // Whoever has left needs no answer.
            let _ = reply.send(Err(message));
            return;
        }
        let patience = match order.throttle {
            Throttle::Leave => Patience::Bounded,
            Throttle::WaitOut => Patience::Unbounded,
        };
        let request = |stop| request(&order, approver, patience, stop);
        if self.current.is_none() {
            self.start(settings.sync_options(), reach_of(&order), request, Asker::Socket(reply));
            return;
        }
        // Told to stop from the beginning: should the other run end in this moment, nothing is begun behind the loop's back.
        let (switch, stop) = StopSwitch::new();
        switch.stop();
        let (options, request, journal) = (settings.sync_options(), request(stop), self.journal.clone());
        spawn_local(async move {
            let report = sync::run(&options, &journal, &request, &Watcher::none()).await;
            let _ = reply.send(Ok(report));
        });
    }

    fn start(&mut self, options: sync::Options, reach: Reach, request: impl FnOnce(Stop) -> Request, asker: Asker) {
        let (switch, stop) = StopSwitch::new();
        let request = request(stop);
        let journal = self.journal_for(&asker);
        let run = CurrentRun::start((options, request), switch, (&journal, &self.board), (asker, reach));
        self.current = Some(run);
        self.show_next_run();
    }

    async fn run_ended(&mut self, ended: Result<RunReport, JoinError>) {
        let Some(CurrentRun { asker, reach, .. }) = self.current.take() else { return };
        match ended {
            Ok(report) => {
                asker.tell(Some(&report));
                let waiting = self.outstanding().await;
                match reach {
                    // Beside a run that somebody made without asking the daemon nothing was found out.
                    Reach::Whole if report.outcome == Outcome::Locked => self.board.partial_run_ended(report, waiting),
                    Reach::Whole if self.timetable.is_some() => self.board.run_ended(report, waiting),
                    Reach::Whole => self.board.run_beside_the_leader_ended(report, waiting),
                    Reach::Part => self.board.partial_run_ended(report, waiting),
                }
            }
            Err(error) => {
                tracing::error!(%error, "a run did not end by itself");
                asker.tell(None);
                self.board.run_broke("the last run broke off by a fault of this program; the log says where");
            }
        }
        self.notifier.send_replace(());
        self.follow_up_approvals().await;
        self.show_next_run();
    }

    /// What is waited for. A journal that cannot be read has failed the run already: what was held still is.
    async fn outstanding(&self) -> Outstanding {
        let settings = Arc::clone(&self.settings.borrow());
        match timeout(JOURNAL_PATIENCE, outstanding_now(&self.journal, &settings)).await {
            Ok(Ok(outstanding)) => outstanding,
            Ok(Err(_)) | Err(_) => Outstanding { throttled_until: None, holds: self.board.facts().status.holds },
        }
    }

    /// By the schedule, on whichever node: also one that does not lead expects a run then, and alerts go by it.
    pub(super) fn show_next_run(&self) {
        let next = self.settings.borrow().schedule.schedule.next_after(Utc::now());
        self.board.update(|facts| facts.status.next_run = next);
    }

    /// Reads the configuration again. One that is wrong changes nothing, and everybody is told.
    async fn reload(&mut self) {
        ServiceManager::reloading();
        match settings::load(&self.sources) {
            Ok(settings) => match timeout(JOURNAL_PATIENCE, settings.require_explicit_modes(&self.journal)).await {
                Ok(Err(MissingModeError::Refused(error))) => self.refuse(&error),
                // Whether the state can be read is said by the next run.
                _ => self.take(settings),
            },
            Err(error) => self.refuse(&error),
        }
        self.show();
        ServiceManager::ready();
    }

    /// Keeps the configuration that is in force.
    fn refuse(&mut self, error: &SettingsError) {
        for problem in &error.problems {
            tracing::error!("reload failed, the previous configuration stays active: {}", problem.on_one_line());
        }
        let others = match error.problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let first = error.problems.first().map(|problem| format!("{}: {}", problem.subject, problem.what));
        let problem = first.unwrap_or_default() + &others;
        self.board.update(|facts| facts.reload_problem = Some(problem));
    }

    fn take(&mut self, mut settings: Settings) {
        settings.clients = self.settings.borrow().clients.clone();
        if let Some(log) = &self.log {
            log.set_level(settings.log.level);
        }
        for warning in &settings.warnings {
            tracing::warn!("{warning}");
        }
        for key in changes_that_need_a_restart(&self.settings.borrow(), &settings) {
            tracing::warn!("{key} was changed: the new value counts after a restart");
        }
        log_what_runs_see(&settings);
        let is_rescheduled = self.settings.borrow().schedule != settings.schedule;
        if is_rescheduled && self.timetable.is_some() {
            self.stop_timetable();
            self.timetable = Some(Timetable::start(&settings.schedule, Utc::now()));
        }
        self.board.update(|facts| {
            facts.reload_problem = None;
            facts.take_settings(&settings);
        });
        self.settings.send_replace(Arc::new(settings));
        self.show_next_run();
        tracing::info!("the configuration was loaded anew");
    }

    async fn end(mut self, why: End) -> Result<(), DaemonError> {
        ServiceManager::stopping();
        tracing::info!("the daemon ends");
        // A run may come to its end in the moment in which the stop comes: it is told to stop all the same.
        if let Some(run) = self.current.take() {
            run.stop(RUN_PATIENCE).await;
        }
        drop(self.competition.take());
        if let Some(leadership) = self.leadership.take() {
            // Another node may go on at once. Should the server not answer, the lock goes with the process.
            let _ = timeout(PEER_PATIENCE / 2, leadership.resign()).await;
        }
        self.closing.stop();
        self.orders.close();
        self.server.finish(PEER_PATIENCE).await;
        if let Some(http) = self.http.take() {
            // What is still being answered then ends with the process.
            let _ = timeout(PEER_PATIENCE / 2, http).await;
        }
        let schedule = match self.timetable.take() {
            Some(timetable) => timetable.stop().await,
            None => Ok(()),
        };
        // Connections that somebody still holds are closed with the process.
        let _ = timeout(PEER_PATIENCE / 2, self.journal.close()).await;
        match why {
            End::Asked => Ok(()),
            End::Leadership => Err(DaemonError::Leadership),
            End::Schedule => Err(DaemonError::Schedule(schedule.err())),
        }
    }
}

/// Why the daemon ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It was told to.
    Asked,
    /// The schedule ended by itself.
    Schedule,
    /// The competition for the leadership did.
    Leadership,
}

/// Waits for news of who leads; for ever where the state is a file.
async fn news(competition: &mut Option<Competition>) -> Option<News> {
    match competition {
        Some(competition) => competition.news().await,
        None => std::future::pending().await,
    }
}

/// Waits for what the schedule says next; for ever while another node keeps it.
async fn ring(timetable: &mut Option<Timetable>) -> Option<Ring> {
    match timetable {
        Some(timetable) => timetable.ring().await,
        None => std::future::pending().await,
    }
}

/// Waits for the end of the run under way; for ever when there is none.
async fn ended(current: &mut Option<CurrentRun>) -> Result<RunReport, JoinError> {
    match current {
        Some(run) => run.ended().await,
        None => std::future::pending().await,
    }
}

fn reach_of(order: &RunOrder) -> Reach {
    if order.is_whole() { Reach::Whole } else { Reach::Part }
}

fn request(order: &RunOrder, approver: Approver, patience: Patience, stop: Stop) -> Request {
    Request {
        mode: order.mode,
        scope: Scope { users: order.people.clone(), groups: order.groups.iter().map(OperatorGroupName::new).collect() },
        approve: order.approve.iter().filter_map(|digest| Digest::parse(digest)).collect(),
        approver,
        patience,
        stop,
    }
}

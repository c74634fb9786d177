//! The daemon: runs on the schedule until told to stop, and says how it fares.
//!
//! | file | what lives there |
//! |---|---|
//! | `run_loop` | one run at a time, and an answer to whatever happens meanwhile |
//! | `current_run` | the run under way |
//! | `schedule_task` | the schedule as something that only rings |
//! | `leadership` | where several nodes share the state: who leads |
//! | `leader_change` | what the loop does when that changes |
//! | `state` | what is known of the daemon at this moment: written by the loop, read by everybody else |
//! | `status` | that as a document with fixed names |
//! | `restore_status` | what the journal remembers of the time before the start, or before this node led |
//! | `approval` | what became of somebody's word on a held plan |
//! | `next_run` | the run that begins at once for an approval or a forgotten pause, and why it does not |
//! | `unpause` | what became of a request to forget a pause |
//! | `notifier` | what administrators are told: delivered by tasks of their own |
//! | `reload` | loads the configuration again |
//! | `control` | how the command line reaches the daemon |
//! | `http` | health, metrics and a page to look at |
//! | `explain_worker` | the answers to those who ask on the page |
//! | `service_manager` | what systemd is told |

mod approval;
mod approver_fields;
mod connection_limit;
pub mod control;
mod current_run;
mod error;
mod explain_worker;
mod http;
mod leader_change;
mod leadership;
mod next_run;
mod notifier;
mod reload;
mod restore_status;
mod run_loop;
mod schedule_task;
mod service_manager;
mod state;
mod status;
mod unpause;

use std::sync::Arc;

use chrono::Utc;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_local},
};

use crate::{
    journal::{Journal, LockAttempt, RunLock},
    observability::LogControl,
    scheduler::{ReloadSignal, StopSignals},
    settings::{Settings, Sources},
    sync::{Stop, StopSwitch},
};

pub use approval::{ApprovalAnswer, ApprovalOutcome, ReleasedChange, ReleasedInstance, approve};
pub use approver_fields::ApproverFields;
pub use error::DaemonError;
pub use http::{ExplainRequest, HttpState, serve};
pub use next_run::{NextRun, NextRunBegins};
pub use restore_status::status_without_daemon;
pub use state::{DaemonFacts, DaemonState, NodeRole, Outstanding};
pub use status::{LastRun, ServiceState, Status};
pub use unpause::{UnpauseAnswer, UnpauseOutcome, unpause};

use control::{ControlContext, Server};
use explain_worker::answer_requests;
use leadership::{LeaderElection, host_name, node_name};
use notifier::Notifier;
use restore_status::restore_status;
use run_loop::{Daemon, Signals};
use schedule_task::{ScheduleTask, log_runs_between_reads};
use service_manager::ServiceManager;
use state::{is_clean, ready_within};

/// Runs that were ordered and not begun: more than one waits only for a moment.
const REQUEST_QUEUE: usize = 8;

/// Questions that wait for those before them; whoever asks more gets no answer in time.
const EXPLAIN_QUEUE: usize = 4;

/// The daemon, from its start until it is told to stop. Runs in a [`tokio::task::LocalSet`]; `sources` are read again when it
/// is told to reload, and then `log` follows `log.level`; `None` where the level is not the configuration's to say.
pub async fn run(settings: Settings, sources: Sources, log: Option<LogControl>) -> Result<(), DaemonError> {
    let stop = StopSignals::listen().map_err(DaemonError::Signals)?;
    let reload = ReloadSignal::listen().map_err(DaemonError::Signals)?;
    let mut signals = Signals { stop, reload };
    let started = tokio::select! {
        biased;
        // A database that does not answer keeps nobody from stopping the daemon.
        () = signals.stop.come() => return Ok(()),
        started = start(settings, sources, log) => started,
    };
    let (daemon, _lock) = started?;
    daemon.serve(signals).await
}

/// Opens everything, in the order in which a failure leaves the least behind. The lock is held until the daemon has ended.
///
/// A database that several nodes share may not answer yet: the daemon starts all the same, says so, and goes on trying.
async fn start(
    settings: Settings,
    sources: Sources,
    log: Option<LogControl>,
) -> Result<(Daemon, Option<RunLock>), DaemonError> {
    let journal = match Journal::connect_lazily(&settings.journal_options())? {
        Some(journal) => journal,
        None => Journal::open(&settings.journal_options()).await?,
    };
    let lock = match journal.lock_daemon().await? {
        Some(LockAttempt::Held(holder)) => return Err(DaemonError::Held { holder }),
        Some(LockAttempt::Acquired(lock)) => Some(lock),
        None => None,
    };
    let socket = control::listen(&settings.control.socket)?;
    let listener = listen_for_http(&settings).await?;
    let daemon_state = DaemonState::new(ready_within(&settings), host_name());
    daemon_state.update(|facts| facts.use_settings(&settings));
    log_start(&settings);
    let candidate = journal.candidate(&node_name());
    let schedule_task = match &candidate {
        Some(_) => None,
        None => Some(alone(&daemon_state, &journal, &settings).await?),
    };
    let (settings, newest) = watch::channel(Arc::new(settings));
    let election = candidate.map(|candidate| {
        daemon_state.leader_unknown(
            ServiceState::Starting,
            "nothing is known yet of the nodes that share the state".to_owned(),
        );
        LeaderElection::start(candidate, journal.clone(), newest.clone())
    });
    let (order, requests) = mpsc::channel(REQUEST_QUEUE);
    let (closing, stop) = StopSwitch::new();
    if election.is_some() {
        spawn_local(unpause::watch_for_unpause(daemon_state.clone(), journal.clone(), newest.clone(), order.clone()));
    }
    let notifier = Notifier {
        daemon_state: daemon_state.clone(),
        journal: journal.clone(),
        settings: newest.clone(),
        stop: stop.clone(),
    };
    let (explain_requests, asked) = mpsc::channel(EXPLAIN_QUEUE);
    spawn_local(answer_requests(asked, journal.clone(), newest.clone()));
    let state = HttpState {
        daemon_state: daemon_state.clone(),
        journal: journal.clone(),
        explain_requests: explain_requests.clone(),
    };
    let http = listener.map(|listener| serve_http(listener, state, stop.clone()));
    let context = ControlContext {
        daemon_state: daemon_state.clone(),
        journal: journal.clone(),
        settings: newest,
        requests: order,
        explain_requests,
        stop,
    };
    let server = Server::start(socket, context);
    let manager = ServiceManager::of_process();
    let daemon = Daemon {
        sources,
        log,
        settings,
        journal,
        state: daemon_state,
        manager,
        schedule_task,
        election,
        leadership: None,
        requests,
        server,
        http,
        closing,
        notifier: notifier.start(),
        current: None,
        approved_meanwhile: Vec::new(),
    };
    if daemon.schedule_task.is_none() {
        daemon.show_next_run();
    }
    Ok((daemon, lock))
}

/// Shows what the journal remembers, and keeps the schedule: nobody else can where the state is a file.
async fn alone(
    daemon_state: &DaemonState,
    journal: &Journal,
    settings: &Settings,
) -> Result<ScheduleTask, DaemonError> {
    settings.require_explicit_modes(journal).await?;
    let restored = restore_status(journal, settings).await?;
    let now = Utc::now();
    let since = restored.since(now);
    let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
    daemon_state.restore(&restored.status, next_run, None);
    Ok(ScheduleTask::start(&settings.schedule, since))
}

fn log_start(settings: &Settings) {
    let (schedule, socket) = (&settings.schedule.schedule, settings.control.socket.display());
    tracing::info!(%schedule, control.socket = %socket, "the daemon starts; its schedule is {schedule}");
    log_runs_between_reads(settings);
}

async fn listen_for_http(settings: &Settings) -> Result<Option<TcpListener>, DaemonError> {
    let Some(address) = settings.http.listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|source| DaemonError::Http { address, source })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(http.listen = %address, "health, metrics and the status page are at http://{address}/");
    }
    Ok(Some(listener))
}

/// Health, metrics and the status page, until `stop`. Should it end before, the daemon goes on without: it keeps groups in line,
/// and a supervisor that asks for its health gets no answer.
fn serve_http(listener: TcpListener, state: HttpState, stop: Stop) -> JoinHandle<()> {
    spawn_local(async move {
        if let Err(error) = serve(listener, state, async move { stop.requested().await }).await {
            tracing::error!(%error, "health, metrics and the status page are no longer served");
        }
    })
}

//! The daemon: makes runs on the schedule until it is stopped, and shows its state.
//!
//! | file | what lives there |
//! |---|---|
//! | `run_loop` | the loop: one run at a time, and the reaction to every event in between |
//! | `current_run` | the current run |
//! | `schedule_task` | the schedule as a task that reports due runs to the loop |
//! | `leadership` | the election of the leader among nodes that share the state |
//! | `leader_change` | what the loop does when the role of this node changes |
//! | `state` | the current state: written by the loop, read by all others |
//! | `status` | the state as a document with fixed names |
//! | `restore_status` | the status from the journal: at the start, and when this node becomes the leader |
//! | `approval` | the result of an approval |
//! | `access_review` | shows and records access reviews |
//! | `approver_fields` | the approver or requester in the output of commands |
//! | `next_run` | the run that begins at once after an approval or a forgotten pause, or why it waits |
//! | `unpause` | the result of a request to forget a pause |
//! | `notifier` | the tasks that deliver notifications |
//! | `reload` | loads the configuration again |
//! | `control` | the control socket, which connects the command line with the daemon |
//! | `http` | health, metrics and the status page |
//! | `explain_worker` | explains memberships of a user |
//! | `connection_limit` | the limit of open connections |
//! | `service_manager` | messages to systemd |

mod access_review;
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
    sync::{Mutex, mpsc, watch},
    task::{JoinHandle, spawn_local},
};

use crate::{
    journal::{Journal, LockAttempt, RunLock},
    observability::LogControl,
    scheduler::{ReloadSignal, StopSignals},
    settings::{Settings, Sources},
    sync::{Stop, StopSwitch},
};

pub use access_review::{ReviewError, ReviewQuery, ReviewScope, record_review, review};
pub use approval::{ApprovalAnswer, ApprovalOutcome, ReleasedChange, ReleasedInstance, approve};
pub use approver_fields::ApproverFields;
pub use error::DaemonError;
#[cfg_attr(fuzzing, allow(unused_imports, reason = "cli, which uses it, is not built for fuzzing"))]
pub(crate) use http::PageText;
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

/// Requests to the loop that may wait: more than one waits only for a moment.
const REQUEST_QUEUE: usize = 8;

/// Explain requests that may wait; further ones would not be answered in time.
const EXPLAIN_QUEUE: usize = 4;

/// Runs the daemon from its start until it is stopped, in a [`tokio::task::LocalSet`]. A reload reads `sources` again,
/// and sets the level of `log` to `log.level`; `log` is `None` where an argument gave the level.
pub async fn run(settings: Settings, sources: Sources, log: Option<LogControl>) -> Result<(), DaemonError> {
    let stop = StopSignals::listen().map_err(DaemonError::Signals)?;
    let reload = ReloadSignal::listen().map_err(DaemonError::Signals)?;
    let mut signals = Signals { stop, reload };
    let started = tokio::select! {
        biased;
        // A database that does not answer must not keep the daemon from stopping.
        () = signals.stop.come() => return Ok(()),
        started = start(settings, sources, log) => started,
    };
    let (daemon, _lock) = started?;
    daemon.serve(signals).await
}

/// Opens everything, in the order in which a failure leaves the least to clean up. The lock is held until the daemon
/// has ended.
///
/// If a database that several nodes share does not answer yet, the daemon starts anyway, reports it, and retries.
async fn start(
    settings: Settings,
    sources: Sources,
    log: Option<LogControl>,
) -> Result<(Daemon, Option<RunLock>), DaemonError> {
    let journal = match Journal::connect_lazily(&settings.journal_options())? {
        Some(journal) => journal,
        None => Journal::open(&settings.journal_options()).await?,
    };
    let lock = match journal.lock_daemon(&described(&settings)).await? {
        Some(LockAttempt::Held(holder)) => {
            return Err(DaemonError::StateHeld { place: settings.journal_options().location.place()?, holder });
        }
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
        daemon_state
            .leader_unknown(ServiceState::Starting, "the database that the nodes share was not read yet".to_owned());
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
        reviewing: Mutex::default(),
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

/// Restores the status from the journal and starts the schedule, on the only node: the state is a file.
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

/// The daemon with these settings, as messages name it.
fn described(settings: &Settings) -> String {
    let of_organization = |name| format!("the daemon of organization {name}");
    settings.organization.as_ref().map_or_else(|| "the daemon".to_owned(), of_organization)
}

fn log_start(settings: &Settings) {
    let (schedule, socket) = (&settings.schedule.schedule, settings.control.socket.display());
    let daemon = described(settings);
    tracing::info!(%schedule, control.socket = %socket, "{daemon} starts; its schedule is {schedule}");
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

/// Serves health, metrics and the status page until `stop`. If serving fails before, the daemon continues without it:
/// its runs go on, and the health check of a supervisor fails.
fn serve_http(listener: TcpListener, state: HttpState, stop: Stop) -> JoinHandle<()> {
    spawn_local(async move {
        if let Err(error) = serve(listener, state, async move { stop.requested().await }).await {
            tracing::error!(%error, "health, metrics and the status page are no longer served");
        }
    })
}

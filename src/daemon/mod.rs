//! The daemon: runs on the schedule until told to stop, and says how it fares.
//!
//! | file | what lives there |
//! |---|---|
//! | `run_loop` | one run at a time, and an answer to whatever happens meanwhile |
//! | `current_run` | the run under way |
//! | `timetable` | the schedule as something that only rings |
//! | `leadership` | where several nodes share the state: who leads |
//! | `succession` | what the loop does when that changes |
//! | `board` | what is known of the daemon at this moment: written by the loop, read by everybody else |
//! | `status` | that as a document with fixed names |
//! | `recall` | what the journal remembers of the time before the start, or before this node led |
//! | `approval` | what became of somebody's word on a held plan |
//! | `next_run` | the run that begins at once for an approval or a forgotten pause, and why it does not |
//! | `unpause` | what became of a request to forget a pause |
//! | `notifier` | what administrators are told: delivered by tasks of their own |
//! | `expectations` | what follows from a configuration before anything has run |
//! | `control` | how the command line reaches the daemon |
//! | `http` | health, metrics and a page to look at |
//! | `questions` | the answers to those who ask on the page |
//! | `service_manager` | what systemd is told |

mod approval;
mod approver_fields;
mod board;
pub mod control;
mod current_run;
mod error;
mod expectations;
mod http;
mod leadership;
mod next_run;
mod notifier;
mod questions;
mod recall;
mod run_loop;
mod seats;
mod service_manager;
mod status;
mod succession;
mod timetable;
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
pub use board::{Board, Facts, Outstanding, Standing};
pub use error::DaemonError;
pub use http::{HttpState, Question, serve};
pub use next_run::{NextRun, NextRunBegins};
pub use recall::status_without_daemon;
pub use status::{LastRun, State, Status};
pub use unpause::{UnpauseAnswer, UnpauseOutcome, unpause};

use board::is_clean;
use control::{Desk, Server};
use expectations::{log_what_runs_see, ready_within};
use leadership::{Competition, host_name, node_name};
use notifier::Notifier;
use questions::answer;
use recall::recalled;
use run_loop::{Daemon, Signals};
use service_manager::ServiceManager;
use timetable::Timetable;

/// Runs that were ordered and not begun: more than one waits only for a moment.
const ORDERS: usize = 8;

/// Questions that wait for those before them; whoever asks more gets no answer in time.
const QUESTIONS: usize = 4;

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
    let board = Board::new(ready_within(&settings), host_name());
    board.update(|facts| facts.take_settings(&settings));
    log_start(&settings);
    let candidate = journal.candidate(&node_name());
    let timetable = match &candidate {
        Some(_) => None,
        None => Some(alone(&board, &journal, &settings).await?),
    };
    let (settings, newest) = watch::channel(Arc::new(settings));
    let competition = candidate.map(|candidate| {
        board.lose_sight(State::Starting, "nothing is known yet of the nodes that share the state".to_owned());
        Competition::start(candidate, journal.clone(), newest.clone())
    });
    let (order, orders) = mpsc::channel(ORDERS);
    let (closing, stop) = StopSwitch::new();
    if competition.is_some() {
        spawn_local(unpause::notice(board.clone(), journal.clone(), newest.clone(), order.clone()));
    }
    let notifier =
        Notifier { board: board.clone(), journal: journal.clone(), settings: newest.clone(), stop: stop.clone() };
    let (questions, asked) = mpsc::channel(QUESTIONS);
    spawn_local(answer(asked, journal.clone(), newest.clone()));
    let state = HttpState { board: board.clone(), journal: journal.clone(), questions: questions.clone() };
    let http = listener.map(|listener| serve_http(listener, state, stop.clone()));
    let desk =
        Desk { board: board.clone(), journal: journal.clone(), settings: newest, orders: order, questions, stop };
    let server = Server::start(socket, desk);
    let manager = ServiceManager::of_process();
    let daemon = Daemon {
        sources,
        log,
        settings,
        journal,
        board,
        manager,
        timetable,
        competition,
        leadership: None,
        orders,
        server,
        http,
        closing,
        notifier: notifier.start(),
        current: None,
        approved_meanwhile: Vec::new(),
    };
    if daemon.timetable.is_none() {
        daemon.show_next_run();
    }
    Ok((daemon, lock))
}

/// Shows what the journal remembers, and keeps the schedule: nobody else can where the state is a file.
async fn alone(board: &Board, journal: &Journal, settings: &Settings) -> Result<Timetable, DaemonError> {
    settings.require_explicit_modes(journal).await?;
    let recalled = recalled(journal, settings).await?;
    let now = Utc::now();
    let since = recalled.since(now);
    let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
    board.take_over(&recalled.status, next_run, None);
    Ok(Timetable::start(&settings.schedule, since))
}

fn log_start(settings: &Settings) {
    let (schedule, socket) = (&settings.schedule.schedule, settings.control.socket.display());
    tracing::info!(%schedule, control.socket = %socket, "the daemon starts; its schedule is {schedule}");
    log_what_runs_see(settings);
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
        if let Err(error) = serve(listener, state, async move { stop.asked().await }).await {
            tracing::error!(%error, "health, metrics and the status page are no longer served");
        }
    })
}

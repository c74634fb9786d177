//! The daemon: runs on the schedule until told to stop, and says how it fares.
//!
//! | file | what lives there |
//! |---|---|
//! | `run_loop` | one run at a time, and an answer to whatever happens meanwhile |
//! | `current_run` | the run under way |
//! | `timetable` | the schedule as something that only rings |
//! | `board` | what is known of the daemon at this moment: written by the loop, read by everybody else |
//! | `status` | that as a document with fixed names |
//! | `recall` | what the journal remembers of the time before the start |
//! | `approval` | what became of somebody's word on a held plan |
//! | `expectations` | what follows from a configuration before anything has run |
//! | `control` | how the command line reaches the daemon |
//! | `http` | health, metrics and a page to look at |
//! | `questions` | the answers to those who ask on the page |
//! | `service_manager` | what systemd is told |

mod approval;
mod board;
pub mod control;
mod current_run;
mod error;
mod expectations;
mod http;
mod questions;
mod recall;
mod run_loop;
mod service_manager;
mod status;
mod timetable;

use std::{fs, sync::Arc};

use chrono::{DateTime, Utc};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_local},
};

use crate::{
    journal::{Journal, Lock, RunLock},
    scheduler::{ReloadSignal, StopSignals},
    settings::{Settings, Sources},
    sync::{Stop, StopSwitch},
};

pub use approval::{ApprovalAnswer, ApprovalOutcome, ReleasedChange, ReleasedInstance, approve};
pub use board::{Board, Facts, is_success};
pub use error::DaemonError;
pub use http::{HttpState, Question, serve};
pub use recall::status_without_daemon;
pub use status::{LastRun, State, Status};

use control::{Desk, Server};
use expectations::{log_what_runs_see, ready_within};
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
/// is told to reload.
pub async fn run(settings: Settings, sources: Sources) -> Result<(), DaemonError> {
    let stop = StopSignals::listen().map_err(DaemonError::Signals)?;
    let reload = ReloadSignal::listen().map_err(DaemonError::Signals)?;
    let mut signals = Signals { stop, reload };
    let started = tokio::select! {
        biased;
        // A database that does not answer keeps nobody from stopping the daemon.
        () = signals.stop.come() => return Ok(()),
        started = start(settings, sources) => started,
    };
    let (daemon, _lock) = started?;
    daemon.serve(signals).await
}

/// Opens everything, in the order in which a failure leaves the least behind. The lock is held until the daemon has ended.
async fn start(settings: Settings, sources: Sources) -> Result<(Daemon, Option<RunLock>), DaemonError> {
    let journal = Journal::open(&settings.journal_options()).await?;
    let lock = match journal.lock_daemon().await? {
        Some(Lock::Held(holder)) => return Err(DaemonError::Held { holder }),
        Some(Lock::Got(lock)) => Some(lock),
        None => None,
    };
    let socket = control::listen(&settings.control.socket)?;
    let listener = listen_for_http(&settings).await?;
    let board = Board::new(ready_within(&settings), leader());
    let since = take_over(&board, &journal, &settings).await?;
    log_start(&settings);
    let timetable = Timetable::start(&settings.schedule, since);
    let (settings, newest) = watch::channel(Arc::new(settings));
    let (order, orders) = mpsc::channel(ORDERS);
    let (closing, stop) = StopSwitch::new();
    let http = listener.map(|listener| serve_http(listener, &board, &journal, (newest.clone(), stop.clone())));
    let desk = Desk { board: board.clone(), journal: journal.clone(), settings: newest, orders: order, stop };
    let server = Server::start(socket, desk);
    let manager = ServiceManager::of_process();
    let daemon =
        Daemon { sources, settings, journal, board, manager, timetable, orders, server, http, closing, current: None };
    Ok((daemon, lock))
}

/// Shows what the journal remembers; answers since when ticks count that nobody ran for.
async fn take_over(board: &Board, journal: &Journal, settings: &Settings) -> Result<DateTime<Utc>, DaemonError> {
    let organization = &settings.experience_cloud.options.organization_id;
    let (remembered, last_run) = recalled(journal, organization).await?;
    let now = Utc::now();
    // Without a run on record nothing was missed: the first is made at the next tick.
    let since = last_run.unwrap_or(now).min(now);
    let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
    board.update(|facts| facts.status.take_over(remembered, next_run));
    Ok(since)
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
fn serve_http(
    listener: TcpListener,
    board: &Board,
    journal: &Journal,
    (settings, stop): (watch::Receiver<Arc<Settings>>, Stop),
) -> JoinHandle<()> {
    let (questions, asked) = mpsc::channel(QUESTIONS);
    spawn_local(answer(asked, journal.clone(), settings));
    let state = HttpState { board: board.clone(), journal: journal.clone(), questions };
    spawn_local(async move {
        if let Err(error) = serve(listener, state, async move { stop.asked().await }).await {
            tracing::error!(%error, "health, metrics and the status page are no longer served");
        }
    })
}

/// This host; nobody else can lead where the state is a file.
fn leader() -> Option<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(host.trim().to_owned()).filter(|host| !host.is_empty())
}

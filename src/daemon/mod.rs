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
//! | `expectations` | what follows from a configuration before anything has run |
//! | `control` | how the command line reaches the daemon |
//! | `service_manager` | what systemd is told |

mod board;
pub mod control;
mod current_run;
mod error;
mod expectations;
mod recall;
mod run_loop;
mod service_manager;
mod status;
mod timetable;

use std::{fs, sync::Arc};

use chrono::Utc;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use crate::{
    journal::{Journal, Lock, RunLock},
    scheduler::{ReloadSignal, StopSignals},
    settings::{Settings, Sources},
    sync::StopSwitch,
};

pub use board::{Board, Facts, is_success};
pub use error::DaemonError;
pub use recall::status_without_daemon;
pub use status::{LastRun, State, Status};

use control::{Desk, Server};
use expectations::{log_what_runs_see, ready_within};
use recall::recalled;
use run_loop::{Daemon, Signals};
use service_manager::ServiceManager;
use timetable::Timetable;

/// Runs that were ordered and not begun: more than one waits only for a moment.
const ORDERS: usize = 8;

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
    for warning in journal.warnings() {
        tracing::warn!("{warning}");
    }
    let lock = match journal.lock_daemon().await? {
        Some(Lock::Held(holder)) => return Err(DaemonError::Held { holder }),
        Some(Lock::Got(lock)) => Some(lock),
        None => None,
    };
    let (listener, file) = control::listen(&settings.control.socket)?;
    let _http = serve_http(&settings).await?;
    let board = Board::new(ready_within(&settings), leader());
    let (remembered, last_run) = recalled(&journal, &settings.experience_cloud.options.organization_id).await?;
    let now = Utc::now();
    // Without a run on record nothing was missed: the first is made at the next tick.
    let since = last_run.unwrap_or(now).min(now);
    let next_run = settings.schedule.schedule.next_after(since).map(|next| next.max(now));
    board.update(|facts| facts.status.take_over(remembered, next_run));
    log_start(&settings);
    let timetable = Timetable::start(&settings.schedule, since);
    let (settings, newest) = watch::channel(Arc::new(settings));
    let (order, orders) = mpsc::channel(ORDERS);
    let (closing, stop) = StopSwitch::new();
    let desk = Desk { board: board.clone(), journal: journal.clone(), settings: newest, orders: order, stop };
    let server = Server::start(listener, file, desk);
    let manager = ServiceManager::of_process();
    let daemon =
        Daemon { sources, settings, journal, board, manager, timetable, orders, server, closing, current: None };
    Ok((daemon, lock))
}

fn log_start(settings: &Settings) {
    let (schedule, socket) = (&settings.schedule.schedule, settings.control.socket.display());
    tracing::info!(%schedule, control.socket = %socket, "the daemon starts; it runs at {schedule}");
    log_what_runs_see(settings);
}

/// Health, metrics and the status page. For now the address is only taken.
async fn serve_http(settings: &Settings) -> Result<Option<TcpListener>, DaemonError> {
    let Some(address) = settings.http.listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|source| DaemonError::Http { address, source })
}

/// This host; nobody else can lead where the state is a file.
fn leader() -> Option<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(host.trim().to_owned()).filter(|host| !host.is_empty())
}

//! Why the daemon did not start, or ended with an error.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    journal::{FileFault, JournalError},
    scheduler::ScheduleError,
    settings::MissingModeError,
};

/// Why the daemon did not start, or ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another daemon is running.
    #[error("another daemon is already running: {holder}")]
    Held {
        /// What the other daemon says about itself.
        holder: String,
    },
    /// Another daemon uses the same state file.
    #[error(
        "another daemon is already running with the state {place}: {holder}; stop that daemon first; if it is of another \
         organization, set state.url to another file, because each organization needs a state of its own"
    )]
    StateHeld {
        /// The state file.
        place: String,
        /// What the other daemon says about itself.
        holder: String,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An instance that runs wrote to has no mode in the configuration any more.
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    /// The folder of the control socket, or the file at its path, cannot be used safely.
    #[error(transparent)]
    SocketFolder(#[from] FileFault),
    /// The control socket could not be created.
    #[error("the control socket {} could not be created", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The program cannot listen on the address of `http.listen`.
    #[error(
        "http.listen: cannot listen on {address}; name an address of this host with a free port, or \"off\"; each \
         organization of this host needs a port of its own"
    )]
    Http {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The signals of the operating system cannot be received.
    #[error("the signals of the operating system cannot be received")]
    Signals(#[source] io::Error),
    /// The task that takes part in the election of the leader ended by itself.
    #[error("this node no longer takes part in the election of the leader; the log says why")]
    Leadership,
    /// The schedule ended by itself.
    #[error("the task of the schedule ended")]
    Schedule(#[source] Option<ScheduleError>),
}

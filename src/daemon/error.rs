//! Why the daemon did not start, or could not go on.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    journal::{FileFault, JournalError},
    scheduler::ScheduleError,
    settings::MissingModeError,
};

/// Why the daemon did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another daemon is running.
    #[error("another daemon is already running: {holder}")]
    Held {
        /// Who, as far as it said.
        holder: String,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An instance that was written to has no mode now.
    #[error(transparent)]
    MissingMode(#[from] MissingModeError),
    /// The folder of the control socket, or what stands in the place of the socket, is not used.
    #[error(transparent)]
    SocketFolder(#[from] FileFault),
    /// The control socket could not be made.
    #[error("the control socket {} could not be made", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The program cannot listen on the address of `http.listen`.
    #[error("http.listen: cannot listen on {address}; name an address of this host with a free port, or \"off\"")]
    Http {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The signals of the operating system cannot be received.
    #[error("the signals of the operating system cannot be received")]
    Signals(#[source] io::Error),
    /// The part of the program that competes with other nodes ended by itself.
    #[error("this node stopped competing for the leadership; the log says why")]
    Leadership,
    /// The schedule ended by itself.
    #[error("the schedule came to an end")]
    Schedule(#[source] Option<ScheduleError>),
}

//! The control socket, through which the command line talks to the daemon: JSON lines over a Unix socket.
//!
//! | file | what lives there |
//! |---|---|
//! | `messages` | requests and responses |
//! | `addressee` | which daemon a client means |
//! | `socket` | the socket file, and who may use it |
//! | `server` | the server |
//! | `client` | the client |

mod addressee;
mod client;
mod messages;
mod server;
mod socket;

pub use addressee::Addressee;
pub use client::ControlClient;
pub use messages::{ControlRequest, ControlResponse, RefusalReason, ReviewDone, RunAfterApproval, RunOrder};

pub(super) use server::{ControlContext, LoopRequest, RequestedRun, Server};
pub(super) use socket::listen;

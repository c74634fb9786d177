//! How the command line reaches the daemon: JSON lines over a Unix socket.
//!
//! | file | what lives there |
//! |---|---|
//! | `messages` | what is asked and answered |
//! | `socket` | the socket file, and who may use it |
//! | `server` | the end that answers |
//! | `client` | the end that asks |

mod client;
mod messages;
mod server;
mod socket;

pub use client::ControlClient;
pub use messages::{ControlRequest, ControlResponse, RefusalReason, RunAfterApproval, RunOrder, Throttle};

pub(super) use server::{ControlContext, LoopRequest, RequestedRun, Server};
pub(super) use socket::listen;

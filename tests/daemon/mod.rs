//! The built program as a daemon: systemd's messages, signals, the control socket, the schedule; several on one
//! database.

mod approved_later;
mod approvers;
mod approving;
mod control_socket;
mod ending;
mod explaining;
pub(crate) mod harness;
mod holds;
mod leadership;
mod moved_clock;
mod nodes;
mod notifications;
mod on_call;
mod person_questions;
mod reviewing;
mod schedule;
mod socket_folder;
mod status;
mod status_page;
mod systemd;
mod unpause;

use crate::support::{process, receivers};

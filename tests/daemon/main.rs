//! The built program as a daemon: systemd's messages, signals, the control socket, the schedule; several on one database.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod approved_later;
mod approvers;
mod approving;
mod control_socket;
mod ending;
mod explaining;
mod holds;
mod leadership;
mod moved_clock;
mod nodes;
mod notifications;
mod on_call;
mod person_questions;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/receivers.rs"]
mod receivers;
mod schedule;
mod socket_folder;
mod status;
mod status_page;
mod support;
mod systemd;
mod unpause;

//! The built program as a daemon: systemd's messages, signals, the control socket, the schedule.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

mod control_socket;
mod ending;
#[path = "../support/process.rs"]
mod process;
mod schedule;
mod support;
mod systemd;
mod telling;

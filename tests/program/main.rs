//! The built program: exit codes, output, configuration, secrets.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

mod access;
mod approvals;
mod approvers;
mod encrypted;
mod exit_codes;
mod explain;
mod explain_every_group;
mod history;
mod history_filters;
mod log_lines;
mod on_a_terminal;
#[path = "../support/process.rs"]
mod process;
mod proxies;
mod readme;
mod recorded;
#[path = "../support/recording.rs"]
mod recording;
mod remedies;
#[path = "../support/reports.rs"]
mod reports;
mod retention;
mod secrets;
mod support;
mod undo;
mod undo_holds;
mod unnamed_mode;
mod wrong_files;

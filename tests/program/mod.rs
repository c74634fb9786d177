//! The built program: exit codes, output, configuration, secrets.

mod access;
mod approvals;
mod approvers;
mod closed_state;
mod encrypted;
mod exit_codes;
mod explain;
mod explain_every_group;
pub(crate) mod harness;
mod help;
mod history;
mod history_filters;
mod locked_state;
mod log_lines;
mod on_a_terminal;
mod organizations;
mod proxies;
mod readme;
mod recorded;
mod remedies;
mod retention;
mod review;
mod secrets;
mod state_copy;
mod state_copy_files;
mod undo;
mod undo_holds;
mod unnamed_mode;
mod wrong_files;

use crate::support::{process, recording, reports, two_years};

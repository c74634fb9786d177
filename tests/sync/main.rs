//! Whole runs over real HTTP against the sandbox: what they change, what they leave alone, what disturbs them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

mod approvals;
mod crash;
#[path = "../support/default_limits.rs"]
mod default_limits;
#[path = "../support/default_policy.rs"]
mod default_policy;
mod disabling;
mod earlier_state;
mod encrypted;
mod faults;
mod features;
mod moved_clock;
#[path = "../support/organization.rs"]
mod organization;
mod over_time;
#[path = "../support/recording.rs"]
mod recording;
#[path = "../support/reports.rs"]
mod reports;
mod retention;
mod run_lines;
mod stopping;
mod support;
mod throttle;
mod undo_holds;
#[path = "../support/whole_run.rs"]
mod whole_run;

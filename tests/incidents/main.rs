//! What happened to others with programs of this kind, each told as a test of what rules it out here.
//!
//! A test named `incident_NN_…`, here or elsewhere under `tests`, proves what the same story demands.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

#[path = "../support/default_limits.rs"]
mod default_limits;
#[path = "../support/default_policy.rs"]
mod default_policy;
mod numbers;
#[path = "../support/organization.rs"]
mod organization;
#[path = "../support/recording.rs"]
mod recording;
#[expect(dead_code, reason = "the stage of other tests as well")]
#[path = "../sync/support.rs"]
mod support;

mod budget_and_time;
mod doubtful_reads;
mod foreign_records;
mod names;
mod neighbours;
mod ordinary_life;
#[expect(dead_code, reason = "the harness of other tests as well")]
#[path = "../support/process.rs"]
mod process;
mod profiles_over_time;
#[expect(dead_code, reason = "the harness of other tests as well")]
#[path = "../program/support.rs"]
mod program;
mod questions;
mod reading;
mod removing;
mod spellings;
mod succession;
mod unpause;
#[path = "../support/whole_run.rs"]
mod whole_run;
mod wire;
mod writing;

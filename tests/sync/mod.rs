//! Whole runs over real HTTP against the sandbox: what they change, what they leave alone, what disturbs them.

mod approvals;
mod builds;
mod crash;
mod disabling;
mod earlier_state;
mod encrypted;
mod faults;
mod features;
pub(crate) mod harness;
mod moved_clock;
mod over_time;
mod retention;
mod run_lines;
mod side_by_side;
mod stopping;
mod throttle;
mod undo_holds;

use crate::support::{recording, reports};

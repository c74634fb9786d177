//! What happened to others with programs of this kind, each told as a test of what rules it out here.
//!
//! A test named `incident_NN_…`, here or elsewhere under `tests`, proves what the same story demands.

mod numbers;

mod budget_and_time;
mod doubtful_reads;
mod foreign_records;
mod names;
mod neighbours;
mod ordinary_life;
mod profiles_over_time;
mod questions;
mod reading;
mod removing;
mod spellings;
mod succession;
mod unpause;
mod wire;
mod writing;

use crate::program::harness as program;
use crate::support::{process, recording};
use crate::sync::harness;

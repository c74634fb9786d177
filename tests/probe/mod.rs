//! `probe`: what it learns, what it refuses, and that nothing of it is left.

mod applied;
mod command;
mod harness;
mod interrupted;
mod killed;
mod learned;
mod refusals;

use crate::support::{options, process, sandbox};

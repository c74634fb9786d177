//! `check` against the sandbox: without mistakes, and with one mistake at a time.

mod builds;
mod certificates;
mod configuration;
mod credential_expiry;
mod harness;
mod host;
mod misconfigurations;
mod names;
mod program;
mod sound;
mod users_without_operator;

use crate::support::options;

//! `check` against the sandbox: with nothing wrong, and with one thing wrong at a time.

mod certificates;
mod configuration;
mod credential_expiry;
mod host;
mod misconfigurations;
mod names;
mod people;
mod program;
mod sound;
mod stage;

use crate::support::options;

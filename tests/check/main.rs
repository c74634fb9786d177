//! `check` against the sandbox: with nothing wrong, and with one thing wrong at a time.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

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
#[path = "../support/whole_run.rs"]
mod whole_run;

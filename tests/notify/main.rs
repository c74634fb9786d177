//! Each target of notifications against a real receiver that takes, refuses, redirects, is slow, or hangs.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod command;
mod mail;
#[path = "../support/receivers.rs"]
mod receivers;
mod stage;
mod webhook;

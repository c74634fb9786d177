//! Each target of notifications against a real receiver that takes, refuses, redirects, is slow, or hangs.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod command;
mod fixture;
mod mail;
#[path = "../support/receivers.rs"]
mod receivers;
mod webhook;

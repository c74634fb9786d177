//! The built program: exit codes, output, configuration, secrets.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

mod exit_codes;
mod readme;
mod secrets;
mod support;

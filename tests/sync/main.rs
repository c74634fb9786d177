//! Whole runs over real HTTP against the sandbox: what they change, what they leave alone, what disturbs them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test stops where its set-up is wrong")]

mod crash;
mod encrypted;
mod faults;
mod features;
mod over_time;
mod support;
mod throttle;

//! Every test over HTTP, over the built program and over the decisions, in one binary: one module for each subject.
//!
//! `cargo test --test suite campaign::` runs the tests of one module.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test stops where its set-up is wrong, and says when it is skipped"
)]

mod campaign;
mod check;
mod daemon;
mod experience_cloud;
mod faults;
mod guard;
mod histories;
mod http;
mod incidents;
mod journal;
mod mask;
mod notify;
mod planner;
mod probe;
mod program;
mod sandbox;
mod secrets;
mod settings;
mod soak;
mod support;
mod sync;
mod tls;
mod transcript;

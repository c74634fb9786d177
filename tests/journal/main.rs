//! The journal against `SQLite` in a temporary folder and, where `TEST_POSTGRES_URL` names a server, against `PostgreSQL`.
#![expect(clippy::expect_used, reason = "in a test a panic is the message")]

mod access;
mod approvals;
mod call_windows;
mod instance_history;
mod lock;
mod place;
mod runs;
mod sample;
mod state_file;

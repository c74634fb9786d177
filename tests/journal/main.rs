//! The journal with `SQLite` in a temporary folder and, if `TEST_POSTGRES_URL` names a server, with `PostgreSQL`.
#![expect(clippy::expect_used, clippy::panic, reason = "in a test a panic is the message")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod access;
mod approvals;
mod approvers;
mod call_windows;
#[path = "../support/default_limits.rs"]
mod default_limits;
mod foreign_files;
mod found_changes;
mod full_disk;
mod holds;
mod instance_history;
mod leadership;
mod lock;
mod manual_changes;
mod moved_clock;
mod outbox;
mod place;
mod record_size;
#[path = "../support/recording.rs"]
mod recording;
#[path = "../support/reports.rs"]
mod reports;
mod retention;
mod runs;
mod sample;
mod state_file;
mod strangers;
mod unfinished_disablements;
mod verification;

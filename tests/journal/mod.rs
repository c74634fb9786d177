//! The journal with `SQLite` in a temporary folder and, if `TEST_POSTGRES_URL` names a server, with `PostgreSQL`.

mod access;
mod approvals;
mod approvers;
mod call_windows;
mod fixture;
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
mod probes;
mod record_size;
mod retention;
mod reviews;
mod runs;
mod sample;
mod state_file;
mod strangers;
mod unfinished_disablements;
mod verification;

use crate::support::{operators, options, recording, reports, two_years};

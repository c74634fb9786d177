//! The HTTP server of the daemon: health, status, metrics, the page, and refused requests.

mod exposition;
mod harness;
mod health;
mod page;
mod person_lookup;
mod populated_journal;
mod readable;
mod refusals;
mod run_page;
mod silent;

use crate::support::{options, recording, reports};

//! What the daemon shows over HTTP: health, status, metrics, the page, and whom it refuses.

mod exposition;
mod health;
mod page;
mod person_lookup;
mod populated_journal;
mod readable;
mod refusals;
mod run_page;
mod silent;
mod stage;

use crate::support::{options, recording, reports};

//! What the daemon shows over HTTP: health, status, metrics, the page, and whom it refuses.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

#[path = "../support/default_limits.rs"]
mod default_limits;
mod exposition;
mod health;
mod page;
mod person_lookup;
mod populated_journal;
mod readable;
#[path = "../support/recording.rs"]
mod recording;
mod refusals;
#[path = "../support/reports.rs"]
mod reports;
mod run_page;
mod silent;
mod stage;

//! What the daemon shows over HTTP: health, status, metrics, the page, and whom it refuses.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

mod exposition;
mod filled;
mod health;
mod page;
mod refusals;
mod stage;

//! The path from two snapshots to a reviewed plan: tables, the whole small world, and properties.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

mod confirmed;
#[path = "../support/default_limits.rs"]
mod default_limits;
#[path = "../support/default_policy.rs"]
mod default_policy;
mod departures;
mod limits;
mod narrowed;
mod over_time;
mod placed;
mod properties;
mod small_world;
mod taken_back;
mod world;

//! The client for Campaign against the simulated instance, over real HTTP.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod disabling;
mod faults;
mod reading;
mod schemas;
mod sessions;
mod visit;
mod writing;

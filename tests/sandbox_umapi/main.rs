//! The simulated identity service and user management API, over real HTTP.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod actions;
mod control;
mod credentials;
mod faults;
mod limits;
mod listings;
mod visit;

//! The simulated identity service and user management API, and faults on the way to Campaign, over real HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the message")]

mod actions;
mod control;
mod credentials;
mod faults;
mod limits;
mod listings;
mod soap_faults;
mod visit;

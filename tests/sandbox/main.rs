//! The sandbox: the simulated Campaign instance by itself, and everything over real HTTP: IMS, UMAPI, Campaign, faults.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test a panic is the message")]

mod actions;
mod campaign_calls;
mod control;
mod credentials;
mod faults;
mod harness;
mod instance;
mod limits;
mod listings;
mod soap_faults;

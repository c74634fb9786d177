//! The client for Campaign against the simulated instance, over real HTTP, on every build that it can play.

#[macro_use]
mod builds;

mod columns;
mod disabling;
mod faults;
mod harness;
mod reading;
mod sessions;
mod writing;

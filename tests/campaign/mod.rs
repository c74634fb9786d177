//! The client for Campaign against the simulated instance, over real HTTP.

mod columns;
mod disabling;
mod faults;
mod harness;
mod reading;
mod sessions;
mod writing;

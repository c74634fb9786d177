//! The client for Campaign against the simulated instance, over real HTTP.

mod disabling;
mod faults;
mod harness;
mod reading;
mod schemas;
mod sessions;
mod writing;

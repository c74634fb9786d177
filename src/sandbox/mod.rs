//! Simulated vendors over real HTTP on loopback, from one world read from a scenario.

pub mod campaign;

//! The path from two snapshots to a reviewed plan: tables, the whole small world, and properties.

mod confirmed;
mod departures;
mod limits;
mod narrowed;
mod over_time;
mod placed;
mod properties;
mod small_world;
mod taken_back;
mod world;

use crate::support::options;

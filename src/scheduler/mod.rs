//! When a run is due: cron expressions in a time zone, and the loop that starts one run at a time; and what the operating
//! system asks of the process.
//!
//! Nothing here knows what a run does.

mod schedule;
mod signals;
mod ticks;

use std::time::Duration;

pub use schedule::{Schedule, ScheduleError};
pub use signals::{ReloadSignal, StopSignals};
pub use ticks::{ScheduleEvent, Tick, run};

/// When runs are due, and how far they are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleOptions {
    /// The ticks.
    pub schedule: Schedule,
    /// Each run starts a random time after its tick, at most this: many hosts must not call a vendor in one second.
    pub jitter: Duration,
}

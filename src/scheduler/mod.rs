//! The schedule of runs: cron expressions in a time zone, the loop that starts one run at a time, and the signals of
//! the operating system. This module does not know what a run does.

mod schedule;
mod signals;
mod ticks;
mod timer;

use std::time::Duration;

pub use schedule::{Schedule, ScheduleError};
pub use signals::{ReloadSignal, StopSignals};
pub use ticks::{ScheduleEvent, Tick, run};

/// When runs are due, and how far they are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleOptions {
    /// The times at which runs are due.
    pub schedule: Schedule,
    /// The longest random delay of a run after its tick, so that many hosts do not call Adobe in the same second.
    pub jitter: Duration,
}

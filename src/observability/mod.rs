//! Logging, and the display of an error with its causes.

mod log_line;
mod logging;
mod one_line;

pub use crate::domain::Chain;
pub use logging::{Colours, LogControl, LogFormat, LogLevel, LogOptions, LoggingError, start_logging, subscriber};

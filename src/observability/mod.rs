//! Logging, and how an error is shown with its causes.

mod error_chain;
mod logging;
mod one_line;

pub use error_chain::Chain;
pub use logging::{Colours, Format, Level, LoggingError, Options, start_logging};

//! The daemon: runs on the schedule until told to stop, and says how it fares.
//!
//! | file | what lives there |
//! |---|---|
//! | `board` | what is known of the daemon at this moment: written by the loop, read by everybody else |
//! | `status` | that as a document with fixed names |
//! | `http` | health, metrics and a page to look at |

mod board;
mod http;
mod status;

pub use board::{Board, Facts, is_success};
pub use http::{HttpState, Question, serve};
pub use status::{LastRun, State, Status};

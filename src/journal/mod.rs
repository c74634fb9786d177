//! What is remembered between runs: runs, plans, changes, accepted reads, who is who, approvals, throttle windows; the lock
//! that keeps runs apart, and which node leads. SQLite by default, PostgreSQL where several nodes share it.
//!
//! Times come from the caller. Every method that writes is one transaction: after a crash it happened or it did not.

mod access;
mod approvals;
mod call_budget;
mod call_windows;
mod changes;
mod database;
mod dormant_holds;
mod encoding;
mod error;
mod instance_history;
mod interrupted;
mod leadership;
mod lock;
mod login_holders;
mod named_skips;
mod open;
mod private_file;
mod refolding;
mod runs;
mod schema;
mod seen_operators;
mod server_lock;
mod state_file;
mod step_watch;
mod storage_fault;
mod unfinished_disablements;

pub use access::{GroupAccess, InstanceAccess, Observation};
pub use approvals::{ApproveError, Approved, BegunApproval, HeldRecord};
pub use call_windows::{CallWindows, ForgottenPause, Listing, RememberedListing};
pub use changes::Settlement;
pub use error::JournalError;
pub use leadership::{Candidacy, Candidate, Leadership};
pub use lock::{Lock, RunLock};
pub use named_skips::NamedSkips;
pub use open::{Journal, Location, Options, Protection};
pub use private_file::{FileFault, PrivateFolder};
pub use runs::{FindRunError, RunBegin, RunCandidate, RunEntry};
pub use step_watch::{Step, StepWatch};
pub use storage_fault::{Space, StorageFault};

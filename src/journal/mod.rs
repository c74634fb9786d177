//! What is remembered between runs: runs, plans, changes, accepted reads, who is who, approvals, throttle windows; the lock
//! that keeps runs apart, and which node leads. SQLite by default, PostgreSQL where several nodes share it.
//!
//! Times come from the caller. Every method that writes is one transaction: after a crash it happened or it did not.

mod access;
mod access_replay;
mod approvals;
mod approver_columns;
mod call_budget;
mod call_windows;
mod chain;
mod changes;
mod database;
mod database_fault;
mod dormant_holds;
mod encoding;
mod error;
mod found_changes;
mod given_approvals;
mod held_plans;
mod holds;
mod instance_history;
mod leadership;
mod lock;
mod login_holders;
mod manual_changes;
mod named_skips;
mod notified;
mod open;
mod open_transaction;
mod outbox;
mod ownership;
mod private_file;
mod record;
mod refolding;
mod run_entry;
mod run_report;
mod runs;
mod schema;
mod seen_operators;
mod server_lock;
mod state_file;
mod step_watch;
mod storage_fault;
mod unfinished_disablements;
mod verification;

pub use access::{GroupAccess, InstanceAccess, MemberAccess};
pub use approvals::{ApproveError, Approved};
pub use call_windows::{CallWindows, ForgottenPause, Listing, RememberedListing};
pub use chain::RecordHead;
pub use database_fault::DatabaseFault;
pub use error::JournalError;
pub use found_changes::{ChangeFilter, FoundChange};
pub use given_approvals::GivenApproval;
pub use holds::Hold;
pub use leadership::{Candidacy, Candidate, Leadership};
pub use lock::{Lock, RunLock};
pub use manual_changes::{ManualChange, ManualChangeKind, ManualChanges};
pub use named_skips::NamedSkips;
pub use notified::OutageNews;
pub use open::{Journal, Location, Options, Protection};
pub use outbox::{AfterFailure, ClaimedNotification, TargetState};
pub use private_file::{FileFault, PrivateFolder};
pub use runs::{FindRunError, RunCandidate, RunEntry, RunFilter};
pub use step_watch::{Step, StepWatch};
pub use storage_fault::{Space, StorageFault};
pub use verification::{RecordFault, Verification};

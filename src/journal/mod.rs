//! The journal: what the program stores between runs. Runs, plans, changes, accepted reads, which user is which
//! operator, approvals, the call windows of Adobe; the lock that prevents two runs at once, and the leader election.
//! SQLite by default, PostgreSQL if several nodes share it.
//!
//! The caller passes in every time. Every method that writes is one transaction: after a crash, all of it is stored or
//! none of it.

mod access;
mod access_replay;
mod approval_replay;
mod approvals;
mod call_budget;
mod call_windows;
mod chain;
mod changes;
mod database;
mod database_fault;
mod deletions;
mod dormant_holds;
mod encoding;
mod error;
mod event_notifications;
mod file_lock;
mod found_changes;
mod free_space;
mod given_approvals;
mod held_plans;
mod holds;
mod instance_answers;
mod instance_history;
mod instance_plans;
mod leadership;
mod lock;
mod logged_skips;
mod login_holders;
mod manual_changes;
mod membership_retention;
mod open;
mod open_transaction;
mod operator_record;
mod outbox;
mod ownership;
mod position_ranges;
mod private_file;
mod record;
mod refolding;
mod retention;
mod run_report;
mod run_retention;
mod runs;
mod schema;
mod scratch_records;
mod seen_operators;
mod server;
mod server_lock;
mod state_file;
mod storage_fault;
mod stored_changes;
mod unfinished_disablements;
mod verification;

pub use access::{GroupAccess, InstanceAccess, MemberAccess};
pub use approvals::ApproveError;
pub use call_windows::{CallWindows, CancelledPause, ListingKind, RememberedListing};
pub use chain::RecordHead;
pub use database::{StepWatch, WriteStep};
pub use database_fault::DatabaseFault;
pub use deletions::{DeletedBefore, Deletion, KeepSetting};
pub use error::JournalError;
pub use event_notifications::OutageReport;
pub use found_changes::{ChangeFilter, FoundChange};
pub use given_approvals::{GivenApproval, RecordedApproval};
pub use holds::HoldEntry;
pub use leadership::{Candidate, Election};
pub use lock::{LockAttempt, RunLock};
pub use logged_skips::LoggedSkips;
pub use manual_changes::{ManualChange, ManualChangeKind, ManualChanges};
pub use open::{Journal, JournalLocation, JournalOptions};
pub use outbox::{AfterFailure, ClaimedNotification, NotificationTargetState};
pub use private_file::{FileFault, PrivateFolder};
pub use retention::{DeletionSummary, Retention, RetentionPeriod};
pub use runs::{FindRunError, RunCandidate, RunEntry, RunFilter};
pub use server::ConnectionProtection;
pub use server_lock::Leadership;
pub use storage_fault::{DiskSpace, StorageFault};
pub use verification::{RecordFault, Verification};

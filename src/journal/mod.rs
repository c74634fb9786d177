//! The journal: what the program stores between runs. Runs, plans, changes, accepted reads, which user is which
//! operator, approvals, the call windows of Adobe; the lock that prevents two runs at once, and the leader election.
//! SQLite by default, PostgreSQL if several nodes share it.
//!
//! The caller passes in every time. Every method that writes is one transaction: after a crash, all of it is stored or
//! none of it.
//!
//! | file | contents |
//! |---|---|
//! | `schema`, `refolding` | the version of the schema, its migrations, and the new computation of folded names |
//! | `open`, `state_file`, `checked_file` | opens the journal; the state file, and when it was last checked |
//! | `private_file`, `ownership` | the folder of the state file and its modes |
//! | `server` | the PostgreSQL server that several nodes share |
//! | `database`, `transaction` | one interface to both databases, and transactions |
//! | `open_transaction`, `connections` | what a transaction leaves behind, and the connections that it borrows |
//! | `values`, `statement_text` | the values of columns, and the text of statements |
//! | `commit_group` | one commit for writers that finish at the same time |
//! | `encoding` | the form of values in columns |
//! | `error`, `database_fault`, `storage_fault` | errors of the journal, a database, the file system |
//! | `lock`, `file_lock`, `server_lock` | one run at a time |
//! | `leadership` | the election of the leader among several nodes |
//! | `record`, `chain` | records the events of a run, and chains them by their hashes |
//! | `verification`, `expected_run`, `access_replay`, `approval_replay` | verifies the chain, and the tables against the events |
//! | `runs`, `run_report` | runs, the search for them, and their reports |
//! | `instance_plans`, `stored_changes`, `position_ranges` | the plan of a run in one instance |
//! | `changes` | planned changes, before they are sent and with their outcomes |
//! | `logged_skips` | the skips that a run log has named |
//! | `holds`, `held_plans`, `dormant_holds` | held plans, and holds that later plans do not contain |
//! | `approvals`, `given_approvals` | approvals, and the list of all that were given |
//! | `organization` | the organization to which the state belongs |
//! | `instance_history` | what is stored about one instance for the next decision |
//! | `login_holders` | who has a login that an operator had before |
//! | `seen_operators`, `operator_record` | the operators of the last read, and the record of one user |
//! | `unfinished_disablements` | disablements that a later run has to make |
//! | `instance_answers`, `scratch_records` | what `probe` learned about an instance, and its scratch records |
//! | `reviews`, `reviewed_access`, `review_replay` | access reviews: those that were done, what they show, their verification |
//! | `access`, `observed_access`, `membership_periods` | who was in which group and when: queries, what a run saw, what it made |
//! | `manual_changes` | changes that no run made |
//! | `found_changes` | searches past changes |
//! | `call_budget`, `call_windows` | the calls to Adobe, and when the next ones may be sent |
//! | `event_notifications`, `outbox` | notifications about events, and their delivery |
//! | `retention`, `run_retention`, `membership_retention` | deletes what is older than its retention period |
//! | `deletions`, `free_space` | the deletions by retention, and the space that they free |
//! | `state_copy`, `copied_tables` | copies a whole state to another place, and compares every row |
//! | `copy_source`, `copy_target` | the state that is copied, and the place where the copy is written |
//! | `made_folders` | folders that are created for a copy, with their owner |

mod access;
mod access_replay;
mod approval_replay;
mod approvals;
mod call_budget;
mod call_windows;
mod chain;
mod changes;
mod checked_file;
mod commit_group;
mod connections;
mod copied_tables;
mod copy_source;
mod copy_target;
mod database;
mod database_fault;
mod deletions;
mod dormant_holds;
mod encoding;
mod error;
mod event_notifications;
mod expected_run;
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
mod made_folders;
mod manual_changes;
mod membership_periods;
mod membership_retention;
mod observed_access;
mod open;
mod open_transaction;
mod operator_record;
mod organization;
mod outbox;
mod ownership;
mod position_ranges;
mod private_file;
mod record;
mod refolding;
mod retention;
mod review_replay;
mod reviewed_access;
mod reviews;
mod run_report;
mod run_retention;
mod runs;
mod schema;
mod scratch_records;
mod seen_operators;
mod server;
mod server_lock;
mod state_copy;
mod state_file;
mod statement_text;
mod storage_fault;
mod stored_changes;
mod transaction;
mod unfinished_disablements;
mod values;
mod verification;

pub use access::{GroupAccess, InstanceAccess, MemberAccess, MemberDetail};
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
pub use reviews::ReviewOutcome;
pub use runs::{FindRunError, RunCandidate, RunEntry, RunFilter};
pub use server::ConnectionProtection;
pub use server_lock::Leadership;
pub use state_copy::{CopyError, CopyProgress, StateCopy, TableCopy, copy_state};
pub use storage_fault::{DiskSpace, StorageFault};
pub use verification::{RecordFault, Verification};

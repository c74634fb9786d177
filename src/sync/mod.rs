//! A run from beginning to end: read the Admin Console and Campaign, decide, confirm, apply, read back, report.
//!
//! | file | contents |
//! |---|---|
//! | `run` | one run: lock, beginning, source, instances, end |
//! | `read_source`, `source`, `listing`, `user_lookup`, `former_logins` | reads the Admin Console |
//! | `read_chance`, `pauses`, `call_ledger` | when calls to Adobe are allowed |
//! | `reconcile`, `context` | the part of a run in one instance, and what the run knows of it |
//! | `decision`, `approvals` | the decision about one instance, and the digests that `--approve` names |
//! | `confirm` | the second reads before anything is written |
//! | `apply` | makes the approved changes, and reads the results back |
//! | `recorder`, `run_log` | records each event once; the log lines |
//! | `stop` | stop requests |
//! | `explain` | explains the memberships of a user |
//! | `undo` | undoes one run |

mod apply;
mod approvals;
mod call_ledger;
mod confirm;
mod context;
mod decision;
mod explain;
mod former_logins;
mod listing;
mod pauses;
mod read_chance;
mod read_source;
mod reconcile;
mod recorder;
mod run;
mod run_log;
mod source;
mod stop;
mod undo;
mod user_lookup;

pub use call_ledger::Clients;
pub use explain::explain;
pub use listing::{KnownListing, ProfileListingError, listing};
pub use pauses::UNPAUSE;
pub use read_chance::{ReadChance, read_chance};
pub use reconcile::InstanceOptions;
pub use run::{Confirmation, RunRequest, SyncOptions, WaitPolicy, rehearse, run};
pub use stop::{Stop, StopSwitch};
pub use undo::undo;

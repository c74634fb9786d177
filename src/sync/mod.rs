//! A run from beginning to end: read the Admin Console and Campaign, decide, confirm, apply, read back, report.

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

//! The one place where the path of a run is spelled out: read both worlds, decide, confirm, apply, read back, report.

mod apply;
mod change_log;
mod confirm;
mod reconcile;
mod run;

pub use reconcile::InstanceOptions;
pub use run::{Confirmation, Options, Progress, run};

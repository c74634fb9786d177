//! What a run over everything is asked for, as a test asks for it.

use campaign_group_sync::{
    domain::{RunMode, Scope},
    sync::{Patience, Request, Stop},
};

/// A run over everything.
pub(crate) fn request(mode: RunMode) -> Request {
    Request {
        mode,
        scope: Scope::default(),
        approve: Vec::new(),
        approver: "eve".into(),
        patience: Patience::Bounded,
        stop: Stop::never(),
    }
}

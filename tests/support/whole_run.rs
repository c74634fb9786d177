//! What a run over everything is asked for, as a test asks for it.

use campaign_group_sync::{
    domain::{RunMode, Scope},
    sync::{RunRequest, Stop, WaitPolicy},
};

/// A run over everything.
pub(crate) fn request(mode: RunMode) -> RunRequest {
    RunRequest {
        mode,
        scope: Scope::default(),
        approve: Vec::new(),
        approver: "eve".into(),
        wait_policy: WaitPolicy::Bounded,
        stop: Stop::never(),
    }
}

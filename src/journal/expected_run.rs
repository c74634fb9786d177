//! What the tables must hold about a run according to its events, and the bodies of the events that say so.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use crate::domain::ChangeOutcome;

use super::stored_changes::OutcomeGroup;

/// The state of a run according to its events.
#[derive(Default)]
pub(super) struct ExpectedRun {
    pub(super) has_started: bool,
    pub(super) outcome: Option<String>,
    /// The hash of its report without its instances.
    pub(super) report: Option<String>,
    pub(super) instances: BTreeMap<String, ExpectedInstance>,
}

/// The state of a run in one instance according to the events.
#[derive(Default)]
pub(super) struct ExpectedInstance {
    pub(super) changes: usize,
    pub(super) content: String,
    /// The hash of the report without its changes.
    pub(super) report: Option<String>,
    /// The outcome, detail and approver of each change, by its position in the plan.
    pub(super) outcomes: HashMap<i64, (ChangeOutcome, Option<String>, Option<String>)>,
}

impl ExpectedInstance {
    pub(super) fn settle(&mut self, outcomes: Vec<OutcomeGroup>) {
        for OutcomeGroup { outcome, detail, approved_by, changes } in outcomes {
            let settled = (outcome, detail, approved_by);
            self.outcomes.extend(changes.into_iter().map(|position| (position, settled.clone())));
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PlannedBody {
    pub(super) instance: String,
    pub(super) changes: usize,
    pub(super) content: String,
    pub(super) outcomes: Vec<OutcomeGroup>,
}

#[derive(Deserialize)]
pub(super) struct InstanceEndedBody {
    pub(super) instance: String,
    pub(super) report: String,
}

#[derive(Deserialize)]
pub(super) struct EndedBody {
    pub(super) outcome: String,
    pub(super) report: String,
}

/// The start of a run in its report.
#[derive(Deserialize)]
pub(super) struct ReportedStart {
    pub(super) started_at: String,
}

#[derive(Deserialize)]
pub(super) struct CheckpointBody {
    pub(super) runs_before: i64,
}

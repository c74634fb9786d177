//! The page `/`.

use askama::Template;

use crate::{daemon::DaemonFacts, settings::PersonLookup};

use super::{
    Layout,
    chart::{Chart, chart},
    explain::ExplainView,
    history::History,
    parts::Clock,
    sections::{ApprovalView, HeldView, InstancesView, ManualChangeView, RunView, StateView, Used},
};

/// The number of runs in the first table; the others are folded.
const FIRST_RUNS: usize = 10;

/// Everything on the page `/`.
#[derive(Template)]
#[template(path = "status.html", config = "src/daemon/http/page/askama.toml")]
pub(super) struct StatusPage {
    pub(super) layout: Layout,
    pub(super) state: StateView,
    /// Why the history is missing or incomplete.
    problem: Option<String>,
    /// The form with an answer is at the top; a form without an answer is at the end.
    answer: Option<ExplainView>,
    form: Option<ExplainView>,
    held: Vec<HeldView>,
    approvals: Vec<ApprovalView>,
    manual_changes: Vec<ManualChangeView>,
    instances: Option<InstancesView>,
    chart: Option<Chart>,
    first_runs: Vec<RunView>,
    earlier_runs: Vec<RunView>,
}

impl StatusPage {
    pub(super) fn new(facts: &DaemonFacts, history: &History, answer: Option<ExplainView>, clock: &Clock) -> Self {
        let runs = &history.runs;
        let is_form_alone = answer.is_none() && facts.person_lookup == PersonLookup::On;
        let (first, earlier) = runs.split_at(runs.len().min(FIRST_RUNS));
        let rows = |runs: &[_]| runs.iter().map(|run| RunView::new(run, clock)).collect();
        Self {
            layout: Layout::new(clock),
            state: StateView::new(facts, clock),
            problem: history.error.clone(),
            form: is_form_alone.then(ExplainView::unasked),
            answer,
            held: history.held.iter().map(|plan| HeldView::new(plan, clock)).collect(),
            approvals: history.approvals.iter().map(|given| ApprovalView::new(given, clock)).collect(),
            manual_changes: history.manual_changes.iter().map(|it| ManualChangeView::new(it, clock)).collect(),
            instances: history.latest.as_deref().and_then(|report| InstancesView::new(report, clock)),
            chart: chart(runs, clock),
            first_runs: rows(first),
            earlier_runs: rows(earlier),
        }
    }
}

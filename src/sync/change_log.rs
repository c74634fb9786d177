//! The reconciliation log: one line a change, one line an instance, one line a run.
//!
//! The journal turns a dot into an underscore and writes capitals: `run.id`, `op`, `operator`, `operator_group` and `outcome`
//! are `RUN_ID`, `OP`, `OPERATOR`, `OPERATOR_GROUP` and `OUTCOME` there, which is what people and scripts ask it for.

use crate::domain::{ChangeOutcome, ChangeReport, InstanceReport, Outcome, RunId, RunReport};

/// Logs what became of every change of one instance, and its summary.
pub(super) fn instance_ended(run: &RunId, report: &InstanceReport) {
    for change in &report.changes {
        change_settled(run, &report.name, change);
    }
    for skipped in &report.skipped {
        tracing::info!(
            run.id = %run,
            instance = report.name,
            skip.reason = skipped.reason.as_str(),
            skip.subject = skipped.subject,
            "left out: {}: {}",
            skipped.subject,
            skipped.detail
        );
    }
    let summary = &report.summary;
    tracing::info!(
        run.id = %run,
        instance = report.name,
        outcome = report.outcome.as_str(),
        planned = summary.planned(),
        applied = summary.applied,
        already = summary.already,
        failed = summary.failed,
        held = summary.held,
        unconfirmed = summary.unconfirmed,
        pending = summary.pending,
        skipped = summary.skipped,
        unchanged = summary.unchanged,
        "instance {}: {}",
        report.name,
        report.outcome.as_str()
    );
    if let Some(error) = &report.error {
        tracing::error!(run.id = %run, instance = report.name, error, "instance {}: {error}", report.name);
    }
}

/// Logs how a run ended.
pub(super) fn run_ended(report: &RunReport) {
    if let Some(error) = &report.error {
        tracing::error!(run.id = report.run, error, "{error}");
    }
    let outcome = report.outcome.as_str();
    match report.outcome {
        Outcome::InSync | Outcome::ChangesPending | Outcome::Applied => {
            tracing::info!(run.id = report.run, outcome, duration_ms = report.duration_ms, "run ends: {outcome}");
        }
        _ => tracing::warn!(run.id = report.run, outcome, duration_ms = report.duration_ms, "run ends: {outcome}"),
    }
}

fn change_settled(run: &RunId, instance: &str, change: &ChangeReport) {
    let (operator, group) = (change.operator.as_deref(), change.group.as_deref());
    let (outcome, detail) = (change.outcome.as_str(), change.detail.as_deref());
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                run.id = %run,
                instance,
                op = change.op.as_str(),
                operator,
                operator_group = group,
                product_profile.name = change.profile,
                change.reason = change.reason,
                outcome,
                change.detail = detail,
                "{outcome}: {}",
                change.described()
            )
        };
    }
    match change.outcome {
        ChangeOutcome::Applied | ChangeOutcome::Already | ChangeOutcome::Pending => line!(info),
        ChangeOutcome::Held | ChangeOutcome::Failed | ChangeOutcome::Unconfirmed => line!(warn),
    }
}

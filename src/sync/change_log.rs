//! The reconciliation log: one line a change, one line a reason to skip, one line an instance, one line a run.
//!
//! The journal turns a dot into an underscore and writes capitals: `run.id`, `op`, `operator`, `operator_group` and `outcome`
//! are `RUN_ID`, `OP`, `OPERATOR`, `OPERATOR_GROUP` and `OUTCOME` there, which is what people and scripts ask it for.

use std::collections::BTreeMap;

use crate::domain::{ChangeOutcome, ChangeReport, InstanceReport, Outcome, RunId, RunReport, SkipReason, Skipped};

/// Most new skips of one reason that one run names at `info`. systemd-journald lets a service write 10,000 lines in 30 s and
/// drops the rest (`RateLimitBurst`, journald.conf(5)): the lines of changes must not be among those.
const MOST_NAMED: usize = 20;

/// Logs what became of every change of one instance, what was skipped, and its summary. `new` are those of the skips that
/// no run has named yet.
pub(super) fn instance_ended(run: &RunId, report: &InstanceReport, new: &[&Skipped]) {
    for change in &report.changes {
        change_settled(run, &report.name, change);
    }
    skips(run, report, new);
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

/// Names what is skipped for the first time, counts the skips of each reason, and leaves all of them to `debug`.
fn skips(run: &RunId, report: &InstanceReport, new: &[&Skipped]) {
    macro_rules! line {
        ($level:ident, $skip:expr, $opening:literal) => {
            tracing::$level!(
                run.id = %run,
                instance = report.name,
                skip.reason = $skip.reason.as_str(),
                skip.subject = $skip.subject,
                concat!($opening, ": {}: {}"),
                $skip.subject,
                $skip.detail
            )
        };
    }
    for skip in &report.skipped {
        line!(debug, skip, "skipped");
    }
    let mut counts: BTreeMap<SkipReason, (usize, usize)> = BTreeMap::new();
    for skip in &report.skipped {
        counts.entry(skip.reason).or_default().0 += 1;
    }
    for skip in new {
        let (_, named) = counts.entry(skip.reason).or_default();
        *named += 1;
        if *named <= MOST_NAMED {
            line!(info, skip, "skipped for the first time");
        }
    }
    for (reason, (count, new)) in counts {
        let unnamed = match new.saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!("; {more} new ones are named in the report only"),
        };
        tracing::info!(
            run.id = %run,
            instance = report.name,
            skip.reason = reason.as_str(),
            skip.count = count,
            skip.new = new,
            "skipped: {}: {count}, {new} of them new{unnamed}",
            reason.as_str()
        );
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

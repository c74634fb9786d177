//! The reconciliation log: one line for each change when its outcome is known, one for each new skip, one for each
//! instance and one for each run.
//!
//! The span around a line carries the run and the instance: see [`run_span`] and [`instance_span`].
//!
//! systemd-journald turns a dot into an underscore and writes capitals: `run.id`, `op`, `operator`, `operator_group`
//! and `outcome` are `RUN_ID`, `OP`, `OPERATOR`, `OPERATOR_GROUP` and `OUTCOME` in queries.

use std::collections::BTreeMap;

use tracing::Span;

use crate::{
    domain::{
        ChangeOutcome, ChangeReport, Evidence, HeldRecord, InstanceMode, InstanceName, InstancePlan, InstanceReport,
        Outcome, RunEvent, RunId, RunReport, RunStart, SettledChanges, SkipReason, Skipped, SourceReport, name_shown,
    },
    journal::{DeletionSummary, RecordHead},
};

/// The most new skips of one reason that one run names at `info`. systemd-journald accepts 10,000 lines of a service in
/// 30 s and drops the rest (`RateLimitBurst`, journald.conf(5)): the lines of changes must not be dropped.
const MAX_NAMED_SKIPS: usize = 20;

/// The span of everything that one run logs: its lines carry `run.id`, also those of the clients and of the journal.
pub(super) fn run_span(run: &RunId) -> Span {
    // At the level that every filter shows, and without a parent: lines about another run carry only that run's id.
    tracing::error_span!(parent: None, "run", run.id = %run)
}

/// The span of what a run logs about one instance: its lines carry `instance` as well.
pub(super) fn instance_span(run: &RunId, instance: &str) -> Span {
    tracing::error_span!(parent: None, "run", run.id = %run, instance)
}

/// Logs a recorded event of `run`, which may be an earlier run than the current one.
pub(super) fn write(run: &RunId, event: &RunEvent<'_>) {
    let span = event_span(run, event);
    span.in_scope(|| event_lines(run, event));
}

fn event_span(run: &RunId, event: &RunEvent<'_>) -> Span {
    match event {
        RunEvent::Planned(plan) => instance_span(run, &plan.report.name),
        RunEvent::InstanceEnded(report) => instance_span(run, &report.name),
        RunEvent::Held(held) => instance_span(run, held.instance.as_str()),
        RunEvent::Sending(sending) => instance_span(run, sending.instance.as_str()),
        RunEvent::Settled(settled) => instance_span(run, settled.instance.as_str()),
        RunEvent::Observed(observed) => instance_span(run, observed.instance.as_str()),
        RunEvent::Started(_) | RunEvent::Interrupted | RunEvent::SourceRead(_) | RunEvent::Ended(_) => run_span(run),
    }
}

fn event_lines(run: &RunId, event: &RunEvent<'_>) {
    match event {
        RunEvent::Started(start) => started(start),
        RunEvent::Interrupted => tracing::warn!(
            "run {run} ended without recording its end; the next read of Campaign shows the results of the changes that it had sent"
        ),
        RunEvent::SourceRead(source) => source_read(source),
        RunEvent::Planned(plan) => planned(plan, event.outcomes()),
        RunEvent::Held(held) => held.record.into_iter().for_each(held_plan),
        RunEvent::Settled(settled) => self::settled(settled),
        RunEvent::InstanceEnded(report) => instance_ended(report),
        RunEvent::Ended(report) => run_ended(report),
        RunEvent::Sending(_) | RunEvent::Observed(_) => {}
    }
}

fn started(start: &RunStart) {
    tracing::info!(run.mode = start.mode.as_str(), instances = start.instances.len(), "run begins");
}

fn source_read(source: &SourceReport) {
    if source.complete {
        tracing::info!(
            users = source.users,
            profiles = source.profiles,
            calls = source.calls,
            "organization read: {} users, {} product profiles, {} calls",
            source.users,
            source.profiles,
            source.calls
        );
    }
}

/// Logs the changes that are not made together with the plan; the others follow when their outcome is known.
fn planned<'a>(plan: &InstancePlan<'_>, outcomes: impl Iterator<Item = &'a ChangeReport>) {
    let report = plan.report;
    if report.mode == InstanceMode::Observe {
        let name = &report.name;
        tracing::info!(
            "instance {name} is only observed: nothing is written to it; if the plan is right, set mode = \"apply\" under [instances.{name}]"
        );
    }
    for change in outcomes {
        self::change(change, LoggedBy::Run);
    }
    skips(report, plan.new_skips);
}

fn held_plan(record: &HeldRecord) {
    let HeldRecord { instance, digest, changes, undo, .. } = record;
    let then = undo.as_ref().map(|undo| format!(", then campaign-group-sync undo {} --apply", undo.run));
    let then = then.unwrap_or_default();
    tracing::warn!(
        plan.digest = %digest,
        held = changes.len(),
        "instance {instance}: {} held under {digest}; if these changes are right: \
         campaign-group-sync approve {digest}{then}",
        match changes.len() {
            1 => "1 change is".to_owned(),
            many => format!("{many} changes are"),
        }
    );
}

fn settled(settled: &SettledChanges<'_>) {
    let logged_by = match settled.evidence {
        Evidence::ReadBack | Evidence::Unread => LoggedBy::Run,
        Evidence::NextRun => LoggedBy::NextRun,
    };
    for change in settled.changes {
        self::change(change, logged_by);
    }
}

/// Logs the results that a run recorded last before it died, because it may have died before it logged them.
pub(super) fn repeat_last_results(run: &RunId, instance: &InstanceName, changes: &[ChangeReport]) {
    instance_span(run, instance.as_str()).in_scope(|| {
        for change in changes {
            self::change(change, LoggedBy::Repeated);
        }
    });
}

/// Which run logs the result of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoggedBy {
    /// The run that made it.
    Run,
    /// The next run, which found it in Campaign.
    NextRun,
    /// The next run, because the run that made it died after it had recorded the result; the line may be a repetition.
    Repeated,
}

impl LoggedBy {
    /// The detail of the line where the change has none.
    fn note(self) -> Option<&'static str> {
        match self {
            Self::Run => None,
            Self::NextRun => Some("found by the next run"),
            Self::Repeated => Some("recorded by a run that died; this line may be a repetition"),
        }
    }
}

/// Logs one change. The field `repeated` marks a line that may be a repetition, so that a count of lines can skip it.
fn change(change: &ChangeReport, logged_by: LoggedBy) {
    let (operator, group) = (change.operator.as_deref(), change.group.as_deref());
    let (outcome, detail) = (change.outcome.as_str(), change.detail.as_deref().or(logged_by.note()));
    let repeated = (logged_by == LoggedBy::Repeated).then_some(true);
    let approved = change.approved_by.as_ref().map(|by| format!(", approved by {by}")).unwrap_or_default();
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                op = change.op.as_str(),
                operator,
                operator_group = group,
                product_profile.name = change.profile.as_str(),
                change.reason = change.reason.as_str(),
                outcome,
                change.detail = detail,
                approved_by = change.approved_by,
                repeated,
                "{outcome}: {}{}",
                change.described(),
                approved
            )
        };
    }
    match change.outcome {
        ChangeOutcome::Applied | ChangeOutcome::Already | ChangeOutcome::Pending => line!(info),
        ChangeOutcome::Held | ChangeOutcome::Failed | ChangeOutcome::Unconfirmed => line!(warn),
    }
}

/// Logs new skips by name, the number of skips of each reason, and all skips at `debug`.
fn skips(report: &InstanceReport, new: &[&Skipped]) {
    macro_rules! line {
        ($level:ident, $skip:expr, $opening:literal) => {
            tracing::$level!(
                skip.reason = $skip.reason.as_str(),
                skip.subject = $skip.subject,
                concat!($opening, ": {}: {}"),
                name_shown(&$skip.subject),
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
        if *named <= MAX_NAMED_SKIPS {
            line!(info, skip, "skipped for the first time");
        }
    }
    for (reason, (count, new)) in counts {
        let unnamed = match new.saturating_sub(MAX_NAMED_SKIPS) {
            0 => String::new(),
            more => format!("; {more} new ones are named in the report only"),
        };
        tracing::info!(
            skip.reason = reason.as_str(),
            skip.count = count,
            skip.new = new,
            "skipped: {}: {count}, {new} of them new{unnamed}",
            reason.as_str()
        );
    }
}

fn instance_ended(report: &InstanceReport) {
    let summary = &report.summary;
    tracing::info!(
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
        tracing::error!(error, "instance {}: {error}", report.name);
    }
}

/// Logs the outcome of a run, whether it could be recorded or not.
pub(super) fn run_ended(report: &RunReport) {
    if let Some(error) = &report.error {
        tracing::error!(error, "{error}");
    }
    let outcome = report.outcome.as_str();
    match report.outcome {
        Outcome::InSync | Outcome::ChangesPending | Outcome::Applied => {
            tracing::info!(outcome, duration_ms = report.duration_ms, "run ends: {outcome}");
        }
        _ => tracing::warn!(outcome, duration_ms = report.duration_ms, "run ends: {outcome}"),
    }
}

/// Logs the head of the record: a copy on another machine proves later that the record was neither cut nor rebuilt.
pub(super) fn head(head: &RecordHead) {
    tracing::info!(record.head = %head, "the record now ends with {head}");
}

/// Logs what was deleted after the retention period, with the head of the record that contains this deletion.
pub(super) fn deleted(run: &RunId, deleted: &DeletionSummary) {
    let DeletionSummary { runs, events, head } = deleted;
    tracing::info!(
        run.id = %run,
        record.head = %head,
        "deleted after the retention period: {runs} runs and the texts of {events} events; the record now ends with {head}"
    );
}

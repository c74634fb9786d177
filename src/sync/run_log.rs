//! The reconciliation log: one line for each change when its outcome is known, one for each new skip, one for each instance
//! and one for each run.
//!
//! The journal turns a dot into an underscore and writes capitals: `run.id`, `op`, `operator`, `operator_group` and `outcome`
//! are `RUN_ID`, `OP`, `OPERATOR`, `OPERATOR_GROUP` and `OUTCOME` there, which is what people and scripts ask it for.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ChangeOutcome, ChangeReport, Evidence, HeldRecord, InstanceMode, InstanceName, InstancePlan, InstanceReport,
        NextStep, Outcome, RunEvent, RunId, RunReport, RunStart, SettledChanges, SkipReason, Skipped, SourceReport,
    },
    journal::{Deleted, RecordHead},
};

/// Most new skips of one reason that one run names at `info`. systemd-journald lets a service write 10,000 lines in 30 s and
/// drops the rest (`RateLimitBurst`, journald.conf(5)): the lines of changes must not be among those.
const MOST_NAMED: usize = 20;

/// Logs an event that was recorded.
pub(super) fn write(run: &RunId, event: &RunEvent<'_>) {
    match event {
        RunEvent::Started(start) => started(run, start),
        RunEvent::Interrupted => tracing::warn!(
            run.id = %run,
            "run {run} ended before its time; what it had sent to Campaign is looked up when Campaign is read next"
        ),
        RunEvent::SourceRead(source) => source_read(run, source),
        RunEvent::Planned(plan) => planned(run, plan),
        RunEvent::Held(held) => held.record.into_iter().for_each(|record| self::held(run, record)),
        RunEvent::Settled(settled) => self::settled(run, settled),
        RunEvent::InstanceEnded(report) => instance_ended(run, report),
        RunEvent::Ended(report) => run_ended(report),
        RunEvent::Sending(_) | RunEvent::Observed(_) => {}
    }
}

fn started(run: &RunId, start: &RunStart) {
    tracing::info!(run.id = %run, run.mode = start.mode.as_str(), instances = start.instances.len(), "run begins");
}

fn source_read(run: &RunId, source: &SourceReport) {
    if source.complete {
        tracing::info!(
            run.id = %run,
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

/// What is not made is told with the plan; the rest when its outcome is known.
fn planned(run: &RunId, plan: &InstancePlan<'_>) {
    let report = plan.report;
    if report.mode == InstanceMode::Observe {
        let name = &report.name;
        tracing::info!(
            run.id = %run,
            instance = %name,
            "{name} is only observed: nothing is written there; when the plan is right, write mode = \"apply\" under [instances.{name}]"
        );
    }
    let is_final = |change: &&ChangeReport| plan.next == NextStep::Nothing || change.outcome != ChangeOutcome::Pending;
    for change in report.changes.iter().filter(is_final) {
        self::change(run, &report.name, change, Telling::ByTheRun);
    }
    skips(run, report, plan.new_skips);
}

fn held(run: &RunId, record: &HeldRecord) {
    let HeldRecord { instance, digest, changes, .. } = record;
    tracing::warn!(
        run.id = %run,
        instance = %instance,
        plan.digest = %digest,
        held = changes.len(),
        "instance {instance}: {} held under {digest}; if these changes are right: \
         campaign-group-sync approve {digest}",
        match changes.len() {
            1 => "1 change is".to_owned(),
            many => format!("{many} changes are"),
        }
    );
}

fn settled(run: &RunId, settled: &SettledChanges<'_>) {
    let instance = settled.instance.as_str();
    let telling = match settled.evidence {
        Evidence::ReadBack | Evidence::Unread => Telling::ByTheRun,
        Evidence::NextRun => Telling::ByTheNextRun,
    };
    for change in settled.changes {
        self::change(run, instance, change, telling);
    }
}

/// Logs what a run recorded last before it died: whether it came to log that itself is not known.
pub(super) fn settled_again(run: &RunId, instance: &InstanceName, changes: &[ChangeReport]) {
    for change in changes {
        self::change(run, instance.as_str(), change, Telling::Again);
    }
}

/// Which run logs the outcome of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// The one that made it.
    ByTheRun,
    /// The next one, which found it in Campaign.
    ByTheNextRun,
    /// The next one, because the one that made it died when it had recorded the outcome: it may have logged it too.
    Again,
}

impl Telling {
    /// What is logged where the change has no detail of its own.
    fn note(self) -> Option<&'static str> {
        match self {
            Self::ByTheRun => None,
            Self::ByTheNextRun => Some("found by the next run"),
            Self::Again => Some("the run died when it had recorded this"),
        }
    }
}

/// One line for one change. One that is told again is `repeated`: a reader who counts lines can leave it out.
fn change(run: &RunId, instance: &str, change: &ChangeReport, telling: Telling) {
    let (operator, group) = (change.operator.as_deref(), change.group.as_deref());
    let (outcome, detail) = (change.outcome.as_str(), change.detail.as_deref().or(telling.note()));
    let repeated = (telling == Telling::Again).then_some(true);
    let approved = change.approved_by.as_ref().map(|by| format!(", approved by {by}")).unwrap_or_default();
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

fn instance_ended(run: &RunId, report: &InstanceReport) {
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

/// Logs how a run ended, whether that could be recorded or not.
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

/// Logs the head of the record: kept on another machine, it proves later that the record was not cut or rebuilt.
pub(super) fn head(run: &RunId, head: &RecordHead) {
    tracing::info!(run.id = %run, record.head = %head, "the record now ends with {head}");
}

/// Logs what was deleted for its age, with the head of the record that tells of it.
pub(super) fn deleted(run: &RunId, deleted: &Deleted) {
    let Deleted { runs, events, head } = deleted;
    tracing::info!(
        run.id = %run,
        record.head = %head,
        "deleted for their age: {runs} runs and the texts of {events} events; the record now ends with {head}"
    );
}

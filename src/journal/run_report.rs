//! Builds the report of a run from what is recorded: of a run that has ended, that is running, or that died.

use crate::domain::{
    ChangeOutcome, ChangeReport, InstanceMode, InstanceReport, Outcome, RunMode, RunReport, SourceReport, Summary,
};

use super::{
    JournalError,
    database::{Row, Transaction, read_error},
    encoding::{from_json, from_name, to_time},
    instance_plans::report_column,
    stored_changes::{StoredChange, change_columns},
};

/// Detail of a change that was sent, and of which Campaign was not read since.
const WAS_BEING_WRITTEN: &str = "was being written when the run ended; Campaign may have made it";

/// Detail of a change that was not sent.
const NOT_TRIED: &str = "not tried: the run ended before that";

/// The state of a run that has no end in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// A process holds the lock: the run is running.
    Running,
    /// No process holds the lock: the run died.
    Dead,
}

/// The stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Dead,
    Ended,
}

/// A stored run without its instances.
struct StoredRun {
    mode: RunMode,
    instances: Vec<String>,
    stage: Stage,
    report: RunReport,
}

/// The report of a run; `None` for an unknown one.
pub(super) async fn run_report(
    transaction: &mut Transaction,
    run: &str,
    unfinished: Unfinished,
) -> Result<Option<RunReport>, JournalError> {
    let sql = "select mode, started_at, instances, outcome, report, source,
                   (select max(at) from events where events.run = runs.run),
                   (select cast(position as text) || ':' || hash from events
                    where events.run = runs.run and kind = 'ended' order by position desc limit 1)
               from runs where run = $1";
    let rows = transaction.rows(sql, [run.into()]).await.map_err(read_error)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let StoredRun { mode, instances, stage, mut report } = stored(row, run, unfinished)?;
    if !report.instances.is_empty() {
        // An earlier version stored reports with their instances.
        return Ok(Some(report));
    }
    for name in instances {
        report.instances.extend(instance_report(transaction, run, &name, mode, stage).await?);
    }
    report.approvals = RunReport::approvals_in(&report.instances);
    if stage == Stage::Running {
        report.outcome = Outcome::of_all(report.instances.iter().map(|instance| instance.outcome));
    }
    Ok(Some(report))
}

fn stored(row: &Row, run: &str, unfinished: Unfinished) -> Result<StoredRun, JournalError> {
    let mode: RunMode = from_name(row.text(0)?, "the mode of a run")?;
    let started_at = to_time(row.number(1)?)?;
    let instances = from_json(&row.text(2)?, "the instances of a run")?;
    let outcome: Option<Outcome> =
        row.optional_text(3)?.map(|name| from_name(name, "the outcome of a run")).transpose()?;
    let stage = match (outcome, unfinished) {
        (Some(Outcome::Interrupted), _) | (None, Unfinished::Dead) => Stage::Dead,
        (Some(_), _) => Stage::Ended,
        (None, Unfinished::Running) => Stage::Running,
    };
    let report = match row.optional_text(4)? {
        Some(text) => from_json(&text, "the report of a run")?,
        None => without_end(row, run, mode, stage)?,
    };
    // The stored report only has whole seconds.
    let report = RunReport { started_at, record: row.optional_text(7)?, ..report };
    Ok(StoredRun { mode, instances, stage, report })
}

/// The report of a run that has no end yet, or never gets one.
fn without_end(row: &Row, run: &str, mode: RunMode, stage: Stage) -> Result<RunReport, JournalError> {
    let started_at = to_time(row.number(1)?)?;
    let source = row.optional_text(5)?.map(|text| from_json(&text, "the source of a run")).transpose()?;
    let last_event = row.optional_number(6)?.map(to_time).transpose()?.unwrap_or(started_at);
    let (outcome, warning) = match stage {
        Stage::Running => (Outcome::InSync, "this run has not ended yet"),
        Stage::Dead | Stage::Ended => {
            (Outcome::Interrupted, "this run was interrupted; this is what it had recorded until then")
        }
    };
    Ok(RunReport {
        version: RunReport::VERSION,
        run: run.to_owned(),
        mode,
        started_at,
        duration_ms: u64::try_from((last_event - started_at).num_milliseconds()).unwrap_or_default(),
        outcome,
        misconfigured: false,
        error: None,
        warnings: vec![warning.to_owned()],
        source: source.unwrap_or_else(|| SourceReport::unread(String::new(), 0)),
        approvals: Vec::new(),
        instances: Vec::new(),
        record: None,
        undo_of: None,
    })
}

/// The report of one instance. A run that ended reports nothing about an instance that it did not reach.
async fn instance_report(
    transaction: &mut Transaction,
    run: &str,
    name: &str,
    mode: RunMode,
    stage: Stage,
) -> Result<Option<InstanceReport>, JournalError> {
    let sql = concat!(
        "select ",
        report_column!(),
        ", coalesce(same_as, run), ended_at from plans where run = $1 and instance = $2"
    );
    let rows = transaction.rows(sql, [run.into(), name.into()]).await.map_err(read_error)?;
    let Some(row) = rows.first() else {
        return Ok((stage != Stage::Ended).then(|| undecided(name, mode, stage)));
    };
    let mut report: InstanceReport = from_json(&row.text(0)?, "a plan")?;
    let (rows_of, has_ended) = (row.text(1)?, row.optional_number(2)?.is_some());
    let is_interrupted = stage == Stage::Dead && mode == RunMode::Apply && report.mode == InstanceMode::Apply;
    let sql = concat!("select ", change_columns!(), " from changes where run = $1 and instance = $2 order by position");
    for row in transaction.rows(sql, [rows_of.into(), name.into()]).await.map_err(read_error)? {
        let change = StoredChange::read(&row)?;
        report.changes.push(if is_interrupted { change.of_interrupted_run() } else { change.report });
    }
    report.summary = Summary::of(&report.changes, report.skipped.len(), report.summary.unchanged);
    if !has_ended {
        match stage {
            Stage::Ended => {}
            Stage::Dead => report.outcome = Outcome::Interrupted,
            Stage::Running => report.outcome = InstanceReport::outcome_of(&report.changes, &report.skipped),
        }
    }
    Ok(Some(report))
}

/// The report of an instance whose plan was not recorded: nothing was changed in it.
fn undecided(name: &str, mode: RunMode, stage: Stage) -> InstanceReport {
    let instance_mode = match mode {
        RunMode::Apply => InstanceMode::Apply,
        RunMode::DryRun => InstanceMode::Observe,
    };
    let (outcome, error) = match stage {
        Stage::Running => (Outcome::InSync, "not decided yet; nothing was written"),
        Stage::Dead | Stage::Ended => {
            (Outcome::Interrupted, "the run ended before anything was decided; nothing was written")
        }
    };
    InstanceReport::failed(name, instance_mode, outcome, error.to_owned())
}

impl StoredChange {
    /// The change as part of a run with this outcome; `None` if the run has no end.
    pub(super) fn into_report(self, run_outcome: Option<&str>, unfinished: Unfinished) -> ChangeReport {
        let is_dead = match run_outcome {
            None => unfinished == Unfinished::Dead,
            Some(outcome) => outcome == Outcome::Interrupted.as_str(),
        };
        if is_dead { self.of_interrupted_run() } else { self.report }
    }

    /// The change of a run that died, with a detail that says what is not recorded.
    pub(super) fn of_interrupted_run(self) -> ChangeReport {
        let mut report = self.report;
        if report.outcome == ChangeOutcome::Pending {
            let words = if self.sent_at.is_some() { WAS_BEING_WRITTEN } else { NOT_TRIED };
            report.detail = Some(words.to_owned());
        }
        report
    }
}

//! Runs that died: what the journal knows of them, put together as the report they could not make.

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeOutcome, ChangeReport, InstanceMode, InstanceReport, Outcome, RunMode, RunReport, SourceReport, Summary,
};

use super::{
    JournalError,
    changes::{StoredChange, change_columns},
    database::{Transaction, reading},
    encoding::{from_json, from_name, to_time},
};

/// Of a change that was sent and whose answer nobody wrote down.
pub(super) const WAS_BEING_WRITTEN: &str = "was being written when the run ended; Campaign may hold it";

/// Of a change whose turn did not come.
pub(super) const NOT_TRIED: &str = "not tried: the run ended before";

/// How it stands with a run that has no end in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Somebody holds the lock: it goes on.
    Running,
    /// Nobody does: it died.
    Dead,
}

/// The report of a run without an end, made of its plans and of what became of their changes.
pub(super) async fn reconstructed(
    transaction: &mut Transaction,
    run: &str,
    state: Unfinished,
) -> Result<RunReport, JournalError> {
    let sql = "select mode, started_at, instances from runs where run = $1";
    let rows = transaction.rows(sql, [run.into()]).await.map_err(reading)?;
    let row = rows.first().ok_or_else(|| reading(sqlx::Error::RowNotFound))?;
    let mode: RunMode = from_name(row.text(0)?, "the mode of a run")?;
    let started_at = to_time(row.number(1)?)?;
    let names: Vec<String> = from_json(&row.text(2)?, "the instances of a run")?;
    let mut last_seen = started_at;
    let mut instances = Vec::new();
    for name in names {
        let (instance, seen) = instance_of(transaction, run, &name, mode, state).await?;
        last_seen = last_seen.max(seen.unwrap_or(started_at));
        instances.push(instance);
    }
    let (outcome, warning) = match state {
        Unfinished::Running => {
            (Outcome::of_all(instances.iter().map(|instance| instance.outcome)), "this run has not ended yet")
        }
        Unfinished::Dead => {
            (Outcome::Interrupted, "this run ended before its time; this is what it had written down until then")
        }
    };
    Ok(RunReport {
        version: RunReport::VERSION,
        run: run.to_owned(),
        mode,
        started_at,
        duration_ms: u64::try_from((last_seen - started_at).num_milliseconds()).unwrap_or_default(),
        outcome,
        misconfigured: false,
        error: None,
        warnings: vec![warning.to_owned()],
        source: SourceReport::unread(String::new(), 0),
        instances,
    })
}

/// One instance, and when something was last written about it.
async fn instance_of(
    transaction: &mut Transaction,
    run: &str,
    name: &str,
    mode: RunMode,
    state: Unfinished,
) -> Result<(InstanceReport, Option<DateTime<Utc>>), JournalError> {
    let sql = "select report, at from plans where run = $1 and instance = $2";
    let rows = transaction.rows(sql, [run.into(), name.into()]).await.map_err(reading)?;
    let Some(row) = rows.first() else { return Ok((undecided(name, mode, state), None)) };
    let mut report: InstanceReport = from_json(&row.text(0)?, "a plan")?;
    let mut last_seen = to_time(row.number(1)?)?;
    let sql = concat!("select ", change_columns!(), " from changes where run = $1 and instance = $2 order by position");
    for row in transaction.rows(sql, [run.into(), name.into()]).await.map_err(reading)? {
        let change = StoredChange::read(&row)?;
        last_seen = last_seen.max(change.at);
        report.changes.push(match state {
            Unfinished::Dead if mode == RunMode::Apply && report.mode == InstanceMode::Apply => change.of_a_dead_run(),
            _ => change.report,
        });
    }
    report.summary = Summary::of(&report.changes, report.skipped.len(), report.summary.unchanged);
    report.outcome = match state {
        Unfinished::Dead => Outcome::Interrupted,
        Unfinished::Running => InstanceReport::outcome_of(&report.changes, &report.skipped),
    };
    Ok((report, Some(last_seen)))
}

/// An instance whose plan was not written: nothing was changed in it.
fn undecided(name: &str, mode: RunMode, state: Unfinished) -> InstanceReport {
    let instance_mode = match mode {
        RunMode::Apply => InstanceMode::Apply,
        RunMode::DryRun => InstanceMode::Observe,
    };
    let (outcome, error) = match state {
        Unfinished::Running => (Outcome::InSync, "not decided yet; nothing was written"),
        Unfinished::Dead => (Outcome::Interrupted, "the run ended before anything was decided; nothing was written"),
    };
    InstanceReport::failed(name, instance_mode, outcome, error.to_owned())
}

impl StoredChange {
    /// The change with words for what nobody wrote down.
    pub(super) fn of_a_dead_run(self) -> ChangeReport {
        let mut report = self.report;
        if report.outcome == ChangeOutcome::Pending {
            let words = if self.sent_at.is_some() { WAS_BEING_WRITTEN } else { NOT_TRIED };
            report.detail = Some(words.to_owned());
        }
        report
    }
}

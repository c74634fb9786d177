//! Runs: their beginning and end, and the search for them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    InstanceMode, InstanceName, InstanceReport, Outcome, RunId, RunMode, RunReport, RunStart, SourceReport, Summary,
    to_the_second,
};

use super::{
    Deletion, Journal, JournalError,
    call_windows::correct_times,
    chain::{EventKind, EventRecorder, fingerprint},
    database::{Row, WriteTransaction},
    encoding::{from_json, from_name, to_json, to_time},
    event_notifications,
    instance_plans::end_instance_once,
    organization,
    run_report::{Unfinished, run_report},
};

/// Most runs that are listed for an ambiguous id.
const MOST_CANDIDATES: usize = 10;

/// Most reports that are read to find out the mode of an instance: reports are long, and the last ones are enough.
const REPORTS_OF_MODE: i64 = 5;

/// One run in the history. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// The run.
    pub run: String,
    /// When the run started.
    #[serde(serialize_with = "crate::domain::rfc3339")]
    pub started_at: DateTime<Utc>,
    /// The mode that was requested.
    pub mode: RunMode,
    /// The scope of the run, in words; `None` for a run over everything in its instances.
    #[serde(skip)]
    pub scope: Option<String>,
    /// The names of its instances.
    #[serde(skip)]
    pub instances: Vec<String>,
    /// The outcome; `interrupted` if the run died; `None` while it runs.
    pub outcome: Option<Outcome>,
    /// The totals of all its instances.
    pub summary: Summary,
}

/// Selects runs; a field that is `None` selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Started at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Started before this time.
    pub until: Option<DateTime<Utc>>,
    /// About this instance, in any letter case.
    pub instance: Option<InstanceName>,
}

/// A run that a shortened id may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCandidate {
    /// The whole id.
    pub run: String,
    /// When the run started.
    pub started_at: DateTime<Utc>,
}

/// Why an id, whole or shortened, does not name one run.
#[derive(Debug, thiserror::Error)]
pub enum FindRunError {
    /// No run has this id, or an id that begins with it.
    #[error("there is no run \"{}\"; `campaign-group-sync history` lists all runs", .0.escape_debug())]
    Unknown(String),
    /// The run was deleted for its age.
    #[error("run {run} was deleted: {deletion}")]
    Deleted {
        /// The whole id.
        run: String,
        /// What deleted it.
        deletion: Deletion,
    },
    /// Several runs have an id that begins with it.
    #[error(
        "the ids of several runs begin with \"{}\"; enter more characters of the id:{}",
        id.escape_debug(),
        listed(candidates, *more)
    )]
    Ambiguous {
        /// The given id.
        id: String,
        /// The matching runs, newest first.
        candidates: Vec<RunCandidate>,
        /// Whether there are more matching runs than these.
        more: bool,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn listed(candidates: &[RunCandidate], more: bool) -> String {
    let line = |run: &RunCandidate| format!("\n  {} ({})", run.run, to_the_second(run.started_at));
    let lines: String = candidates.iter().map(line).collect();
    if more { lines + "\n  and older ones" } else { lines }
}

/// Writes that a run starts, and corrects times that a wrong clock has written.
pub(super) async fn start(recorder: &mut EventRecorder<'_>, start: &RunStart) -> Result<(), JournalError> {
    correct_times(recorder.writer, start.started_at).await?;
    let names: Vec<&str> = start.instances.iter().map(InstanceName::as_str).collect();
    let sql = "insert into runs (run, mode, scope, started_at, instances, summary, position)
               values ($1, $2, $3, $4, $5, $6, (select coalesce(max(position), 0) + 1 from runs))";
    let values = [
        recorder.run.as_str().into(),
        start.mode.as_str().into(),
        start.scope.clone().into(),
        start.started_at.timestamp_millis().into(),
        to_json(&names, "the instances of a run")?.into(),
        to_json(&Summary::default(), "a summary")?.into(),
    ];
    recorder.writer.execute(sql, values).await
}

/// Writes what a run read from the organization. The first complete read claims the state for it.
pub(super) async fn read_source(recorder: &mut EventRecorder<'_>, source: &SourceReport) -> Result<(), JournalError> {
    if source.complete {
        organization::claim(recorder.writer, &source.organization).await?;
    }
    let values = [to_json(source, "the source of a run")?.into(), recorder.run.as_str().into()];
    recorder.writer.execute("update runs set source = $1 where run = $2", values).await
}

/// Writes how a run ended.
pub(super) async fn end(recorder: &mut EventRecorder<'_>, report: &RunReport) -> Result<(), JournalError> {
    for instance in &report.instances {
        end_instance_once(recorder, instance).await?;
    }
    let head = write_end(recorder.writer, report).await?;
    let (outcome, error) = (report.outcome.as_str(), report.error.as_deref());
    recorder.append(EventKind::Ended, &Ended { outcome, error, report: fingerprint(&head) }).await?;
    event_notifications::run_ended(recorder, report).await
}

/// The body of an event that lists runs that an earlier version deleted for their age.
#[derive(Deserialize)]
pub(super) struct ForgottenBody {
    pub(super) runs: Vec<String>,
}

#[derive(Serialize)]
struct Ended<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// The hash of the report without its instances.
    report: String,
}

/// Writes the end of a run that died, as far as it is recorded.
pub(super) async fn mark_interrupted(recorder: &mut EventRecorder<'_>) -> Result<(), JournalError> {
    let run = recorder.run.as_str();
    let report = run_report(recorder.writer.transaction(), run, Unfinished::Dead).await?;
    match report {
        Some(report) => write_end(recorder.writer, &report).await.map(drop),
        None => Ok(()),
    }
}

/// Counts the changes of a run again after one of them was settled later than its end.
pub(super) async fn count_again(writer: &mut WriteTransaction, run: &RunId) -> Result<(), JournalError> {
    let report = run_report(writer.transaction(), run.as_str(), Unfinished::Dead).await?;
    let Some(report) = report else { return Ok(()) };
    let values = [to_json(&report.total(), "a summary")?.into(), run.as_str().into()];
    writer.execute("update runs set summary = $1 where run = $2", values).await
}

impl Journal {
    /// The runs without an end, the oldest first. The holder of the lock knows that these runs died.
    pub async fn runs_without_end(&self) -> Result<Vec<RunId>, JournalError> {
        let rows = self.query().await?.rows("select run from runs where outcome is null order by position", []).await?;
        rows.iter().map(|row| row.text(0).map(RunId::new)).collect()
    }

    /// The last recorded runs, newest first, at most `limit`. A run without an end is interrupted if no process holds
    /// the lock.
    pub async fn runs(&self, limit: usize) -> Result<Vec<RunEntry>, JournalError> {
        self.runs_of(&RunFilter::default(), limit).await
    }

    /// The last recorded runs that match the filter, newest first, at most `limit`.
    pub async fn runs_of(&self, filter: &RunFilter, limit: usize) -> Result<Vec<RunEntry>, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut reader = self.begin_read().await?;
        // The names of the instances are one JSON text, which contains a name if removing the name changes the text.
        let sql = "select run, started_at, mode, outcome, summary, scope, instances from runs
                   where (cast($1 as bigint) is null or started_at >= $1)
                     and (cast($2 as bigint) is null or started_at < $2)
                     and (cast($3 as text) is null or replace(lower(instances), $3, '') <> lower(instances))
                   order by position desc limit $4";
        let stamp = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_millis()).into();
        let instance = filter.instance.as_ref().map(|name| to_json(&name.as_str().to_lowercase(), "an instance"));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).into();
        let values = [stamp(filter.since), stamp(filter.until), instance.transpose()?.into(), limit];
        let rows = reader.rows(sql, values).await?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            let mut entry = entry(&row)?;
            if entry.outcome.is_none()
                && let Some(report) = run_report(reader.transaction(), &entry.run, unfinished).await?
            {
                entry.summary = report.total();
                entry.outcome = (unfinished == Unfinished::Dead).then_some(report.outcome);
            }
            runs.push(entry);
        }
        Ok(runs)
    }

    /// The entry of the run with this full id, without the totals of a run that has no end; `None` if there is no such
    /// run. Its outcome is `None` while it runs.
    pub async fn run_entry(&self, run: &str) -> Result<Option<RunEntry>, JournalError> {
        let unfinished = self.unfinished().await?;
        let sql = "select run, started_at, mode, outcome, summary, scope, instances from runs where run = $1";
        let rows = self.query().await?.rows(sql, [run.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut entry = entry(row)?;
        if unfinished == Unfinished::Dead {
            entry.outcome.get_or_insert(Outcome::Interrupted);
        }
        Ok(Some(entry))
    }

    /// Whether a run wrote to this instance or was allowed to: a change in it was applied, or one of the last runs was
    /// in apply mode there.
    pub async fn was_written_to(&self, instance: &InstanceName) -> Result<bool, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select 1 from changes where lower(instance) = $1 and outcome = 'applied' limit 1";
        if !reader.rows(sql, [instance.folded().into()]).await?.is_empty() {
            return Ok(true);
        }
        let sql = "select run from runs where mode = 'apply' and report is not null order by position desc limit $1";
        for row in reader.rows(sql, [REPORTS_OF_MODE.into()]).await? {
            let report = run_report(reader.transaction(), &row.text(0)?, Unfinished::Dead).await?;
            let Some(report) = report else { continue };
            let is_it = |it: &InstanceReport| InstanceName::new(&it.name).folded() == instance.folded();
            if report.instances.iter().any(|it| is_it(it) && it.mode == InstanceMode::Apply) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The report of a run; of a run that died, as much as is recorded: the planned changes with their outcomes, and
    /// those that were being written as `pending` with a detail that says so. `None` if there is no such run.
    pub async fn run(&self, run: &str) -> Result<Option<RunReport>, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut reader = self.begin_read().await?;
        run_report(reader.transaction(), run, unfinished).await
    }

    /// The report of the run with this id, as of [`Journal::run`]. The id may be shortened to a beginning that only one
    /// run has, in any letter case.
    pub async fn find_run(&self, id: &str) -> Result<RunReport, FindRunError> {
        let id = id.trim();
        let mut candidates = self.candidates(id).await?;
        let found = match candidates.as_slice() {
            [run] => self.run(&run.run).await?,
            [] => None,
            _ => {
                let more = candidates.len() > MOST_CANDIDATES;
                candidates.truncate(MOST_CANDIDATES);
                return Err(FindRunError::Ambiguous { id: id.to_owned(), candidates, more });
            }
        };
        if let Some(found) = found {
            return Ok(found);
        }
        Err(match self.deletion_of_run(id).await? {
            Some((run, deletion)) => FindRunError::Deleted { run, deletion },
            None => FindRunError::Unknown(id.to_owned()),
        })
    }

    /// The run with this full id, else the runs whose id begins with it, newest first.
    async fn candidates(&self, id: &str) -> Result<Vec<RunCandidate>, JournalError> {
        let length = i64::try_from(id.chars().count()).unwrap_or(i64::MAX);
        if length == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(MOST_CANDIDATES).unwrap_or(i64::MAX).saturating_add(1);
        let mut reader = self.begin_read().await?;
        let mut rows = reader.rows("select run, started_at from runs where run = $1", [id.into()]).await?;
        if rows.is_empty() {
            let sql = "select run, started_at from runs
                       where lower(substr(run, 1, cast($2 as integer))) = lower($1)
                       order by position desc limit $3";
            rows = reader.rows(sql, [id.into(), length.min(1_000).into(), limit.into()]).await?;
        }
        let candidate = |row: &Row| Ok(RunCandidate { run: row.text(0)?, started_at: to_time(row.number(1)?)? });
        rows.iter().map(candidate).collect()
    }

    /// The ids of the last runs over everything that have ended, newest first, at most `limit`.
    pub async fn full_runs(&self, limit: usize) -> Result<Vec<String>, JournalError> {
        let sql = "select run from runs where scope is null and report is not null
                   order by position desc limit $1";
        let rows = self.query().await?.rows(sql, [i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// What a run without an end means at this moment: it is still running if a process holds the lock.
    pub(super) async fn unfinished(&self) -> Result<Unfinished, JournalError> {
        let is_held = self.lock_holder().await?.is_some();
        Ok(if is_held { Unfinished::Running } else { Unfinished::Dead })
    }
}

pub(super) fn entry(row: &Row) -> Result<RunEntry, JournalError> {
    Ok(RunEntry {
        run: row.text(0)?,
        started_at: to_time(row.number(1)?)?,
        mode: from_name(row.text(2)?, "the mode of a run")?,
        outcome: row.optional_text(3)?.map(|name| from_name(name, "the outcome of a run")).transpose()?,
        summary: from_json(&row.text(4)?, "the summary of a run")?,
        scope: row.optional_text(5)?,
        instances: from_json(&row.text(6)?, "the instances of a run")?,
    })
}

/// Writes the report of a run, with its source and without its instances, which are rows of their own.
async fn write_end(writer: &mut WriteTransaction, report: &RunReport) -> Result<String, JournalError> {
    let names: Vec<&str> = report.instances.iter().map(|instance| instance.name.as_str()).collect();
    let head = to_json(&report.without_instances(), "the report of a run")?;
    let sql = "update runs set outcome = $1, summary = $2, report = $3, source = null, instances = $4 where run = $5";
    let values = [
        report.outcome.as_str().into(),
        to_json(&report.total(), "a summary")?.into(),
        head.as_str().into(),
        to_json(&names, "the instances of a run")?.into(),
        report.run.as_str().into(),
    ];
    writer.execute(sql, values).await?;
    Ok(head)
}

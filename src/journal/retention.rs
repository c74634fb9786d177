//! Deletes what is older than it is to be kept, in small steps, under the lock of the run that ended. Never what decisions
//! of later runs need: a plan is the same with and without it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Journal, JournalError, KeepSetting, RecordHead, RunLock,
    chain::{EventKind, append, digest},
    database::{ReadTransaction, WriteTransaction},
    deletions::{DeletionBody, ranges},
    instance_reports,
    membership_retention::{delete_ended, keep_approvers, oldest_ended, seal},
    run_retention::{Boundary, boundary, old_runs},
};

/// Runs that one step deletes: the state is written to for a fraction of a second, and others have their turn.
const RUNS_A_STEP: i64 = 25;

/// Events, besides those of these runs, and ended memberships that one step deletes.
const ROWS_A_STEP: i64 = 2_000;

/// Steps after one run. What is left is the work of the next.
const MOST_STEPS: usize = 40;

/// How long what is recorded is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs without a change, dry runs, and repeated identical plans.
    pub runs: RetentionPeriod,
    /// Changes, and memberships that have ended.
    pub changes: RetentionPeriod,
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionPeriod {
    /// Nothing is deleted.
    Forever,
    /// At least for this long. Zero keeps what is needed, and the newest runs.
    For(Duration),
}

/// What was deleted after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionSummary {
    /// How many runs.
    pub runs: usize,
    /// How many events, of which the digests are left.
    pub events: usize,
    /// The record ends with the deletion.
    pub head: RecordHead,
}

impl Journal {
    /// Deletes what is older than it is to be kept, and records each deletion; `None` where nothing is.
    pub async fn delete_old(
        &self,
        lock: &RunLock,
        retention: Retention,
        now: DateTime<Utc>,
    ) -> Result<Option<DeletionSummary>, JournalError> {
        let mut deleted: Option<DeletionSummary> = None;
        // What a run without a change saw in Campaign is deleted with the changes, once the run itself is.
        for (setting, kept) in [(KeepSetting::KeepRuns, retention.runs), (KeepSetting::KeepChanges, retention.changes)]
        {
            let RetentionPeriod::For(keep) = kept else { continue };
            let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
            for _ in 0..MOST_STEPS {
                if !lock.is_still_held().await {
                    return Ok(deleted);
                }
                let Some(step) = self.deletion_step(setting, keep, now).await? else { break };
                deleted = Some(match deleted {
                    Some(so_far) => {
                        DeletionSummary { runs: so_far.runs + step.runs, events: so_far.events + step.events, ..step }
                    }
                    None => step,
                });
            }
        }
        Ok(deleted)
    }

    /// One step; `None` where there is nothing to delete. Nobody else deletes runs or their events: the run holds the lock.
    async fn deletion_step(
        &self,
        setting: KeepSetting,
        keep: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<DeletionSummary>, JournalError> {
        let mut reader = self.begin_read().await?;
        let Some(boundary) = boundary(&mut reader, keep).await? else { return Ok(None) };
        let runs = old_runs(&mut reader, setting, &boundary, RUNS_A_STEP).await?;
        let events = old_events(&mut reader, setting, &runs, &boundary).await?;
        let ended_before = match setting {
            KeepSetting::KeepRuns => None,
            KeepSetting::KeepChanges => oldest_ended(&mut reader, boundary.at, ROWS_A_STEP).await?,
        };
        drop(reader);
        if runs.is_empty() && events.is_empty() && ended_before.is_none() {
            return Ok(None);
        }
        let mut writer = self.begin_write().await?;
        for run in &runs {
            delete_run(&mut writer, run).await?;
        }
        delete_events(&mut writer, &events).await?;
        let memberships = match setting {
            KeepSetting::KeepRuns => None,
            KeepSetting::KeepChanges => {
                if let Some(before) = ended_before {
                    delete_ended(&mut writer, before).await?;
                }
                Some(seal(&mut writer).await?)
            }
        };
        let mut places: Vec<i64> = events.iter().map(|event| event.position).collect();
        places.sort_unstable();
        let (runs_deleted, events_deleted) = (runs.len(), places.len());
        let body = DeletionBody { setting, keep, before: boundary.at, runs, events: ranges(places), memberships };
        let head = append(&mut writer, None, now, EventKind::Deletion, &body).await?;
        writer.commit().await?;
        Ok(Some(DeletionSummary { runs: runs_deleted, events: events_deleted, head }))
    }
}

/// Deletes a run, its plans and its changes. Who approved a membership that lasts is kept with the membership.
async fn delete_run(writer: &mut WriteTransaction, run: &str) -> Result<(), JournalError> {
    keep_approvers(writer, run).await?;
    let reports = instance_reports::of_run(writer, run, None).await?;
    for sql in
        ["delete from changes where run = $1", "delete from plans where run = $1", "delete from runs where run = $1"]
    {
        writer.execute(sql, [run.into()]).await?;
    }
    instance_reports::delete_unused(writer, reports).await
}

/// An event of which the digest will be left.
struct OldEvent {
    position: i64,
    digest: String,
}

/// Deletes events, and keeps their digests in their places.
async fn delete_events(writer: &mut WriteTransaction, events: &[OldEvent]) -> Result<(), JournalError> {
    for event in events {
        writer.execute("delete from events where position = $1", [event.position.into()]).await?;
    }
    let rows = events.iter().map(|event| [event.position.into(), event.digest.as_str().into()]);
    writer.insert("insert into deleted_events (position, digest)", rows, "").await
}

/// Events that a setting deletes with these runs. What tells who was in which group is part of the access record, and goes with
/// the changes; approvals, pauses, and what was deleted when are kept. An event that an earlier version recorded cannot be
/// checked without its text, and keeps it.
async fn old_events(
    reader: &mut ReadTransaction,
    setting: KeepSetting,
    runs: &[String],
    boundary: &Boundary,
) -> Result<Vec<OldEvent>, JournalError> {
    let since = digests_from(reader).await?;
    let mut rows = Vec::new();
    for run in runs {
        let sql = match setting {
            KeepSetting::KeepRuns => {
                "select position, run, at, kind, body from events
                 where run = $1 and position >= $2 and kind not in ('observed', 'settled')"
            }
            KeepSetting::KeepChanges => {
                "select position, run, at, kind, body from events where run = $1 and position >= $2"
            }
        };
        rows.extend(reader.rows(sql, [run.as_str().into(), since.into()]).await?);
    }
    if let (KeepSetting::KeepChanges, Some(before)) = (setting, boundary.event) {
        let sql = "select position, run, at, kind, body from events
                   where position >= $1 and position < $2 and run is not null and kind in ('observed', 'settled')
                     and not exists (select 1 from runs where runs.run = events.run)
                   order by position limit $3";
        rows.extend(reader.rows(sql, [since.into(), before.into(), ROWS_A_STEP.into()]).await?);
    }
    let event = |row: &super::database::Row| {
        let (run, at, kind, body) = (row.optional_text(1)?, row.number(2)?, row.text(3)?, row.text(4)?);
        Ok(OldEvent { position: row.number(0)?, digest: digest(run.as_deref(), at, &kind, &body) })
    };
    rows.iter().map(event).collect()
}

/// The first event that has a digest.
async fn digests_from(reader: &mut ReadTransaction) -> Result<i64, JournalError> {
    let rows = reader.rows("select digests_from from event_head", []).await?;
    let position = rows.first().map(|row| row.optional_number(0)).transpose()?.flatten();
    position
        .ok_or_else(|| JournalError::Unreadable { what: "the record does not tell where its digests begin".to_owned() })
}

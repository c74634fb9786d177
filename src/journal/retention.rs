//! Deletes what is older than its retention period, in small steps, under the lock of the run that ended. Never deletes
//! what later runs decide by: their plans are the same with and without it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Journal, JournalError, KeepSetting, RecordHead, RunLock,
    chain::{EventKind, append, digest},
    database::{ReadTransaction, WriteTransaction},
    deletions::DeletionBody,
    instance_plans::{delete_unused_reports, report_digests},
    membership_retention::{delete_ended, keep_approvers, oldest_ended, seal},
    position_ranges::ranges,
    run_retention::{Boundary, boundary, old_runs},
};

/// Runs that one step deletes: writing takes a fraction of a second, so that other writers get their turn.
const RUNS_A_STEP: i64 = 25;

/// Events, besides those of these runs, and ended memberships that one step deletes.
const ROWS_A_STEP: i64 = 2_000;

/// Most steps after one run. The next run deletes the rest.
const MOST_STEPS: usize = 40;

/// The retention periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For runs without a change, dry runs, and repeated identical plans.
    pub runs: RetentionPeriod,
    /// For changes, and memberships that have ended.
    pub changes: RetentionPeriod,
}

/// A retention period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionPeriod {
    /// Nothing is deleted.
    Forever,
    /// Kept at least for this long. Zero keeps what is needed, and the newest runs.
    For(Duration),
}

/// The result of the deletions after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionSummary {
    /// The number of deleted runs.
    pub runs: usize,
    /// The number of events that were reduced to their digests.
    pub events: usize,
    /// The head of the record, which is the event of the last deletion.
    pub head: RecordHead,
}

impl Journal {
    /// Deletes what is older than its retention period, and records each deletion; `None` if nothing is.
    pub async fn delete_old(
        &self,
        lock: &RunLock,
        retention: Retention,
        now: DateTime<Utc>,
    ) -> Result<Option<DeletionSummary>, JournalError> {
        let mut deleted: Option<DeletionSummary> = None;
        // What a run without a change observed in Campaign is deleted with the changes, once the run itself is deleted.
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
        self.remember_own_writes();
        Ok(deleted)
    }

    /// Makes one step; `None` if there is nothing to delete. Only the holder of the lock deletes runs and their events.
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
        let mut positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        positions.sort_unstable();
        let (runs_deleted, events_deleted) = (runs.len(), positions.len());
        let body = DeletionBody { setting, keep, before: boundary.at, runs, events: ranges(positions), memberships };
        let head = append(&mut writer, None, now, EventKind::Deletion, &body).await?;
        writer.commit().await?;
        Ok(Some(DeletionSummary { runs: runs_deleted, events: events_deleted, head }))
    }
}

/// Deletes a run, its plans and its changes. The approver of an open membership is kept with the membership.
async fn delete_run(writer: &mut WriteTransaction, run: &str) -> Result<(), JournalError> {
    keep_approvers(writer, run).await?;
    let reports = report_digests(writer, run, None).await?;
    for sql in
        ["delete from changes where run = $1", "delete from plans where run = $1", "delete from runs where run = $1"]
    {
        writer.execute(sql, [run.into()]).await?;
    }
    delete_unused_reports(writer, reports).await
}

/// An event that is going to be reduced to its digest.
struct OldEvent {
    position: i64,
    digest: String,
}

/// Deletes events, and keeps their digests at their positions.
async fn delete_events(writer: &mut WriteTransaction, events: &[OldEvent]) -> Result<(), JournalError> {
    for event in events {
        writer.execute("delete from events where position = $1", [event.position.into()]).await?;
    }
    let rows = events.iter().map(|event| [event.position.into(), event.digest.as_str().into()]);
    writer.insert("insert into deleted_events (position, digest)", rows, "").await
}

/// The events that a setting deletes with these runs. Events about memberships are part of the access record, and are
/// deleted with the changes; approvals, reviews, pauses and deletions are kept. An event of an earlier version cannot be
/// verified without its text, and is kept.
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

/// The position of the first event that has a digest.
async fn digests_from(reader: &mut ReadTransaction) -> Result<i64, JournalError> {
    let rows = reader.rows("select digests_from from event_head", []).await?;
    let position = rows.first().map(|row| row.optional_number(0)).transpose()?.flatten();
    position.ok_or_else(|| JournalError::Unreadable {
        what: "the record has no position where its digests begin".to_owned(),
    })
}

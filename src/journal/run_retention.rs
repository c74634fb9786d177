//! Selects the runs that are old enough to be deleted and not needed any more.
//!
//! The age of a run is measured by the times of other runs: after a wrong clock is corrected, no run is older because
//! of it.

use chrono::TimeDelta;

use super::{
    JournalError, KeepSetting,
    database::{ReadTransaction, Row},
};

/// This many of the newest runs of each mode are kept whatever the settings are, and the time between them does not add
/// to the age of a run: a clock that is wrong for this many runs deletes nothing. With a run every two hours, this is a
/// day.
const ALWAYS_KEPT: i64 = 12;

/// A longer gap between runs does not add to the age of the runs before it: schedules have no such gaps, and wrong
/// clocks make them.
const LONGEST_GAP: TimeDelta = TimeDelta::days(30);

/// Deletions are made in steps of this length if runs are kept for much longer, because each deletion is an event.
const STEP: TimeDelta = TimeDelta::days(1);

/// The retention period is at least this many steps long.
const STEPS: i64 = 64;

/// The time of the newest run that counts for ages. The time of a run is at least that of any run before it.
const REFERENCE: &str = "select max(started_at) from (
        select started_at, row_number() over (order by position desc) as newness from runs
    ) as numbered where newness >= $1";

/// The oldest run, in the order of recording, that is kept for `$3` if gaps of more than `$2` do not count, and none of
/// the `$1` newest runs.
const OLDEST_KEPT: &str = "
    select position, at, run from (
        select position, at, run, cast(sum(case when newness <= $1 or gap > $2 then 0 else gap end)
            over (order by position desc) as bigint) as age
        from (
            select position, at, run, newness, lag(at, 1, at) over (order by position desc) - at as gap
            from (
                select position, run, max(started_at) over (order by position) as at,
                    row_number() over (order by position desc) as newness
                from runs
            ) as timed
        ) as gaps
    ) as ages
    where age <= $3 order by position limit 1";

/// Selects runs that are not needed any more. Needed are: a run without an end; one whose changes are not settled, or
/// are shared or held; the newest runs of each mode; and the last run over everything of each outcome, from which the
/// health is restored after a restart.
macro_rules! not_needed {
    () => {
        "r.position < $1 and r.outcome is not null
         and not exists (select 1 from changes c where c.run = r.run and c.unread = 1)
         and not exists (select 1 from plans q where q.same_as = r.run)
         and not exists (select 1 from held h where replace(h.record, r.run, '') <> h.record)
         and r.position not in (
             select position from (
                 select position, row_number() over (partition by mode order by position desc) as newness from runs
             ) as numbered where newness <= $2)
         and r.position not in (
             select max(position) from runs where scope is null and outcome is not null
             group by mode, instances, outcome,
                 case when summary like '%\"held\":0,%' and summary like '%\"failed\":0,%' then 1 else 0 end)"
    };
}

/// Whether a run had a plan of its own that was to change something: not in a dry run, nor in an observed instance.
macro_rules! has_changes {
    () => {
        "exists (select 1 from changes c where c.run = r.run and r.mode = 'apply' and not exists (
             select 1 from plans p where p.run = c.run and p.instance = c.instance and p.mode = 'observe'))"
    };
}

const OLD_IDLE_RUNS: &str = concat!(
    "select r.run from runs r where ",
    not_needed!(),
    " and not ",
    has_changes!(),
    " order by r.position limit $3"
);

/// Keeps the last run that applied something in an instance: it shows that the instance was written to.
const OLD_CHANGES: &str = concat!(
    "select r.run from runs r where ",
    not_needed!(),
    " and ",
    has_changes!(),
    " and r.position not in (
         select max(x.position) from changes c join runs x on x.run = c.run
         where c.outcome = 'applied' group by c.instance)
     order by r.position limit $3"
);

/// The boundary between runs that may be deleted and runs that are kept.
pub(super) struct Boundary {
    /// The position of the oldest run that is kept for its age.
    position: i64,
    /// Its time, in milliseconds since 1970: what is older may be deleted.
    pub(super) at: i64,
    /// Its first event; `None` if a version without events recorded it.
    pub(super) event: Option<i64>,
}

/// The boundary if runs are kept for this long, in milliseconds; `None` if nothing is old enough.
pub(super) async fn boundary(reader: &mut ReadTransaction, keep: i64) -> Result<Option<Boundary>, JournalError> {
    let rows = reader.rows(REFERENCE, [ALWAYS_KEPT.into()]).await?;
    let Some(reference) = rows.first().map(|row| row.optional_number(0)).transpose()?.flatten() else {
        return Ok(None);
    };
    let step = STEP.num_milliseconds().min(keep / STEPS).max(1);
    let keep = keep.saturating_add(reference.rem_euclid(step));
    let values = [ALWAYS_KEPT.into(), LONGEST_GAP.num_milliseconds().into(), keep.into()];
    let rows = reader.rows(OLDEST_KEPT, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let events = reader.rows("select min(position) from events where run = $1", [row.text(2)?.into()]).await?;
    let event = events.first().map(|row| row.optional_number(0)).transpose()?.flatten();
    Ok(Some(Boundary { position: row.number(0)?, at: row.number(1)?, event }))
}

/// The runs before the boundary that this setting applies to and that are not needed, the oldest first, at most
/// `limit`.
pub(super) async fn old_runs(
    reader: &mut ReadTransaction,
    setting: KeepSetting,
    boundary: &Boundary,
    limit: i64,
) -> Result<Vec<String>, JournalError> {
    let sql = match setting {
        KeepSetting::KeepRuns => OLD_IDLE_RUNS,
        KeepSetting::KeepChanges => OLD_CHANGES,
    };
    let rows = reader.rows(sql, [boundary.position.into(), ALWAYS_KEPT.into(), limit.into()]).await?;
    rows.iter().map(|row: &Row| row.text(0)).collect()
}

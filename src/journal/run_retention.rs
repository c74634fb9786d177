//! Which runs are old enough to be deleted, and which of those something still needs.
//!
//! Age is the time that other runs vouch for: a clock that was wrong makes no run older once it is right.

use chrono::TimeDelta;

use super::{
    JournalError, KeepSetting,
    database::{ReadTransaction, Row},
};

/// So many of the newest runs of each mode are kept whatever the settings say, and the time between them makes no run older:
/// a clock that is wrong for so many runs deletes nothing. With a run every two hours, this is a day.
const ALWAYS_KEPT: i64 = 12;

/// A longer time without any run does not make the runs before it older: schedules have no such gaps, and clocks that are wrong
/// make them.
const LONGEST_GAP: TimeDelta = TimeDelta::days(30);

/// Deletions come in steps of this length where runs are kept for much longer: each of them is an event.
const STEP: TimeDelta = TimeDelta::days(1);

/// How many steps what is kept has at least.
const STEPS: i64 = 64;

/// The time of the newest run that vouches for ages. A run is as late as any before it.
const REFERENCE: &str = "select max(started_at) from (
        select started_at, row_number() over (order by position desc) as newness from runs
    ) as numbered where newness >= $1";

/// The oldest run, in the order of recording, that is kept for `$3` when gaps of more than `$2` do not count, and none of the
/// `$1` newest runs.
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

/// What something still needs: a run without end, one that holds or shares what is not settled or not deleted, the newest of
/// each mode, and the last one over everything of each outcome, by which health is told after a restart.
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

/// Whether a run had a plan of its own that was to change something: not in a dry run, nor in an instance that is observed.
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

/// The last run that applied something in an instance tells that the instance was written to.
const OLD_CHANGES: &str = concat!(
    "select r.run from runs r where ",
    not_needed!(),
    " and ",
    has_changes!(),
    " and r.position not in (
         select max(x.position) from changes c join runs x on x.run = c.run where c.outcome = 'applied' group by c.instance)
     order by r.position limit $3"
);

/// Where what is kept begins.
pub(super) struct Boundary {
    /// The place of the oldest run that is kept for its age, among the runs.
    position: i64,
    /// Its time, in milliseconds since 1970: what is older may be deleted.
    pub(super) at: i64,
    /// Its first event; `None` where it was recorded by a version without events.
    pub(super) event: Option<i64>,
}

/// Where it begins when runs are kept for this long, in milliseconds; `None` where nothing is old enough.
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

/// Runs before it that this setting is about and nothing needs, the oldest first, at most `limit`.
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

//! Searches past changes: by operator, group, kind or outcome, over all runs.

use chrono::{DateTime, Utc};

use crate::domain::{ChangeKind, ChangeOutcome, ChangeReport, FoldedName, InstanceName, RunId, RunMode};

use super::{
    Journal, JournalError,
    database::{Row, Value},
    encoding::from_name,
    run_report::Unfinished,
    stored_changes::{StoredChange, change_columns},
};

/// Selects changes; a field that is `None` selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Recorded at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Recorded before this time.
    pub until: Option<DateTime<Utc>>,
    /// In this instance, in any letter case.
    pub instance: Option<InstanceName>,
    /// Of the operator with this login, compared folded.
    pub operator: Option<String>,
    /// In this operator group, compared folded.
    pub group: Option<String>,
    /// Of this kind.
    pub op: Option<ChangeKind>,
    /// With this outcome.
    pub outcome: Option<ChangeOutcome>,
}

/// A change of a past run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChange {
    /// The run that planned it.
    pub run: RunId,
    /// The mode of that run.
    pub mode: RunMode,
    /// The instance.
    pub instance: String,
    /// When it was last recorded: with its outcome, or with the plan if it was not tried.
    pub recorded_at: DateTime<Utc>,
    /// The change and its outcome.
    pub change: ChangeReport,
}

/// Selects changes from these tables, with the first conditions, and all conditions except the operator.
macro_rules! select_changes {
    ($before:literal, $after:literal) => {
        concat!(
            "select ",
            change_columns!(),
            ", changes.run, r.mode, changes.instance, r.run_outcome from ",
            $before,
            " (select run as of_run, mode, outcome as run_outcome, position as run_position from runs) r ",
            $after,
            " and (cast($1 as bigint) is null or at >= $1) and (cast($2 as bigint) is null or at < $2)
                 and (cast($3 as text) is null or lower(instance) = $3)
                 and (cast($5 as text) is null or group_folded = $5)
                 and (cast($6 as text) is null or op = $6) and (cast($7 as text) is null or outcome = $7)
               order by r.run_position desc, position desc limit $8"
        )
    };
}

impl Journal {
    /// The changes that match the filter, those of the last recorded run first, at most `limit`. A plan that later runs
    /// made again without a difference, and that led to no write, is returned once, with the first run that made it.
    pub async fn found_changes(&self, filter: &ChangeFilter, limit: usize) -> Result<Vec<FoundChange>, JournalError> {
        let unfinished = self.unfinished().await?;
        // An operator has few changes of all. Without an operator, the newest runs are searched first, and the search
        // ends at the limit: `cross join` keeps that order of tables in `SQLite`.
        let sql = match filter.operator {
            Some(_) => select_changes!("changes join", "on r.of_run = changes.run where operator_folded = $4"),
            None => select_changes!("", "cross join changes where changes.run = r.of_run and cast($4 as text) is null"),
        };
        let found = |row: &Row| found(row, unfinished);
        self.query().await?.rows(sql, values(filter, limit)).await?.iter().map(found).collect()
    }
}

fn values(filter: &ChangeFilter, limit: usize) -> [Value; 8] {
    let ChangeFilter { since, until, instance, operator, group, op, outcome } = filter;
    let stamp = |time: &Option<DateTime<Utc>>| time.map(|time| time.timestamp_millis()).into();
    let folded = |name: &Option<String>| name.as_deref().map(|name| FoldedName::new(name).into_string()).into();
    [
        stamp(since),
        stamp(until),
        instance.as_ref().map(|instance| instance.as_str().to_lowercase()).into(),
        folded(operator),
        folded(group),
        op.map(|op| op.as_str().to_owned()).into(),
        outcome.map(|outcome| outcome.as_str().to_owned()).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ]
}

fn found(row: &Row, unfinished: Unfinished) -> Result<FoundChange, JournalError> {
    let change = StoredChange::read(row)?;
    Ok(FoundChange {
        run: RunId::new(row.text(10)?),
        mode: from_name(row.text(11)?, "the mode of a run")?,
        instance: row.text(12)?,
        recorded_at: change.at,
        change: change.into_report(row.optional_text(13)?.as_deref(), unfinished),
    })
}

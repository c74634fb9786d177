//! Past changes that a question is about: of an operator, a group, a kind, an outcome, in any run.

use chrono::{DateTime, Utc};

use crate::domain::{ChangeKind, ChangeOutcome, ChangeReport, FoldedName, InstanceName, RunId, RunMode};

use super::{
    Journal, JournalError,
    changes::{StoredChange, change_columns},
    database::{Row, Value},
    encoding::from_name,
    run_report::Unfinished,
};

/// Which changes; what is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Recorded at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Recorded before this time.
    pub until: Option<DateTime<Utc>>,
    /// In this instance; letter case does not count.
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
    /// What was asked of that run.
    pub mode: RunMode,
    /// The instance.
    pub instance: String,
    /// When it was last recorded: with its outcome, or with the plan where it was not tried.
    pub recorded_at: DateTime<Utc>,
    /// The change and what became of it.
    pub change: ChangeReport,
}

impl Journal {
    /// The changes that fit all that is asked, the last recorded run first, at most `limit`. A plan that later runs found
    /// again without any difference, and that led to no write, counts once: with the first run that made it.
    pub async fn found_changes(&self, filter: &ChangeFilter, limit: usize) -> Result<Vec<FoundChange>, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut reader = self.begin_read().await?;
        let sql = concat!(
            "select ",
            change_columns!(),
            ", changes.run, r.mode, changes.instance, r.run_outcome from changes
               join (select run as of_run, mode, outcome as run_outcome, position as run_position from runs) r
                   on r.of_run = changes.run
               where (cast($1 as bigint) is null or at >= $1) and (cast($2 as bigint) is null or at < $2)
                 and (cast($3 as text) is null or lower(instance) = $3)
                 and (cast($4 as text) is null or operator_folded = $4)
                 and (cast($5 as text) is null or group_folded = $5)
                 and (cast($6 as text) is null or op = $6) and (cast($7 as text) is null or outcome = $7)
               order by r.run_position desc, position desc limit $8"
        );
        let found = |row: &Row| found(row, unfinished);
        reader.rows(sql, values(filter, limit)).await?.iter().map(found).collect()
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

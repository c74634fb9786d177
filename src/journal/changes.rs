//! Planned changes: written before they are tried and after what became of them was seen.

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeKey, ChangeOutcome, ChangeReport, FoldedName, InstanceMode, InstanceName, InstanceReport, PastChange, RunId,
};

use super::{
    BegunApproval, Journal, JournalError, approvals,
    database::{Row, Value},
    encoding::{from_name, to_json, to_optional_time, to_time},
    interrupted::Unfinished,
    unfinished_disablements,
};

/// The columns that [`StoredChange::read`] reads, in its order.
macro_rules! change_columns {
    () => {
        "op, operator, group_name, profile, reason, outcome, detail, at, sent_at"
    };
}
pub(super) use change_columns;

/// What became of a change.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which change.
    pub key: ChangeKey,
    /// What became of it.
    pub outcome: ChangeOutcome,
    /// Why, where there is something to say.
    pub detail: Option<String>,
}

/// A change as it is stored.
pub(super) struct StoredChange {
    pub(super) report: ChangeReport,
    pub(super) at: DateTime<Utc>,
    pub(super) sent_at: Option<DateTime<Utc>>,
}

impl StoredChange {
    pub(super) fn read(row: &Row) -> Result<Self, JournalError> {
        Ok(Self {
            report: ChangeReport {
                op: from_name(row.text(0)?, "the kind of a change")?,
                operator: row.optional_text(1)?,
                group: row.optional_text(2)?,
                profile: row.text(3)?,
                reason: row.text(4)?,
                outcome: from_name(row.text(5)?, "the outcome of a change")?,
                detail: row.optional_text(6)?,
            },
            at: to_time(row.number(7)?)?,
            sent_at: to_optional_time(row.optional_number(8)?)?,
        })
    }
}

impl Journal {
    /// Writes what a run is about to do in one instance: a report whose changes are all `pending`, `held` or `unconfirmed`.
    /// A plan that was written before for the same run and instance is replaced.
    pub async fn record_plan(&self, run: &RunId, at: DateTime<Utc>, plan: &InstanceReport) -> Result<(), JournalError> {
        let (instance, at) = (plan.name.as_str(), at.timestamp_millis());
        // The changes have rows of their own.
        let report = to_json(&InstanceReport { changes: Vec::new(), ..plan.clone() }, "a plan")?;
        let mode = match plan.mode {
            InstanceMode::Apply => "apply",
            InstanceMode::Observe => "observe",
        };
        let mut writing = self.writing().await?;
        for sql in [
            "delete from changes where run = $1 and instance = $2",
            "delete from plans where run = $1 and instance = $2",
        ] {
            writing.execute(sql, [run.as_str().into(), instance.into()]).await?;
        }
        let sql = "insert into plans (run, instance, mode, at, report) values ($1, $2, $3, $4, $5)";
        writing.execute(sql, [run.as_str().into(), instance.into(), mode.into(), at.into(), report.into()]).await?;
        let rows = (0..).zip(&plan.changes).map(|(position, change)| planned(run, instance, position, at, change));
        let head =
            "insert into changes (run, instance, position, op, operator, group_name, operator_folded, group_folded,
                        profile, reason, outcome, detail, at)";
        writing.insert(head, rows, "").await?;
        writing.commit().await
    }

    /// Writes that these changes are being sent now, and with them whom the run is to disable once they are made, and the
    /// approved plan that the run begins to apply with them.
    pub async fn about_to_write(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[ChangeKey],
        begun: Option<BegunApproval<'_>>,
    ) -> Result<(), JournalError> {
        let mut writing = self.writing().await?;
        if let Some(begun) = begun {
            approvals::begin(&mut writing, instance, at, begun).await?;
        }
        let sql = "update changes set sent_at = $1, at = $1 where instance = $2 and operator_folded = $3
                     and group_folded = $4 and op = $5 and run = $6";
        for key in changes {
            let [instance, operator, group, op, run] = row_of(run, instance, key);
            writing.execute(sql, [at.timestamp_millis().into(), instance, operator, group, op, run]).await?;
        }
        unfinished_disablements::remember(&mut writing, run, instance, changes).await?;
        writing.commit().await
    }

    /// Writes what became of changes.
    pub async fn settled(
        &self,
        run: &RunId,
        instance: &InstanceName,
        at: DateTime<Utc>,
        changes: &[Settlement],
    ) -> Result<(), JournalError> {
        let mut writing = self.writing().await?;
        let sql = "update changes set at = $1, outcome = $2, detail = $3 where instance = $4 and operator_folded = $5
                     and group_folded = $6 and op = $7 and run = $8";
        for change in changes {
            let [instance, operator, group, op, run] = row_of(run, instance, &change.key);
            let (outcome, detail) = (change.outcome.as_str().into(), change.detail.clone().into());
            let values = [at.timestamp_millis().into(), outcome, detail, instance, operator, group, op, run];
            writing.execute(sql, values).await?;
        }
        unfinished_disablements::forget_settled(&mut writing, instance, changes).await?;
        writing.commit().await
    }

    /// The latest changes of an operator's memberships, newest first, at most `limit`; dry runs are left out. The name is
    /// compared folded.
    pub async fn last_changes(
        &self,
        instance: &InstanceName,
        operator: &str,
        limit: usize,
    ) -> Result<Vec<PastChange>, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut looking = self.reading().await?;
        let sql = concat!(
            "select ",
            change_columns!(),
            ", run, (select runs.outcome from runs where runs.run = changes.run) from changes
               where instance = $1 and operator_folded = $2 and op in ('add', 'remove')
                 and exists (select 1 from runs where runs.run = changes.run and runs.mode = 'apply')
               order by (select runs.position from runs where runs.run = changes.run) desc, position desc limit $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [instance.as_str().into(), FoldedName::new(operator).into(), limit.into()];
        let past = |row: &Row| {
            let change = StoredChange::read(row)?;
            let is_dead = row.optional_text(10)?.is_none() && unfinished == Unfinished::Dead;
            Ok(PastChange {
                run: RunId::new(row.text(9)?),
                at: change.at,
                change: if is_dead { change.of_a_dead_run() } else { change.report },
            })
        };
        looking.rows(sql, values).await?.iter().map(past).collect()
    }
}

fn planned(run: &RunId, instance: &str, position: i64, at: i64, change: &ChangeReport) -> [Value; 13] {
    let folded = |name: &Option<String>| name.as_deref().map(FoldedName::new).unwrap_or_default();
    [
        run.as_str().into(),
        instance.into(),
        position.into(),
        change.op.as_str().into(),
        change.operator.clone().into(),
        change.group.clone().into(),
        folded(&change.operator).into(),
        folded(&change.group).into(),
        change.profile.as_str().into(),
        change.reason.as_str().into(),
        change.outcome.as_str().into(),
        change.detail.clone().into(),
        at.into(),
    ]
}

/// What finds one change: instance, operator, group, kind, run.
fn row_of(run: &RunId, instance: &InstanceName, key: &ChangeKey) -> [Value; 5] {
    [
        instance.as_str().into(),
        (&key.operator).into(),
        (&key.group).into(),
        key.kind.as_str().into(),
        run.as_str().into(),
    ]
}

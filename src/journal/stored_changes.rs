//! Planned changes in the form of table rows and of events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{ChangeOutcome, ChangeReport};

use super::{
    JournalError,
    chain::fingerprint_of_lines,
    database::{ReadTransaction, Row},
    encoding::{from_name, to_optional_time, to_time},
    position_ranges,
};

/// The columns that [`StoredChange::read`] reads, in its order.
macro_rules! change_columns {
    () => {
        "op, operator, group_name, profile, reason, outcome, detail, at, sent_at, approved_by"
    };
}
pub(super) use change_columns;

/// A change in its stored form.
pub(super) struct StoredChange {
    pub(super) report: ChangeReport,
    pub(super) at: DateTime<Utc>,
    pub(super) sent_at: Option<DateTime<Utc>>,
}

impl StoredChange {
    pub(super) fn read(row: &Row) -> Result<Self, JournalError> {
        let (outcome, at): (ChangeOutcome, _) =
            (from_name(row.text(5)?, "the outcome of a change")?, to_time(row.number(7)?)?);
        Ok(Self {
            report: ChangeReport {
                op: from_name(row.text(0)?, "the kind of a change")?,
                operator: row.optional_text(1)?.map(Into::into),
                group: row.optional_text(2)?.map(Into::into),
                profile: row.text(3)?.into(),
                reason: row.text(4)?.into(),
                outcome,
                detail: row.optional_text(6)?,
                at: outcome.is_seen().then_some(at),
                approved_by: row.optional_text(9)?,
            },
            at,
            sent_at: to_optional_time(row.optional_number(8)?)?,
        })
    }
}

/// Changes of one plan with the same outcome, as an event lists them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OutcomeGroup {
    pub(super) outcome: ChangeOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// Who approved them, if an approval released them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) approved_by: Option<String>,
    /// Their positions in the plan.
    #[serde(with = "position_ranges")]
    pub(super) changes: Vec<i64>,
}

/// Groups changes by outcome, detail and approver.
pub(super) fn outcomes<'c>(changes: impl Iterator<Item = (i64, &'c ChangeReport)>) -> Vec<OutcomeGroup> {
    let mut groups: BTreeMap<(&str, Option<&str>, Option<&str>), OutcomeGroup> = BTreeMap::new();
    for (position, change) in changes {
        let key = (change.outcome.as_str(), change.detail.as_deref(), change.approved_by.as_deref());
        let group = groups.entry(key).or_insert_with(|| OutcomeGroup {
            outcome: change.outcome,
            detail: change.detail.clone(),
            approved_by: change.approved_by.clone(),
            changes: Vec::new(),
        });
        group.changes.push(position);
    }
    groups.into_values().collect()
}

/// The body of a `settled` event, as it is read.
#[derive(Deserialize)]
pub(super) struct SettledBody {
    pub(super) instance: String,
    pub(super) outcomes: Vec<OutcomeGroup>,
}

impl SettledBody {
    /// Reads the stored changes of `run` that the event names, with the outcomes of the event, of those that are wanted.
    pub(super) async fn changes(
        &self,
        reader: &mut ReadTransaction,
        run: &str,
        is_wanted: impl Fn(ChangeOutcome) -> bool,
    ) -> Result<Vec<ChangeReport>, JournalError> {
        let wanted = self.outcomes.iter().filter(|group| is_wanted(group.outcome));
        let of_group = |group: &OutcomeGroup| group.changes.iter().map(|position| (*position, group.outcome)).collect();
        let positions: BTreeMap<i64, ChangeOutcome> = wanted.flat_map::<Vec<_>, _>(of_group).collect();
        let sql =
            concat!("select ", change_columns!(), " from changes where run = $1 and instance = $2 and position = $3");
        let mut changes = Vec::with_capacity(positions.len());
        for (position, outcome) in positions {
            let rows = reader.rows(sql, [run.into(), self.instance.as_str().into(), position.into()]).await?;
            for row in &rows {
                changes.push(ChangeReport { outcome, ..StoredChange::read(row)?.report });
            }
        }
        Ok(changes)
    }
}

/// The hash of changes without their outcomes: the record proves the rows by it.
pub(super) fn content(changes: &[ChangeReport]) -> String {
    let line = |change: &ChangeReport| {
        let ChangeReport { op, operator, group, profile, reason, .. } = change;
        serde_json::json!([op.as_str(), operator, group, profile, reason]).to_string() + "\n"
    };
    fingerprint_of_lines(changes.iter().map(line))
}

//! Memberships that appeared or vanished in Campaign between two runs without a change by a run: an operator made the
//! change, or Campaign made it when a user signed in.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::{FoldedName, OperatorGroupName, RunId};

use super::{
    Journal, JournalError,
    database::{ReadTransaction, Row},
    encoding::{from_json, to_time},
    observed_access::AccessDifference,
};

/// Most observations with changes that are searched. Those that saw groups for the first time are not counted: a large
/// instance has a hundred of them, one for each ten thousand memberships.
const MOST_OBSERVATIONS: usize = 200;

/// Most positions of observations that are read at once.
const POSITIONS_AT_ONCE: i64 = 200;

/// A membership that changed without a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualChange {
    /// The instance.
    pub instance: String,
    /// The operator; the folded login if only that is known.
    pub login: String,
    /// The operator group; the folded name if only that is known.
    pub group: String,
    /// What happened.
    pub kind: ManualChangeKind,
    /// When a run first saw it. It happened between the previous run and this one.
    pub seen_at: DateTime<Utc>,
    /// The run that saw it; `None` if the record does not name one.
    pub seen_by: Option<RunId>,
}

/// What happened to the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManualChangeKind {
    /// The operator is in the group, and was not before.
    Appeared,
    /// The operator is not in the group any more.
    Vanished,
}

/// The newest changes, and how far the record was searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManualChanges {
    /// Newest first.
    pub changes: Vec<ManualChange>,
    /// The position of the newest observation in the record. A later call with it searches only later observations.
    pub searched_to: i64,
}

/// An observation: the differences between Campaign and the access record that a run found.
struct Observation {
    run: Option<RunId>,
    at: i64,
    difference: AccessDifference,
}

impl Journal {
    /// The changes of the observations after this position of the record, newest first, at most `limit`. The first
    /// observation of a group reports none, because its members were there before; nor is a group reported that is not
    /// managed any more.
    pub async fn manual_changes(&self, after: i64, limit: usize) -> Result<ManualChanges, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select position from events where kind = 'observed' and position > $1 and position < $2
                   order by position desc limit $3";
        let mut found = ManualChanges { changes: Vec::new(), searched_to: after };
        let (mut before, mut searched) = (i64::MAX, 0);
        loop {
            let positions = reader.rows(sql, [after.into(), before.into(), POSITIONS_AT_ONCE.into()]).await?;
            if positions.is_empty() {
                return Ok(found);
            }
            for row in positions {
                before = row.number(0)?;
                found.searched_to = found.searched_to.max(before);
                let remaining = limit.saturating_sub(found.changes.len());
                if remaining == 0 || searched >= MOST_OBSERVATIONS {
                    return Ok(found);
                }
                // One observation at a time: that of a large instance is a long text.
                if let Some(observation) = observation(&mut reader, before).await? {
                    let first_observations = first_observations(&mut reader, &observation).await?;
                    let changes = changes(&mut reader, observation, &first_observations, remaining).await?;
                    searched += usize::from(!changes.is_empty());
                    found.changes.extend(changes);
                }
            }
        }
    }
}

async fn observation(reader: &mut ReadTransaction, position: i64) -> Result<Option<Observation>, JournalError> {
    let rows = reader.rows("select run, at, body from events where position = $1", [position.into()]).await?;
    let read = |row: &Row| {
        Ok(Observation {
            run: row.optional_text(0)?.map(RunId::new),
            at: row.number(1)?,
            difference: from_json(&row.text(2)?, "an event")?,
        })
    };
    rows.first().map(read).transpose()
}

/// The groups that were not managed before this observation.
async fn first_observations(
    reader: &mut ReadTransaction,
    seen: &Observation,
) -> Result<BTreeSet<FoldedName>, JournalError> {
    let sql = "select 1 from managed_groups where instance = $1 and group_folded = $2 and since < $3 and until >= $3";
    let mut first = BTreeSet::new();
    for (group, _profile) in &seen.difference.managed {
        let group = OperatorGroupName::new(group).folded();
        // A group with a new spelling or profile begins a new row at this moment, and ends the row before it.
        let values = [seen.difference.instance.as_str().into(), (&group).into(), seen.at.into()];
        if reader.rows(sql, values).await?.is_empty() {
            first.insert(group);
        }
    }
    Ok(first)
}

async fn changes(
    reader: &mut ReadTransaction,
    seen: Observation,
    first_observations: &BTreeSet<FoldedName>,
    limit: usize,
) -> Result<Vec<ManualChange>, JournalError> {
    let seen_at = to_time(seen.at)?;
    let AccessDifference { instance, unmanaged, came, left, .. } = seen.difference;
    let is_reported = |group: &str| {
        let group = FoldedName::stored(group);
        !first_observations.contains(&group) && !unmanaged.iter().any(|other| other.as_str() == group.as_str())
    };
    let came = came.into_iter().map(|membership| (ManualChangeKind::Appeared, membership));
    let left = left.into_iter().map(|membership| (ManualChangeKind::Vanished, membership));
    let reported = came.chain(left).filter(|(_, (group, _))| is_reported(group)).take(limit);
    let mut changes = Vec::new();
    for (kind, (group, login)) in reported {
        let login = match kind {
            ManualChangeKind::Appeared => login.to_string(),
            ManualChangeKind::Vanished => login_spelling(reader, &instance, &group, &login).await?,
        };
        let group = group_spelling(reader, &instance, &group).await?;
        changes.push(ManualChange {
            instance: instance.clone(),
            login,
            group,
            kind,
            seen_at,
            seen_by: seen.run.clone(),
        });
    }
    Ok(changes)
}

async fn group_spelling(reader: &mut ReadTransaction, instance: &str, folded: &str) -> Result<String, JournalError> {
    let sql = "select group_name from managed_groups where instance = $1 and group_folded = $2
               order by since desc limit 1";
    let rows = reader.rows(sql, [instance.into(), folded.into()]).await?;
    rows.first().map_or_else(|| Ok(folded.to_owned()), |row| row.text(0))
}

async fn login_spelling(
    reader: &mut ReadTransaction,
    instance: &str,
    group: &str,
    folded: &str,
) -> Result<String, JournalError> {
    let sql = "select login from stays where instance = $1 and group_folded = $2 and login_folded = $3
               order by since desc limit 1";
    let rows = reader.rows(sql, [instance.into(), group.into(), folded.into()]).await?;
    rows.first().map_or_else(|| Ok(folded.to_owned()), |row| row.text(0))
}

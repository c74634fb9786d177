//! Planned changes, written before they are sent and after their outcome was seen.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::domain::{ChangeKey, ChangeReport, Evidence, InstanceName, RunId, Sending, SentChange, SettledChanges};

use super::{
    Journal, JournalError, approvals,
    chain::{EventKind, EventRecorder},
    database::{Row, Value},
    encoding::{from_json, to_key},
    event_notifications, membership_periods, position_ranges, runs,
    stored_changes::{OutcomeGroup, SettledBody, StoredChange, change_columns, outcomes},
    unfinished_disablements,
};

/// Statements that update the changes with the given [`key_columns`] and return their positions and keys, as of
/// [`positions_by_key`]. Run and instance are columns of every given row: compared with a single value, `SQLite` would
/// rather read every change of the run for each row.
macro_rules! of_given_keys {
    ($update:literal) => {
        (
            concat!($update, " from ("),
            ") as given where run = given.column4 and instance = given.column5 and operator_folded = given.column1
                          and group_folded = given.column2 and op = given.column3
             returning position, op, group_folded, operator_folded",
        )
    };
}

const SEND: (&str, &str) = of_given_keys!("update changes set sent_at = $1, at = $1, unread = 1");

const SETTLE: (&str, &str) = of_given_keys!(
    "update changes set at = $1, outcome = $2, detail = $3,
        unread = case when sent_at is null then null else cast($4 as bigint) end, approved_by = $5"
);

#[derive(Serialize)]
struct Sent<'a> {
    instance: &'a str,
    #[serde(serialize_with = "position_ranges::serialize")]
    changes: Vec<i64>,
    /// The changes that an approval released, by its digest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    approvals: BTreeMap<&'a str, Vec<i64>>,
}

#[derive(Serialize)]
struct Settled<'a> {
    instance: &'a str,
    evidence: &'static str,
    outcomes: Vec<OutcomeGroup>,
}

/// Writes that changes are being sent, which operators the run must disable after that, and which approved plan the run
/// begins to apply with them.
pub(super) async fn send(recorder: &mut EventRecorder<'_>, sending: &Sending<'_>) -> Result<(), JournalError> {
    let (instance, at) = (sending.instance, recorder.at);
    if let Some(begun) = sending.begun {
        approvals::begin(recorder.writer, recorder.run, instance, at, begun).await?;
    }
    let keys = sending.changes.iter().map(|sent| key_columns(recorder.run, instance, &sent.key));
    let rows = recorder.writer.for_rows(SEND, [at.timestamp_millis().into()], keys).await?;
    let by_key = positions_by_key(&rows)?;
    let mut positions = Vec::with_capacity(sending.changes.len());
    let mut approvals: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for SentChange { key, approval } in sending.changes {
        for position in by_key.get(key).into_iter().flatten() {
            positions.push(*position);
            if let Some(digest) = approval {
                approvals.entry(digest).or_default().push(*position);
            }
        }
    }
    unfinished_disablements::remember(recorder.writer, recorder.run, instance, sending.changes).await?;
    recorder.append(EventKind::Sending, &Sent { instance: instance.as_str(), changes: positions, approvals }).await
}

/// Writes the outcomes of changes: in the plan of their run, in the access record, and in the approvals and undone
/// changes that name them.
pub(super) async fn settle(recorder: &mut EventRecorder<'_>, settled: &SettledChanges<'_>) -> Result<(), JournalError> {
    let (instance, at) = (settled.instance, recorder.at);
    if settled.changes.is_empty() {
        return Ok(());
    }
    // Most changes of one event have the same outcome.
    let mut alike: BTreeMap<_, Vec<ChangeKey>> = BTreeMap::new();
    for change in settled.changes {
        let at = change.at.unwrap_or(at).timestamp_millis();
        let result = (at, change.outcome.as_str(), change.detail.as_deref(), change.approved_by.as_deref());
        alike.entry(result).or_default().push(change.key());
    }
    let unread: Value = (settled.evidence == Evidence::Unread).then_some(1).into();
    let mut by_key: HashMap<ChangeKey, Vec<i64>> = HashMap::new();
    for ((at, outcome, detail, approver), keys) in alike {
        let text = |text: Option<&str>| text.map(str::to_owned).into();
        let values = [at.into(), outcome.into(), text(detail), unread.clone(), text(approver)];
        let keys = keys.iter().map(|key| key_columns(recorder.run, instance, key));
        let rows = recorder.writer.for_rows(SETTLE, values, keys).await?;
        by_key.extend(positions_by_key(&rows)?);
    }
    let mut positions = Vec::with_capacity(settled.changes.len());
    for change in settled.changes {
        let of_change = by_key.get(&change.key()).into_iter().flatten();
        positions.extend(of_change.map(|position| (*position, change)));
    }
    unfinished_disablements::forget_settled(recorder.writer, instance, settled.changes).await?;
    membership_periods::settle(recorder.writer, recorder.run, at, instance, settled.changes).await?;
    let made: Vec<ChangeKey> =
        settled.changes.iter().filter(|change| change.outcome.is_in_place()).map(ChangeReport::key).collect();
    approvals::spend_in(recorder.writer, instance, &made).await?;
    if settled.evidence == Evidence::NextRun {
        runs::count_again(recorder.writer, recorder.run).await?;
    }
    let body = Settled {
        instance: instance.as_str(),
        evidence: settled.evidence.as_str(),
        outcomes: outcomes(positions.into_iter()),
    };
    recorder.append(EventKind::Settled, &body).await?;
    event_notifications::settled(recorder, settled).await
}

/// The columns that identify a change: operator, group, kind, run, instance.
fn key_columns(run: &RunId, instance: &InstanceName, key: &ChangeKey) -> [Value; 5] {
    let (run, instance) = (run.as_str().into(), instance.as_str().into());
    [(&key.operator).into(), (&key.group).into(), key.kind.as_str().into(), run, instance]
}

/// The positions of updated changes in their plan; ascending.
fn positions_by_key(rows: &[Row]) -> Result<HashMap<ChangeKey, Vec<i64>>, JournalError> {
    let mut by_key: HashMap<ChangeKey, Vec<i64>> = HashMap::with_capacity(rows.len());
    for row in rows {
        let key = to_key(row.text(1)?, row.folded(2)?, row.folded(3)?)?;
        by_key.entry(key).or_default().push(row.number(0)?);
    }
    for positions in by_key.values_mut() {
        positions.sort_unstable();
    }
    Ok(by_key)
}

impl Journal {
    /// The changes of an instance that were sent, and of which Campaign was not read since, by run: the run died or
    /// could not read Campaign any more. The oldest run first.
    pub async fn unread_changes(
        &self,
        instance: &InstanceName,
    ) -> Result<Vec<(RunId, Vec<ChangeReport>)>, JournalError> {
        let sql = concat!(
            "select ",
            change_columns!(),
            ", changes.run from changes where instance = $1 and unread = 1
               order by (select runs.position from runs where runs.run = changes.run), position"
        );
        let mut unread: Vec<(RunId, Vec<ChangeReport>)> = Vec::new();
        for row in self.query().await?.rows(sql, [instance.as_str().into()]).await? {
            let (run, change) = (RunId::new(row.text(10)?), StoredChange::read(&row)?.report);
            match unread.last_mut() {
                Some((last, changes)) if *last == run => changes.push(change),
                _ => unread.push((run, vec![change])),
            }
        }
        Ok(unread)
    }

    /// The outcomes that a run that died recorded as its last event; `None` if its last event is another one. The run
    /// may have died before it logged them.
    pub async fn last_settled(&self, run: &RunId) -> Result<Option<(InstanceName, Vec<ChangeReport>)>, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select kind, body from events where run = $1 order by position desc limit 1";
        let rows = reader.rows(sql, [run.as_str().into()]).await?;
        let Some(row) = rows.first().filter(|row| row.text(0).is_ok_and(|kind| kind == EventKind::Settled.as_str()))
        else {
            return Ok(None);
        };
        let body: SettledBody = from_json(&row.text(1)?, "an event")?;
        let changes = body.changes(&mut reader, run.as_str(), |_| true).await?;
        Ok(Some((InstanceName::new(body.instance), changes)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::database::plans::is_searched_by, *};

    #[tokio::test]
    async fn a_change_is_found_by_its_operator() {
        let index = "changes_by_operator (operator_folded=? AND instance=? AND group_folded=?)";
        is_searched_by(index, SEND, [1.into()]).await;
        is_searched_by(index, SETTLE, [1.into(), "".into(), "".into(), 1.into(), "".into()]).await;
    }
}

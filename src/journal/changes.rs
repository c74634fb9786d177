//! Planned changes, written before they are sent and after their outcome was seen.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{ChangeKey, ChangeReport, Evidence, InstanceName, RunId, Sending, SentChange, SettledChanges};

use super::{
    Journal, JournalError, access, approvals,
    chain::{EventKind, EventRecorder},
    database::Value,
    encoding::from_json,
    event_notifications, position_ranges, runs,
    stored_changes::{OutcomeGroup, SettledBody, StoredChange, change_columns, outcomes},
    unfinished_disablements,
};

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
    let sql = "update changes set sent_at = $1, at = $1, unread = 1 where instance = $2 and operator_folded = $3
                 and group_folded = $4 and op = $5 and run = $6 returning position";
    let mut positions = Vec::with_capacity(sending.changes.len());
    let mut approvals: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for SentChange { key, approval } in sending.changes {
        let [instance, operator, group, op, run] = change_row_key(recorder.run, instance, key);
        let values = [at.timestamp_millis().into(), instance, operator, group, op, run];
        for row in recorder.writer.returning(sql, values).await? {
            let position = row.number(0)?;
            positions.push(position);
            if let Some(digest) = approval {
                approvals.entry(digest).or_default().push(position);
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
    let sql = "update changes set at = $1, outcome = $2, detail = $3,
                   unread = case when sent_at is null then null else cast($4 as bigint) end,
                   approved_by = $5
               where instance = $6 and operator_folded = $7 and group_folded = $8 and op = $9 and run = $10
               returning position";
    let unread: Value = (settled.evidence == Evidence::Unread).then_some(1).into();
    let mut positions = Vec::with_capacity(settled.changes.len());
    for change in settled.changes {
        let [instance, operator, group, op, run] = change_row_key(recorder.run, instance, &change.key());
        let (outcome, detail) = (change.outcome.as_str().into(), change.detail.clone().into());
        let at = change.at.unwrap_or(at).timestamp_millis().into();
        let approver = change.approved_by.clone().into();
        let values = [at, outcome, detail, unread.clone(), approver, instance, operator, group, op, run];
        for row in recorder.writer.returning(sql, values).await? {
            positions.push((row.number(0)?, change));
        }
    }
    unfinished_disablements::forget_settled(recorder.writer, instance, settled.changes).await?;
    access::settle(recorder.writer, recorder.run, at, instance, settled.changes).await?;
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

/// The values that identify a change: instance, operator, group, kind, run.
fn change_row_key(run: &RunId, instance: &InstanceName, key: &ChangeKey) -> [Value; 5] {
    [
        instance.as_str().into(),
        (&key.operator).into(),
        (&key.group).into(),
        key.kind.as_str().into(),
        run.as_str().into(),
    ]
}

impl Journal {
    /// The changes of an instance that were sent, and of which Campaign was not read since, by run: the run died or
    /// could not read Campaign any more. The oldest run first.
    pub async fn unread_changes(
        &self,
        instance: &InstanceName,
    ) -> Result<Vec<(RunId, Vec<ChangeReport>)>, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = concat!(
            "select ",
            change_columns!(),
            ", changes.run from changes where instance = $1 and unread = 1
               order by (select runs.position from runs where runs.run = changes.run), position"
        );
        let mut unread: Vec<(RunId, Vec<ChangeReport>)> = Vec::new();
        for row in reader.rows(sql, [instance.as_str().into()]).await? {
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

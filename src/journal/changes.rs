//! Planned changes: written before they are tried and after what became of them was seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    AfterPlan, ChangeKey, ChangeOutcome, ChangeReport, Evidence, InstanceMode, InstanceName, InstancePlan,
    InstanceReport, RunId, Sending, SentChange, SettledChanges,
};

use super::{
    Journal, JournalError, access, approvals,
    chain::{EventKind, fingerprint},
    database::{ReadTransaction, Row, Value, WriteTransaction},
    encoding::{from_json, from_name, to_json, to_optional_time, to_time},
    event_notifications,
    event_recorder::EventRecorder,
    instance_reports, position_ranges, runs, unfinished_disablements,
};

/// The columns that [`StoredChange::read`] reads, in its order.
macro_rules! change_columns {
    () => {
        "op, operator, group_name, profile, reason, outcome, detail, at, sent_at, approved_by"
    };
}
pub(super) use change_columns;

/// A change as it is stored.
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
                operator: row.optional_text(1)?,
                group: row.optional_text(2)?,
                profile: row.text(3)?,
                reason: row.text(4)?,
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

/// Changes of one plan that came to the same end, as an event tells of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OutcomeGroup {
    pub(super) outcome: ChangeOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// Who approved them, where an approval released them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) approved_by: Option<String>,
    /// Their places in the plan.
    #[serde(with = "position_ranges")]
    pub(super) changes: Vec<i64>,
}

/// Groups changes by what became of them.
fn outcomes<'c>(changes: impl Iterator<Item = (i64, &'c ChangeReport)>) -> Vec<OutcomeGroup> {
    let mut groups: BTreeMap<(&str, Option<&str>, Option<&str>), OutcomeGroup> = BTreeMap::new();
    for (place, change) in changes {
        let key = (change.outcome.as_str(), change.detail.as_deref(), change.approved_by.as_deref());
        let group = groups.entry(key).or_insert_with(|| OutcomeGroup {
            outcome: change.outcome,
            detail: change.detail.clone(),
            approved_by: change.approved_by.clone(),
            changes: Vec::new(),
        });
        group.changes.push(place);
    }
    groups.into_values().collect()
}

#[derive(Serialize)]
struct Planned<'a> {
    instance: &'a str,
    mode: &'static str,
    changes: usize,
    /// The hash of what the changes are.
    content: &'a str,
    outcomes: Vec<OutcomeGroup>,
}

#[derive(Serialize)]
struct Sent<'a> {
    instance: &'a str,
    #[serde(serialize_with = "position_ranges::serialize")]
    changes: Vec<i64>,
    /// Those that rest on an approval, by its digest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    approvals: BTreeMap<&'a str, Vec<i64>>,
}

#[derive(Serialize)]
struct Settled<'a> {
    instance: &'a str,
    evidence: &'static str,
    outcomes: Vec<OutcomeGroup>,
}

/// The same, read again.
#[derive(Deserialize)]
pub(super) struct SettledBody {
    pub(super) instance: String,
    pub(super) outcomes: Vec<OutcomeGroup>,
}

impl SettledBody {
    /// The stored changes of `run` that it tells of, of the outcomes that are asked for.
    pub(super) async fn changes(
        &self,
        reader: &mut ReadTransaction,
        run: &str,
        is_asked: impl Fn(ChangeOutcome) -> bool,
    ) -> Result<Vec<ChangeReport>, JournalError> {
        let asked = self.outcomes.iter().filter(|group| is_asked(group.outcome));
        let places: BTreeSet<i64> = asked.flat_map(|group| group.changes.iter().copied()).collect();
        let sql =
            concat!("select ", change_columns!(), " from changes where run = $1 and instance = $2 and position = $3");
        let mut changes = Vec::with_capacity(places.len());
        for place in places {
            let rows = reader.rows(sql, [run.into(), self.instance.as_str().into(), place.into()]).await?;
            for row in &rows {
                changes.push(StoredChange::read(row)?.report);
            }
        }
        Ok(changes)
    }
}

#[derive(Serialize)]
struct InstanceEnded<'a> {
    instance: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// The hash of the report without its changes.
    report: String,
}

/// Writes what a run is about to do in one instance. A plan that was written before for the same run and instance is
/// replaced. A plan that leads to no write and has the same changes as the last one of its instance shares its rows.
pub(super) async fn plan(recorder: &mut EventRecorder<'_>, plan: &InstancePlan<'_>) -> Result<(), JournalError> {
    let (report, run) = (plan.report, recorder.run);
    let writer = &mut *recorder.writer;
    let replaced = instance_reports::of_run(writer, run.as_str(), Some(&report.name)).await?;
    for sql in
        ["delete from changes where run = $1 and instance = $2", "delete from plans where run = $1 and instance = $2"]
    {
        writer.execute(sql, [run.as_str().into(), report.name.as_str().into()]).await?;
    }
    let (content, outcomes) = (content(&report.changes), outcomes((0..).zip(&report.changes)));
    let is_final =
        plan.next == AfterPlan::Nothing || report.changes.iter().all(|change| change.outcome != ChangeOutcome::Pending);
    // With what is said of each change: rows that are shared never change.
    let shareable = (is_final && !report.changes.is_empty())
        .then(|| to_json(&outcomes, "the outcomes of a plan"))
        .transpose()?
        .map(|outcomes| fingerprint(&(content.clone() + &outcomes)));
    let same_as = match &shareable {
        Some(shareable) => last_equal(writer, &report.name, shareable).await?,
        None => None,
    };
    let is_shared = same_as.is_some();
    let digest = instance_reports::store(writer, &without_changes(report)?).await?;
    let sql = "insert into plans (run, instance, mode, at, report, report_digest, content, same_as)
               values ($1, $2, $3, $4, '', $5, $6, $7)";
    let values = [
        run.as_str().into(),
        report.name.as_str().into(),
        mode(report.mode).into(),
        recorder.at.timestamp_millis().into(),
        digest.into(),
        shareable.into(),
        same_as.into(),
    ];
    writer.execute(sql, values).await?;
    instance_reports::delete_unused(writer, replaced).await?;
    if !is_shared {
        insert(recorder, &report.name, &report.changes).await?;
    }
    let body = Planned {
        instance: &report.name,
        mode: mode(report.mode),
        changes: report.changes.len(),
        content: &content,
        outcomes,
    };
    recorder.append(EventKind::Planned, &body).await
}

/// The run whose rows hold the changes of the last plan of this instance, where they are those of `shareable`.
async fn last_equal(
    writer: &mut WriteTransaction,
    instance: &str,
    shareable: &str,
) -> Result<Option<String>, JournalError> {
    let sql = "select p.content, coalesce(p.same_as, p.run) from plans p join runs r on r.run = p.run
               where p.instance = $1 order by r.position desc limit 1";
    let rows = writer.rows(sql, [instance.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let is_equal = row.optional_text(0)?.as_deref() == Some(shareable);
    if is_equal { row.text(1).map(Some) } else { Ok(None) }
}

async fn insert(
    recorder: &mut EventRecorder<'_>,
    instance: &str,
    changes: &[ChangeReport],
) -> Result<(), JournalError> {
    let (run, at) = (recorder.run, recorder.at.timestamp_millis());
    let rows = (0..).zip(changes).map(|(place, change)| planned(run, instance, place, at, change));
    let head = "insert into changes (run, instance, position, op, operator, group_name, operator_folded, group_folded,
                    profile, reason, outcome, detail, at, approved_by)";
    recorder.writer.insert(head, rows, "").await
}

fn planned(run: &RunId, instance: &str, place: i64, at: i64, change: &ChangeReport) -> [Value; 14] {
    let key = change.key();
    [
        run.as_str().into(),
        instance.into(),
        place.into(),
        change.op.as_str().into(),
        change.operator.clone().into(),
        change.group.clone().into(),
        key.operator.into(),
        key.group.into(),
        change.profile.as_str().into(),
        change.reason.as_str().into(),
        change.outcome.as_str().into(),
        change.detail.clone().into(),
        at.into(),
        change.approved_by.clone().into(),
    ]
}

/// The hash of what changes are, without what became of them: the record proves the rows by it.
pub(super) fn content(changes: &[ChangeReport]) -> String {
    let line = |change: &ChangeReport| {
        let ChangeReport { op, operator, group, profile, reason, .. } = change;
        serde_json::json!([op.as_str(), operator, group, profile, reason]).to_string() + "\n"
    };
    fingerprint(&changes.iter().map(line).collect::<String>())
}

fn mode(mode: InstanceMode) -> &'static str {
    match mode {
        InstanceMode::Apply => "apply",
        InstanceMode::Observe => "observe",
    }
}

/// The report as it is stored: its changes have rows of their own.
fn without_changes(report: &InstanceReport) -> Result<String, JournalError> {
    to_json(&InstanceReport { changes: Vec::new(), ..report.clone() }, "a plan")
}

/// Writes that changes are being sent now, and with them whom the run is to disable once they are made, and the approved
/// plan that the run begins to apply with them.
pub(super) async fn send(recorder: &mut EventRecorder<'_>, sending: &Sending<'_>) -> Result<(), JournalError> {
    let (instance, at) = (sending.instance, recorder.at);
    if let Some(begun) = sending.begun {
        approvals::begin(recorder.writer, recorder.run, instance, at, begun).await?;
    }
    let sql = "update changes set sent_at = $1, at = $1, unread = 1 where instance = $2 and operator_folded = $3
                 and group_folded = $4 and op = $5 and run = $6 returning position";
    let mut places = Vec::with_capacity(sending.changes.len());
    let mut approvals: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for SentChange { key, approval } in sending.changes {
        let [instance, operator, group, op, run] = change_row_key(recorder.run, instance, key);
        let values = [at.timestamp_millis().into(), instance, operator, group, op, run];
        for row in recorder.writer.returning(sql, values).await? {
            let place = row.number(0)?;
            places.push(place);
            if let Some(digest) = approval {
                approvals.entry(digest).or_default().push(place);
            }
        }
    }
    unfinished_disablements::remember(recorder.writer, recorder.run, instance, sending.changes).await?;
    recorder.append(EventKind::Sending, &Sent { instance: instance.as_str(), changes: places, approvals }).await
}

/// Writes what became of changes: in the plan of their run, in the record of who is in which group, and in what approvals
/// and undos say of them.
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
    let mut places = Vec::with_capacity(settled.changes.len());
    for change in settled.changes {
        let [instance, operator, group, op, run] = change_row_key(recorder.run, instance, &change.key());
        let (outcome, detail) = (change.outcome.as_str().into(), change.detail.clone().into());
        let at = change.at.unwrap_or(at).timestamp_millis().into();
        let approver = change.approved_by.clone().into();
        let values = [at, outcome, detail, unread.clone(), approver, instance, operator, group, op, run];
        for row in recorder.writer.returning(sql, values).await? {
            places.push((row.number(0)?, change));
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
        outcomes: outcomes(places.into_iter()),
    };
    recorder.append(EventKind::Settled, &body).await?;
    event_notifications::settled(recorder, settled).await
}

/// Writes how a run ended in one instance. Where it came to no plan, this is its plan.
pub(super) async fn end_instance(
    recorder: &mut EventRecorder<'_>,
    report: &InstanceReport,
) -> Result<(), JournalError> {
    let text = without_changes(report)?;
    let body = InstanceEnded {
        instance: &report.name,
        outcome: report.outcome.as_str(),
        error: report.error.as_deref(),
        report: fingerprint(&text),
    };
    if !is_planned(recorder, &report.name).await? {
        plan(recorder, &InstancePlan { report, next: AfterPlan::Nothing, new_skips: &[] }).await?;
    }
    let (run, at) = (recorder.run.as_str(), recorder.at.timestamp_millis());
    let replaced = instance_reports::of_run(recorder.writer, run, Some(&report.name)).await?;
    let digest = instance_reports::store(recorder.writer, &text).await?;
    let sql = "update plans set report = '', report_digest = $1, ended_at = $2 where run = $3 and instance = $4";
    let values = [digest.into(), at.into(), run.into(), report.name.as_str().into()];
    recorder.writer.execute(sql, values).await?;
    instance_reports::delete_unused(recorder.writer, replaced).await?;
    recorder.append(EventKind::InstanceEnded, &body).await?;
    event_notifications::instance_ended(recorder, report).await
}

async fn is_planned(recorder: &mut EventRecorder<'_>, instance: &str) -> Result<bool, JournalError> {
    let sql = "select 1 from plans where run = $1 and instance = $2";
    let rows = recorder.writer.rows(sql, [recorder.run.as_str().into(), instance.into()]).await?;
    Ok(!rows.is_empty())
}

/// Writes how a run ended in an instance, unless that was written before.
pub(super) async fn end_instance_once(
    recorder: &mut EventRecorder<'_>,
    report: &InstanceReport,
) -> Result<(), JournalError> {
    let sql = "select 1 from plans where run = $1 and instance = $2 and ended_at is not null";
    let values = [recorder.run.as_str().into(), report.name.as_str().into()];
    if recorder.writer.rows(sql, values).await?.is_empty() { end_instance(recorder, report).await } else { Ok(()) }
}

/// What finds one change: instance, operator, group, kind, run.
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
    /// The changes of an instance that were sent and of which Campaign was not read since, by run: their runs died, or could
    /// not read Campaign any more. The oldest run first.
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

    /// What a run that died recorded last, if that was what became of changes: it may have died before it logged that.
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

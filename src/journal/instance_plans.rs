//! The plan of a run in one instance, and how the run ended there: the changes, and the report, which runs with the
//! same report share.

use serde::Serialize;

use crate::domain::{AfterPlan, ChangeOutcome, ChangeReport, InstanceMode, InstancePlan, InstanceReport, RunId};

use super::{
    JournalError,
    chain::{EventKind, EventRecorder, fingerprint},
    database::{Value, WriteTransaction},
    encoding::to_json,
    event_notifications,
    stored_changes::{OutcomeGroup, content, outcomes},
};

/// An SQL expression for the report of a row of `plans`.
macro_rules! report_column {
    () => {
        "coalesce((select shared.report from instance_reports shared where shared.digest = plans.report_digest), \
         plans.report)"
    };
}
pub(super) use report_column;

#[derive(Serialize)]
struct Planned<'a> {
    instance: &'a str,
    mode: &'static str,
    changes: usize,
    /// The hash of the changes without their outcomes.
    content: &'a str,
    outcomes: Vec<OutcomeGroup>,
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

/// Writes what a run is going to do in one instance. An earlier plan of the same run and instance is replaced. A plan
/// that leads to no write, and has the same changes as the last plan of the instance, shares its rows.
pub(super) async fn plan(recorder: &mut EventRecorder<'_>, plan: &InstancePlan<'_>) -> Result<(), JournalError> {
    let (report, run) = (plan.report, recorder.run);
    let writer = &mut *recorder.writer;
    let replaced = report_digests(writer, run.as_str(), Some(&report.name)).await?;
    for sql in
        ["delete from changes where run = $1 and instance = $2", "delete from plans where run = $1 and instance = $2"]
    {
        writer.execute(sql, [run.as_str().into(), report.name.as_str().into()]).await?;
    }
    let (content, outcomes) = (content(&report.changes), outcomes((0..).zip(&report.changes)));
    let is_final =
        plan.next == AfterPlan::Nothing || report.changes.iter().all(|change| change.outcome != ChangeOutcome::Pending);
    // The hash includes the outcomes, because shared rows never change.
    let shareable = (is_final && !report.changes.is_empty())
        .then(|| to_json(&outcomes, "the outcomes of a plan"))
        .transpose()?
        .map(|outcomes| fingerprint(&(content.clone() + &outcomes)));
    let same_as = match &shareable {
        Some(shareable) => last_equal(writer, &report.name, shareable).await?,
        None => None,
    };
    let is_shared = same_as.is_some();
    let digest = store_report(writer, &without_changes(report)?).await?;
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
    delete_unused_reports(writer, replaced).await?;
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

/// The run whose rows hold the changes of the last plan of this instance, if its hash is `shareable`.
async fn last_equal(
    writer: &mut WriteTransaction,
    instance: &str,
    shareable: &str,
) -> Result<Option<String>, JournalError> {
    let sql = "select p.content, coalesce(p.same_as, p.run) from runs r cross join plans p
               where p.run = r.run and p.instance = $1 order by r.position desc limit 1";
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
    let rows = (0..).zip(changes).map(|(position, change)| planned(run, instance, position, at, change));
    let head = "insert into changes (run, instance, position, op, operator, group_name, operator_folded, group_folded,
                    profile, reason, outcome, detail, at, approved_by)";
    recorder.writer.insert(head, rows, "").await
}

fn planned(run: &RunId, instance: &str, position: i64, at: i64, change: &ChangeReport) -> [Value; 14] {
    let key = change.key();
    [
        run.as_str().into(),
        instance.into(),
        position.into(),
        change.op.as_str().into(),
        change.operator.as_deref().map(str::to_owned).into(),
        change.group.as_deref().map(str::to_owned).into(),
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

fn mode(mode: InstanceMode) -> &'static str {
    match mode {
        InstanceMode::Apply => "apply",
        InstanceMode::Observe => "observe",
    }
}

/// The stored form of a report: its changes are rows of their own.
fn without_changes(report: &InstanceReport) -> Result<String, JournalError> {
    to_json(&report.without_changes(), "a plan")
}

/// Writes how a run ended in one instance. If it made no plan there, this is also its plan.
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
    let replaced = report_digests(recorder.writer, run, Some(&report.name)).await?;
    let digest = store_report(recorder.writer, &text).await?;
    let sql = "update plans set report = '', report_digest = $1, ended_at = $2 where run = $3 and instance = $4";
    let values = [digest.into(), at.into(), run.into(), report.name.as_str().into()];
    recorder.writer.execute(sql, values).await?;
    delete_unused_reports(recorder.writer, replaced).await?;
    recorder.append(EventKind::InstanceEnded, &body).await?;
    event_notifications::instance_ended(recorder, report).await
}

async fn is_planned(recorder: &mut EventRecorder<'_>, instance: &str) -> Result<bool, JournalError> {
    let sql = "select 1 from plans where run = $1 and instance = $2";
    let rows = recorder.writer.rows(sql, [recorder.run.as_str().into(), instance.into()]).await?;
    Ok(!rows.is_empty())
}

/// Writes how a run ended in an instance, unless that is already written.
pub(super) async fn end_instance_once(
    recorder: &mut EventRecorder<'_>,
    report: &InstanceReport,
) -> Result<(), JournalError> {
    let sql = "select 1 from plans where run = $1 and instance = $2 and ended_at is not null";
    let values = [recorder.run.as_str().into(), report.name.as_str().into()];
    if recorder.writer.rows(sql, values).await?.is_empty() { end_instance(recorder, report).await } else { Ok(()) }
}

/// Stores a report, unless it is stored already, and returns its digest.
pub(super) async fn store_report(writer: &mut WriteTransaction, report: &str) -> Result<String, JournalError> {
    let digest = fingerprint(report);
    let sql = "insert into instance_reports (digest, report) values ($1, $2) on conflict (digest) do nothing";
    writer.execute(sql, [digest.as_str().into(), report.into()]).await?;
    Ok(digest)
}

/// The digests of the reports of a run, in one instance or in all of them.
pub(super) async fn report_digests(
    writer: &mut WriteTransaction,
    run: &str,
    instance: Option<&str>,
) -> Result<Vec<String>, JournalError> {
    let sql = "select distinct report_digest from plans
               where run = $1 and (cast($2 as text) is null or instance = $2) and report_digest is not null";
    let rows = writer.rows(sql, [run.into(), instance.map(str::to_owned).into()]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Deletes the reports among these that no run uses any more.
pub(super) async fn delete_unused_reports(
    writer: &mut WriteTransaction,
    digests: Vec<String>,
) -> Result<(), JournalError> {
    for digest in digests {
        let sql = "delete from instance_reports
                   where digest = $1 and not exists (select 1 from plans where plans.report_digest = $1)";
        writer.execute(sql, [digest.into()]).await?;
    }
    Ok(())
}

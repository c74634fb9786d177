//! The notifications about the events of a run, written with the events: each held digest, each outage and each finding
//! once.

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeReport, Evidence, FindingKind, FindingTopic, FoldedName, HeldState, InstanceReport, Notification, Outcome,
    RunMode, RunReport, SettledChanges, all_variants, findings,
};

use super::{
    Journal, JournalError,
    chain::EventRecorder,
    database::{Value, WriteTransaction},
    encoding::to_time,
    held_plans::held_by_real_run,
    outbox::enqueue,
};

/// The topic of an outage; its subject is empty.
const OUTAGE: &str = "outage";

/// Whether an outage was already reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageReport {
    /// The notification is enqueued now.
    Enqueued,
    /// The outage was reported before and continues.
    AlreadyReported,
}

/// Enqueues the notification about a hold, unless a real run already held the same digest. Must be called before the
/// hold is written.
pub(super) async fn held(recorder: &mut EventRecorder<'_>, held: &HeldState<'_>) -> Result<(), JournalError> {
    let Some(record) = held.record.filter(|record| recorder.wanted.are_any() && !record.is_dry_run) else {
        return Ok(());
    };
    let sql = "select instance, digest, at, record, held_since from held where instance = $1 and digest = $2";
    let values = [held.instance.as_str().into(), record.digest.as_str().into()];
    let before = recorder.writer.rows(sql, values).await?;
    if before.first().map(held_by_real_run).transpose()?.flatten().is_some() {
        return Ok(());
    }
    let notification = Notification::held(recorder.run, recorder.at, record);
    enqueue(recorder.writer, recorder.wanted, &notification).await
}

/// Enqueues the notification about changes of an earlier run whose outcome is only known now.
pub(super) async fn settled(
    recorder: &mut EventRecorder<'_>,
    settled: &SettledChanges<'_>,
) -> Result<(), JournalError> {
    if !recorder.wanted.are_any() || settled.evidence != Evidence::NextRun {
        return Ok(());
    }
    let changes: &[ChangeReport] = settled.changes;
    match Notification::seen_later(recorder.run, recorder.at, settled.instance, changes) {
        Some(notification) => enqueue(recorder.writer, recorder.wanted, &notification).await,
        None => Ok(()),
    }
}

/// Enqueues the notifications about what a run changed and found in one instance.
pub(super) async fn instance_ended(
    recorder: &mut EventRecorder<'_>,
    report: &InstanceReport,
) -> Result<(), JournalError> {
    if !recorder.wanted.are_any() {
        return Ok(());
    }
    if let Some(notification) = Notification::applied(recorder.run, recorder.at, report) {
        enqueue(recorder.writer, recorder.wanted, &notification).await?;
    }
    if report.outcome.is_success() && is_whole(recorder).await? {
        report_findings(recorder, report).await?;
    }
    Ok(())
}

/// Enqueues one notification about refused credentials for each outage, and one about its end.
pub(super) async fn run_ended(recorder: &mut EventRecorder<'_>, report: &RunReport) -> Result<(), JournalError> {
    if !recorder.wanted.are_any() || report.mode != RunMode::Apply {
        return Ok(());
    }
    if report.outcome == Outcome::Refused {
        let refused = Notification::refused(recorder.at, report);
        if begin_outage(recorder.writer, recorder.at).await? == OutageReport::Enqueued {
            enqueue(recorder.writer, recorder.wanted, &refused).await?;
        }
        return Ok(());
    }
    let ran: Vec<FoldedName> = report.instances.iter().map(|instance| FoldedName::new(&instance.name)).collect();
    let is_over_all = recorder.wanted.instances.iter().all(|instance| ran.contains(instance));
    if !report.outcome.is_success() || !is_over_all || !is_whole(recorder).await? {
        return Ok(());
    }
    if let Some(failed_at) = end_outage(recorder.writer).await? {
        let recovered = Notification::recovered(recorder.at, report, failed_at);
        enqueue(recorder.writer, recorder.wanted, &recovered).await?;
    }
    Ok(())
}

impl Journal {
    /// Enqueues a notification about an outage outside of a run, unless it was already reported.
    pub async fn report_outage(&self, notification: &Notification) -> Result<OutageReport, JournalError> {
        if self.was_reported(OUTAGE, "").await? {
            return Ok(OutageReport::AlreadyReported);
        }
        let mut writer = self.begin_write().await?;
        let news = begin_outage(&mut writer, notification.time).await?;
        if news == OutageReport::Enqueued {
            enqueue(&mut writer, &self.wanted, notification).await?;
        }
        writer.commit().await?;
        Ok(news)
    }

    /// Enqueues a notification about a finding that concerns no instance, unless it was already reported.
    pub async fn report_finding(&self, topic: &FindingTopic, notification: &Notification) -> Result<(), JournalError> {
        if self.was_reported(topic.about.as_str(), &topic.subject).await? {
            return Ok(());
        }
        let mut writer = self.begin_write().await?;
        if is_news(&mut writer, "", topic.about.as_str(), &topic.subject, notification.time).await? {
            enqueue(&mut writer, &self.wanted, notification).await?;
        }
        writer.commit().await
    }

    /// Whether something that concerns no instance was already reported. Often called; only reads.
    async fn was_reported(&self, topic: &str, subject: &str) -> Result<bool, JournalError> {
        let sql = "select 1 from notified where instance = '' and topic = $1 and subject = $2";
        let rows = self.query().await?.rows(sql, [topic.into(), subject.into()]).await?;
        Ok(!rows.is_empty())
    }
}

/// Whether the run is a real run over everything in its instances.
async fn is_whole(recorder: &mut EventRecorder<'_>) -> Result<bool, JournalError> {
    let sql = "select 1 from runs where run = $1 and mode = $2 and scope is null";
    let values = [recorder.run.as_str().into(), RunMode::Apply.as_str().into()];
    Ok(!recorder.writer.rows(sql, values).await?.is_empty())
}

async fn report_findings(recorder: &mut EventRecorder<'_>, report: &InstanceReport) -> Result<(), JournalError> {
    let (now, instance) = (findings(report), FoldedName::new(&report.name));
    forget_gone(recorder.writer, &instance, &now).await?;
    for about in all_variants!(FindingKind: OrphanedGroup, RenamedGroup; without ExpiringCredential) {
        let mut new = Vec::new();
        for topic in now.iter().filter(|topic| topic.about == about) {
            let subject = FoldedName::new(&topic.subject);
            let (name, at) = (about.as_str(), recorder.at);
            if is_news(recorder.writer, instance.as_str(), name, subject.as_str(), at).await? {
                new.push(topic.subject.clone());
            }
        }
        if !new.is_empty() {
            let found = Notification::found(recorder.run, recorder.at, &report.name, about, &new);
            enqueue(recorder.writer, recorder.wanted, &found).await?;
        }
    }
    Ok(())
}

/// Deletes the findings of an instance that are gone, so that they are reported again when they come back.
async fn forget_gone(
    writer: &mut WriteTransaction,
    instance: &FoldedName,
    now: &std::collections::BTreeSet<FindingTopic>,
) -> Result<(), JournalError> {
    let sql = "select topic, subject from notified where instance = $1";
    let known = writer.rows(sql, [instance.as_str().into()]).await?;
    for row in known {
        let (topic, subject) = (row.text(0)?, row.text(1)?);
        let is_there = |found: &FindingTopic| {
            found.about.as_str() == topic && FoldedName::new(&found.subject).as_str() == subject.as_str()
        };
        if !now.iter().any(is_there) {
            let sql = "delete from notified where instance = $1 and topic = $2 and subject = $3";
            writer.execute(sql, [instance.as_str().into(), topic.into(), subject.into()]).await?;
        }
    }
    Ok(())
}

/// Writes that something is reported; returns `false` if it was already reported.
async fn is_news(
    writer: &mut WriteTransaction,
    instance: &str,
    topic: &str,
    subject: &str,
    at: DateTime<Utc>,
) -> Result<bool, JournalError> {
    let sql = "insert into notified (instance, topic, subject, at) values ($1, $2, $3, $4)
               on conflict (instance, topic, subject) do nothing returning at";
    let values: [Value; 4] = [instance.into(), topic.into(), subject.into(), at.timestamp_millis().into()];
    Ok(!writer.returning(sql, values).await?.is_empty())
}

async fn begin_outage(writer: &mut WriteTransaction, at: DateTime<Utc>) -> Result<OutageReport, JournalError> {
    let is_news = is_news(writer, "", OUTAGE, "", at).await?;
    Ok(if is_news { OutageReport::Enqueued } else { OutageReport::AlreadyReported })
}

/// When the outage was reported that ends now; `None` if there was none.
async fn end_outage(writer: &mut WriteTransaction) -> Result<Option<DateTime<Utc>>, JournalError> {
    let sql = "delete from notified where instance = '' and topic = $1 returning at";
    let ended = writer.returning(sql, [OUTAGE.into()]).await?;
    ended.first().map(|row| to_time(row.number(0)?)).transpose()
}

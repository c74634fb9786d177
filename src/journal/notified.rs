//! What the events of a run tell administrators, written with them: each held digest, each outage and each finding once.

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeReport, Evidence, FindingKind, FindingTopic, FoldedName, HeldState, InstanceReport, Notification, Outcome,
    RunMode, RunReport, SettledChanges, findings,
};

use super::{
    Journal, JournalError,
    database::{Value, Writing},
    encoding::to_time,
    holds::held_by_real_run,
    outbox::enqueue,
    record::Recording,
};

/// The topic of an outage; its subject is empty.
const OUTAGE: &str = "outage";

/// Whether an outage was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageNews {
    /// It is told now.
    Told,
    /// It goes on.
    Known,
}

/// Tells what a run holds, unless a real run held the same digest before. Asked before the hold is written.
pub(super) async fn held(recording: &mut Recording<'_>, held: &HeldState<'_>) -> Result<(), JournalError> {
    let Some(record) = held.record.filter(|record| recording.wanted.are_any() && !record.is_dry_run) else {
        return Ok(());
    };
    let sql = "select instance, digest, at, record, held_since from held where instance = $1 and digest = $2";
    let values = [held.instance.as_str().into(), record.digest.as_str().into()];
    let before = recording.writing.rows(sql, values).await?;
    if before.first().map(held_by_real_run).transpose()?.flatten().is_some() {
        return Ok(());
    }
    let notification = Notification::held(recording.run, recording.at, record);
    enqueue(recording.writing, recording.wanted, &notification).await
}

/// Tells what a run had made that could not say so itself.
pub(super) async fn settled(recording: &mut Recording<'_>, settled: &SettledChanges<'_>) -> Result<(), JournalError> {
    if !recording.wanted.are_any() || settled.evidence != Evidence::NextRun {
        return Ok(());
    }
    let changes: &[ChangeReport] = settled.changes;
    match Notification::seen_later(recording.run, recording.at, settled.instance, changes) {
        Some(notification) => enqueue(recording.writing, recording.wanted, &notification).await,
        None => Ok(()),
    }
}

/// Tells what a run made in one instance, and what it found there.
pub(super) async fn instance_ended(recording: &mut Recording<'_>, report: &InstanceReport) -> Result<(), JournalError> {
    if !recording.wanted.are_any() {
        return Ok(());
    }
    if let Some(notification) = Notification::applied(recording.run, recording.at, report) {
        enqueue(recording.writing, recording.wanted, &notification).await?;
    }
    if report.outcome.is_success() && is_whole(recording).await? {
        tell_findings(recording, report).await?;
    }
    Ok(())
}

/// Tells refused credentials once for each outage, and its end.
pub(super) async fn run_ended(recording: &mut Recording<'_>, report: &RunReport) -> Result<(), JournalError> {
    if !recording.wanted.are_any() || report.mode != RunMode::Apply {
        return Ok(());
    }
    if report.outcome == Outcome::Refused {
        let refused = Notification::refused(recording.at, report);
        if begin_outage(recording.writing, recording.at).await? == OutageNews::Told {
            enqueue(recording.writing, recording.wanted, &refused).await?;
        }
        return Ok(());
    }
    let ran: Vec<FoldedName> = report.instances.iter().map(|instance| FoldedName::new(&instance.name)).collect();
    let is_over_all = recording.wanted.instances.iter().all(|instance| ran.contains(instance));
    if !report.outcome.is_success() || !is_over_all || !is_whole(recording).await? {
        return Ok(());
    }
    if let Some(failed_at) = end_outage(recording.writing).await? {
        let recovered = Notification::recovered(recording.at, report, failed_at);
        enqueue(recording.writing, recording.wanted, &recovered).await?;
    }
    Ok(())
}

impl Journal {
    /// Tells an outage that no event of a run tells of, unless one is known already.
    pub async fn tell_outage(&self, notification: &Notification) -> Result<OutageNews, JournalError> {
        if self.was_told(OUTAGE, "").await? {
            return Ok(OutageNews::Known);
        }
        let mut writing = self.writing().await?;
        let news = begin_outage(&mut writing, notification.time).await?;
        if news == OutageNews::Told {
            enqueue(&mut writing, &self.wanted, notification).await?;
        }
        writing.commit().await?;
        Ok(news)
    }

    /// Tells a finding that concerns no instance, unless it was told before.
    pub async fn tell_finding(&self, topic: &FindingTopic, notification: &Notification) -> Result<(), JournalError> {
        if self.was_told(topic.about.as_str(), &topic.subject).await? {
            return Ok(());
        }
        let mut writing = self.writing().await?;
        if is_news(&mut writing, "", topic.about.as_str(), &topic.subject, notification.time).await? {
            enqueue(&mut writing, &self.wanted, notification).await?;
        }
        writing.commit().await
    }

    /// Whether something that concerns no instance was told before; asked often, and writes nothing.
    async fn was_told(&self, topic: &str, subject: &str) -> Result<bool, JournalError> {
        let sql = "select 1 from notified where instance = '' and topic = $1 and subject = $2";
        let rows = self.reading().await?.rows(sql, [topic.into(), subject.into()]).await?;
        Ok(!rows.is_empty())
    }
}

/// Whether the run is a real one over everything in its instances.
async fn is_whole(recording: &mut Recording<'_>) -> Result<bool, JournalError> {
    let sql = "select 1 from runs where run = $1 and mode = $2 and scope is null";
    let values = [recording.run.as_str().into(), RunMode::Apply.as_str().into()];
    Ok(!recording.writing.rows(sql, values).await?.is_empty())
}

async fn tell_findings(recording: &mut Recording<'_>, report: &InstanceReport) -> Result<(), JournalError> {
    let (now, instance) = (findings(report), FoldedName::new(&report.name));
    forget_gone(recording.writing, &instance, &now).await?;
    for about in [FindingKind::OrphanedGroup, FindingKind::RenamedGroup] {
        let mut new = Vec::new();
        for topic in now.iter().filter(|topic| topic.about == about) {
            let subject = FoldedName::new(&topic.subject);
            let (name, at) = (about.as_str(), recording.at);
            if is_news(recording.writing, instance.as_str(), name, subject.as_str(), at).await? {
                new.push(topic.subject.clone());
            }
        }
        if !new.is_empty() {
            let found = Notification::found(recording.run, recording.at, &report.name, about, &new);
            enqueue(recording.writing, recording.wanted, &found).await?;
        }
    }
    Ok(())
}

/// Forgets the findings of an instance that are gone, so that they are told when they come back.
async fn forget_gone(
    writing: &mut Writing,
    instance: &FoldedName,
    now: &std::collections::BTreeSet<FindingTopic>,
) -> Result<(), JournalError> {
    let sql = "select topic, subject from notified where instance = $1";
    let known = writing.rows(sql, [instance.as_str().into()]).await?;
    for row in known {
        let (topic, subject) = (row.text(0)?, row.text(1)?);
        let is_there = |found: &FindingTopic| {
            found.about.as_str() == topic && FoldedName::new(&found.subject).as_str() == subject.as_str()
        };
        if !now.iter().any(is_there) {
            let sql = "delete from notified where instance = $1 and topic = $2 and subject = $3";
            writing.execute(sql, [instance.as_str().into(), topic.into(), subject.into()]).await?;
        }
    }
    Ok(())
}

/// Remembers that something is told; `false` where it was told before.
async fn is_news(
    writing: &mut Writing,
    instance: &str,
    topic: &str,
    subject: &str,
    at: DateTime<Utc>,
) -> Result<bool, JournalError> {
    let sql = "insert into notified (instance, topic, subject, at) values ($1, $2, $3, $4)
               on conflict (instance, topic, subject) do nothing returning at";
    let values: [Value; 4] = [instance.into(), topic.into(), subject.into(), at.timestamp_millis().into()];
    Ok(!writing.returning(sql, values).await?.is_empty())
}

async fn begin_outage(writing: &mut Writing, at: DateTime<Utc>) -> Result<OutageNews, JournalError> {
    let is_news = is_news(writing, "", OUTAGE, "", at).await?;
    Ok(if is_news { OutageNews::Told } else { OutageNews::Known })
}

/// When the outage was told that ends now; `None` where there was none.
async fn end_outage(writing: &mut Writing) -> Result<Option<DateTime<Utc>>, JournalError> {
    let sql = "delete from notified where instance = '' and topic = $1 returning at";
    let ended = writing.returning(sql, [OUTAGE.into()]).await?;
    ended.first().map(|row| to_time(row.number(0)?)).transpose()
}

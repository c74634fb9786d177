//! The only way in which a run records its events: each in one transaction with everything that follows from it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{HeldState, InstanceName, RunEvent, RunId, RunStart};

use super::{
    Journal, JournalError, RecordHead,
    chain::{EventKind, EventRecorder},
    changes, event_notifications, held_plans, instance_plans, observed_access, runs,
};

impl Journal {
    /// Records an event of a run when it happens: appends it to the chain of events, and updates the history, the
    /// access record and what later runs read. An event without news is not appended. Returns the
    /// event that was appended last, the new head of the record.
    pub async fn record(
        &self,
        run: &RunId,
        at: DateTime<Utc>,
        event: &RunEvent<'_>,
    ) -> Result<Option<RecordHead>, JournalError> {
        let mut writer = self.begin_write().await?;
        let mut recorder = EventRecorder { writer: &mut writer, run, at, wanted: &self.wanted, head: None };
        // The future of a run would otherwise be as large as that of its largest event.
        Box::pin(recorder.write(event)).await?;
        let head = recorder.head;
        writer.commit().await?;
        Ok(head)
    }
}

impl EventRecorder<'_> {
    async fn write(&mut self, event: &RunEvent<'_>) -> Result<(), JournalError> {
        match event {
            RunEvent::Started(start) => self.started(start).await,
            RunEvent::Interrupted => {
                runs::mark_interrupted(self).await?;
                self.append(EventKind::Interrupted, &NoDetails {}).await
            }
            RunEvent::SourceRead(source) => {
                runs::read_source(self, source).await?;
                self.append(EventKind::SourceRead, source).await
            }
            RunEvent::Planned(plan) => instance_plans::plan(self, plan).await,
            RunEvent::Held(held) => self.held(held).await,
            RunEvent::Sending(sending) => changes::send(self, sending).await,
            RunEvent::Settled(settled) => changes::settle(self, settled).await,
            RunEvent::Observed(observed) => observed_access::observe(self, observed).await,
            RunEvent::InstanceEnded(report) => instance_plans::end_instance(self, report).await,
            RunEvent::Ended(report) => runs::end(self, report).await,
        }
    }

    async fn started(&mut self, start: &RunStart) -> Result<(), JournalError> {
        runs::start(self, start).await?;
        let instances = start.instances.iter().map(InstanceName::as_str).collect();
        let body = Started { mode: start.mode.as_str(), scope: start.scope.as_deref(), instances };
        self.append(EventKind::Started, &body).await
    }

    async fn held(&mut self, held: &HeldState<'_>) -> Result<(), JournalError> {
        event_notifications::held(self, held).await?;
        if !held_plans::hold(self.writer, held, self.at).await? {
            return Ok(());
        }
        let record = held.record;
        let body = Held {
            instance: held.instance.as_str(),
            digest: record.map(|record| record.digest.as_str()),
            changes: record.map_or(0, |record| record.changes.len()),
        };
        self.append(EventKind::Held, &body).await
    }
}

#[derive(Serialize)]
struct NoDetails {}

#[derive(Serialize)]
struct Started<'a> {
    mode: &'static str,
    scope: Option<&'a str>,
    instances: Vec<&'a str>,
}

#[derive(Serialize)]
struct Held<'a> {
    instance: &'a str,
    /// `None`: what was held before is not held any more.
    digest: Option<&'a str>,
    changes: usize,
}

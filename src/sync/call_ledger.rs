//! The access to Experience Cloud that one process shares, and the count of its calls: kept in the state for each
//! credential, so that it covers runs, commands and the page of every process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;

use crate::{
    domain::{CallPurpose, OrganizationId, PendingCall, Watcher, to_the_second},
    experience_cloud::{
        self, CallLedger, CallPermission, ExperienceCloud, ExperienceCloudError, PauseEnd, PermissionFuture,
        RecordingFuture, RequestedPause, SharedAccess,
    },
    journal::Journal,
};

use super::pauses::wait_out;

/// The access to Experience Cloud that all runs and lookups of one process share, so that a lookup needs no token of
/// its own. Clones share the same access.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<Option<SharedAccess>>>);

impl Clients {
    /// A client for the organization whose calls are counted in `journal`. Without a journal, or with one that is
    /// read-only, only the calls of this process are counted. `watcher` receives the progress of each read. Options
    /// that differ from those of the last client, as after a reload, begin a new access.
    pub fn client(
        &self,
        options: experience_cloud::UmapiOptions,
        journal: Option<&Journal>,
        purpose: CallPurpose,
        watcher: &Watcher,
    ) -> Result<ExperienceCloud, ExperienceCloudError> {
        let ledger = journal.filter(|journal| journal.is_writable()).map(|journal| -> Arc<dyn CallLedger> {
            Arc::new(StateLedger {
                journal: journal.clone(),
                client_id: options.client_id.clone(),
                organization: options.organization_id.clone(),
                cancelled_before: Mutex::default(),
            })
        });
        Ok(self.access(&options)?.client(options, ledger, purpose, watcher.clone()))
    }

    fn access(&self, options: &experience_cloud::UmapiOptions) -> Result<SharedAccess, ExperienceCloudError> {
        // A thread that panicked left a complete value: the access is replaced as a whole.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = kept.as_ref().filter(|access| access.serves(options)) {
            return Ok(access.clone());
        }
        let access = SharedAccess::new(options)?;
        *kept = Some(access.clone());
        Ok(access)
    }
}

struct StateLedger {
    journal: Journal,
    client_id: String,
    organization: OrganizationId,
    /// How many pauses had been forgotten when the last one was recorded.
    cancelled_before: Mutex<Option<i64>>,
}

impl CallLedger for StateLedger {
    fn reserve(&self, call: PendingCall) -> PermissionFuture<'_> {
        Box::pin(async move {
            let now = Utc::now();
            let reserved = self.journal.reserve_call(&self.client_id, &self.organization, &call, now).await?;
            Ok(match reserved {
                Ok(()) => CallPermission::Now,
                Err(until) => CallPermission::Later { until, pause: (until - now).to_std().unwrap_or_default() },
            })
        })
    }

    fn record_pause(&self, RequestedPause { length, until }: RequestedPause) -> RecordingFuture<'_> {
        Box::pin(async move {
            tracing::warn!(umapi.until = %to_the_second(until), "Adobe asked for a pause until {}", to_the_second(until));
            // Counted before the pause is recorded: one that is forgotten before the wait begins is then noticed.
            let before = self.journal.cancelled_pause_count(&self.organization).await?;
            self.journal.set_pause(&self.organization, length, until - length).await?;
            *self.cancelled_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
            Ok(())
        })
    }

    fn pause(&self, length: Duration) -> PauseEnd {
        let (journal, organization) = (self.journal.clone(), self.organization.clone());
        let before = *self.cancelled_before.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move { wait_out(&journal, &organization, length, before).await })
    }
}

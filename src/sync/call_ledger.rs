//! The calls of a credential, counted in the state: by runs, commands and the page alike, whichever process makes them.

use std::{sync::Arc, time::Duration};

use chrono::Utc;

use crate::{
    domain::{CallPurpose, OrganizationId, PendingCall},
    experience_cloud::{self, CallLedger, ExperienceCloud, ExperienceCloudError, PauseEnd, Reservation, Slot},
    journal::Journal,
};

use super::pauses::wait_out;

/// A client of the organization whose calls are counted in `journal`. Without one, or where it may only be looked at, the
/// client counts by itself.
pub fn client(
    options: experience_cloud::Options,
    journal: Option<&Journal>,
    purpose: CallPurpose,
) -> Result<ExperienceCloud, ExperienceCloudError> {
    let ledger = journal.filter(|journal| journal.is_writable()).map(|journal| -> Arc<dyn CallLedger> {
        Arc::new(StateLedger {
            journal: journal.clone(),
            client_id: options.client_id.clone(),
            organization: options.organization_id.clone(),
        })
    });
    ExperienceCloud::counted_by(options, ledger, purpose)
}

struct StateLedger {
    journal: Journal,
    client_id: String,
    organization: OrganizationId,
}

impl CallLedger for StateLedger {
    fn reserve(&self, call: PendingCall) -> Reservation<'_> {
        Box::pin(async move {
            let now = Utc::now();
            let reserved = self.journal.reserve_call(&self.client_id, &self.organization, &call, now).await?;
            Ok(match reserved {
                Ok(()) => Slot::Free,
                Err(until) => Slot::Taken { until, pause: (until - now).to_std().unwrap_or_default() },
            })
        })
    }

    fn pause(&self, length: Duration) -> PauseEnd {
        let (journal, organization) = (self.journal.clone(), self.organization.clone());
        Box::pin(async move { wait_out(&journal, &organization, length, None).await })
    }
}

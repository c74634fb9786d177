//! The result of a request to forget the pause that Adobe asked for, as a document: the output of the command `unpause`,
//! whether the command or the daemon carries it out. The field names are fixed.

use std::sync::Arc;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep,
};

use crate::{
    domain::{Approver, OrganizationId, to_the_second},
    journal::{CancelledPause, Journal, JournalError},
    settings::Settings,
};

use super::{
    ApproverFields, DaemonState, NextRun, ServiceState, control::LoopRequest, leadership::ELECTION_INTERVAL,
    next_run::RunReason, restore_status::throttled_until,
};

/// Version of the document format.
const VERSION: u32 = 1;

/// The result of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnpauseOutcome {
    /// The pause is forgotten.
    Forgotten,
    /// No pause was in force.
    NoPause,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpauseAnswer {
    /// Version of the document format.
    pub version: u32,
    /// The result of the request.
    pub outcome: UnpauseOutcome,
    /// The result in sentences.
    pub message: String,
    /// The organization of the pause.
    pub organization: String,
    /// The client id of the credential that the pause applies to.
    pub client_id: String,
    /// When the forgotten pause would have ended; `null` when there was none.
    pub until: Option<String>,
    /// When it was forgotten; `null` when there was none.
    pub forgotten_at: Option<String>,
    /// The administrator who requested it.
    #[serde(flatten)]
    pub approver: ApproverFields,
    /// What the daemon does now; `null` when there was no pause, or when no daemon carried out the request.
    pub next_run: Option<NextRun>,
}

/// Forgets the pause that Adobe asked for, and records that `approver` requested it. `journal` is `None` where no run was made
/// yet.
///
/// Fails only if the journal fails.
pub async fn unpause(
    journal: Option<&Journal>,
    settings: &Settings,
    approver: &Approver,
) -> Result<UnpauseAnswer, JournalError> {
    let source = &settings.experience_cloud.options;
    let (organization, client_id) = (&source.organization_id, source.client_id.as_str());
    let forgotten = match journal {
        Some(journal) => journal.cancel_pause(organization, client_id, approver, Utc::now()).await?,
        None => None,
    };
    if let Some(CancelledPause { until, .. }) = &forgotten {
        let until = to_the_second(*until);
        tracing::info!(umapi.until = %until, %approver, "the pause until {until} was forgotten by {approver}");
    }
    Ok(UnpauseAnswer::of((organization, client_id), approver, forgotten.as_ref()))
}

/// Checks, while the daemon knows of a pause, whether it was forgotten through another node that shares the state, and then
/// requests the run that the pause prevented. Runs until the daemon ends.
pub(super) async fn watch_for_unpause(
    daemon_state: DaemonState,
    journal: Journal,
    settings: watch::Receiver<Arc<Settings>>,
    requests: mpsc::Sender<LoopRequest>,
) {
    let mut changes = daemon_state.changes();
    loop {
        if daemon_state.facts().status.throttled_until.is_none_or(|until| until <= Utc::now()) {
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        sleep(ELECTION_INTERVAL).await;
        let organization = settings.borrow().experience_cloud.options.organization_id.clone();
        // A read of the journal that fails is retried.
        let Ok(None) = throttled_until(&journal, &organization).await else { continue };
        let is_forgotten = daemon_state.facts().status.throttled_until.is_some_and(|until| until > Utc::now());
        if is_forgotten
            && daemon_state.pause_forgotten("the pause that Adobe asked for was forgotten") == ServiceState::Throttled
        {
            let (reply, next) = oneshot::channel();
            if requests.send(LoopRequest::AtOnce(RunReason::Unpaused, reply)).await.is_err() {
                return;
            }
            if let Ok(next) = next.await {
                tracing::info!("the pause was forgotten through another node: {}", next.message);
            }
        }
    }
}

impl UnpauseAnswer {
    /// The document for the pause that was forgotten, if there was one.
    fn of(
        (organization, client_id): (&OrganizationId, &str),
        approver: &Approver,
        forgotten: Option<&CancelledPause>,
    ) -> Self {
        let (outcome, message) = match forgotten {
            Some(pause) => (
                UnpauseOutcome::Forgotten,
                format!(
                    "The pause that Adobe asked for until {} (client id {client_id}) is forgotten, by {approver}. The next \
                     run calls Adobe again; if Adobe still refuses, the program keeps a new pause.",
                    to_the_second(pause.until)
                ),
            ),
            None => (
                UnpauseOutcome::NoPause,
                format!("There is no pause to forget for client id {client_id}: nothing was changed."),
            ),
        };
        Self {
            version: VERSION,
            outcome,
            message,
            organization: organization.to_string(),
            client_id: client_id.to_owned(),
            until: forgotten.map(|pause| to_the_second(pause.until)),
            forgotten_at: forgotten.map(|pause| to_the_second(pause.at)),
            approver: approver.into(),
            next_run: None,
        }
    }

    /// Adds what the daemon does now.
    pub(super) fn add_next_run(&mut self, next_run: NextRun) {
        self.message = format!("{} {}", self.message, next_run.message);
        self.next_run = Some(next_run);
    }
}

//! What all steps of a probe share: client, state, lock, report, and the request to stop.

use std::time::Duration;

use chrono::Utc;

use crate::{
    campaign::{Campaign, CampaignError, ScratchLookup, ScratchWriter},
    domain::{InstanceAnswers, InstanceName, RememberedScratch, ScratchKind},
    journal::{Journal, JournalError, RunLock},
    sync::Stop,
};

use super::{report::ProbeOutcome, report::ProbeStep};

/// How long a write that was sent may take after a request to stop: less than a service manager waits before it kills.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// Why a probe ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    #[error("Campaign could not be read or written")]
    Campaign(#[from] CampaignError),
    #[error("the state could not be read or written, so nothing more is written to Campaign")]
    Journal(#[from] JournalError),
    #[error("the probe was stopped")]
    Stopped,
    /// A question was not settled, and the next steps depend on it.
    #[error("{0}")]
    Unsettled(String),
}

impl ProbeError {
    pub(super) fn outcome(&self) -> ProbeOutcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::Journal(_) => ProbeOutcome::Failed,
            Self::Stopped => ProbeOutcome::Interrupted,
            Self::Unsettled(_) => ProbeOutcome::Partial,
        }
    }

    /// Whether nothing more may be written: another process may hold the lock, or the state records nothing.
    pub(super) fn forbids_writes(&self) -> bool {
        matches!(self, Self::Journal(_))
    }
}

/// What Campaign answered to a write.
pub(super) enum WriteAnswer {
    Accepted,
    /// A fault, as text.
    Fault(String),
    /// The write was not sent, because the instance lacks what it needs.
    NotSent(String),
}

impl WriteAnswer {
    /// The answer in words.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Fault(fault) => format!("fault: {fault}"),
            Self::NotSent(why) => format!("not sent: {why}"),
        }
    }
}

/// One probe.
pub(super) struct ProbeContext<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) writer: ScratchWriter<'a>,
    pub(super) journal: &'a Journal,
    pub(super) lock: &'a RunLock,
    pub(super) stop: &'a Stop,
    pub(super) instance: &'a InstanceName,
    /// The address of the instance, to which the state attributes records and answers.
    pub(super) address: String,
    /// The label of the scratch records of this probe.
    pub(super) label: String,
    pub(super) steps: Vec<ProbeStep>,
    pub(super) answers: InstanceAnswers,
    /// Kinds of which a creation was sent and not answered: such a record may appear later.
    pub(super) unanswered: Vec<ScratchKind>,
    /// Receives each step before it is made.
    pub(super) progress: &'a dyn Fn(&str),
}

impl<'a> ProbeContext<'a> {
    pub(super) fn step(
        &mut self,
        id: &'static str,
        tried: impl Into<String>,
        answer: impl Into<String>,
        settles: impl Into<String>,
    ) {
        self.steps.push(ProbeStep { id, tried: tried.into(), answer: answer.into(), settles: settles.into() });
    }

    /// The records with a scratch name. A request to stop ends it at once.
    pub(super) async fn lookup(&self) -> Result<ScratchLookup, ProbeError> {
        self.read(self.campaign.find_scratch_records()).await
    }

    /// Reads until a request to stop.
    pub(super) async fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, CampaignError>>,
    ) -> Result<T, ProbeError> {
        tokio::select! {
            biased;
            () = self.stop.requested() => Err(ProbeError::Stopped),
            read = Box::pin(reading) => Ok(read?),
        }
    }

    /// Sends a write of a question, unless a stop was requested. A write that is under way then may end, for a while.
    /// A fault of Campaign is an answer.
    pub(super) async fn ask(
        &mut self,
        what: &str,
        write: impl AsyncFnOnce(&mut ScratchWriter<'a>) -> Result<(), CampaignError>,
    ) -> Result<WriteAnswer, ProbeError> {
        if self.stop.is_requested() {
            return Err(ProbeError::Stopped);
        }
        let stop = self.stop.clone();
        let given_up = async move {
            stop.requested().await;
            tokio::time::sleep(LAST_WRITE).await;
        };
        tokio::select! {
            biased;
            answer = self.write(what, write) => answer,
            () = given_up => Err(ProbeError::Stopped),
        }
    }

    /// As [`Self::ask`], and once more if Campaign does not accept the write: one fault may have another reason than the
    /// form.
    pub(super) async fn ask_twice(
        &mut self,
        what: &str,
        write: impl AsyncFn(&mut ScratchWriter<'a>) -> Result<(), CampaignError>,
    ) -> Result<WriteAnswer, ProbeError> {
        match self.ask(what, &write).await? {
            WriteAnswer::Accepted => Ok(WriteAnswer::Accepted),
            WriteAnswer::Fault(_) | WriteAnswer::NotSent(_) => self.ask(what, &write).await,
        }
    }

    /// Sends a write, also after a request to stop: for the removal of scratch records.
    pub(super) async fn write(
        &mut self,
        what: &str,
        write: impl AsyncFnOnce(&mut ScratchWriter<'a>) -> Result<(), CampaignError>,
    ) -> Result<WriteAnswer, ProbeError> {
        if !self.lock.is_still_held().await {
            return Err(JournalError::LockLost.into());
        }
        (self.progress)(what);
        match Box::pin(write(&mut self.writer)).await {
            Ok(()) => Ok(WriteAnswer::Accepted),
            Err(CampaignError::Fault { fault, .. }) if !fault.is_temporary() => {
                Ok(WriteAnswer::Fault(fault.to_string()))
            }
            Err(error @ CampaignError::AbsentColumns { .. }) => Ok(WriteAnswer::NotSent(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// What the state remembers of scratch records in this instance.
    pub(super) async fn remembered(&self) -> Result<Vec<RememberedScratch>, ProbeError> {
        Ok(self.journal.scratch_records(&self.address).await?)
    }

    pub(super) async fn remember(&self, record: &RememberedScratch) -> Result<(), ProbeError> {
        Ok(self.journal.remember_scratch_record(&self.address, record, Utc::now()).await?)
    }
}

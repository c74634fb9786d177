//! Makes the approved changes in plan order, and reads the results back. Decides nothing.

mod creations;
mod disablements;
mod memberships;

use std::{
    collections::{BTreeMap, HashSet},
    error::Error,
    mem,
};

use crate::{
    campaign::{Campaign, CampaignError, CampaignWriter},
    domain::{
        Action, ApprovedPlan, Change, ChangeKey, ChangeOutcome, Evidence, FoldedName, OperatorGroupId, OperatorId,
        Outcome, RunStep,
    },
    journal::JournalError,
    observability::Chain,
};

use super::{
    Stop,
    context::InstanceRun,
    decision::{ChangeResult, Decision},
};

/// The detail of a change that was never sent.
const NOT_TRIED: &str = "not tried";

/// The detail of a change that was sent and not read back; it may be in place, and the next run sees it.
const NOT_READ_BACK: &str = "tried, and could not be read back";

/// The detail of a change that was not sent because the run was stopped.
const STOPPED: &str = "not tried: the run was stopped";

/// Why nothing was written, or why the run stopped writing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    #[error("nothing could be written to Campaign")]
    Campaign(#[from] CampaignError),
    #[error("the run was stopped")]
    Stopped,
    #[error("the state could not be written, so nothing more is written to Campaign")]
    Journal(#[from] JournalError),
}

impl ApplyError {
    /// The error without the words that an [`ApplyError`] adds, for the detail of a change.
    fn cause(&self) -> &(dyn Error + 'static) {
        self.source().unwrap_or(self)
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::Stopped => Outcome::Interrupted,
            Self::Journal(_) => Outcome::Failed,
        }
    }
}

/// The results of all approved changes, and why the run stopped writing before the end.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) settled: Vec<ChangeResult>,
    pub(super) stopped: Option<ApplyError>,
}

/// Makes the changes: created groups and operators first, then additions, then removals, then disabled operators.
///
/// Records each change before it is sent and as soon as its outcome is known. Sends nothing, not even the schema check,
/// when there is nothing to write.
pub(super) async fn apply(
    campaign: &Campaign,
    run: &InstanceRun<'_>,
    approved: &ApprovedPlan,
    decision: &Decision,
    stop: &Stop,
) -> Applied {
    let changes = approved.changes();
    if changes.is_empty() {
        return Applied::default();
    }
    let answers = match run.answers().await {
        Ok(answers) => answers,
        Err(error) => return nothing_written(changes, error.into(), run, decision).await,
    };
    let mut writer = match campaign.writer().await {
        Ok(writer) => writer.with_answers(&answers),
        Err(error) => return nothing_written(changes, error.into(), run, decision).await,
    };
    let mut executor = Executor {
        campaign,
        run,
        decision,
        stop,
        planned: changes.len(),
        recorded: Vec::new(),
        unrecorded: Vec::new(),
        sent: HashSet::new(),
        stopped: None,
    };
    if let Err(error) = Box::pin(executor.execute(&mut writer, changes)).await {
        executor.give_up(changes, error);
    }
    let Executor { recorded: settled, mut stopped, .. } = executor;
    if stopped.is_none() && settled.iter().any(|one| one.outcome == ChangeOutcome::Pending) {
        stopped = Some(ApplyError::Stopped);
    }
    Applied { settled, stopped }
}

/// Records that nothing could be written. If this fails as well, only the first error is reported.
async fn nothing_written(changes: &[Change], error: ApplyError, run: &InstanceRun<'_>, decision: &Decision) -> Applied {
    let settled: Vec<_> = failed(changes, NOT_TRIED, error.cause()).collect();
    let _ = run.record_results(decision, &settled, Evidence::ReadBack).await;
    Applied { settled, stopped: Some(error) }
}

fn failed<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    how_far: &str,
    error: &dyn Error,
) -> impl Iterator<Item = ChangeResult> {
    let why = format!("{how_far}: {}", Chain(error));
    changes.into_iter().map(move |change| ChangeResult::new(change, ChangeOutcome::Failed, Some(why.clone())))
}

/// Keys of operators and groups that this run created, by folded name.
#[derive(Default)]
struct Created {
    operators: BTreeMap<FoldedName, OperatorId>,
    groups: BTreeMap<FoldedName, OperatorGroupId>,
}

/// Makes one approved plan.
struct Executor<'a> {
    campaign: &'a Campaign,
    run: &'a InstanceRun<'a>,
    decision: &'a Decision,
    stop: &'a Stop,
    planned: usize,
    /// The changes whose outcome is known and recorded.
    recorded: Vec<ChangeResult>,
    /// The changes whose outcome is known and not recorded yet.
    unrecorded: Vec<ChangeResult>,
    /// The changes that were sent or about to be sent.
    sent: HashSet<ChangeKey>,
    stopped: Option<ApplyError>,
}

impl Executor<'_> {
    /// Makes all changes. Fails only when the journal fails; then nothing more is sent.
    async fn execute(&mut self, writer: &mut CampaignWriter<'_>, changes: &[Change]) -> Result<(), JournalError> {
        let (mut creations, mut memberships, mut disabled) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            match change.action {
                Action::CreateGroup { .. } | Action::CreateOperator { .. } => creations.push(change),
                Action::Add { .. } | Action::Remove { .. } => memberships.push(change),
                Action::DisableOperator { .. } => disabled.push(change),
            }
        }
        let created = self.create(writer, &creations).await?;
        self.record(Evidence::ReadBack).await?;
        self.change_memberships(writer, &memberships, &created).await?;
        self.record(Evidence::ReadBack).await?;
        self.disable(writer, &disabled).await?;
        self.record(Evidence::ReadBack).await
    }

    /// Records that these changes are being sent, and the use of an approval whose first changes they are.
    async fn record_sending(&mut self, changes: &[&Change]) -> Result<(), JournalError> {
        let released = self.decision.review.released.as_ref();
        let begun = released.filter(|released| changes.iter().any(|change| released.contains(change)));
        self.run.record_sending(self.decision, changes, begun.map(|released| &released.digest)).await?;
        self.sent.extend(changes.iter().map(|change| change.key()));
        self.show_progress();
        Ok(())
    }

    fn show_progress(&self) {
        let (done, planned) = (self.recorded.len(), self.planned);
        self.run.recorder.watcher().of(self.run.name()).step(RunStep::Applying { done, planned });
    }

    /// Records the results that are not recorded yet.
    async fn record(&mut self, evidence: Evidence) -> Result<(), JournalError> {
        if self.unrecorded.is_empty() {
            return Ok(());
        }
        self.run.record_results(self.decision, &self.unrecorded, evidence).await?;
        self.recorded.append(&mut self.unrecorded);
        self.show_progress();
        Ok(())
    }

    /// Records that changes were sent and could not be read back.
    async fn record_unread<'c>(
        &mut self,
        changes: impl IntoIterator<Item = &'c Change>,
        error: &CampaignError,
    ) -> Result<(), JournalError> {
        self.record(Evidence::ReadBack).await?;
        self.unrecorded.extend(failed(changes, NOT_READ_BACK, error));
        self.record(Evidence::Unread).await
    }

    /// Whether the run was stopped before these changes; they stay pending then.
    fn is_stopped(&mut self, changes: &[&Change]) -> bool {
        let stopped = self.stop.is_requested();
        if stopped {
            let untouched =
                |change: &&Change| ChangeResult::new(change, ChangeOutcome::Pending, Some(STOPPED.to_owned()));
            self.unrecorded.extend(changes.iter().map(untouched));
        }
        stopped
    }

    /// After a failure of the journal: gives each change without a result the detail how far it got.
    fn give_up(&mut self, changes: &[Change], error: JournalError) {
        self.recorded.extend(mem::take(&mut self.unrecorded));
        let settled: HashSet<_> = self.recorded.iter().map(|one| one.change.key()).collect();
        for change in changes.iter().filter(|change| !settled.contains(&change.key())) {
            let how_far = if self.sent.contains(&change.key()) { NOT_READ_BACK } else { NOT_TRIED };
            self.recorded.extend(failed([change], how_far, &error));
        }
        self.stopped = Some(error.into());
    }
}

fn failure_detail(error: Option<&CampaignError>) -> String {
    error
        .map_or_else(|| "Campaign accepted the write and does not show it".to_owned(), |error| Chain(error).to_string())
}

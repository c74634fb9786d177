//! Makes the approved changes and looks what came of them. Decides nothing: what is approved is tried, in plan order.

mod creations;
mod disablements;
mod memberships;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    error::Error,
};

use crate::{
    campaign::{Campaign, CampaignError, Writer},
    domain::{
        Action, ApprovedPlan, Change, ChangeKey, ChangeOutcome, FoldedName, OperatorGroupId, OperatorId, Outcome,
    },
    journal::JournalError,
    observability::Chain,
};

use super::{
    Stop,
    decision::{Decision, Settled},
    ledger::Ledger,
};

/// How far a change came that was never sent.
const NOT_TRIED: &str = "not tried";

/// How far a change came whose write was sent; it may hold, and the next run sees it.
const NOT_READ_BACK: &str = "tried, and could not be read back";

/// How far a change came when the run was told to stop.
const STOPPED: &str = "not tried: the run was told to stop";

/// What kept anything at all from being written, or ended the writing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    #[error("nothing could be written")]
    Campaign(#[from] CampaignError),
    #[error("the run was told to stop")]
    Stopped,
    #[error("without the journal nothing is written")]
    Journal(#[from] JournalError),
}

impl ApplyError {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::Stopped => Outcome::Interrupted,
            Self::Journal(_) => Outcome::Failed,
        }
    }
}

/// What became of every approved change, and what ended the writing early.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) settled: Vec<Settled>,
    pub(super) stopped: Option<ApplyError>,
}

/// Makes the changes: created groups and operators first, then additions, then removals, then disabled operators.
///
/// Each change is written to the journal before it is sent and after what became of it was seen. Nothing is sent, not even
/// the schema check, when there is nothing to write.
pub(super) async fn apply(
    campaign: &Campaign,
    ledger: &Ledger<'_>,
    approved: &ApprovedPlan,
    decision: &Decision,
    stop: &Stop,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Applied {
    let changes = approved.changes();
    if changes.is_empty() {
        return Applied::default();
    }
    let writer = match campaign.writer().await {
        Ok(writer) => writer,
        Err(error) => return Applied::nothing(changes, error, ledger).await,
    };
    let mut work = Work {
        campaign,
        ledger,
        writer,
        decision,
        stop,
        watch,
        done: 0,
        planned: changes.len(),
        applied: Applied::default(),
        sent: HashSet::new(),
        recorded: 0,
    };
    if let Err(error) = work.make(changes).await {
        work.give_up(changes, error);
    }
    if work.applied.stopped.is_none() && work.applied.settled.iter().any(|one| one.outcome == ChangeOutcome::Pending) {
        work.applied.stopped = Some(ApplyError::Stopped);
    }
    work.applied
}

impl Applied {
    fn fail<'c>(&mut self, changes: impl Iterator<Item = &'c Change>, how_far: &str, error: &dyn Error) {
        let why = format!("{how_far}: {}", Chain(error));
        self.settled.extend(changes.map(|change| Settled::new(change, ChangeOutcome::Failed, Some(why.clone()))));
    }

    /// Nothing could be written, and that is written down. Should this fail as well, what stopped the writing is the news.
    async fn nothing(changes: &[Change], error: CampaignError, ledger: &Ledger<'_>) -> Self {
        let mut applied = Self::default();
        applied.fail(changes.iter(), NOT_TRIED, &error);
        let _ = ledger.settled(&applied.settled).await;
        applied.stopped = Some(error.into());
        applied
    }
}

/// Keys of operators and groups that this run created, by folded name.
#[derive(Default)]
struct Made {
    operators: BTreeMap<FoldedName, OperatorId>,
    groups: BTreeMap<FoldedName, OperatorGroupId>,
}

/// Who is in the touched groups.
type Members = BTreeSet<(OperatorId, OperatorGroupId)>;

struct Work<'a> {
    campaign: &'a Campaign,
    ledger: &'a Ledger<'a>,
    writer: Writer<'a>,
    decision: &'a Decision,
    stop: &'a Stop,
    watch: &'a (dyn Fn(usize, usize) + Sync),
    done: usize,
    planned: usize,
    applied: Applied,
    /// What was, or was about to be, sent.
    sent: HashSet<ChangeKey>,
    /// How many of the settled changes the journal knows.
    recorded: usize,
}

impl Work<'_> {
    /// Makes all changes. Fails only when the journal does; then nothing more is sent.
    async fn make(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        let (mut creations, mut memberships, mut disabled) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            match change.action {
                Action::CreateGroup { .. } | Action::CreateOperator { .. } => creations.push(change),
                Action::Add { .. } | Action::Remove { .. } => memberships.push(change),
                Action::DisableOperator { .. } => disabled.push(change),
            }
        }
        let made = self.create(&creations).await?;
        self.record().await?;
        self.change_memberships(&memberships, &made).await?;
        self.record().await?;
        self.disable(&disabled).await?;
        self.record().await
    }

    /// Writes down that these changes are being sent, and the approval of which they are the first.
    async fn announce(&mut self, changes: &[&Change]) -> Result<(), JournalError> {
        let released = self.decision.review.released.as_ref();
        let begun = released.filter(|released| changes.iter().any(|change| released.contains(change)));
        self.ledger.about_to_write(changes, begun.map(|released| &released.digest)).await?;
        self.sent.extend(changes.iter().map(|change| change.key()));
        Ok(())
    }

    /// Writes down what was settled since the last time.
    async fn record(&mut self) -> Result<(), JournalError> {
        let news = self.applied.settled.get(self.recorded..).unwrap_or_default();
        self.ledger.settled(news).await?;
        self.recorded = self.applied.settled.len();
        Ok(())
    }

    /// Whether the run was told to stop before these changes were begun; they stay as they are then.
    fn is_stopped(&mut self, changes: &[&Change]) -> bool {
        let stopped = self.stop.is_asked();
        if stopped {
            let untouched = |change: &&Change| Settled::new(change, ChangeOutcome::Pending, Some(STOPPED.to_owned()));
            self.applied.settled.extend(changes.iter().map(untouched));
        }
        stopped
    }

    /// The journal failed: what is not settled yet stays as far as it came.
    fn give_up(&mut self, changes: &[Change], error: JournalError) {
        let settled: HashSet<_> = self.applied.settled.iter().map(|one| one.change.key()).collect();
        for change in changes.iter().filter(|change| !settled.contains(&change.key())) {
            let how_far = if self.sent.contains(&change.key()) { NOT_READ_BACK } else { NOT_TRIED };
            self.applied.fail(std::iter::once(change), how_far, &error);
        }
        self.applied.stopped = Some(error.into());
    }

    async fn members(&self, groups: &[OperatorGroupId]) -> Result<Members, CampaignError> {
        Ok(self.campaign.members(groups).await?.into_iter().collect())
    }

    fn step(&mut self, changes: usize) {
        self.done += changes;
        (self.watch)(self.done, self.planned);
    }
}

fn why_not(error: Option<&CampaignError>) -> String {
    error
        .map_or_else(|| "Campaign accepted the write and does not show it".to_owned(), |error| Chain(error).to_string())
}

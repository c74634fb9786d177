//! Makes the approved changes and looks what came of them. Decides nothing: what is approved is tried, in plan order.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    error::Error,
};

use crate::{
    campaign::{COLLECTION_ROWS, Campaign, CampaignError, Write, Writer},
    domain::{
        Action, ApprovedPlan, Change, ChangeKey, ChangeKind, ChangeOutcome, OperatorGroupId, OperatorGroupName,
        OperatorId, OperatorLogin, Outcome,
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
    let mut applied = Applied::default();
    let writer = match campaign.writer().await {
        Ok(writer) => writer,
        Err(error) => {
            applied.fail(changes.iter(), NOT_TRIED, &error);
            applied.stopped = Some(error.into());
            applied.recorded(ledger).await;
            return applied;
        }
    };
    let (sent, recorded) = (HashSet::new(), 0);
    let mut work = Work {
        campaign,
        ledger,
        writer,
        decision,
        stop,
        watch,
        done: 0,
        planned: changes.len(),
        applied,
        sent,
        recorded,
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

    /// Writes everything down. What stopped the writing is the news, should this fail as well.
    async fn recorded(&mut self, ledger: &Ledger<'_>) {
        if let Err(error) = ledger.settled(&self.settled).await {
            self.stopped.get_or_insert(error.into());
        }
    }
}

/// Keys of operators and groups that this run created, by folded name.
#[derive(Default)]
struct Made {
    operators: BTreeMap<String, OperatorId>,
    groups: BTreeMap<String, OperatorGroupId>,
}

/// A membership to be made or ended, with its keys.
struct Row<'a> {
    change: &'a Change,
    operator: OperatorId,
    group: OperatorGroupId,
    /// Why it is not made, and what that makes of it.
    unmade: Option<(ChangeOutcome, String)>,
}

/// Who is in the touched groups.
type Members = BTreeSet<(OperatorId, OperatorGroupId)>;

impl Row<'_> {
    fn write(&self) -> Write {
        let (operator, group) = (self.operator, self.group);
        if self.change.is_removal() { Write::Leave { operator, group } } else { Write::Join { operator, group } }
    }

    /// Whether Campaign holds what the change wants.
    fn is_so(&self, members: &Members) -> bool {
        members.contains(&(self.operator, self.group)) != self.change.is_removal()
    }
}

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

    /// Writes down that these changes are being sent.
    async fn announce(&mut self, changes: &[&Change]) -> Result<(), JournalError> {
        self.ledger.about_to_write(changes.iter().copied()).await?;
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

    /// Creates groups and operators, and looks all of them up by name: only what is found there was created.
    async fn create(&mut self, changes: &[&Change]) -> Result<Made, JournalError> {
        if changes.is_empty() || self.is_stopped(changes) {
            return Ok(Made::default());
        }
        let mut errors = Vec::with_capacity(changes.len());
        for change in changes {
            if self.stop.is_asked() {
                break;
            }
            self.announce(&[change]).await?;
            errors.push(match creation(change) {
                Some(write) => self.writer.write(&[write]).await.pop().and_then(Result::err),
                None => None,
            });
            self.step(1);
        }
        let (changes, rest) = changes.split_at(errors.len());
        self.is_stopped(rest);
        let made = match self.look_up(changes).await {
            Ok(made) => made,
            Err(error) => {
                self.applied.fail(changes.iter().copied(), NOT_READ_BACK, &error);
                return Ok(Made::default());
            }
        };
        for (change, error) in changes.iter().zip(errors) {
            let found = match &change.action {
                Action::CreateGroup { group } => made.groups.contains_key(&group.folded()),
                Action::CreateOperator { operator, .. } => made.operators.contains_key(&operator.folded()),
                Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => false,
            };
            let (outcome, detail) = match (found, error) {
                (true, None) => (ChangeOutcome::Applied, None),
                (true, Some(_)) => (ChangeOutcome::Already, None),
                (false, error) => (ChangeOutcome::Failed, Some(why_not(error.as_ref()))),
            };
            self.applied.settled.push(Settled::new(change, outcome, detail));
        }
        Ok(made)
    }

    async fn look_up(&self, changes: &[&Change]) -> Result<Made, CampaignError> {
        let (mut groups, mut operators) = (Vec::new(), Vec::new());
        for change in changes {
            match &change.action {
                Action::CreateGroup { group } => groups.push(group.clone()),
                Action::CreateOperator { operator, .. } => operators.push(operator.clone()),
                Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => {}
            }
        }
        let mut made = Made::default();
        if !groups.is_empty() {
            let found = self.campaign.find_groups(&groups).await?;
            made.groups.extend(found.into_iter().map(|group| (group.name.folded(), group.id)));
        }
        if !operators.is_empty() {
            let found = self.campaign.find_operators(&operators).await?;
            made.operators.extend(found.into_iter().map(|operator| (operator.login.folded(), operator.id)));
        }
        Ok(made)
    }

    async fn change_memberships(&mut self, changes: &[&Change], made: &Made) -> Result<(), JournalError> {
        if self.is_stopped(changes) {
            return Ok(());
        }
        let mut rows = self.rows(changes, made);
        if rows.is_empty() {
            return Ok(());
        }
        let groups: Vec<_> = rows.iter().map(|row| row.group).collect::<BTreeSet<_>>().into_iter().collect();
        match self.members(&groups).await {
            Ok(members) => self.settle(&mut rows, &members, ChangeOutcome::Already),
            Err(error) => {
                self.applied.fail(rows.iter().map(|row| row.change), NOT_TRIED, &error);
                if self.campaign.writes() == 0 {
                    self.applied.stopped = Some(error.into());
                }
                return Ok(());
            }
        }
        let (mut additions, mut removals): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| !row.change.is_removal());
        self.write(&mut additions).await?;
        if additions.iter().any(|row| row.unmade.is_some()) {
            self.spare_last_members(&mut removals).await;
        }
        self.write(&mut removals).await?;
        let mut tried: Vec<_> = additions.into_iter().chain(removals).collect();
        match self.members(&groups).await {
            Ok(members) => {
                self.settle(&mut tried, &members, ChangeOutcome::Applied);
                let unmade = |row: &Row<'_>| {
                    let (outcome, why) = row.unmade.clone().unwrap_or_else(|| (ChangeOutcome::Failed, why_not(None)));
                    Settled::new(row.change, outcome, Some(why))
                };
                self.applied.settled.extend(tried.iter().map(unmade));
            }
            Err(error) => self.applied.fail(tried.iter().map(|row| row.change), NOT_READ_BACK, &error),
        }
        Ok(())
    }

    /// Disables operators whose removals of this plan have all been seen; the others still have something.
    async fn disable(&mut self, changes: &[&Change]) -> Result<(), JournalError> {
        if self.is_stopped(changes) {
            return Ok(());
        }
        let (due, early): (Vec<&Change>, Vec<_>) = changes.iter().copied().partition(|change| self.lost_all(change));
        let why = "not tried: not all of the removals that leave this operator in no group were made";
        let failed = early.into_iter().map(|change| Settled::new(change, ChangeOutcome::Failed, Some(why.to_owned())));
        self.applied.settled.extend(failed);
        let mut errors = Vec::with_capacity(due.len());
        for change in &due {
            self.announce(&[change]).await?;
            let write = disabling(change);
            let outcome = self.writer.write(&write.into_iter().collect::<Vec<_>>()).await.pop();
            errors.push(outcome.and_then(Result::err));
            self.step(1);
        }
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = due.iter().filter_map(|change| operator_of(change)).collect();
        let disabled: HashSet<_> = match self.campaign.operators_by_id(&ids).await {
            Ok(operators) => operators.into_iter().filter(|found| found.disabled).map(|found| found.id).collect(),
            Err(error) => {
                self.applied.fail(due.into_iter(), NOT_READ_BACK, &error);
                return Ok(());
            }
        };
        for (change, error) in due.into_iter().zip(errors) {
            let is_so = operator_of(change).is_some_and(|id| disabled.contains(&id));
            let (outcome, detail) = if is_so {
                (ChangeOutcome::Applied, None)
            } else {
                (ChangeOutcome::Failed, Some(why_not(error.as_ref())))
            };
            self.applied.settled.push(Settled::new(change, outcome, detail));
        }
        Ok(())
    }

    /// Whether all removals of this operator that the plan holds, held and unconfirmed ones among them, have been seen.
    fn lost_all(&self, disabled: &Change) -> bool {
        let operator = disabled.operator().map(OperatorLogin::folded);
        let of_operator = |change: &&Change| {
            change.kind() == ChangeKind::Remove && change.operator().map(OperatorLogin::folded) == operator
        };
        let seen: HashSet<_> =
            self.applied.settled.iter().filter(|one| one.is_so()).map(|one| one.change.key()).collect();
        self.decision.plan.changes.iter().filter(of_operator).all(|change| seen.contains(&change.key()))
    }

    /// The memberships with their keys. One whose operator or group could not be created has failed already.
    fn rows<'c>(&mut self, changes: &[&'c Change], made: &Made) -> Vec<Row<'c>> {
        let operator = |known: Option<OperatorId>, login: &OperatorLogin| {
            known.or_else(|| made.operators.get(&login.folded()).copied())
        };
        let group = |known: Option<OperatorGroupId>, name: &OperatorGroupName| {
            known.or_else(|| made.groups.get(&name.folded()).copied())
        };
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            let keys = match &change.action {
                Action::Add { operator: login, operator_id, group: name, group_id } => {
                    operator(*operator_id, login).zip(group(*group_id, name))
                }
                Action::Remove { operator_id, group_id, .. } => Some((*operator_id, *group_id)),
                Action::CreateGroup { .. } | Action::CreateOperator { .. } | Action::DisableOperator { .. } => None,
            };
            if let Some((operator, group)) = keys {
                rows.push(Row { change, operator, group, unmade: None });
            } else {
                let why = Some("its operator or operator group could not be created".to_owned());
                self.applied.settled.push(Settled::new(change, ChangeOutcome::Failed, why));
            }
        }
        rows
    }

    /// Writes rows in small collections; stops trying when Campaign is out of reach.
    async fn write(&mut self, rows: &mut [Row<'_>]) -> Result<(), JournalError> {
        let mut out_of_reach: Option<String> = None;
        for collection in rows.chunks_mut(COLLECTION_ROWS) {
            let mut due: Vec<_> = collection.iter_mut().filter(|row| row.unmade.is_none()).collect();
            let not_tried = match &out_of_reach {
                Some(why) => Some((ChangeOutcome::Failed, format!("{NOT_TRIED}: {why}"))),
                None => self.stop.is_asked().then(|| (ChangeOutcome::Pending, STOPPED.to_owned())),
            };
            if not_tried.is_some() {
                for row in due {
                    row.unmade.clone_from(&not_tried);
                }
                continue;
            }
            if due.is_empty() {
                continue;
            }
            self.announce(&due.iter().map(|row| row.change).collect::<Vec<_>>()).await?;
            let writes: Vec<_> = due.iter().map(|row| row.write()).collect();
            for (row, result) in due.iter_mut().zip(self.writer.write(&writes).await) {
                if let Err(error) = result {
                    row.unmade = Some((ChangeOutcome::Failed, Chain(&error).to_string()));
                    if error.concerns_every_call() {
                        out_of_reach = Some(Chain(&error).to_string());
                    }
                }
            }
            self.step(writes.len());
        }
        Ok(())
    }

    /// An addition failed, so a group may have nobody left whom it was meant to keep: those who should go then stay.
    async fn spare_last_members(&self, removals: &mut [Row<'_>]) {
        let groups: BTreeSet<_> = removals.iter().map(|row| row.group).collect();
        let members = self.members(&groups.iter().copied().collect::<Vec<_>>()).await.unwrap_or_default();
        for group in groups {
            let staying = members.iter().filter(|(_, of)| *of == group).map(|(operator, _)| *operator);
            if !self.decision.desired.keeps_somebody(group, staying) {
                let why = "the additions to its group failed, and this removal would empty it";
                for row in removals.iter_mut().filter(|row| row.group == group) {
                    row.unmade = Some((ChangeOutcome::Failed, why.to_owned()));
                }
            }
        }
    }

    async fn members(&self, groups: &[OperatorGroupId]) -> Result<Members, CampaignError> {
        Ok(self.campaign.members(groups).await?.into_iter().collect())
    }

    /// Settles the rows that Campaign holds as wanted and leaves the others in `rows`.
    fn settle(&mut self, rows: &mut Vec<Row<'_>>, members: &Members, outcome: ChangeOutcome) {
        let before = rows.len();
        rows.retain(|row| {
            let so = row.is_so(members);
            if so {
                self.applied.settled.push(Settled::new(row.change, outcome, None));
            }
            !so
        });
        if outcome == ChangeOutcome::Already {
            self.step(before - rows.len());
        }
    }

    fn step(&mut self, changes: usize) {
        self.done += changes;
        (self.watch)(self.done, self.planned);
    }
}

fn creation(change: &Change) -> Option<Write> {
    match &change.action {
        Action::CreateGroup { group } => {
            Some(Write::CreateGroup { name: group.clone(), label: group.as_str().to_owned() })
        }
        Action::CreateOperator { operator, email } => Some(Write::CreateOperator {
            login: operator.clone(),
            email: email.clone(),
            label: operator.as_str().to_owned(),
        }),
        Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => None,
    }
}

fn disabling(change: &Change) -> Option<Write> {
    operator_of(change).map(|operator| Write::Disable { operator })
}

/// The operator that a change disables.
fn operator_of(change: &Change) -> Option<OperatorId> {
    match change.action {
        Action::DisableOperator { operator_id, .. } => Some(operator_id),
        _ => None,
    }
}

fn why_not(error: Option<&CampaignError>) -> String {
    error
        .map_or_else(|| "Campaign accepted the write and does not show it".to_owned(), |error| Chain(error).to_string())
}

//! Makes the approved changes and looks what came of them. Decides nothing: what is approved is tried, in plan order.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    campaign::{COLLECTION_ROWS, Campaign, CampaignError, Write, Writer},
    domain::{
        Action, ApprovedPlan, Change, ChangeOutcome, DesiredState, OperatorGroupId, OperatorGroupName, OperatorId,
        OperatorLogin,
    },
    observability::Chain,
};

use super::reconcile::Settled;

/// How far a change came that was never sent.
const NOT_TRIED: &str = "not tried";

/// How far a change came whose write was sent; it may hold, and the next run sees it.
const NOT_READ_BACK: &str = "tried, and could not be read back";

/// What became of every approved change, and the error that kept anything at all from being written.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) settled: Vec<Settled>,
    pub(super) stopped: Option<CampaignError>,
}

/// Makes the changes: created groups and operators first, then additions, then removals.
///
/// Nothing is sent, not even the schema check, when there is nothing to write.
pub(super) async fn apply(
    campaign: &Campaign,
    approved: &ApprovedPlan,
    desired: &DesiredState,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Applied {
    if approved.changes().is_empty() {
        return Applied::default();
    }
    let (creations, memberships): (Vec<_>, Vec<_>) = approved
        .changes()
        .iter()
        .partition(|change| matches!(change.action, Action::CreateGroup { .. } | Action::CreateOperator { .. }));
    let mut applied = Applied::default();
    let writer = match campaign.writer().await {
        Ok(writer) => writer,
        Err(error) => {
            applied.fail(approved.changes().iter(), NOT_TRIED, &error);
            applied.stopped = Some(error);
            return applied;
        }
    };
    let mut work = Work { campaign, writer, desired, watch, done: 0, planned: approved.changes().len(), applied };
    let made = work.create(&creations).await;
    work.change_memberships(&memberships, &made).await;
    work.applied
}

impl Applied {
    fn fail<'c>(&mut self, changes: impl Iterator<Item = &'c Change>, how_far: &str, error: &CampaignError) {
        let why = format!("{how_far}: {}", Chain(error));
        self.settled.extend(changes.map(|change| Settled::new(change, ChangeOutcome::Failed, Some(why.clone()))));
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
    failed: Option<String>,
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
    writer: Writer<'a>,
    desired: &'a DesiredState,
    watch: &'a (dyn Fn(usize, usize) + Sync),
    done: usize,
    planned: usize,
    applied: Applied,
}

impl Work<'_> {
    /// Creates groups and operators, and looks all of them up by name: only what is found there was created.
    async fn create(&mut self, changes: &[&Change]) -> Made {
        if changes.is_empty() {
            return Made::default();
        }
        let mut errors = Vec::with_capacity(changes.len());
        for change in changes {
            errors.push(match creation(change) {
                Some(write) => self.writer.write(&[write]).await.pop().and_then(Result::err),
                None => None,
            });
            self.step(1);
        }
        let made = match self.look_up(changes).await {
            Ok(made) => made,
            Err(error) => {
                self.applied.fail(changes.iter().copied(), NOT_READ_BACK, &error);
                return Made::default();
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
        made
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

    async fn change_memberships(&mut self, changes: &[&Change], made: &Made) {
        let mut rows = self.rows(changes, made);
        if rows.is_empty() {
            return;
        }
        let groups: Vec<_> = rows.iter().map(|row| row.group).collect::<BTreeSet<_>>().into_iter().collect();
        match self.members(&groups).await {
            Ok(members) => self.settle(&mut rows, &members, ChangeOutcome::Already),
            Err(error) => {
                self.applied.fail(rows.iter().map(|row| row.change), NOT_TRIED, &error);
                if self.campaign.writes() == 0 {
                    self.applied.stopped = Some(error);
                }
                return;
            }
        }
        let (mut additions, mut removals): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| !row.change.is_removal());
        self.write(&mut additions).await;
        if additions.iter().any(|row| row.failed.is_some()) {
            self.spare_last_members(&mut removals).await;
        }
        self.write(&mut removals).await;
        let mut tried: Vec<_> = additions.into_iter().chain(removals).collect();
        match self.members(&groups).await {
            Ok(members) => {
                self.settle(&mut tried, &members, ChangeOutcome::Applied);
                let failed = |row: &Row<'_>| {
                    let detail = row.failed.clone().unwrap_or_else(|| why_not(None));
                    Settled::new(row.change, ChangeOutcome::Failed, Some(detail))
                };
                self.applied.settled.extend(tried.iter().map(failed));
            }
            Err(error) => self.applied.fail(tried.iter().map(|row| row.change), NOT_READ_BACK, &error),
        }
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
                rows.push(Row { change, operator, group, failed: None });
            } else {
                let why = Some("its operator or operator group could not be created".to_owned());
                self.applied.settled.push(Settled::new(change, ChangeOutcome::Failed, why));
            }
        }
        rows
    }

    /// Writes rows in small collections; stops trying when Campaign is out of reach.
    async fn write(&mut self, rows: &mut [Row<'_>]) {
        let mut out_of_reach: Option<String> = None;
        for collection in rows.chunks_mut(COLLECTION_ROWS) {
            let mut due: Vec<_> = collection.iter_mut().filter(|row| row.failed.is_none()).collect();
            if let Some(why) = &out_of_reach {
                for row in due {
                    row.failed = Some(format!("{NOT_TRIED}: {why}"));
                }
                continue;
            }
            let writes: Vec<_> = due.iter().map(|row| row.write()).collect();
            for (row, result) in due.iter_mut().zip(self.writer.write(&writes).await) {
                if let Err(error) = result {
                    row.failed = Some(Chain(&error).to_string());
                    if error.concerns_every_call() {
                        out_of_reach = Some(Chain(&error).to_string());
                    }
                }
            }
            self.step(writes.len());
        }
    }

    /// An addition failed, so a group may have nobody left whom it was meant to keep: those who should go then stay.
    async fn spare_last_members(&self, removals: &mut [Row<'_>]) {
        let groups: BTreeSet<_> = removals.iter().map(|row| row.group).collect();
        let members = self.members(&groups.iter().copied().collect::<Vec<_>>()).await.unwrap_or_default();
        for group in groups {
            let staying = members.iter().filter(|(_, of)| *of == group).map(|(operator, _)| *operator);
            if !self.desired.keeps_somebody(group, staying) {
                let why = "the additions to its group failed, and this removal would empty it";
                for row in removals.iter_mut().filter(|row| row.group == group) {
                    row.failed = Some(why.to_owned());
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

fn why_not(error: Option<&CampaignError>) -> String {
    error
        .map_or_else(|| "Campaign accepted the write and does not show it".to_owned(), |error| Chain(error).to_string())
}

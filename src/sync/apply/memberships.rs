//! Additions and removals: in small collections, between two looks at the touched groups.

use std::collections::BTreeSet;

use crate::{
    campaign::{COLLECTION_ROWS, Write},
    domain::{Action, Change, ChangeOutcome, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin},
    journal::JournalError,
    observability::Chain,
};

use super::{Made, Members, NOT_READ_BACK, NOT_TRIED, STOPPED, Settled, Work, why_not};

/// A membership to be made or ended, with its keys.
struct Row<'a> {
    change: &'a Change,
    operator: OperatorId,
    group: OperatorGroupId,
    /// Why it is not made, and what that makes of it.
    unmade: Option<(ChangeOutcome, String)>,
}

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

impl Work<'_> {
    /// Makes additions, then removals, and says of each what Campaign shows afterwards.
    pub(super) async fn change_memberships(&mut self, changes: &[&Change], made: &Made) -> Result<(), JournalError> {
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
}

//! Adds and removes members in small collections: each is sent, read back and recorded before the next one.

use std::collections::BTreeSet;

use crate::{
    campaign::{COLLECTION_ROWS, CampaignError, CampaignWrite},
    domain::{Action, Change, ChangeOutcome, Evidence, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin},
    journal::JournalError,
    observability::Chain,
};

use super::{ChangeResult, Created, Executor, NOT_TRIED, STOPPED, failed, failure_detail};

/// A membership to add or to remove, with its keys.
struct MembershipRow<'a> {
    change: &'a Change,
    operator: OperatorId,
    group: OperatorGroupId,
}

/// The members of groups.
type MembershipSet = BTreeSet<(OperatorId, OperatorGroupId)>;

impl MembershipRow<'_> {
    fn write(&self) -> CampaignWrite {
        let (operator, group) = (self.operator, self.group);
        if self.change.is_removal() {
            CampaignWrite::Leave { operator, group }
        } else {
            CampaignWrite::Join { operator, group }
        }
    }

    /// Whether Campaign shows the change as made.
    fn is_in_place(&self, members: &MembershipSet) -> bool {
        members.contains(&(self.operator, self.group)) != self.change.is_removal()
    }
}

impl Executor<'_> {
    /// Makes additions, then removals, and records for each what Campaign shows afterwards.
    pub(super) async fn change_memberships(
        &mut self,
        changes: &[&Change],
        created: &Created,
    ) -> Result<(), JournalError> {
        if self.is_stopped(changes) {
            return Ok(());
        }
        let mut rows = self.rows(changes, created);
        if rows.is_empty() {
            return Ok(());
        }
        match self.members(&rows).await {
            Ok(members) => self.settle_in_place(&mut rows, &members),
            Err(error) => {
                self.unrecorded.extend(failed(rows.iter().map(|row| row.change), NOT_TRIED, &error));
                if self.campaign.writes() == 0 {
                    self.stopped = Some(error.into());
                }
                return Ok(());
            }
        }
        self.record(Evidence::ReadBack).await?;
        let (additions, mut removals): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !row.change.is_removal());
        let are_all_made = self.write(additions).await?;
        if !are_all_made {
            self.keep_last_members(&mut removals).await;
        }
        self.write(removals).await.map(drop)
    }

    /// The memberships with their keys. A membership whose operator or group could not be created has failed.
    fn rows<'c>(&mut self, changes: &[&'c Change], created: &Created) -> Vec<MembershipRow<'c>> {
        let operator = |known: Option<OperatorId>, login: &OperatorLogin| {
            known.or_else(|| created.operators.get(&login.folded()).copied())
        };
        let group = |known: Option<OperatorGroupId>, name: &OperatorGroupName| {
            known.or_else(|| created.groups.get(&name.folded()).copied())
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
                rows.push(MembershipRow { change, operator, group });
            } else {
                let why = Some("its operator or operator group could not be created".to_owned());
                self.unrecorded.push(ChangeResult::new(change, ChangeOutcome::Failed, why));
            }
        }
        rows
    }

    /// Which of these memberships exist in Campaign.
    async fn members(&self, rows: &[MembershipRow<'_>]) -> Result<MembershipSet, CampaignError> {
        let pairs: Vec<_> = rows.iter().map(|row| (row.operator, row.group)).collect();
        Ok(self.campaign.memberships_among(&pairs).await?.into_iter().collect())
    }

    /// Moves the rows that are in place already to the results; the others stay in `rows`.
    fn settle_in_place(&mut self, rows: &mut Vec<MembershipRow<'_>>, members: &MembershipSet) {
        rows.retain(|row| {
            let is_in_place = row.is_in_place(members);
            if is_in_place {
                self.unrecorded.push(ChangeResult::new(row.change, ChangeOutcome::Already, None));
            }
            !is_in_place
        });
    }

    /// Writes rows in small collections, and answers whether all of them were made. Writes nothing more once Campaign cannot
    /// be reached.
    async fn write(&mut self, rows: Vec<MembershipRow<'_>>) -> Result<bool, JournalError> {
        let mut out_of_reach: Option<String> = None;
        let mut are_all_made = true;
        for collection in rows.chunks(COLLECTION_ROWS) {
            let not_tried = match &out_of_reach {
                Some(why) => Some((ChangeOutcome::Failed, format!("{NOT_TRIED}: {why}"))),
                None => self.stop.is_requested().then(|| (ChangeOutcome::Pending, STOPPED.to_owned())),
            };
            if let Some((outcome, why)) = not_tried {
                let untried = |row: &MembershipRow<'_>| ChangeResult::new(row.change, outcome, Some(why.clone()));
                self.unrecorded.extend(collection.iter().map(untried));
            } else {
                out_of_reach = self.write_collection(collection).await?;
            }
            are_all_made &= self.unrecorded.iter().all(ChangeResult::is_in_place);
            self.record(Evidence::ReadBack).await?;
        }
        Ok(are_all_made)
    }

    /// Sends one collection and reads it back; answers why nothing more can be sent, if Campaign cannot be reached.
    async fn write_collection(&mut self, rows: &[MembershipRow<'_>]) -> Result<Option<String>, JournalError> {
        self.record_sending(&rows.iter().map(|row| row.change).collect::<Vec<_>>()).await?;
        let writes: Vec<_> = rows.iter().map(MembershipRow::write).collect();
        let errors: Vec<Option<CampaignError>> =
            self.writer.write(&writes).await.into_iter().map(Result::err).collect();
        let out_of_reach = errors.iter().flatten().find(|error| error.concerns_every_call());
        let out_of_reach = out_of_reach.map(|error| Chain(error).to_string());
        let members = match self.members(rows).await {
            Ok(members) => members,
            Err(error) => {
                self.record_unread(rows.iter().map(|row| row.change), &error).await?;
                return Ok(out_of_reach.or_else(|| error.concerns_every_call().then(|| Chain(&error).to_string())));
            }
        };
        for (row, error) in rows.iter().zip(errors) {
            let (outcome, detail) = if row.is_in_place(&members) {
                (ChangeOutcome::Applied, None)
            } else {
                (ChangeOutcome::Failed, Some(failure_detail(error.as_ref())))
            };
            self.unrecorded.push(ChangeResult::new(row.change, outcome, detail));
        }
        Ok(out_of_reach)
    }

    /// After failed additions: gives up the removals from each group that would keep no desired member.
    async fn keep_last_members(&mut self, removals: &mut Vec<MembershipRow<'_>>) {
        let groups: BTreeSet<_> = removals.iter().map(|row| row.group).collect();
        let members = self.campaign.members(&groups.iter().copied().collect::<Vec<_>>()).await.unwrap_or_default();
        for group in groups {
            let staying = members.iter().filter(|(_, of)| *of == group).map(|(operator, _)| *operator);
            if !self.decision.desired.keeps_any(group, staying) {
                let why = "the additions to its group failed, and this removal would empty it";
                let (kept, rest) = std::mem::take(removals).into_iter().partition(|row| row.group == group);
                let kept: Vec<MembershipRow<'_>> = kept;
                let settled = |row: &MembershipRow<'_>| {
                    ChangeResult::new(row.change, ChangeOutcome::Failed, Some(why.to_owned()))
                };
                self.unrecorded.extend(kept.iter().map(settled));
                *removals = rest;
            }
        }
    }
}

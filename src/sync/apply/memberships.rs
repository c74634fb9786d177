//! Adds and removes members in small collections, one after the other. Each is recorded before it is sent; while the next
//! one is sent, it is read back, and what Campaign shows is recorded.

use std::collections::BTreeSet;

use crate::{
    campaign::{COLLECTION_ROWS, Campaign, CampaignError, CampaignWrite, CampaignWriter},
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

/// A collection that was sent and not read back yet.
struct WrittenCollection<'r, 'c> {
    rows: &'r [MembershipRow<'c>],
    /// For each row the error of its write, if there was one.
    errors: Vec<Option<CampaignError>>,
}

/// What the collections so far have shown.
struct WriteProgress {
    /// Why nothing more can be sent, if Campaign cannot be reached.
    out_of_reach: Option<String>,
    are_all_made: bool,
}

impl WriteProgress {
    /// Notes the first error after which nothing more can be sent.
    fn stop_after(&mut self, error: Option<&CampaignError>) {
        if let (None, Some(error)) = (&self.out_of_reach, error) {
            self.out_of_reach = Some(Chain(error).to_string());
        }
    }
}

/// Which of these memberships exist in Campaign.
async fn members(campaign: &Campaign, rows: &[MembershipRow<'_>]) -> Result<MembershipSet, CampaignError> {
    let pairs: Vec<_> = rows.iter().map(|row| (row.operator, row.group)).collect();
    Ok(campaign.memberships_among(&pairs).await?.into_iter().collect())
}

impl Executor<'_> {
    /// Makes additions, then removals, and records for each what Campaign shows afterwards.
    pub(super) async fn change_memberships(
        &mut self,
        writer: &mut CampaignWriter<'_>,
        changes: &[&Change],
        created: &Created,
    ) -> Result<(), JournalError> {
        if self.is_stopped(changes) {
            return Ok(());
        }
        let mut rows = self.rows(changes, created);
        if rows.is_empty() || !self.look_before_writing(&mut rows).await {
            return Ok(());
        }
        self.record(Evidence::ReadBack).await?;
        let (additions, mut removals): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !row.change.is_removal());
        let are_all_made = self.write(writer, additions).await?;
        if !are_all_made {
            self.keep_last_members(&mut removals).await;
        }
        self.write(writer, removals).await.map(drop)
    }

    /// Settles changes that another user of Campaign has made since the snapshot. A snapshot that is seconds old needs no
    /// such look. Answers whether the rest may be written.
    async fn look_before_writing(&mut self, rows: &mut Vec<MembershipRow<'_>>) -> bool {
        if self.campaign.has_fresh_snapshot() {
            return true;
        }
        match members(self.campaign, rows).await {
            Ok(members) => {
                self.settle_in_place(rows, &members);
                true
            }
            Err(error) => {
                self.unrecorded.extend(failed(rows.iter().map(|row| row.change), NOT_TRIED, &error));
                if self.campaign.writes() == 0 {
                    self.stopped = Some(error.into());
                }
                false
            }
        }
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

    /// Writes rows in small collections, and answers whether all of them were made. Each collection is read back while the
    /// next one is written. Writes nothing more once Campaign cannot be reached.
    async fn write(
        &mut self,
        writer: &mut CampaignWriter<'_>,
        rows: Vec<MembershipRow<'_>>,
    ) -> Result<bool, JournalError> {
        let mut progress = WriteProgress { out_of_reach: None, are_all_made: true };
        let mut written: Option<WrittenCollection<'_, '_>> = None;
        for collection in rows.chunks(COLLECTION_ROWS) {
            let not_tried = match &progress.out_of_reach {
                Some(why) => Some((ChangeOutcome::Failed, format!("{NOT_TRIED}: {why}"))),
                None => self.stop.is_requested().then(|| (ChangeOutcome::Pending, STOPPED.to_owned())),
            };
            if let Some((outcome, why)) = not_tried {
                self.read_back(written.take(), &mut progress).await?;
                let untried = |row: &MembershipRow<'_>| ChangeResult::new(row.change, outcome, Some(why.clone()));
                self.unrecorded.extend(collection.iter().map(untried));
                progress.are_all_made = false;
                self.record(Evidence::ReadBack).await?;
                continue;
            }
            self.record_sending(&collection.iter().map(|row| row.change).collect::<Vec<_>>()).await?;
            let memberships: Vec<_> = collection.iter().map(MembershipRow::write).collect();
            let (outcomes, read_back) = tokio::join!(
                Box::pin(writer.write(&memberships)),
                Box::pin(self.read_back(written.take(), &mut progress))
            );
            let errors: Vec<Option<CampaignError>> = outcomes.into_iter().map(Result::err).collect();
            let out_of_reach = errors.iter().flatten().find(|error| error.concerns_every_call());
            progress.stop_after(out_of_reach);
            written = Some(WrittenCollection { rows: collection, errors });
            read_back?;
        }
        self.read_back(written, &mut progress).await?;
        Ok(progress.are_all_made)
    }

    /// Reads back a collection, if there is one, and records what Campaign shows.
    async fn read_back(
        &mut self,
        written: Option<WrittenCollection<'_, '_>>,
        progress: &mut WriteProgress,
    ) -> Result<(), JournalError> {
        let Some(WrittenCollection { rows, errors }) = written else { return Ok(()) };
        let members = match members(self.campaign, rows).await {
            Ok(members) => members,
            Err(error) => {
                progress.are_all_made = false;
                progress.stop_after(error.concerns_every_call().then_some(&error));
                return self.record_unread(rows.iter().map(|row| row.change), &error).await;
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
        progress.are_all_made &= self.unrecorded.iter().all(ChangeResult::is_in_place);
        self.record(Evidence::ReadBack).await
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

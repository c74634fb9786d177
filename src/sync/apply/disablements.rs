//! Disables operators that the removals of this plan, or of an earlier run, left in no group.

use std::collections::HashSet;

use crate::{
    campaign::{CampaignWrite, CampaignWriter},
    domain::{Action, Change, ChangeKind, ChangeOutcome, OperatorId, OperatorLogin},
    journal::JournalError,
};

use super::{ChangeResult, Executor, failure_detail};

impl Executor<'_> {
    /// Disables operators whose removals of this plan are all in place; the others still are in a group.
    pub(super) async fn disable(
        &mut self,
        writer: &mut CampaignWriter<'_>,
        changes: &[&Change],
    ) -> Result<(), JournalError> {
        if self.is_stopped(changes) {
            return Ok(());
        }
        let (due, early): (Vec<&Change>, Vec<_>) =
            changes.iter().copied().partition(|change| self.has_lost_all(change));
        let why = "not tried: not all removals that leave this operator in no group were made";
        let failed =
            early.into_iter().map(|change| ChangeResult::new(change, ChangeOutcome::Failed, Some(why.to_owned())));
        self.unrecorded.extend(failed);
        let mut errors = Vec::with_capacity(due.len());
        for change in &due {
            self.record_sending(&[change]).await?;
            let write = disabling(change);
            let outcome = writer.write(&write.into_iter().collect::<Vec<_>>()).await.pop();
            errors.push(outcome.and_then(Result::err));
        }
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = due.iter().filter_map(|change| operator_of(change)).collect();
        let disabled: HashSet<_> = match self.campaign.operators_by_id(&ids).await {
            Ok(operators) => operators.into_iter().filter(|found| found.disabled).map(|found| found.id).collect(),
            Err(error) => {
                return self.record_unread(due, &error).await;
            }
        };
        for (change, error) in due.into_iter().zip(errors) {
            let is_disabled = operator_of(change).is_some_and(|id| disabled.contains(&id));
            let (outcome, detail) = if is_disabled {
                (ChangeOutcome::Applied, None)
            } else {
                (ChangeOutcome::Failed, Some(failure_detail(error.as_ref())))
            };
            self.unrecorded.push(ChangeResult::new(change, outcome, detail));
        }
        Ok(())
    }

    /// Whether all removals of this operator in the plan, held and unconfirmed ones included, are in place.
    fn has_lost_all(&self, disabled: &Change) -> bool {
        let operator = disabled.operator().map(OperatorLogin::folded);
        let of_operator = |change: &&Change| {
            change.kind() == ChangeKind::Remove && change.operator().map(OperatorLogin::folded) == operator
        };
        let seen: HashSet<_> =
            self.recorded.iter().filter(|one| one.is_in_place()).map(|one| one.change.key()).collect();
        self.decision.plan.changes.iter().filter(of_operator).all(|change| seen.contains(&change.key()))
    }
}

fn disabling(change: &Change) -> Option<CampaignWrite> {
    operator_of(change).map(|operator| CampaignWrite::Disable { operator })
}

/// The operator that a change disables.
fn operator_of(change: &Change) -> Option<OperatorId> {
    match change.action {
        Action::DisableOperator { operator_id, .. } => Some(operator_id),
        _ => None,
    }
}

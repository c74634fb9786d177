//! Creates groups and operators: each is sent by itself, and all are looked up by name afterwards.

use crate::{
    campaign::{CampaignError, CampaignWrite, CampaignWriter},
    domain::{Action, Change, ChangeOutcome},
    journal::JournalError,
};

use super::{ChangeResult, Created, Executor, failure_detail};

impl Executor<'_> {
    /// Creates groups and operators, and looks all of them up by name: a creation counts only if Campaign shows it.
    pub(super) async fn create(
        &mut self,
        writer: &mut CampaignWriter<'_>,
        changes: &[&Change],
    ) -> Result<Created, JournalError> {
        if changes.is_empty() || self.is_stopped(changes) {
            return Ok(Created::default());
        }
        let mut errors = Vec::with_capacity(changes.len());
        for change in changes {
            if self.stop.is_requested() {
                break;
            }
            self.record_sending(&[change]).await?;
            errors.push(match creation(change) {
                Some(write) => writer.write(&[write]).await.pop().and_then(Result::err),
                None => None,
            });
        }
        let (changes, rest) = changes.split_at(errors.len());
        self.is_stopped(rest);
        let created = match self.look_up(changes).await {
            Ok(created) => created,
            Err(error) => {
                self.record_unread(changes.iter().copied(), &error).await?;
                return Ok(Created::default());
            }
        };
        for (change, error) in changes.iter().zip(errors) {
            let found = match &change.action {
                Action::CreateGroup { group } => created.groups.contains_key(&group.folded()),
                Action::CreateOperator { operator, .. } => created.operators.contains_key(&operator.folded()),
                Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => false,
            };
            let (outcome, detail) = match (found, error) {
                (true, None) => (ChangeOutcome::Applied, None),
                (true, Some(_)) => (ChangeOutcome::Already, None),
                (false, error) => (ChangeOutcome::Failed, Some(failure_detail(error.as_ref()))),
            };
            self.unrecorded.push(ChangeResult::new(change, outcome, detail));
        }
        Ok(created)
    }

    async fn look_up(&self, changes: &[&Change]) -> Result<Created, CampaignError> {
        let (mut groups, mut operators) = (Vec::new(), Vec::new());
        for change in changes {
            match &change.action {
                Action::CreateGroup { group } => groups.push(group.clone()),
                Action::CreateOperator { operator, .. } => operators.push(operator.clone()),
                Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => {}
            }
        }
        let mut created = Created::default();
        if !groups.is_empty() {
            let found = self.campaign.find_groups(&groups).await?;
            created.groups.extend(found.into_iter().map(|group| (group.name.folded(), group.id)));
        }
        if !operators.is_empty() {
            let found = self.campaign.find_operators(&operators).await?;
            created.operators.extend(found.into_iter().map(|operator| (operator.login.folded(), operator.id)));
        }
        Ok(created)
    }
}

fn creation(change: &Change) -> Option<CampaignWrite> {
    match &change.action {
        Action::CreateGroup { group } => {
            Some(CampaignWrite::CreateGroup { name: group.clone(), label: group.as_str().to_owned() })
        }
        Action::CreateOperator { operator, email } => Some(CampaignWrite::CreateOperator {
            login: operator.clone(),
            email: email.clone(),
            label: operator.as_str().to_owned(),
        }),
        Action::Add { .. } | Action::Remove { .. } | Action::DisableOperator { .. } => None,
    }
}

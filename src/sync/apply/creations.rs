//! Created groups and operators: sent one by one, and looked up by name afterwards.

use crate::{
    campaign::{CampaignError, CampaignWrite},
    domain::{Action, Change, ChangeOutcome},
    journal::JournalError,
};

use super::{Created, Executor, Settled, why_not};

impl Executor<'_> {
    /// Creates groups and operators, and looks all of them up by name: only what is found there was created.
    pub(super) async fn create(&mut self, changes: &[&Change]) -> Result<Created, JournalError> {
        if changes.is_empty() || self.is_stopped(changes) {
            return Ok(Created::default());
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
        }
        let (changes, rest) = changes.split_at(errors.len());
        self.is_stopped(rest);
        let made = match self.look_up(changes).await {
            Ok(made) => made,
            Err(error) => {
                self.record_unread(changes.iter().copied(), &error).await?;
                return Ok(Created::default());
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
            self.unrecorded.push(Settled::new(change, outcome, detail));
        }
        Ok(made)
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
        let mut made = Created::default();
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

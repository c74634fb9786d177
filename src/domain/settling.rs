//! The outcome of a change whose run could not read Campaign afterwards, determined by a later read of Campaign.

use super::{CampaignSnapshot, ChangeKind, ChangeOutcome, ChangeReport};

/// The detail of a change that counts as failed because a later run does not find it.
const NOT_FOUND: &str = "sent, and the next run did not find it in Campaign";

/// The change with its outcome: applied if Campaign has the state that it was to produce, otherwise failed.
pub fn settled_by(snapshot: &CampaignSnapshot, change: ChangeReport) -> ChangeReport {
    let is_in_place = is_in_place(snapshot, &change);
    let (outcome, detail) =
        if is_in_place { (ChangeOutcome::Applied, None) } else { (ChangeOutcome::Failed, Some(NOT_FOUND.to_owned())) };
    ChangeReport { outcome, detail, at: None, ..change }
}

/// Whether Campaign has the state that the change was to produce. A missing operator or group counts as having no
/// memberships.
fn is_in_place(snapshot: &CampaignSnapshot, change: &ChangeReport) -> bool {
    let key = change.key();
    let operator = snapshot.operators_called(key.operator.as_str()).next();
    let group = snapshot.groups().iter().find(|group| group.name.folded() == key.group);
    let is_member = || match (operator, group) {
        (Some(operator), Some(group)) => snapshot.holds(group.id, operator.id),
        _ => false,
    };
    match change.op {
        ChangeKind::CreateGroup => group.is_some(),
        ChangeKind::CreateOperator => operator.is_some(),
        ChangeKind::Add => is_member(),
        ChangeKind::Remove => !is_member(),
        ChangeKind::DisableOperator => operator.is_some_and(|operator| operator.disabled),
    }
}

//! Whether a second, independent read confirms the removals, and whether operators still have the logins that a plan
//! names.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    Action, AdobeUser, ApprovedPlan, CampaignSnapshot, Change, DesiredState, History, LoginSet, ManagedGroup, Operator,
    OperatorGroupName, OperatorId, OperatorLogin, Policy,
    identity::{OperatorIndex, UsersRead},
    look_alikes::{look_alikes, spellings, unseen},
};

/// What was read a second time, and the users of the first read.
#[derive(Clone, Copy, Debug)]
pub struct SecondRead<'a> {
    /// For each group of [`profiles_to_confirm`], the users in its profile now, or why they could not be read.
    pub members: &'a BTreeMap<OperatorGroupName, Result<Arc<[AdobeUser]>, String>>,
    /// All users of the first read: an operator whose login is the name of one of them belongs to that user only.
    pub users: &'a [AdobeUser],
    /// Logins whose holders are all among `users`.
    pub logins: &'a LoginSet,
}

/// The groups whose profiles must be read again before the removals among `changes` are made, those of pending
/// disablements included.
///
/// An orphaned group has no profile to read, and a group whose profile is in doubt loses no member.
pub fn profiles_to_confirm<'a>(changes: &[Change], desired: &'a DesiredState) -> Vec<&'a ManagedGroup> {
    let losses = changes.iter().filter_map(|change| loss_to_confirm(change, desired));
    let losing: HashSet<&OperatorGroupName> = losses.map(|(_, group)| group).collect();
    let certain = desired.groups.iter().filter(|group| group.read.doubt().is_none());
    certain.filter(|group| losing.contains(&group.name)).collect()
}

/// The operator that loses a membership, and the group whose profile must not contain its user; `None` where there is
/// no profile to read.
fn loss_to_confirm<'a>(change: &'a Change, desired: &'a DesiredState) -> Option<(OperatorId, &'a OperatorGroupName)> {
    match &change.action {
        Action::Remove { operator_id, group, group_id, .. } => {
            let is_orphaned = desired.orphans.iter().any(|orphan| orphan.id == *group_id);
            (!is_orphaned).then_some((*operator_id, group))
        }
        Action::DisableOperator { operator_id, .. } => {
            desired.group_left(*operator_id).map(|group| (*operator_id, &group.name))
        }
        Action::CreateGroup { .. } | Action::CreateOperator { .. } | Action::Add { .. } => None,
    }
}

/// Splits a plan into the changes that a second read confirms and the removals that it does not confirm, each with the
/// reason.
///
/// Only a complete list proves that a user is absent: a failed read confirms nothing. Removals from an orphaned group
/// were approved and need no second read. An operator is not disabled while one of its removals is in doubt, or while
/// the profile that it left contains its user.
pub fn confirmed_removals(
    approved: ApprovedPlan,
    second: &SecondRead<'_>,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> (ApprovedPlan, Vec<(Change, String)>) {
    let doubt_of = removal_doubts(second, desired, campaign, policy, history);
    let mut staying: HashSet<OperatorId> = HashSet::new();
    let mut doubts: Vec<Option<String>> = Vec::with_capacity(approved.changes().len());
    // Removals come before disablements in every plan.
    for change in approved.changes() {
        doubts.push(match &change.action {
            Action::DisableOperator { operator_id, .. } => staying
                .contains(operator_id)
                .then(|| "a second read does not confirm that the operator loses its last group".to_owned())
                .or_else(|| doubt_of(change)),
            Action::Remove { operator_id, .. } => {
                let doubt = doubt_of(change);
                staying.extend(doubt.is_some().then_some(*operator_id));
                doubt
            }
            Action::CreateGroup { .. } | Action::CreateOperator { .. } | Action::Add { .. } => None,
        });
    }
    split(approved, doubts)
}

/// The plan without the changes in doubt, and those changes with the reason. `doubts` are in the order of the plan.
fn split(
    approved: ApprovedPlan,
    doubts: impl IntoIterator<Item = Option<String>>,
) -> (ApprovedPlan, Vec<(Change, String)>) {
    let changes = approved.changes().iter().zip(doubts);
    let unconfirmed: Vec<_> = changes.filter_map(|(change, doubt)| Some((change.clone(), doubt?))).collect();
    let keys: HashSet<_> = unconfirmed.iter().map(|(change, _)| change.key()).collect();
    (approved.only(|change| !keys.contains(&change.key())), unconfirmed)
}

/// The keys of the operators that these changes modify, each once. An operator that the plan creates has no key yet.
pub fn operators_to_write(approved: &ApprovedPlan) -> Vec<OperatorId> {
    let mut ids: Vec<_> = approved.changes().iter().filter_map(|change| Some(written_operator(change)?.0)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Splits a plan into the changes of operators that still have the login that the plan names, and the others with the
/// reason.
///
/// A write names the operator by key, and a decision rests on its login: one wrong row in a response would otherwise
/// change the groups of another operator. `now` are the operators of [`operators_to_write`], read again, or why that
/// failed.
pub fn with_same_logins(
    approved: ApprovedPlan,
    now: Result<&[Operator], String>,
) -> (ApprovedPlan, Vec<(Change, String)>) {
    let now = now.map(|operators| {
        operators.iter().map(|operator| (operator.id, &operator.login)).collect::<HashMap<OperatorId, &OperatorLogin>>()
    });
    let doubt_of = |change: &Change| {
        let (id, login) = written_operator(change)?;
        match now.as_ref().map(|now| now.get(&id)) {
            Ok(Some(found)) if found.folded() == login.folded() => None,
            Ok(Some(found)) => Some(format!(
                "the plan names operator {id} \"{login}\", and a second read found the login \"{found}\" for operator {id}: \
                 the next run decides again"
            )),
            Ok(None) => Some(format!("operator {id} \"{login}\" does not exist any more: the next run decides again")),
            Err(why) => Some(format!("the login of operator {id} \"{login}\" could not be read a second time: {why}")),
        }
    };
    let doubts: Vec<_> = approved.changes().iter().map(doubt_of).collect();
    split(approved, doubts)
}

/// The key of the operator that a change modifies, and the login that the plan names.
fn written_operator(change: &Change) -> Option<(OperatorId, &OperatorLogin)> {
    match &change.action {
        Action::Add { operator, operator_id, .. } => Some(((*operator_id)?, operator)),
        Action::Remove { operator, operator_id, .. } | Action::DisableOperator { operator, operator_id } => {
            Some((*operator_id, operator))
        }
        Action::CreateGroup { .. } | Action::CreateOperator { .. } => None,
    }
}

/// Names that look like an operator of the group, and that the second read found and the first did not. The guard has
/// already reviewed the names of the first read, and they may have been approved.
fn look_alikes_by_group<'a>(
    second: &SecondRead<'_>,
    desired: &'a DesiredState,
    campaign: &CampaignSnapshot,
) -> BTreeMap<(&'a OperatorGroupName, OperatorId), String> {
    let mut found = BTreeMap::new();
    for group in &desired.groups {
        let Some(Ok(users)) = second.members.get(&group.name) else { continue };
        let departed = desired.pending_disablements.iter().filter_map(|pending| campaign.operator(pending.operator));
        let leaving = group.leaving(campaign).chain(departed);
        for now in look_alikes(leaving, users.iter()) {
            let names = unseen(&now, group.look_alike(now.operator));
            if !names.is_empty() {
                found.insert((&group.name, now.operator), spellings(&names));
            }
        }
    }
    found
}

/// Why a removal is in doubt, if it is.
fn removal_doubts<'a>(
    second: &'a SecondRead<'_>,
    desired: &'a DesiredState,
    campaign: &'a CampaignSnapshot,
    policy: &'a Policy,
    history: &'a History,
) -> impl Fn(&Change) -> Option<String> + use<'a> {
    let users = second.members.values().flatten().flat_map(|users| users.iter()).chain(second.users);
    let read = UsersRead { users, logins: second.logins };
    let index = OperatorIndex::new(campaign, policy.manage).remembering(history, &read);
    let present: BTreeMap<_, _> = second
        .members
        .iter()
        .map(|(group, users)| (group, users.as_ref().map(|users| index.all_that_may_be(users.iter()))))
        .collect();
    let resembling = look_alikes_by_group(second, desired, campaign);
    move |change: &Change| {
        let (operator, group) = loss_to_confirm(change, desired)?;
        let profile = &change.profile;
        let resembling = || {
            let names = resembling.get(&(group, operator))?;
            Some(format!(
                "a second read found {names} in profile {profile}, which looks like this operator and was not in the first read"
            ))
        };
        match present.get(group) {
            Some(Ok(operators)) if operators.contains(&operator) => {
                Some(format!("a second read found the user in profile {profile}"))
            }
            Some(Ok(_)) => resembling(),
            Some(Err(why)) => Some(format!("profile {profile} could not be read a second time: {why}")),
            None => Some(format!("profile {profile} was not read a second time")),
        }
    }
}

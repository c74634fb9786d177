//! Whether a second, independent read bears the removals out.

use std::collections::{BTreeMap, HashSet};

use super::{
    Action, ApprovedPlan, CampaignSnapshot, Change, DesiredState, History, OperatorGroupName, OperatorId, Person,
    Policy, ProductProfile,
    identity::{Identity, OperatorIndex},
};

/// The profiles whose members must be read again before the removals of this plan are made, with the group of each.
pub fn profiles_to_confirm<'a>(
    approved: &ApprovedPlan,
    desired: &'a DesiredState,
) -> Vec<(&'a OperatorGroupName, &'a ProductProfile)> {
    let loses = |group: &OperatorGroupName| {
        approved.changes().iter().any(|change| change.is_removal() && change.group() == Some(group))
    };
    desired.groups.iter().filter(|group| loses(&group.name)).map(|group| (&group.name, &group.profile)).collect()
}

/// Splits a plan into what a second read bears out and the removals that it does not, each with the reason.
///
/// `members` holds, for each group of [`profiles_to_confirm`], the people its profile had at the second read, or why they
/// could not be read. Absence is only concluded from a complete list: a failed read bears nothing out.
pub fn borne_out(
    approved: ApprovedPlan,
    members: &BTreeMap<OperatorGroupName, Result<Vec<Person>, String>>,
    campaign: &CampaignSnapshot,
    policy: &Policy,
    history: &History,
) -> (ApprovedPlan, Vec<(Change, String)>) {
    let _ = history;
    let index = OperatorIndex::new(campaign, policy.manage);
    let present: BTreeMap<_, _> = members
        .iter()
        .map(|(group, people)| (group, people.as_ref().map(|people| operators_of(people, &index))))
        .collect();
    let doubt = |change: &Change| -> Option<String> {
        let Action::Remove { operator_id, group, .. } = &change.action else { return None };
        match present.get(group) {
            Some(Ok(operators)) => operators
                .contains(operator_id)
                .then(|| format!("a second read found them in profile {}", change.profile)),
            Some(Err(why)) => Some(format!("profile {} could not be read a second time: {why}", change.profile)),
            None => Some(format!("profile {} was not read a second time", change.profile)),
        }
    };
    let unconfirmed: Vec<_> =
        approved.changes().iter().filter_map(|change| Some((change.clone(), doubt(change)?))).collect();
    (approved.only(|change| doubt(change).is_none()), unconfirmed)
}

fn operators_of(people: &[Person], index: &OperatorIndex<'_>) -> HashSet<OperatorId> {
    people
        .iter()
        .flat_map(|person| match index.identify(person) {
            Identity::Operator(operator) | Identity::NotManaged(operator) => vec![operator.id],
            Identity::Ambiguous(operators) => operators.iter().map(|operator| operator.id).collect(),
            Identity::Unknown | Identity::NoLogin => Vec::new(),
        })
        .collect()
}

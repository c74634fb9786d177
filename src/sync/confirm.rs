//! The second, independent read before anybody is removed.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ApprovedPlan, CampaignSnapshot, ChangeOutcome, DesiredState, History, OperatorGroupName, Person, Policy,
        SecondRead, borne_out, profiles_to_confirm,
    },
    observability::Chain,
};

use super::{
    reconcile::{Run, Settled},
    run::{Confirmation, Progress},
};

/// Keeps what a second read of the affected profiles bears out; the rest is settled as unconfirmed.
pub(super) async fn confirm(
    run: &Run<'_>,
    policy: &Policy,
    approved: ApprovedPlan,
    desired: &DesiredState,
    snapshot: &CampaignSnapshot,
) -> (ApprovedPlan, Vec<Settled>) {
    if run.options.confirmation == Confirmation::Off {
        return (approved, Vec::new());
    }
    let mut members: BTreeMap<OperatorGroupName, Result<Vec<Person>, String>> = BTreeMap::new();
    for (group, profile) in profiles_to_confirm(&approved, desired) {
        (run.progress)(Progress::Confirming(policy.instance.clone()));
        let people = run.experience_cloud.fetch_profile_members(profile).await;
        members.insert(group.clone(), people.map_err(|error| Chain(&error).to_string()));
    }
    let second = SecondRead { members: &members, people: run.organization.people() };
    let (confirmed, doubted) = borne_out(approved, &second, desired, snapshot, policy, &History::default());
    let unconfirmed =
        doubted.iter().map(|(change, why)| Settled::new(change, ChangeOutcome::Unconfirmed, Some(why.clone())));
    (confirmed, unconfirmed.collect())
}

//! The second, independent read before anybody is removed.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ApprovedPlan, CampaignSnapshot, ChangeOutcome, History, OperatorGroupName, Person, Policy, SecondRead,
        borne_out, profiles_to_confirm,
    },
    experience_cloud,
    observability::Chain,
};

use super::{
    Progress,
    decision::{Decision, Settled},
    pauses::heeding,
    read_source::SourceError,
    reconcile::Run,
    run::Confirmation,
};

/// Keeps what a second read of the affected profiles bears out; the rest is settled as unconfirmed.
pub(super) async fn confirm(
    run: &Run<'_>,
    policy: &Policy,
    decision: &Decision,
    snapshot: &CampaignSnapshot,
    history: &History,
) -> (ApprovedPlan, Vec<Settled>) {
    let approved = decision.review.approved.clone();
    if run.options.confirmation == Confirmation::Off {
        return (approved, Vec::new());
    }
    let mut members: BTreeMap<OperatorGroupName, Result<Vec<Person>, String>> = BTreeMap::new();
    for (group, profile) in profiles_to_confirm(&approved, &decision.desired) {
        if run.request.stop.is_asked() {
            break;
        }
        (run.progress)(Progress::Confirming(policy.instance.clone()));
        let read = async |progress: &dyn Fn(experience_cloud::Progress)| {
            run.experience_cloud.fetch_profile_members(profile, progress).await
        };
        let organization = &run.options.experience_cloud.organization_id;
        let people: Result<_, SourceError> = heeding(run.journal, organization, run.progress, read).await;
        members.insert(group.clone(), people.map_err(|error| Chain(&error).to_string()));
    }
    let second = SecondRead { members: &members, people: run.source.people() };
    let (confirmed, doubted) = borne_out(approved, &second, &decision.desired, snapshot, policy, history);
    let unconfirmed =
        doubted.iter().map(|(change, why)| Settled::new(change, ChangeOutcome::Unconfirmed, Some(why.clone())));
    (confirmed, unconfirmed.collect())
}

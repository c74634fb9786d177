//! The second, independent read before anybody is removed.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ApprovedPlan, CampaignSnapshot, ChangeOutcome, Failure, History, OperatorGroupName, Person, Policy, SecondRead,
        borne_out, profiles_to_confirm,
    },
    experience_cloud::ExperienceCloudError,
    observability::Chain,
};

use super::{
    Progress,
    decision::{Decision, Settled},
    read_source::after,
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
        let people = run.experience_cloud.fetch_profile_members(profile).await;
        if let Err(error) = &people {
            heed(run, error).await;
        }
        members.insert(group.clone(), people.map_err(|error| Chain(&error).to_string()));
    }
    let second = SecondRead { members: &members, people: run.source.people() };
    let (confirmed, doubted) = borne_out(approved, &second, &decision.desired, snapshot, policy, history);
    let unconfirmed =
        doubted.iter().map(|(change, why)| Settled::new(change, ChangeOutcome::Unconfirmed, Some(why.clone())));
    (confirmed, unconfirmed.collect())
}

/// Remembers the silence that the vendor asked for. The removals fail already; that this could not be remembered changes
/// nothing about them.
async fn heed(run: &Run<'_>, error: &ExperienceCloudError) {
    if let Failure::Throttled { retry_after: Some(pause) } = error.failure() {
        let organization = &run.options.experience_cloud.organization_id;
        if let Err(error) = run.journal.set_not_before(organization, after(pause)).await {
            tracing::warn!("the pause that the vendor asked for could not be remembered: {}", Chain(&error));
        }
    }
}

//! What is read again before anything is written: the profiles of those who lose something, and the logins of all operators.

use std::collections::BTreeMap;

use crate::{
    campaign::Campaign,
    domain::{
        ApprovedPlan, CampaignSnapshot, Change, ChangeOutcome, History, OperatorGroupName, Person, Policy, SecondRead,
        borne_out, operators_to_write, profiles_to_confirm, with_same_logins,
    },
    experience_cloud,
    observability::Chain,
};

use super::{
    Progress, Stop,
    decision::{Decision, Settled},
    pauses::heeding,
    read_source::SourceError,
    reconcile::{ReconcileError, Run},
    run::Confirmation,
};

/// The people whom each profile has now, by group, or why they could not be read.
type Members = BTreeMap<OperatorGroupName, Result<Vec<Person>, String>>;

/// Keeps what a second read of the affected profiles bears out; the rest is settled as unconfirmed. Nothing is in hand yet:
/// told to stop, it leaves at once.
pub(super) async fn confirm(
    run: &Run<'_>,
    policy: &Policy,
    decision: &Decision,
    snapshot: &CampaignSnapshot,
    history: &History,
) -> Result<(ApprovedPlan, Vec<Settled>), ReconcileError> {
    let approved = decision.review.approved.clone();
    if run.options.confirmation == Confirmation::Off {
        return Ok((approved, Vec::new()));
    }
    let members = tokio::select! {
        biased;
        () = run.request.stop.asked() => return Err(ReconcileError::Stopped),
        members = read_again(run, policy, &approved, decision) => members,
    };
    let second = SecondRead { members: &members, people: run.source.people(), logins: run.source.logins() };
    let (confirmed, doubted) = borne_out(approved, &second, &decision.desired, snapshot, policy, history);
    Ok((confirmed, unconfirmed(&doubted)))
}

/// Keeps the changes of operators who still have the login that the plan names; the rest is settled as unconfirmed. Costs two
/// queries for each 100 operators. Nothing is in hand yet: told to stop, it leaves at once.
pub(super) async fn confirm_logins(
    campaign: &Campaign,
    stop: &Stop,
    approved: ApprovedPlan,
) -> Result<(ApprovedPlan, Vec<Settled>), ReconcileError> {
    let ids = operators_to_write(&approved);
    if ids.is_empty() {
        return Ok((approved, Vec::new()));
    }
    let now = tokio::select! {
        biased;
        () = stop.asked() => return Err(ReconcileError::Stopped),
        now = campaign.operators_by_id(&ids) => now,
    };
    let now = now.as_deref().map_err(|error| Chain(error).to_string());
    let (confirmed, doubted) = with_same_logins(approved, now);
    Ok((confirmed, unconfirmed(&doubted)))
}

fn unconfirmed(doubted: &[(Change, String)]) -> Vec<Settled> {
    let settle = |(change, why): &(Change, String)| Settled::new(change, ChangeOutcome::Unconfirmed, Some(why.clone()));
    doubted.iter().map(settle).collect()
}

async fn read_again(run: &Run<'_>, policy: &Policy, approved: &ApprovedPlan, decision: &Decision) -> Members {
    let organization = &run.options.experience_cloud.organization_id;
    let mut members = Members::new();
    for (group, profile) in profiles_to_confirm(approved, &decision.desired) {
        (run.progress)(Progress::Confirming(policy.instance.clone()));
        let read = async |progress: &dyn Fn(experience_cloud::Progress)| {
            run.experience_cloud.fetch_profile_members(profile, progress).await
        };
        let people: Result<_, SourceError> = heeding(run.journal, organization, run.progress, read).await;
        members.insert(group.clone(), people.map_err(|error| Chain(&error).to_string()));
    }
    members
}

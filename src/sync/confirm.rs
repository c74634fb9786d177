//! What is read again before anything is written: the profiles of those who lose something, and the logins of all operators.

use std::collections::BTreeMap;

use crate::{
    campaign::Campaign,
    domain::{
        AdobeUser, ApprovedPlan, Change, ChangeOutcome, DesiredState, InstanceName, ManagedGroup, OperatorGroupName,
        ProfileDoubt, RunStep, SecondRead, SourceRead, confirmed_removals, operators_to_write, profiles_to_confirm,
        with_same_logins,
    },
    experience_cloud::{ExperienceCloudError, ProfileMembers},
    observability::Chain,
};

use super::{
    Stop,
    context::{InstanceContext, InstanceRun},
    decision::{ChangeResult, Decision},
    read_source::SourceContent,
    reconcile::{ReconcileError, RunContext},
    run::Confirmation,
};

/// What the second reads of one run in one instance gave, by operator group.
#[derive(Default)]
pub(super) struct SecondReads {
    /// The people whom each profile has now, or why they could not be read.
    members: BTreeMap<OperatorGroupName, Result<Vec<AdobeUser>, String>>,
    /// Profiles whose members came under another name.
    renamed: BTreeMap<OperatorGroupName, ProfileDoubt>,
    /// Accounts that were counted and not listed.
    unlisted: BTreeMap<OperatorGroupName, u64>,
}

impl SecondReads {
    /// Reads again each profile on which a removal of this decision rests and that was not read again yet; `false` when there
    /// is none. Nothing is in hand yet: told to stop, it leaves at once.
    pub(super) async fn read(
        &mut self,
        run: &RunContext<'_>,
        instance: &InstanceName,
        decision: &Decision,
        reason: ReadAgain,
    ) -> Result<bool, ReconcileError> {
        let groups: Vec<_> =
            reason.groups(decision).into_iter().filter(|group| !self.members.contains_key(&group.name)).collect();
        for group in &groups {
            run.recorder.watcher().of(instance).step(RunStep::Confirming);
            tokio::select! {
                biased;
                () = run.request.stop.requested() => return Err(ReconcileError::Stopped),
                read = run.experience_cloud.fetch_profile_members(&group.profile, &group.read) => self.store(group, read),
            }
        }
        Ok(!groups.is_empty())
    }

    fn store(&mut self, group: &ManagedGroup, read: Result<ProfileMembers, ExperienceCloudError>) {
        let name = group.name.clone();
        let people = match read {
            Ok(ProfileMembers { users: people, unlisted }) => {
                self.unlisted.insert(name.clone(), unlisted);
                Ok(people)
            }
            Err(error) => {
                if let ExperienceCloudError::OtherProfile { profile, found, .. } = &error {
                    let doubt = ProfileDoubt::Renamed { profile: profile.clone(), now: found.clone() };
                    self.renamed.insert(name.clone(), doubt);
                }
                Err(Chain(&error).to_string())
            }
        };
        self.members.insert(name, people);
    }

    /// What the organization wants and how it was read, with what these reads say beyond their members.
    pub(super) fn merged_into(
        &self,
        mut desired: DesiredState,
        read: Option<SourceRead>,
    ) -> (DesiredState, Option<SourceRead>) {
        for (group, doubt) in &self.renamed {
            desired.doubt(group, doubt);
        }
        let numbers =
            desired.groups.iter().filter_map(|group| Some((&group.profile, *self.unlisted.get(&group.name)?)));
        let read = read.map(|mut read| {
            read.unlisted.count(numbers);
            read
        });
        (desired, read)
    }

    /// Keeps what these reads confirm; the rest is settled as unconfirmed.
    pub(super) fn confirm(
        &self,
        run: &RunContext<'_>,
        context: &InstanceContext<'_>,
        decision: &Decision,
    ) -> (ApprovedPlan, Vec<ChangeResult>) {
        let approved = decision.review.approved.clone();
        if !is_confirmed(run) {
            return (approved, Vec::new());
        }
        let second = SecondRead { members: &self.members, users: run.source.people(), logins: run.source.logins() };
        let (confirmed, doubted) = confirmed_removals(
            approved,
            &second,
            &decision.desired,
            &context.snapshot,
            &context.instance.policy,
            &context.history,
        );
        (confirmed, unconfirmed(&doubted))
    }
}

/// Whether removals need a second read. A read of single users proves nothing about anybody's absence from a profile: there
/// a read of the profile is the only proof, whatever the configuration says.
fn is_confirmed(run: &RunContext<'_>) -> bool {
    run.options.confirmation == Confirmation::Reread || matches!(run.source.content, SourceContent::Users { .. })
}

/// Why profiles are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAgain {
    /// Nothing is to be proven.
    Never,
    /// The removals that are about to be made are confirmed.
    ToRemove,
    /// More accounts of the organization are unlisted than before: only the profile's own listing can prove a removal.
    ToProve,
}

impl ReadAgain {
    /// Why this run reads profiles of this instance again.
    pub(super) fn of(run: &RunContext<'_>, here: &InstanceRun<'_>, decision: &Decision) -> Self {
        let before = here.context.history.accepted.as_ref().map(|read| &read.unlisted);
        let has_grown = decision.read.as_ref().zip(before).is_some_and(|(now, before)| now.unlisted.has_grown(before));
        match (is_confirmed(run), has_grown, here.writes()) {
            (false, ..) | (true, false, false) => Self::Never,
            (true, true, _) => Self::ToProve,
            (true, false, true) => Self::ToRemove,
        }
    }

    fn groups(self, decision: &Decision) -> Vec<&ManagedGroup> {
        match self {
            Self::Never => Vec::new(),
            Self::ToRemove => profiles_to_confirm(decision.review.approved.changes(), &decision.desired),
            Self::ToProve => profiles_to_confirm(&decision.plan.changes, &decision.desired),
        }
    }
}

/// Keeps the changes of operators who still have the login that the plan names; the rest is settled as unconfirmed. Costs two
/// queries for each 100 operators. Nothing is in hand yet: told to stop, it leaves at once.
pub(super) async fn confirm_logins(
    campaign: &Campaign,
    stop: &Stop,
    approved: ApprovedPlan,
) -> Result<(ApprovedPlan, Vec<ChangeResult>), ReconcileError> {
    let ids = operators_to_write(&approved);
    if ids.is_empty() {
        return Ok((approved, Vec::new()));
    }
    let now = tokio::select! {
        biased;
        () = stop.requested() => return Err(ReconcileError::Stopped),
        now = campaign.operators_by_id(&ids) => now,
    };
    let now = now.as_deref().map_err(|error| Chain(error).to_string());
    let (confirmed, doubted) = with_same_logins(approved, now);
    Ok((confirmed, unconfirmed(&doubted)))
}

fn unconfirmed(doubted: &[(Change, String)]) -> Vec<ChangeResult> {
    let settle =
        |(change, why): &(Change, String)| ChangeResult::new(change, ChangeOutcome::Unconfirmed, Some(why.clone()));
    doubted.iter().map(settle).collect()
}

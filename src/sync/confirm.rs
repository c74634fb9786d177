//! The second reads before anything is written: the profiles that removals rest on, and the logins of all operators.
//! One second read of a profile serves all instances of a run.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use crate::{
    campaign::Campaign,
    domain::{
        AdobeUser, ApprovedPlan, Change, ChangeOutcome, DesiredState, FoldedName, InstanceName, ManagedGroup,
        MembersQuery, OperatorGroupName, ProductProfileId, ProfileDoubt, RunStep, SecondRead, SourceRead,
        confirmed_removals, operators_to_write, profiles_to_confirm, with_same_logins,
    },
    experience_cloud::{ExperienceCloud, ExperienceCloudError, ProfileMembers},
    observability::Chain,
};

use super::{
    Stop,
    context::{InstanceContext, InstanceRun},
    decision::{ChangeResult, Decision},
    reconcile::{ReconcileError, RunContext},
    run::Confirmation,
    source::SourceContent,
};

/// The second reads of profiles that the instances of one run share. It is made after the first read of the run, so
/// that each read in it is independent of that one.
#[derive(Default)]
pub(super) struct SharedReads(Mutex<HashMap<ReadKey, Arc<OnceCell<SharedRead>>>>);

/// Which second reads send the same request: those of one profile that the first read requested in one way. The clients
/// of a run have one setting for memberships through user groups.
#[derive(PartialEq, Eq, Hash)]
struct ReadKey {
    id: Option<ProductProfileId>,
    name: FoldedName,
    first: Option<MembersQuery>,
}

/// The members that a second read found, or why it failed. A failure is shared as well: the removals that rest on the
/// profile are confirmed in no instance.
type SharedRead = Result<ProfileMembers, UnreadProfile>;

/// Why the members of a profile could not be read a second time.
#[derive(Clone, Debug)]
struct UnreadProfile {
    why: String,
    /// Set if Adobe now lists the profile under another name.
    renamed: Option<ProfileDoubt>,
}

impl From<ExperienceCloudError> for UnreadProfile {
    fn from(error: ExperienceCloudError) -> Self {
        let why = Chain(&error).to_string();
        let renamed = match error {
            ExperienceCloudError::OtherProfile { profile, found, .. } => {
                Some(ProfileDoubt::Renamed { profile, now: found })
            }
            _ => None,
        };
        Self { why, renamed }
    }
}

impl SharedReads {
    /// Reads the profile of this group a second time, or answers the second read that another instance made or is
    /// making. If that one is cancelled, this one continues in its place.
    async fn read(&self, experience_cloud: &ExperienceCloud, group: &ManagedGroup) -> SharedRead {
        let ManagedGroup { profile, read, .. } = group;
        let key = ReadKey { id: profile.id, name: profile.name.folded(), first: read.query() };
        // A thread that panicked left complete entries.
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let fetch = async || experience_cloud.fetch_profile_members(profile, read).await.map_err(UnreadProfile::from);
        cell.get_or_init(fetch).await.clone()
    }
}

/// The second reads of one run in one instance, by operator group.
#[derive(Default)]
pub(super) struct SecondReads {
    /// The users that each profile has now, or why they could not be read.
    members: BTreeMap<OperatorGroupName, Result<Arc<[AdobeUser]>, String>>,
    /// Profiles that Adobe now lists under another name.
    renamed: BTreeMap<OperatorGroupName, ProfileDoubt>,
    /// The number of accounts that Adobe counts in a profile and does not list.
    unlisted: BTreeMap<OperatorGroupName, u64>,
}

impl SecondReads {
    /// Reads each profile that a removal of this decision rests on and that was not read again yet; answers `false`
    /// when there is none. A stop request ends it at once: nothing is in progress yet.
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
                read = run.second_reads.read(run.experience_cloud, group) => self.store(group, read),
            }
        }
        Ok(!groups.is_empty())
    }

    fn store(&mut self, group: &ManagedGroup, read: SharedRead) {
        let name = group.name.clone();
        let users = match read {
            Ok(members) => {
                self.unlisted.insert(name.clone(), members.unlisted);
                Ok(members.users)
            }
            Err(UnreadProfile { why, renamed }) => {
                self.renamed.extend(renamed.map(|doubt| (name.clone(), doubt)));
                Err(why)
            }
        };
        self.members.insert(name, users);
    }

    /// Adds to the desired state and to the source read what these reads found out beside the members.
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

    /// Splits the approved plan into the changes that these reads confirm and results for the unconfirmed ones.
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
        let second = SecondRead { members: &self.members, users: run.source.kept_users(), logins: run.source.logins() };
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

/// Whether removals need a second read. A read of single users does not prove that a user is absent from a profile:
/// there, a read of the profile is the only proof, and the configuration cannot turn it off.
fn is_confirmed(run: &RunContext<'_>) -> bool {
    run.options.confirmation == Confirmation::Reread || matches!(run.source.content, SourceContent::Users { .. })
}

/// Why profiles are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAgain {
    /// No profile is read again.
    Never,
    /// To confirm the removals that this run is about to make.
    ToRemove,
    /// To prove removals after the number of unlisted accounts has grown: only the profile's own listing proves them
    /// then.
    ToProve,
}

impl ReadAgain {
    /// Decides whether and why this run reads profiles of this instance again.
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

/// Splits the approved plan into the changes of operators that still have the login that the plan names and results for
/// the others. Costs one query for each 200 operators. A stop request ends it at once: nothing is in progress yet.
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
        now = Box::pin(campaign.operators_by_id(&ids)) => now,
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

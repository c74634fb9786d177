//! One Campaign instance in one run.

use crate::{
    campaign::{self, Campaign, CampaignError},
    domain::{
        Change, ChangeOutcome, ChangeReport, Circumstances, DesiredState, HeldChange, HeldPlan, History, InstanceMode,
        InstanceReport, MatchedProfile, NoMatch, OrganizationSnapshot, Outcome, Plan, Policy, Review, RunId, RunMode,
        SourceCounts, Summary, desired_state, plan, review,
    },
    experience_cloud::ExperienceCloud,
    observability::Chain,
};

use super::{
    apply::apply,
    change_log,
    confirm::confirm,
    run::{Options, Progress},
};

/// What a run needs to know of one instance.
#[derive(Debug)]
pub struct InstanceOptions {
    /// Its rules.
    pub policy: Policy,
    /// Whether it may be written.
    pub mode: InstanceMode,
    /// How it is reached.
    pub campaign: campaign::Options,
}

/// What all instances of one run share.
pub(super) struct Run<'a> {
    pub(super) id: &'a RunId,
    pub(super) mode: RunMode,
    pub(super) options: &'a Options,
    pub(super) organization: &'a OrganizationSnapshot,
    pub(super) experience_cloud: &'a ExperienceCloud,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
}

/// Why nothing could be decided about an instance.
#[derive(Debug, thiserror::Error)]
enum ReconcileError {
    #[error("Campaign could not be read or written")]
    Campaign(#[from] CampaignError),
    #[error("nothing to go by")]
    NoMatch(#[from] NoMatch),
}

impl ReconcileError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::NoMatch(_) => Outcome::Incomplete,
        }
    }
}

/// Brings one instance in line, or finds out what that would take. Other instances go on whatever happens here.
pub(super) async fn reconcile(run: &Run<'_>, instance: &InstanceOptions) -> InstanceReport {
    let name = instance.policy.instance.as_str();
    let report = match Campaign::new(instance.campaign.clone()) {
        Ok(campaign) => {
            let report = read_and_decide(run, instance, &campaign).await;
            campaign.log_off().await;
            report
        }
        Err(error) => Err(error.into()),
    };
    let report = report.unwrap_or_else(|error: ReconcileError| {
        InstanceReport::failed(name, instance.mode, error.outcome(), Chain(&error).to_string())
    });
    change_log::instance_ended(run.id, &report);
    report
}

async fn read_and_decide(
    run: &Run<'_>,
    instance: &InstanceOptions,
    campaign: &Campaign,
) -> Result<InstanceReport, ReconcileError> {
    let policy = &instance.policy;
    let watch = |stage| (run.progress)(Progress::Campaign(policy.instance.clone(), stage));
    let snapshot = campaign.fetch_snapshot(&watch).await?;
    let history = History::default();
    let desired = desired_state(run.organization, &snapshot, policy, &history)?;
    let plan = plan(&desired, &snapshot, policy);
    let counts = if run.organization.proof().is_counted() { SourceCounts::Proven } else { SourceCounts::Missing };
    let limits = &run.options.limits;
    let circumstances = Circumstances { instance: &policy.instance, limits, counts, read: None, history: &history };
    let Review { approved, held, .. } = review(&plan, &desired, &snapshot, &circumstances);

    let mut settled = Vec::with_capacity(plan.changes.len());
    let mut stopped = None;
    if run.mode == RunMode::DryRun || instance.mode == InstanceMode::Observe {
        let pending = |change| Settled::new(change, ChangeOutcome::Pending, None);
        settled.extend(approved.changes().iter().map(pending));
    } else {
        let (confirmed, unconfirmed) = confirm(run, policy, approved, &desired, &snapshot).await;
        settled.extend(unconfirmed);
        let watch = |done, planned| (run.progress)(Progress::Applying(policy.instance.clone(), done, planned));
        let applied = apply(campaign, &confirmed, &desired, &watch).await;
        settled.extend(applied.settled);
        stopped = applied.stopped;
    }
    settled.extend(held.changes.iter().map(Settled::held));
    Ok(report(instance, &desired, &plan, &held, settled, stopped.as_ref()))
}

/// A planned change and what became of it.
pub(super) struct Settled {
    pub(super) change: Change,
    pub(super) outcome: ChangeOutcome,
    pub(super) detail: Option<String>,
}

impl Settled {
    pub(super) fn new(change: &Change, outcome: ChangeOutcome, detail: Option<String>) -> Self {
        Self { change: change.clone(), outcome, detail }
    }

    fn held(held: &HeldChange) -> Self {
        Self::new(&held.change, ChangeOutcome::Held, Some(held.why.clone()))
    }
}

fn report(
    instance: &InstanceOptions,
    desired: &DesiredState,
    plan: &Plan,
    held: &HeldPlan,
    mut settled: Vec<Settled>,
    stopped: Option<&CampaignError>,
) -> InstanceReport {
    settled.sort_by_cached_key(|settled| settled.change.key());
    let changes: Vec<_> = settled
        .into_iter()
        .map(|settled| ChangeReport::new(&settled.change, settled.outcome, settled.detail))
        .collect();
    let matched = desired.groups.iter().map(|group| MatchedProfile {
        profile: group.profile.name.to_string(),
        group: group.name.to_string(),
        members: group.people,
    });
    let mut report = InstanceReport {
        name: instance.policy.instance.to_string(),
        mode: instance.mode,
        outcome: InstanceReport::outcome_of(&changes, &plan.skipped),
        error: None,
        warnings: Vec::new(),
        held: held.digest.as_ref().map(ToString::to_string),
        orphaned: Vec::new(),
        matched_profiles: matched.collect(),
        summary: Summary::of(&changes, plan.skipped.len(), plan.unchanged),
        changes,
        skipped: plan.skipped.clone(),
    };
    if let Some(error) = stopped {
        report.outcome = Outcome::of_all([report.outcome, error.failure().into()]);
        report.error = Some(Chain(error).to_string());
    } else if !report.accounts_for(plan) {
        report.outcome = Outcome::Failed;
        report.error =
            Some("the numbers of this report do not add up to the plan: please report this as a defect".into());
    }
    report
}

//! One Campaign instance in one run.

use chrono::Utc;

use crate::{
    campaign::{self, Campaign, CampaignError},
    domain::{
        CampaignSnapshot, History, InstanceMode, InstanceName, InstanceReport, NoMatch, Outcome, Policy, RunId,
        RunMode, SkipReason, Skipped, SourceRead, desired_state, desired_state_of_users, identities_seen, source_read,
        source_read_of_users, warnings,
    },
    experience_cloud::ExperienceCloud,
    journal::{Journal, JournalError, RunLock},
    observability::Chain,
};

use super::{
    Progress, Stop,
    apply::{Applied, apply},
    approvals::{RequestedApprovals, UsedApprovals, expired},
    change_log,
    confirm::{ReadAgain, SecondReads, confirm_logins},
    decision::{Decision, Grounds, Settled},
    former_logins::{FormerLogins, settle_former_logins},
    ledger::{Ledger, Reach},
    read_source::{Content, Source},
    run::{Options, Request, Rules},
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
    pub(super) options: &'a Options,
    pub(super) journal: &'a Journal,
    pub(super) lock: &'a RunLock,
    pub(super) request: &'a Request,
    pub(super) approvals: &'a RequestedApprovals,
    pub(super) rules: Rules,
    pub(super) source: &'a Source,
    pub(super) experience_cloud: &'a ExperienceCloud,
    pub(super) former_logins: FormerLogins,
    pub(super) progress: &'a (dyn Fn(Progress) + Sync),
}

/// Why nothing could be decided about an instance.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    #[error("Campaign could not be read or written")]
    Campaign(#[from] CampaignError),
    #[error("nothing to go by")]
    NoMatch(#[from] NoMatch),
    #[error("the run was told to stop")]
    Stopped,
    #[error("without the journal nothing is written")]
    Journal(#[from] JournalError),
}

impl ReconcileError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Campaign(error) => error.failure().into(),
            Self::NoMatch(_) => Outcome::Incomplete,
            Self::Stopped => Outcome::Interrupted,
            Self::Journal(_) => Outcome::Failed,
        }
    }
}

/// Signs in to one instance and lets `work` make its report. Other instances go on whatever happens here.
pub(super) async fn visit(
    instance: &InstanceOptions,
    work: impl AsyncFnOnce(&Campaign) -> Result<InstanceReport, ReconcileError>,
) -> InstanceReport {
    let name = instance.policy.instance.as_str();
    let report = match Campaign::new(instance.campaign.clone()) {
        Ok(campaign) => {
            let report = work(&campaign).await;
            campaign.log_off().await;
            report
        }
        Err(error) => Err(error.into()),
    };
    report
        .unwrap_or_else(|error| InstanceReport::failed(name, instance.mode, error.outcome(), Chain(&error).to_string()))
}

/// Reads one instance. Nothing is in hand yet: told to stop, it leaves at once.
pub(super) async fn snapshot(
    campaign: &Campaign,
    instance: &InstanceName,
    stop: &Stop,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<CampaignSnapshot, ReconcileError> {
    let watch = |stage| progress(Progress::Campaign(instance.clone(), stage));
    tokio::select! {
        biased;
        () = stop.asked() => Err(ReconcileError::Stopped),
        snapshot = campaign.fetch_snapshot(&watch) => Ok(snapshot?),
    }
}

/// Brings one instance in line, or finds out what that would take. Adds to `used` what became of the approvals there.
pub(super) async fn reconcile(
    run: &Run<'_>,
    instance: &InstanceOptions,
    used: &mut Vec<UsedApprovals>,
) -> InstanceReport {
    let report = visit(instance, async |campaign| read_and_decide(run, instance, campaign, used).await).await;
    if let Err(error) = log_instance(run, instance, &report).await {
        tracing::warn!(run.id = %run.id, "the log of later runs will name skips again: {}", Chain(&error));
    }
    report
}

/// Logs what became of an instance, and remembers which skips the log has named.
async fn log_instance(run: &Run<'_>, instance: &InstanceOptions, report: &InstanceReport) -> Result<(), JournalError> {
    let name = &instance.policy.instance;
    let named = run.journal.named_skips(name).await;
    let new = named.as_ref().map(|named| named.new_among(&report.skipped)).unwrap_or_default();
    change_log::instance_ended(run.id, report, &new);
    let named = named?;
    if report.error.is_none() && run.ledger(instance).is_remembered() {
        run.journal.remember_skips(name, named, &report.skipped).await?;
    }
    Ok(())
}

async fn read_and_decide(
    run: &Run<'_>,
    instance: &InstanceOptions,
    campaign: &Campaign,
    used: &mut Vec<UsedApprovals>,
) -> Result<InstanceReport, ReconcileError> {
    let policy = &instance.policy;
    let ledger = run.ledger(instance);
    let snapshot = snapshot(campaign, &policy.instance, &run.request.stop, run.progress).await?;
    ledger.operators_seen(&snapshot).await?;
    let mut history = run.journal.history(&policy.instance, Utc::now()).await?;
    settle_former_logins(run, policy, &snapshot, &mut history).await?;
    let grounds = Grounds { instance, snapshot: &snapshot, limits: &run.options.limits, counts: run.source.counts() };
    history.approvals.extend(run.approvals.tried_in(&policy.instance, &run.request.approver));
    let mut decision = decide(run, &grounds, &history)?;
    ledger.observed(&decision, &snapshot, &[]).await?;
    let again = ReadAgain::of(run, &decision, &history, ledger.writes());
    let mut second = SecondReads::default();
    // What a second read brings up may be held; then the approval of what was held before releases nothing.
    while second.read(run, policy, &decision, again).await? {
        decision = decision.with_second_reads(&second, &grounds, &history);
    }
    let held = decision.review.held.digest.as_ref();
    decision.warnings.extend(expired(run.journal, &policy.instance, held).await?);
    used.push(UsedApprovals::of(&policy.instance, &decision.review));
    ledger.held(&decision, run.options).await?;
    if !ledger.writes() {
        let report = decision.report(instance, &[], None);
        ledger.planned(&report).await?;
        remember(run, &ledger, &decision, &snapshot, &history).await?;
        return Ok(report);
    }
    let (confirmed, mut unconfirmed) = second.confirm(run, policy, &decision, &snapshot, &history);
    let (confirmed, renamed) = confirm_logins(campaign, &run.request.stop, confirmed).await?;
    unconfirmed.extend(renamed);
    ledger.planned(&decision.report(instance, &unconfirmed, None)).await?;
    remember(run, &ledger, &decision, &snapshot, &history).await?;
    let watch = |done, planned| (run.progress)(Progress::Applying(policy.instance.clone(), done, planned));
    let stop = &run.request.stop;
    let Applied { mut settled, stopped } = apply(campaign, &ledger, &confirmed, &decision, stop, &watch).await;
    ledger.made(&settled).await?;
    let is_released = |one: &Settled| decision.review.released.as_ref().is_some_and(|part| part.contains(&one.change));
    if ledger.is_remembered() && settled.iter().any(|one| one.is_so() && is_released(one)) {
        accept(run, &ledger, &decision, &snapshot, &history).await?;
    }
    ledger.observed(&decision, &snapshot, &settled).await?;
    settled.extend(unconfirmed);
    Ok(decision.report(instance, &settled, stopped.as_ref()))
}

/// What the instance should hold, the plan for it, and what of that may be made.
fn decide(run: &Run<'_>, grounds: &Grounds<'_>, history: &History) -> Result<Decision, NoMatch> {
    let (policy, snapshot) = (&grounds.instance.policy, grounds.snapshot);
    let (scope, membership) = (&run.request.scope, run.options.membership());
    let (desired, read) = match &run.source.content {
        Content::Organization(organization) => {
            let desired = desired_state(organization, snapshot, policy, history)?;
            let desired = desired.narrowed_to(scope, organization, snapshot, policy, history);
            (desired, source_read(organization, policy, membership))
        }
        Content::Users { snapshot: users, unknown } => {
            let desired = desired_state_of_users(users, snapshot, policy, history)?;
            let mut desired = desired.narrowed_to_groups(&scope.groups, users, policy);
            desired.skipped.extend(unknown.iter().map(|name| unknown_person(name)));
            (desired, source_read_of_users(users, policy, membership))
        }
    };
    let warnings = warnings(&read, &desired, snapshot, history);
    Ok(Decision { warnings, ..Decision::of(grounds, desired, Some(read), history) })
}

fn unknown_person(name: &str) -> Skipped {
    let detail = "the organization knows no active user of this e-mail address; nothing of theirs was touched";
    Skipped::new(SkipReason::UnknownPerson, name, detail)
}

/// What later runs need to know, written before anything is done.
async fn remember(
    run: &Run<'_>,
    ledger: &Ledger<'_>,
    decision: &Decision,
    snapshot: &CampaignSnapshot,
    history: &History,
) -> Result<(), JournalError> {
    let instance = &ledger.instance.policy.instance;
    if run.request.mode == RunMode::DryRun {
        return Ok(());
    }
    if let Content::Organization(organization) = &run.source.content {
        let seen = identities_seen(organization, snapshot, &ledger.instance.policy, history);
        run.journal.remember_identities(instance, &seen.new, &seen.over).await?;
    }
    if !ledger.is_remembered() {
        return Ok(());
    }
    ledger.over(&decision.review.over).await?;
    // An approval that no change was made by may have been given for how this read differs from the last one.
    if decision.review.released.is_some() {
        return Ok(());
    }
    accept(run, ledger, decision, snapshot, history).await
}

/// The read that later runs compare theirs with.
async fn accept(
    run: &Run<'_>,
    ledger: &Ledger<'_>,
    decision: &Decision,
    snapshot: &CampaignSnapshot,
    history: &History,
) -> Result<(), JournalError> {
    let instance = &ledger.instance.policy.instance;
    let Some(read) = &decision.read else { return Ok(()) };
    let known = history.known.after(read, &decision.desired, snapshot, &decision.review.unsettled);
    if known != history.known {
        run.journal.remember_profiles(instance, &known).await?;
    }
    if decision.review.is_read_accepted {
        // A read that did not count the users leaves the last number to be compared with.
        let before = history.accepted.as_ref();
        let read = SourceRead {
            users: read.users.or(before.and_then(|before| before.users)),
            unlisted: before.map_or_else(|| read.unlisted.clone(), |before| read.unlisted.or_before(&before.unlisted)),
            ..read.clone()
        };
        run.journal.accept_read(instance, run.id, Utc::now(), &read).await?;
    }
    Ok(())
}

impl<'a> Run<'a> {
    fn ledger(&self, instance: &'a InstanceOptions) -> Ledger<'a> {
        let reach = match self.rules {
            Rules::Tried => Reach::Nothing,
            Rules::InForce if self.request.scope.is_everything() => Reach::Everything,
            Rules::InForce => Reach::Part,
        };
        Ledger { journal: self.journal, lock: self.lock, run: self.id, mode: self.request.mode, reach, instance }
    }
}

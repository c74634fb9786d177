//! The part of a run in one Campaign instance.

use chrono::Utc;
use tracing::Instrument as _;

use crate::{
    campaign::{self, Campaign, CampaignError},
    domain::{
        CampaignSnapshot, Evidence, InstanceMode, InstanceName, InstanceReport, MatchedSource, NoMatch, Outcome,
        Policy, RunEvent, RunMode, SettledChanges, SkipReason, Skipped, SourceRead, desired_state, identities_seen,
        settled_by, source_read, warnings,
    },
    experience_cloud::ExperienceCloud,
    journal::{JournalError, RunLock},
    observability::Chain,
};

use super::{
    Stop,
    apply::{Applied, apply},
    approvals::{RequestedApprovals, UsedApprovals, expired},
    confirm::{ReadAgain, SecondReads, SharedReads, confirm_logins},
    context::{Coverage, InstanceContext, InstanceRun},
    decision::{ChangeResult, Decision},
    former_logins::{FormerLogins, settle_former_logins},
    recorder::Recorder,
    run::{Rules, RunRequest, SyncOptions},
    run_log,
    source::{Source, SourceContent},
};

/// The options of one instance.
#[derive(Debug)]
pub struct InstanceOptions {
    /// The rules by which its groups are kept.
    pub policy: Policy,
    /// Whether runs may write to it.
    pub mode: InstanceMode,
    /// The connection to it.
    pub campaign: campaign::CampaignOptions,
}

/// The values that all instances of one run share.
pub(super) struct RunContext<'a> {
    pub(super) recorder: &'a Recorder<'a>,
    pub(super) options: &'a SyncOptions,
    pub(super) lock: &'a RunLock,
    pub(super) request: &'a RunRequest,
    pub(super) approvals: &'a RequestedApprovals,
    pub(super) rules: Rules,
    pub(super) source: &'a Source,
    pub(super) experience_cloud: &'a ExperienceCloud,
    pub(super) former_logins: FormerLogins,
    pub(super) second_reads: SharedReads,
}

/// Why the run failed in an instance.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    #[error("Campaign could not be read or written")]
    Campaign(#[from] CampaignError),
    #[error("insufficient data")]
    NoMatch(#[from] NoMatch),
    #[error("the run was stopped")]
    Stopped,
    #[error("the state could not be read or written, so nothing is written to Campaign")]
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

/// Signs in to one instance, lets `work` make the report of the instance, and records the report. A failure becomes a
/// report as well, so that it does not affect other instances.
pub(super) async fn with_campaign(
    recorder: &Recorder<'_>,
    instance: &InstanceOptions,
    work: impl AsyncFnOnce(&Campaign) -> Result<InstanceReport, ReconcileError>,
) -> InstanceReport {
    let span = run_log::instance_span(recorder.run(), instance.policy.instance.as_str());
    with_campaign_in_span(recorder, instance, work).instrument(span).await
}

async fn with_campaign_in_span(
    recorder: &Recorder<'_>,
    instance: &InstanceOptions,
    work: impl AsyncFnOnce(&Campaign) -> Result<InstanceReport, ReconcileError>,
) -> InstanceReport {
    let name = instance.policy.instance.as_str();
    let report = match Campaign::new(instance.campaign.clone()) {
        Ok(campaign) => {
            let campaign = campaign.watched_by(recorder.watcher().of(&instance.policy.instance));
            let report = work(&campaign).await;
            campaign.sign_out().await;
            report
        }
        Err(error) => Err(error.into()),
    };
    let mut report = report.unwrap_or_else(|error| {
        InstanceReport::failed(name, instance.mode, error.outcome(), Chain(&error).to_string())
    });
    if let Err(error) = recorder.record(&RunEvent::InstanceEnded(&report)).await {
        report.outcome = Outcome::of_all([report.outcome, Outcome::Failed]);
        report.error.get_or_insert_with(|| {
            format!("the result of the run in this instance could not be recorded: {}", Chain(&error))
        });
    }
    report
}

/// Reads one instance, and records the results of changes that earlier runs sent without reading them back. A stop
/// request ends it at once: nothing is in progress yet.
pub(super) async fn snapshot(
    campaign: &Campaign,
    recorder: &Recorder<'_>,
    instance: &InstanceName,
    stop: &Stop,
) -> Result<CampaignSnapshot, ReconcileError> {
    let snapshot = tokio::select! {
        biased;
        () = stop.requested() => return Err(ReconcileError::Stopped),
        snapshot = campaign.fetch_snapshot() => snapshot?,
    };
    record_earlier_changes(recorder, instance, &snapshot).await?;
    Ok(snapshot)
}

/// Records the results of changes that earlier runs sent without reading them back: each under the run that sent it.
async fn record_earlier_changes(
    recorder: &Recorder<'_>,
    instance: &InstanceName,
    snapshot: &CampaignSnapshot,
) -> Result<(), JournalError> {
    for (run, changes) in recorder.journal().unread_changes(instance).await? {
        let changes: Vec<_> = changes.into_iter().map(|change| settled_by(snapshot, change)).collect();
        let settled = SettledChanges { instance, changes: &changes, evidence: Evidence::NextRun };
        recorder.record_of(&run, &RunEvent::Settled(&settled)).await?;
    }
    Ok(())
}

/// Makes the changes that one instance needs, or finds out which ones it needs. Adds the approvals that it used to
/// `used`.
pub(super) async fn reconcile(
    run: &RunContext<'_>,
    instance: &InstanceOptions,
    used: &mut Vec<UsedApprovals>,
) -> InstanceReport {
    let work = async |campaign: &Campaign| read_and_decide(run, instance, campaign, used).await;
    with_campaign(run.recorder, instance, work).await
}

async fn read_and_decide(
    run: &RunContext<'_>,
    instance: &InstanceOptions,
    campaign: &Campaign,
    used: &mut Vec<UsedApprovals>,
) -> Result<InstanceReport, ReconcileError> {
    let source = run.source.matched_by(&instance.policy.mask);
    let here = read_instance(run, &source, instance, campaign).await?;
    let mut decision = decide(run, &source, &here.context)?;
    let sizes = here.record_members(&decision).await?;
    let again = ReadAgain::of(run, &here, &decision);
    let mut second = SecondReads::default();
    // A second read may cause further changes to be held; an approval of what was held before releases nothing then.
    while second.read(run, here.name(), &decision, again).await? {
        decision = decision.with_second_reads(&second, &here.context);
    }
    let held = decision.review.held.digest.as_ref();
    decision.warnings.extend(expired(here.recorder.journal(), here.name(), held).await?);
    used.push(UsedApprovals::of(here.name(), &decision.review));
    here.record_held(&decision).await?;
    if !here.writes() {
        let report = here.report(&decision, &[], None);
        here.record_plan(&report).await?;
        remember(run, &here, &decision).await?;
        return Ok(report);
    }
    let (confirmed, mut unconfirmed) = second.confirm(run, &here.context, &decision);
    let (confirmed, renamed) = confirm_logins(campaign, &run.request.stop, confirmed).await?;
    unconfirmed.extend(renamed);
    here.record_plan(&here.report(&decision, &unconfirmed, None)).await?;
    remember(run, &here, &decision).await?;
    let Applied { mut settled, stopped } = apply(campaign, &here, &confirmed, &decision, &run.request.stop).await;
    here.update_group_sizes(sizes, &settled).await;
    here.update_operators(&settled).await;
    let is_released =
        |one: &ChangeResult| decision.review.released.as_ref().is_some_and(|part| part.contains(&one.change));
    if here.is_remembered() && settled.iter().any(|one| one.is_in_place() && is_released(one)) {
        accept_read(&here, &decision).await?;
    }
    settled.extend(unconfirmed);
    Ok(here.report(&decision, &settled, stopped.as_ref()))
}

/// Reads the instance and what the journal remembers of it.
async fn read_instance<'a>(
    run: &RunContext<'a>,
    source: &MatchedSource<'_>,
    instance: &'a InstanceOptions,
    campaign: &Campaign,
) -> Result<InstanceRun<'a>, ReconcileError> {
    let policy = &instance.policy;
    let snapshot = snapshot(campaign, run.recorder, &policy.instance, &run.request.stop).await?;
    let mut history = run.recorder.journal().history(&policy.instance, Utc::now()).await?;
    settle_former_logins(run, source, policy, &snapshot, &mut history).await?;
    history.approvals.extend(run.approvals.dry_run_approvals(&policy.instance, &run.request.approver));
    let coverage = match run.rules {
        Rules::Tried => Coverage::Nothing,
        Rules::InForce if run.request.scope.is_everything() => Coverage::Everything,
        Rules::InForce => Coverage::Part,
    };
    let (limits, counts) = (&run.options.limits, run.source.counts());
    let context = InstanceContext { instance, limits, counts, snapshot, history, at: Utc::now() };
    let here =
        InstanceRun { context, recorder: run.recorder, lock: run.lock, mode: run.request.mode, coverage, undo: None };
    here.remember_operators().await?;
    Ok(here)
}

/// Decides the desired state, the plan, and which of its changes may be made.
fn decide(
    run: &RunContext<'_>,
    source: &MatchedSource<'_>,
    context: &InstanceContext<'_>,
) -> Result<Decision, NoMatch> {
    let (policy, snapshot, history) = (&context.instance.policy, &context.snapshot, &context.history);
    let (scope, membership) = (&run.request.scope, run.options.membership());
    let desired = desired_state(source, snapshot, policy, history)?;
    let mut desired = desired.narrowed_to(scope, source, snapshot, policy, history);
    desired.skipped.extend(run.source.unknown().iter().map(|name| unknown_person(name)));
    let read = source_read(source, policy, membership);
    let warnings = warnings(&read, &desired, snapshot, history);
    Ok(Decision { warnings, ..Decision::of(context, desired, Some(read)) })
}

fn unknown_person(name: &str) -> Skipped {
    let detail = "the organization knows no active user with this e-mail address; the operator was not changed";
    Skipped::new(SkipReason::UnknownUser, name, detail)
}

/// Stores what later runs need to know, before changes are made.
async fn remember(run: &RunContext<'_>, here: &InstanceRun<'_>, decision: &Decision) -> Result<(), JournalError> {
    if here.mode == RunMode::DryRun {
        return Ok(());
    }
    let (journal, context) = (here.recorder.journal(), &here.context);
    if let SourceContent::Organization(organization) = &run.source.content {
        let seen = identities_seen(organization, &context.snapshot, &context.instance.policy, &context.history);
        journal.remember_identities(here.name(), &seen.new, &seen.ended).await?;
    }
    if !here.is_remembered() {
        return Ok(());
    }
    journal.spend(here.name(), &decision.review.ended).await?;
    // The approval may have been given for a difference between this read and the last one: the read is accepted only
    // after a change was made under it.
    if decision.review.released.is_some() {
        return Ok(());
    }
    accept_read(here, decision).await
}

/// Stores the read that later runs compare theirs with.
async fn accept_read(here: &InstanceRun<'_>, decision: &Decision) -> Result<(), JournalError> {
    let (journal, InstanceContext { history, snapshot, .. }) = (here.recorder.journal(), &here.context);
    let Some(read) = &decision.read else { return Ok(()) };
    let known = history.known.after(read, &decision.desired, snapshot, &decision.review.unsettled);
    if known != history.known {
        journal.remember_profiles(here.name(), &known).await?;
    }
    if decision.review.is_read_accepted {
        // A read that did not count the users keeps the last number.
        let before = history.accepted.as_ref();
        let read = SourceRead {
            users: read.users.or(before.and_then(|before| before.users)),
            unlisted: before.map_or_else(|| read.unlisted.clone(), |before| read.unlisted.or_before(&before.unlisted)),
            ..read.clone()
        };
        journal.accept_read(here.name(), here.recorder.run(), Utc::now(), &read).await?;
    }
    Ok(())
}

//! Taking back what one run did to memberships: an ordinary plan through the ordinary guards.

use chrono::Utc;
use tracing::Instrument as _;

use crate::{
    campaign::Campaign,
    domain::{
        ChangeKey, ChangeKind, ChangeOutcome, InstanceReport, RunId, RunMode, RunReport, SourceCounts, UndoHold,
        Watcher, plan, undo_desired_state,
    },
    journal::{FindRunError, Journal, JournalError, RunLock},
};

use super::{
    Stop,
    apply::{Applied, apply},
    confirm::confirm_logins,
    context::{InstanceContext, InstanceRun, Reach},
    decision::{Decision, Settled},
    pauses::after,
    reconcile::{InstanceOptions, ReconcileError, snapshot, visit},
    run::{Found, Frame, Options},
};

/// Makes, or in a dry run shows, the plan that takes the membership changes of `run` back where Campaign still holds them.
///
/// The organization is not read, so no call of the vendor's is spent. What is taken back is remembered: a later run would
/// do it again, and holds it instead. `run` may be shortened as in [`Journal::find_run`].
pub async fn undo(
    options: &Options,
    journal: &Journal,
    run: &str,
    mode: RunMode,
    stop: &Stop,
    watcher: &Watcher,
) -> Result<RunReport, FindRunError> {
    let past = journal.find_run(run).await?;
    let frame = Frame::begin(options, journal, mode, watcher);
    let scope = Some(format!("undo of run {}", past.run));
    let undo = frame.run(scope, async |lock| all_instances(options, lock, &frame, &past, stop).await);
    Ok(undo.instrument(frame.span()).await)
}

async fn all_instances(
    options: &Options,
    lock: &RunLock,
    frame: &Frame<'_>,
    past: &RunReport,
    stop: &Stop,
) -> Result<Found, JournalError> {
    let (run, mut instances, mut warnings) = (&past.run, Vec::new(), Vec::new());
    for past in
        past.instances.iter().filter(|past| past.changes.iter().any(|change| change.outcome == ChangeOutcome::Applied))
    {
        let of_name = |instance: &&InstanceOptions| instance.policy.instance.as_str() == past.name;
        let Some(instance) = options.instances.iter().find(of_name) else {
            warnings.push(format!("instance {} is not configured any more: nothing was taken back there", past.name));
            continue;
        };
        let undo = Undo { frame, lock, past: RunId::new(run.as_str()), options, instance, stop };
        instances.push(visit(&frame.recorder, instance, async |campaign| undo.take_back(campaign, past).await).await);
    }
    if instances.is_empty() && warnings.is_empty() {
        warnings.push(format!("run {run} changed no memberships: there is nothing to take back"));
    }
    let undo_of = Some(past.run.clone());
    Ok(Found { source: frame.source_unread(0), error: None, warnings, outcome: None, instances, undo_of })
}

/// The undo of one run in one instance.
struct Undo<'a> {
    frame: &'a Frame<'a>,
    lock: &'a RunLock,
    past: RunId,
    options: &'a Options,
    instance: &'a InstanceOptions,
    stop: &'a Stop,
}

impl Undo<'_> {
    async fn take_back(&self, campaign: &Campaign, past: &InstanceReport) -> Result<InstanceReport, ReconcileError> {
        let here = self.enter(campaign).await?;
        let (policy, recorder) = (&self.instance.policy, here.recorder);
        let desired = undo_desired_state(&past.changes, &here.context.snapshot, policy);
        let plan = plan(&desired, &here.context.snapshot, policy).taking_back(&self.past);
        let decision = Decision::of_plan(&here.context, desired, plan, None);
        here.held(&decision).await?;
        if !here.writes() {
            let planned = here.report(&decision, &[], None);
            here.planned(&planned).await?;
            return Ok(planned);
        }
        let (confirmed, unconfirmed) = confirm_logins(campaign, self.stop, decision.review.approved.clone()).await?;
        here.planned(&here.report(&decision, &unconfirmed, None)).await?;
        // Written before the changes are made: a run that comes between would do again what is being undone.
        let opposite: Vec<_> = confirmed.changes().iter().filter_map(|change| opposite(&change.key())).collect();
        recorder.journal().remember_undone(here.name(), recorder.run(), &opposite).await?;
        here.observed(&decision).await?;
        let Applied { mut settled, stopped } = apply(campaign, &here, &confirmed, &decision, self.stop).await;
        self.forget_what_failed(&settled).await?;
        here.resized(&decision, &settled).await;
        settled.extend(unconfirmed);
        Ok(here.report(&decision, &settled, stopped.as_ref()))
    }

    async fn enter(&self, campaign: &Campaign) -> Result<InstanceRun<'_>, ReconcileError> {
        let (recorder, instance) = (&self.frame.recorder, self.instance);
        let name = &instance.policy.instance;
        let snapshot = snapshot(campaign, recorder, name, self.stop).await?;
        let history = recorder.journal().history_for_undo(name, Utc::now(), &self.past).await?;
        let (limits, counts) = (&self.options.limits, SourceCounts::Proven);
        let context = InstanceContext { instance, limits, counts, snapshot, history, at: Utc::now() };
        let undo = Some(UndoHold { run: self.past.clone(), until: after(self.options.approval_ttl) });
        Ok(InstanceRun { context, recorder, lock: self.lock, mode: self.frame.mode(), reach: Reach::Part, undo })
    }

    /// What could not be taken back is not undone, and later runs need not be held for it.
    async fn forget_what_failed(&self, settled: &[Settled]) -> Result<(), JournalError> {
        let failed: Vec<_> =
            settled.iter().filter(|one| !one.is_in_place()).filter_map(|one| opposite(&one.change.key())).collect();
        if failed.is_empty() {
            Ok(())
        } else {
            self.frame.recorder.journal().spend(&self.instance.policy.instance, &failed).await
        }
    }
}

/// The change that would do again what this one takes back.
fn opposite(change: &ChangeKey) -> Option<ChangeKey> {
    let kind = match change.kind {
        ChangeKind::Add => ChangeKind::Remove,
        ChangeKind::Remove => ChangeKind::Add,
        ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => return None,
    };
    Some(ChangeKey { kind, ..change.clone() })
}

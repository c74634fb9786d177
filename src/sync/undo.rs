//! Undoes the membership changes of one run, with an ordinary plan that passes the ordinary guards.

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
    context::{Coverage, InstanceContext, InstanceRun},
    decision::{ChangeResult, Decision},
    pauses::after,
    reconcile::{InstanceOptions, ReconcileError, snapshot, with_campaign},
    run::{RunResults, RunSession, SyncOptions},
};

/// Undoes the membership changes of `run` where Campaign still shows them; a dry run only shows the plan.
///
/// Does not read the organization, so it spends no call to Adobe. The undone changes are stored, and a later run holds
/// them instead of making them again. `run` may be shortened as in [`Journal::find_run`].
pub async fn undo(
    options: &SyncOptions,
    journal: &Journal,
    run: &str,
    mode: RunMode,
    stop: &Stop,
    watcher: &Watcher,
) -> Result<RunReport, FindRunError> {
    let past = journal.find_run(run).await?;
    let session = RunSession::begin(options, journal, mode, watcher);
    let scope = Some(format!("undo of run {}", past.run));
    let undo = session.run(scope, async |lock| all_instances(options, lock, &session, &past, stop).await);
    Ok(undo.instrument(session.span()).await)
}

async fn all_instances(
    options: &SyncOptions,
    lock: &RunLock,
    session: &RunSession<'_>,
    past: &RunReport,
    stop: &Stop,
) -> Result<RunResults, JournalError> {
    let (run, mut instances, mut warnings) = (&past.run, Vec::new(), Vec::new());
    for past in
        past.instances.iter().filter(|past| past.changes.iter().any(|change| change.outcome == ChangeOutcome::Applied))
    {
        let of_name = |instance: &&InstanceOptions| instance.policy.instance.as_str() == past.name;
        let Some(instance) = options.instances.iter().find(of_name) else {
            warnings.push(format!("instance {} is not configured any more: its changes were not undone", past.name));
            continue;
        };
        let undo = Undo { session, lock, past: RunId::new(run.as_str()), options, instance, stop };
        instances.push(
            with_campaign(&session.recorder, instance, async |campaign| undo.reverse(campaign, past).await).await,
        );
    }
    if instances.is_empty() && warnings.is_empty() {
        warnings.push(format!("run {run} changed no memberships: there is nothing to undo"));
    }
    let undo_of = Some(past.run.clone());
    Ok(RunResults { source: session.source_unread(0), error: None, warnings, outcome: None, instances, undo_of })
}

/// The undo of one run in one instance.
struct Undo<'a> {
    session: &'a RunSession<'a>,
    lock: &'a RunLock,
    past: RunId,
    options: &'a SyncOptions,
    instance: &'a InstanceOptions,
    stop: &'a Stop,
}

impl Undo<'_> {
    async fn reverse(&self, campaign: &Campaign, past: &InstanceReport) -> Result<InstanceReport, ReconcileError> {
        let here = self.read_instance(campaign).await?;
        let (policy, recorder) = (&self.instance.policy, here.recorder);
        let desired = undo_desired_state(&past.changes, &here.context.snapshot, policy);
        let plan = plan(&desired, &here.context.snapshot, policy).taking_back(&self.past);
        let decision = Decision::of_plan(&here.context, desired, plan, None);
        here.record_held(&decision).await?;
        if !here.writes() {
            let planned = here.report(&decision, &[], None);
            here.record_plan(&planned).await?;
            return Ok(planned);
        }
        let (confirmed, unconfirmed) = confirm_logins(campaign, self.stop, decision.review.approved.clone()).await?;
        here.record_plan(&here.report(&decision, &unconfirmed, None)).await?;
        // Stored before the changes are made: a run in between would make the undone changes again.
        let opposite: Vec<_> = confirmed.changes().iter().filter_map(|change| opposite(&change.key())).collect();
        recorder.journal().remember_undone(here.name(), recorder.run(), &opposite).await?;
        let sizes = here.record_members(&decision).await?;
        let Applied { mut settled, stopped } = apply(campaign, &here, &confirmed, &decision, self.stop).await;
        self.forget_failed(&settled).await?;
        here.update_group_sizes(sizes, &settled).await;
        here.update_operators(&settled).await;
        settled.extend(unconfirmed);
        Ok(here.report(&decision, &settled, stopped.as_ref()))
    }

    async fn read_instance(&self, campaign: &Campaign) -> Result<InstanceRun<'_>, ReconcileError> {
        let (recorder, instance) = (&self.session.recorder, self.instance);
        let name = &instance.policy.instance;
        let snapshot = snapshot(campaign, recorder, name, self.stop).await?;
        let history = recorder.journal().history_for_undo(name, Utc::now(), &self.past).await?;
        let (limits, counts) = (&self.options.limits, SourceCounts::Proven);
        let context = InstanceContext { instance, limits, counts, snapshot, history, at: Utc::now() };
        let undo = Some(UndoHold { run: self.past.clone(), until: after(self.options.approval_ttl) });
        Ok(InstanceRun {
            context,
            recorder,
            lock: self.lock,
            mode: self.session.mode(),
            coverage: Coverage::Part,
            undo,
        })
    }

    /// Removes the changes that could not be undone from the stored ones: later runs need not hold them.
    async fn forget_failed(&self, settled: &[ChangeResult]) -> Result<(), JournalError> {
        let failed: Vec<_> =
            settled.iter().filter(|one| !one.is_in_place()).filter_map(|one| opposite(&one.change.key())).collect();
        if failed.is_empty() {
            Ok(())
        } else {
            self.session.recorder.journal().spend(&self.instance.policy.instance, &failed).await
        }
    }
}

/// The change that this one undoes.
fn opposite(change: &ChangeKey) -> Option<ChangeKey> {
    let kind = match change.kind {
        ChangeKind::Add => ChangeKind::Remove,
        ChangeKind::Remove => ChangeKind::Add,
        ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => return None,
    };
    Some(ChangeKey { kind, ..change.clone() })
}

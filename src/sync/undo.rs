//! Taking back what one run did to memberships: an ordinary plan through the ordinary guards.

use chrono::Utc;

use crate::{
    campaign::Campaign,
    domain::{
        ChangeKey, ChangeKind, ChangeOutcome, InstanceReport, RunId, RunMode, RunReport, SourceCounts, desired_by_undo,
        plan,
    },
    journal::{FindRunError, Journal, JournalError, RunLock},
};

use super::{
    Progress, Stop,
    apply::{Applied, apply},
    change_log,
    confirm::confirm_logins,
    decision::{Decision, Grounds, Settled},
    ledger::{Ledger, Reach},
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
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<RunReport, FindRunError> {
    let past = journal.find_run(run).await?;
    let frame = Frame::begin(options, mode);
    let report = match frame.lock(journal, Some(format!("undo of run {}", past.run))).await {
        Ok(lock) => {
            let found = all_instances(options, journal, &lock, &frame, &past, stop, progress).await;
            frame.end(journal, frame.report(found)).await
        }
        Err(report) => *report,
    };
    change_log::run_ended(&report);
    Ok(report)
}

async fn all_instances(
    options: &Options,
    journal: &Journal,
    lock: &RunLock,
    frame: &Frame<'_>,
    past: &RunReport,
    stop: &Stop,
    progress: &(dyn Fn(Progress) + Sync),
) -> Found {
    let (run, mut instances, mut warnings) = (&past.run, Vec::new(), Vec::new());
    for past in
        past.instances.iter().filter(|past| past.changes.iter().any(|change| change.outcome == ChangeOutcome::Applied))
    {
        let of_name = |instance: &&InstanceOptions| instance.policy.instance.as_str() == past.name;
        let Some(instance) = options.instances.iter().find(of_name) else {
            warnings.push(format!("instance {} is not configured any more: nothing was taken back there", past.name));
            continue;
        };
        let undo = Undo {
            journal,
            lock,
            run: &frame.id,
            past: RunId::new(run.as_str()),
            mode: frame.mode(),
            options,
            instance,
            stop,
            progress,
        };
        let report = visit(instance, async |campaign| undo.take_back(campaign, past).await).await;
        change_log::instance_ended(&frame.id, &report, &report.skipped.iter().collect::<Vec<_>>());
        instances.push(report);
    }
    if instances.is_empty() && warnings.is_empty() {
        warnings.push(format!("run {run} changed no memberships: there is nothing to take back"));
    }
    Found { source: frame.source_unread(0), error: None, warnings, outcome: None, instances }
}

/// The undo of one run in one instance.
struct Undo<'a> {
    journal: &'a Journal,
    lock: &'a RunLock,
    run: &'a RunId,
    past: RunId,
    mode: RunMode,
    options: &'a Options,
    instance: &'a InstanceOptions,
    stop: &'a Stop,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl Undo<'_> {
    async fn take_back(&self, campaign: &Campaign, past: &InstanceReport) -> Result<InstanceReport, ReconcileError> {
        let policy = &self.instance.policy;
        let name = &policy.instance;
        let ledger = Ledger {
            journal: self.journal,
            lock: self.lock,
            run: self.run,
            mode: self.mode,
            reach: Reach::Part,
            instance: self.instance,
        };
        let snapshot = snapshot(campaign, name, self.stop, self.progress).await?;
        let history = self.journal.history(name, Utc::now()).await?;
        let counts = SourceCounts::Proven;
        let grounds = Grounds { instance: self.instance, snapshot: &snapshot, limits: &self.options.limits, counts };
        let desired = desired_by_undo(&past.changes, &snapshot, policy);
        let plan = plan(&desired, &snapshot, policy).taking_back(&self.past);
        let decision = Decision::of_plan(&grounds, desired, plan, None, &history);
        ledger.held(&decision, self.options).await?;
        if !ledger.writes() {
            let planned = decision.report(self.instance, &[], None);
            ledger.planned(&planned).await?;
            return Ok(planned);
        }
        let (confirmed, unconfirmed) = confirm_logins(campaign, self.stop, decision.review.approved.clone()).await?;
        ledger.planned(&decision.report(self.instance, &unconfirmed, None)).await?;
        // Written before the changes are made: a run that comes between would do again what is being undone.
        let opposite: Vec<_> = confirmed.changes().iter().filter_map(|change| opposite(&change.key())).collect();
        self.journal.remember_undone(name, self.run, &opposite).await?;
        let watch = |done, planned| (self.progress)(Progress::Applying(name.clone(), done, planned));
        let Applied { mut settled, stopped } = apply(campaign, &ledger, &confirmed, &decision, self.stop, &watch).await;
        self.forget_what_failed(&settled).await?;
        ledger.made(&settled).await?;
        ledger.observed(&decision, &snapshot, &settled).await?;
        settled.extend(unconfirmed);
        Ok(decision.report(self.instance, &settled, stopped.as_ref()))
    }

    /// What could not be taken back is not undone, and later runs need not be held for it.
    async fn forget_what_failed(&self, settled: &[Settled]) -> Result<(), JournalError> {
        let failed: Vec<_> =
            settled.iter().filter(|one| !one.is_so()).filter_map(|one| opposite(&one.change.key())).collect();
        if failed.is_empty() { Ok(()) } else { self.journal.spend(&self.instance.policy.instance, &failed).await }
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

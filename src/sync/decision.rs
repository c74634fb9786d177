//! What is decided about one instance, as a value: the wish, the plan, and what of it may be made.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        Approval, ApprovalNote, ApprovedChange, Change, ChangeKey, ChangeOutcome, ChangeReport, DesiredState,
        EarlierHold, InstanceReport, Limits, Orphan, Outcome, Plan, Review, SourceRead, Summary, plan,
    },
    observability::Chain,
};

use super::{apply::ApplyError, confirm::SecondReads, context::InstanceContext, reconcile::InstanceOptions};

/// The wish, the plan, and what of it may be made.
pub(super) struct Decision {
    pub(super) desired: DesiredState,
    pub(super) plan: Plan,
    pub(super) review: Review,
    /// What is to be said of the read, beside what the review gives rise to.
    pub(super) warnings: Vec<String>,
    /// How the organization was read; `None` where the wish does not come from it.
    pub(super) read: Option<SourceRead>,
    /// The approvals that released changes of the plan, each with the changes.
    pub(super) approvals: Vec<ApprovalNote>,
    /// The approval that a change rests on, by the change.
    pub(super) approved: HashMap<ChangeKey, ApprovalNote>,
}

/// A planned change and what became of it.
#[derive(Clone, Debug)]
pub(super) struct ChangeResult {
    pub(super) change: Change,
    pub(super) outcome: ChangeOutcome,
    pub(super) detail: Option<String>,
    /// When that was seen.
    pub(super) at: DateTime<Utc>,
}

impl ChangeResult {
    /// The change as it was seen just now.
    pub(super) fn new(change: &Change, outcome: ChangeOutcome, detail: Option<String>) -> Self {
        Self { change: change.clone(), outcome, detail, at: Utc::now() }
    }

    /// Whether Campaign now holds it as planned.
    pub(super) fn is_in_place(&self) -> bool {
        self.outcome.is_in_place()
    }
}

impl Decision {
    /// Plans what the wish takes, and judges it.
    pub(super) fn of(context: &InstanceContext<'_>, desired: DesiredState, read: Option<SourceRead>) -> Self {
        let plan = plan(&desired, &context.snapshot, &context.instance.policy);
        Self::of_plan(context, desired, plan, read)
    }

    /// Judges a plan that is there already.
    pub(super) fn of_plan(
        context: &InstanceContext<'_>,
        desired: DesiredState,
        plan: Plan,
        read: Option<SourceRead>,
    ) -> Self {
        let review = context.judge(&plan, &desired, read.as_ref());
        let (mut approvals, mut approved) = (Vec::new(), HashMap::new());
        let released = review.approvals(&context.history);
        for key in plan.changes.iter().map(Change::key) {
            let Some((approval, at)) = released.get(&key).and_then(|one| Some((one, one.given_at?))) else { continue };
            let note = ApprovalNote::new(approval.digest.as_str(), &approval.approver, at);
            if !approvals.contains(&note) {
                approvals.push(note.clone());
            }
            approved.insert(key, note);
        }
        Self { desired, plan, review, warnings: Vec::new(), read, approvals, approved }
    }

    /// The change as the record and the report tell of it.
    pub(super) fn change_report(&self, settled: &ChangeResult) -> ChangeReport {
        let seen_at = settled.outcome.is_seen().then_some(settled.at);
        self.report_of(&settled.change, settled.outcome, settled.detail.clone(), seen_at)
    }

    fn report_of(
        &self,
        change: &Change,
        outcome: ChangeOutcome,
        detail: Option<String>,
        at: Option<DateTime<Utc>>,
    ) -> ChangeReport {
        let approved_by = self.approved.get(&change.key()).map(|note| note.described.clone());
        ChangeReport { at, approved_by, ..ChangeReport::new(change, outcome, detail) }
    }

    /// The same, with what second reads of profiles say beyond who their members are.
    pub(super) fn with_second_reads(self, second: &SecondReads, context: &InstanceContext<'_>) -> Self {
        let (desired, read) = second.merged_into(self.desired, self.read);
        Self { warnings: self.warnings, ..Self::of(context, desired, read) }
    }

    /// The held changes as an approval names them.
    pub(super) fn held_changes(&self) -> Vec<ApprovedChange> {
        let name = |change: &Change| ApprovedChange { key: change.key(), profile: change.profile.clone() };
        self.review.held.changes.iter().map(|held| name(&held.change)).collect()
    }

    /// The held changes as later runs remember them.
    pub(super) fn held_before(&self, limits: &Limits) -> Vec<EarlierHold> {
        let remembered = self.review.held.changes.iter().map(|held| EarlierHold {
            key: held.change.key(),
            why: held.why.clone(),
            limits: limits.clone(),
        });
        remembered.collect()
    }

    /// The report, with what became of the changes so far; the others are held or pending.
    pub(super) fn report(
        &self,
        instance: &InstanceOptions,
        settled: &[ChangeResult],
        stopped: Option<&ApplyError>,
    ) -> InstanceReport {
        let changes = self.changes(settled);
        let orphaned = self.desired.orphans.iter().map(|orphan| Orphan {
            group: orphan.name.to_string(),
            profile: orphan.profile.to_string(),
            members: orphan.members.len(),
        });
        let mut report = InstanceReport {
            name: instance.policy.instance.to_string(),
            mode: instance.mode,
            outcome: InstanceReport::outcome_of(&changes, &self.plan.skipped),
            error: None,
            warnings: unused_approvals(&self.review).into_iter().chain(self.warnings.iter().cloned()).collect(),
            held: self.review.held.digest.as_ref().map(ToString::to_string),
            held_since: None,
            approvals: self.approvals.clone(),
            orphaned: orphaned.collect(),
            matched_profiles: self.desired.matched.clone(),
            summary: Summary::of(&changes, self.plan.skipped.len(), self.plan.unchanged),
            changes,
            skipped: self.plan.skipped.clone(),
        };
        if let Some(error) = stopped {
            report.outcome = Outcome::of_all([report.outcome, error.outcome()]);
            report.error = Some(Chain(error).to_string());
        } else if !report.accounts_for(&self.plan) {
            report.outcome = Outcome::Failed;
            report.error =
                Some("the numbers of this report do not add up to the plan: please report this as a defect".into());
        }
        report
    }

    fn changes(&self, settled: &[ChangeResult]) -> Vec<ChangeReport> {
        let settled: HashMap<ChangeKey, &ChangeResult> = settled.iter().map(|one| (one.change.key(), one)).collect();
        let held: HashMap<ChangeKey, &str> =
            self.review.held.changes.iter().map(|held| (held.change.key(), held.why.as_str())).collect();
        let unconfirmed = self.review.unconfirmed.iter();
        let unconfirmed: HashMap<ChangeKey, &str> =
            unconfirmed.map(|(change, why)| (change.key(), why.as_str())).collect();
        let report = |change: &Change| {
            let key = change.key();
            let (outcome, detail) = match (settled.get(&key), held.get(&key), unconfirmed.get(&key)) {
                (Some(settled), ..) => return self.change_report(settled),
                (None, Some(why), _) => (ChangeOutcome::Held, Some((*why).to_owned())),
                (None, None, Some(why)) => (ChangeOutcome::Unconfirmed, Some((*why).to_owned())),
                (None, None, None) => (ChangeOutcome::Pending, None),
            };
            self.report_of(change, outcome, detail, None)
        };
        self.plan.changes.iter().map(report).collect()
    }
}

/// Approvals that release nothing, because another situation is held than the one they were given for.
fn unused_approvals(review: &Review) -> Vec<String> {
    let Some(held) = &review.held.digest else { return Vec::new() };
    let described = |approval: &Approval| {
        format!(
            "the approval of {} by {} was given for another situation, so it releases nothing; held now is {held}: look at \
             it, and approve that digest if it is right",
            approval.digest, approval.approver
        )
    };
    review.unused_approvals.iter().map(described).collect()
}

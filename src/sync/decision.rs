//! The decision about one instance: the desired state, the plan, and which of its changes may be made.

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

/// The desired state, the plan, and which of its changes may be made.
pub(super) struct Decision {
    pub(super) desired: DesiredState,
    pub(super) plan: Plan,
    pub(super) review: Review,
    /// Warnings about the read; those of the review come in addition.
    pub(super) warnings: Vec<String>,
    /// How the organization was read; `None` where the desired state does not come from it.
    pub(super) read: Option<SourceRead>,
    /// The approvals that released changes of the plan.
    pub(super) approvals: Vec<ApprovalNote>,
    /// The approval that released each change.
    pub(super) approved: HashMap<ChangeKey, ApprovalNote>,
}

/// The result of a planned change.
#[derive(Clone, Debug)]
pub(super) struct ChangeResult {
    pub(super) change: Change,
    pub(super) outcome: ChangeOutcome,
    pub(super) detail: Option<String>,
    /// When the program saw the outcome.
    pub(super) at: DateTime<Utc>,
}

impl ChangeResult {
    /// The result of a change that the program sees now.
    pub(super) fn new(change: &Change, outcome: ChangeOutcome, detail: Option<String>) -> Self {
        Self { change: change.clone(), outcome, detail, at: Utc::now() }
    }

    /// Whether Campaign now shows the change as planned.
    pub(super) fn is_in_place(&self) -> bool {
        self.outcome.is_in_place()
    }
}

impl Decision {
    /// Plans the changes that lead to the desired state, and reviews them.
    pub(super) fn of(context: &InstanceContext<'_>, desired: DesiredState, read: Option<SourceRead>) -> Self {
        let plan = plan(&desired, &context.snapshot, &context.instance.policy);
        Self::of_plan(context, desired, plan, read)
    }

    /// Reviews a finished plan.
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

    /// The result as the record and the report show it.
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

    /// The decision again, with what second reads of profiles found out beside the members.
    pub(super) fn with_second_reads(self, second: &SecondReads, context: &InstanceContext<'_>) -> Self {
        let (desired, read) = second.merged_into(self.desired, self.read);
        Self { warnings: self.warnings, ..Self::of(context, desired, read) }
    }

    /// The held changes in the form that an approval names.
    pub(super) fn held_changes(&self) -> Vec<ApprovedChange> {
        let name = |change: &Change| ApprovedChange { key: change.key(), profile: change.profile.clone() };
        self.review.held.changes.iter().map(|held| name(&held.change)).collect()
    }

    /// The held changes in the form that later runs remember.
    pub(super) fn held_before(&self, limits: &Limits) -> Vec<EarlierHold> {
        let remembered = self.review.held.changes.iter().map(|held| EarlierHold {
            key: held.change.key(),
            why: held.why.clone(),
            limits: limits.clone(),
        });
        remembered.collect()
    }

    /// The report with the results so far; the other changes are held, unconfirmed or pending.
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

/// Warnings about approvals that release nothing, because they were given for another situation than the one that is held.
fn unused_approvals(review: &Review) -> Vec<String> {
    let Some(held) = &review.held.digest else { return Vec::new() };
    let described = |approval: &Approval| {
        format!(
            "the approval of {} by {} was given for another situation, so it releases nothing; {held} is held now: read \
             its changes, and approve that digest if they are right",
            approval.digest, approval.approver
        )
    };
    review.unused_approvals.iter().map(described).collect()
}

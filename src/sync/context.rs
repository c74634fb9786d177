//! What one run knows of one instance after the Admin Console and Campaign are read, and how it records what it does.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        AfterPlan, BegunApproval, CampaignSnapshot, Change, ChangeKind, ChangeReport, DesiredState, Digest, Evidence,
        FoldedName, GroupObservation, GroupSize, HeldRecord, HeldState, History, InstanceAnswers, InstanceMode,
        InstanceName, InstancePlan, InstanceReport, Limits, ObservedGroups, OperatorGroupId, OperatorGroupName,
        OperatorLogin, Plan, ProductProfileName, Review, ReviewContext, RunEvent, RunMode, Sending, SentChange,
        SettledChanges, Skipped, SourceCounts, SourceRead, UndoHold, operators_after, review,
    },
    journal::{JournalError, RunLock},
    observability::Chain,
};

use super::{
    apply::ApplyError,
    decision::{ChangeResult, Decision},
    reconcile::InstanceOptions,
    recorder::Recorder,
};

/// How much of an instance a run covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// All of it: a membership that the run does not see has ended.
    Everything,
    /// A part: the run says nothing about the rest.
    Part,
    /// None of it: the run tries rules that are not configured, and nothing that it sees is remembered.
    Nothing,
}

/// Everything that decisions about one instance rest on, except for the desired state.
pub(super) struct InstanceContext<'a> {
    pub(super) instance: &'a InstanceOptions,
    pub(super) limits: &'a Limits,
    /// Whether the read of the organization proved by counts that it is complete.
    pub(super) counts: SourceCounts,
    pub(super) snapshot: CampaignSnapshot,
    pub(super) history: History,
    /// When the Admin Console and Campaign were read.
    pub(super) at: DateTime<Utc>,
}

impl InstanceContext<'_> {
    /// Splits a plan into changes that may be made and changes that are held.
    pub(super) fn judge(&self, plan: &Plan, desired: &DesiredState, read: Option<&SourceRead>) -> Review {
        let Self { instance, limits, counts, history, .. } = self;
        let circumstances =
            ReviewContext { instance: &instance.policy.instance, limits, counts: *counts, read, history };
        review(plan, desired, &self.snapshot, &circumstances)
    }
}

/// One run in one instance.
pub(super) struct InstanceRun<'a> {
    pub(super) context: InstanceContext<'a>,
    pub(super) recorder: &'a Recorder<'a>,
    pub(super) lock: &'a RunLock,
    pub(super) mode: RunMode,
    pub(super) coverage: Coverage,
    /// Set in an undo: the run whose changes are taken back.
    pub(super) undo: Option<UndoHold>,
}

impl InstanceRun<'_> {
    pub(super) fn name(&self) -> &InstanceName {
        &self.context.instance.policy.instance
    }

    /// Whether the run may write to Campaign.
    pub(super) fn writes(&self) -> bool {
        self.mode == RunMode::Apply && self.context.instance.mode == InstanceMode::Apply
    }

    /// What `probe` learned about the instance at its present address.
    pub(super) async fn answers(&self) -> Result<InstanceAnswers, JournalError> {
        let address = self.context.instance.campaign.url.to_string();
        self.recorder.journal().instance_answers(self.name(), &address).await
    }

    /// The report of the instance, with the results so far.
    pub(super) fn report(
        &self,
        decision: &Decision,
        settled: &[ChangeResult],
        stopped: Option<&ApplyError>,
    ) -> InstanceReport {
        let report = decision.report(self.context.instance, settled, stopped);
        InstanceReport { held_since: self.held_since(decision), ..report }
    }

    /// When the held plan was first held: now, where no earlier run held it.
    fn held_since(&self, decision: &Decision) -> Option<DateTime<Utc>> {
        let digest = decision.review.held.digest.as_ref()?;
        let before = self.context.history.held_since.get(digest).copied();
        before.or_else(|| (self.writes() && self.coverage != Coverage::Nothing).then_some(self.context.at))
    }

    /// Whether later runs build on what this one decides: a dry run and a narrowed run leave no trace.
    pub(super) fn is_remembered(&self) -> bool {
        self.mode == RunMode::Apply && self.coverage == Coverage::Everything
    }

    /// Records the members of the managed groups and of orphaned ones; returns how many members the groups have.
    pub(super) async fn record_members(&self, decision: &Decision) -> Result<GroupSizes, JournalError> {
        if self.coverage == Coverage::Nothing {
            return Ok(GroupSizes::new());
        }
        let groups = observations(&decision.desired, &self.context.snapshot);
        let is_all = self.coverage == Coverage::Everything;
        self.recorder
            .record(&RunEvent::Observed(&ObservedGroups { instance: self.name(), groups: &groups, is_all }))
            .await?;
        let sizes = sizes(&groups, &decision.plan);
        self.recorder.journal().remember_group_sizes(self.name(), &sizes).await?;
        Ok(sizes)
    }

    /// Remembers how many members the groups have after the changes; `before` is what [`Self::record_members`] returned.
    /// A failure is only logged: the next run counts again.
    pub(super) async fn update_group_sizes(&self, before: GroupSizes, settled: &[ChangeResult]) {
        if self.coverage == Coverage::Nothing || !settled.iter().any(ChangeResult::is_in_place) {
            return;
        }
        let sizes = after_changes(before, settled);
        if let Err(error) = self.recorder.journal().remember_group_sizes(self.name(), &sizes).await {
            tracing::warn!("the sizes of the operator groups could not be stored: {}", Chain(&error));
        }
    }

    /// Remembers all operators, so that `explain` can find one of them, and a review names those that are disabled or in
    /// no operator group.
    pub(super) async fn remember_operators(&self) -> Result<(), JournalError> {
        if self.coverage == Coverage::Nothing {
            return Ok(());
        }
        let operators = operators_after(&self.context.snapshot, []);
        self.recorder.journal().remember_operators(self.name(), operators).await
    }

    /// Remembers the operators as they are after the changes. A failure is only logged: the next run reads them again.
    pub(super) async fn update_operators(&self, settled: &[ChangeResult]) {
        if self.coverage == Coverage::Nothing || !settled.iter().any(ChangeResult::is_in_place) {
            return;
        }
        let made = settled.iter().filter(|one| one.is_in_place()).map(|one| &one.change);
        let operators = operators_after(&self.context.snapshot, made);
        if let Err(error) = self.recorder.journal().remember_operators(self.name(), operators).await {
            tracing::warn!("the operators of the instance could not be stored: {}", Chain(&error));
        }
    }

    /// Records what the guard holds, so that it can be approved and stays held. A released plan stays recorded as held
    /// until its first change is sent: if the run dies before, the next run finds the same situation.
    pub(super) async fn record_held(&self, decision: &Decision) -> Result<(), JournalError> {
        let review = &decision.review;
        if self.coverage == Coverage::Nothing || review.released.is_some() && !self.is_remembered() {
            return Ok(());
        }
        if review.released.is_some() {
            return self.recorder.journal().remember_dormant_holds(self.name(), &review.dormant).await;
        }
        let record = review.held.digest.as_ref().map(|digest| HeldRecord {
            instance: self.name().clone(),
            digest: digest.clone(),
            run: self.recorder.run().clone(),
            at: self.context.at,
            is_dry_run: !self.writes(),
            is_narrowed: self.coverage == Coverage::Part,
            changes: decision.held_changes(),
            held: decision.held_before(self.context.limits),
            undo: self.undo.clone(),
        });
        let dormant = self.is_remembered().then_some(review.dormant.as_slice());
        let undo_of = self.undo.as_ref().filter(|_| self.writes()).map(|undo| &undo.run);
        if record.is_none() && dormant.is_none() && undo_of.is_none() {
            return Ok(());
        }
        let held = HeldState { instance: self.name(), record: record.as_ref(), dormant, undo_of };
        self.recorder.record(&RunEvent::Held(&held)).await
    }

    /// Records the plan, and which skips are new.
    pub(super) async fn record_plan(&self, report: &InstanceReport) -> Result<(), JournalError> {
        let journal = self.recorder.journal();
        let named = journal.logged_skips(self.name()).await?;
        let next = if self.writes() { AfterPlan::Apply } else { AfterPlan::Nothing };
        let new_skips: Vec<&Skipped> = named.new_among(&report.skipped);
        self.recorder.record(&RunEvent::Planned(&InstancePlan { report, next, new_skips: &new_skips })).await?;
        if self.is_remembered() {
            journal.remember_logged_skips(self.name(), named, &report.skipped).await?;
        }
        Ok(())
    }

    /// Records that changes are being sent, and that the approval of `begun` is used with them. Fails when the lock is
    /// lost, because its new holder may be writing.
    pub(super) async fn record_sending(
        &self,
        decision: &Decision,
        changes: &[&Change],
        begun: Option<&Digest>,
    ) -> Result<(), JournalError> {
        if !self.lock.is_still_held().await {
            return Err(JournalError::LockLost);
        }
        let sent = |change: &&Change| {
            let (key, approved) = (change.key(), &decision.approved);
            SentChange { approval: approved.get(&key).map(|note| note.digest.clone()), key }
        };
        let changes: Vec<SentChange> = changes.iter().map(sent).collect();
        let begun = begun.map(|digest| BegunApproval { digest, is_all: self.is_remembered() });
        let sending = Sending { instance: self.name(), changes: &changes, begun };
        self.recorder.record(&RunEvent::Sending(&sending)).await
    }

    /// Records the results of changes.
    pub(super) async fn record_results(
        &self,
        decision: &Decision,
        settled: &[ChangeResult],
        evidence: Evidence,
    ) -> Result<(), JournalError> {
        if settled.is_empty() {
            return Ok(());
        }
        let changes: Vec<ChangeReport> = settled.iter().map(|one| decision.change_report(one)).collect();
        let settled = SettledChanges { instance: self.name(), changes: &changes, evidence };
        self.recorder.record(&RunEvent::Settled(&settled)).await
    }
}

/// How many members groups have, by folded name.
pub(super) type GroupSizes = BTreeMap<FoldedName, GroupSize>;

/// How many members each group of the plan has.
fn sizes(groups: &[GroupObservation], plan: &Plan) -> GroupSizes {
    let managed = plan.managed_members.iter().map(|(group, managed)| (group.folded(), *managed));
    let managed: BTreeMap<FoldedName, usize> = managed.collect();
    let size = |group: &GroupObservation| {
        let name = group.group.folded();
        let managed = *managed.get(&name)?;
        Some((name, GroupSize { members: group.members.len(), managed }))
    };
    groups.iter().filter_map(size).collect()
}

/// How many members the groups have after the changes that were made; added and removed members are managed.
fn after_changes(mut sizes: GroupSizes, settled: &[ChangeResult]) -> GroupSizes {
    for change in settled.iter().filter(|one| one.is_in_place()).map(|one| &one.change) {
        let Some(size) = change.group().and_then(|group| sizes.get_mut(&group.folded())) else { continue };
        let after = |before: usize| match change.kind() {
            ChangeKind::Add => before.saturating_add(1),
            ChangeKind::Remove => before.saturating_sub(1),
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => before,
        };
        *size = GroupSize { members: after(size.members), managed: after(size.managed) };
    }
    sizes
}

/// The members of each managed group and of each orphaned one.
fn observations(desired: &DesiredState, snapshot: &CampaignSnapshot) -> Vec<GroupObservation> {
    let seen = |group: &OperatorGroupName, id: Option<OperatorGroupId>, profile: &ProductProfileName| {
        let members: BTreeMap<FoldedName, OperatorLogin> = id
            .into_iter()
            .flat_map(|id| snapshot.members(id))
            .map(|operator| (operator.login.folded(), operator.login.clone()))
            .collect();
        let members = members.into_values().collect();
        (group.folded(), GroupObservation { group: group.clone(), profile: profile.clone(), members })
    };
    let managed = desired.groups.iter().map(|group| seen(&group.name, group.id, &group.profile.name));
    let orphaned = desired.orphans.iter().map(|orphan| seen(&orphan.name, Some(orphan.id), &orphan.profile));
    managed.chain(orphaned).collect::<BTreeMap<_, _>>().into_values().collect()
}

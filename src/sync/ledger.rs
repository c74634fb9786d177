//! Writes into the journal what one run sees, decides and does in one instance; each before it matters.

use std::collections::BTreeMap;

use chrono::Utc;

use crate::{
    domain::{
        Action, CampaignSnapshot, Change, ChangeKey, ChangeKind, DesiredState, Digest, FoldedName, GroupSize,
        InstanceMode, InstanceReport, OperatorGroupId, OperatorGroupName, OperatorLogin, Plan, ProductProfileName,
        RunId, RunMode,
    },
    journal::{BegunApproval, HeldRecord, Journal, JournalError, Observation, RunLock, Settlement},
};

use super::{
    decision::{Decision, Settled},
    reconcile::InstanceOptions,
    run::Options,
};

/// How much of an instance a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it: what is not there is gone.
    Everything,
    /// A part: nothing is said of the rest.
    Part,
    /// None of it: the run goes by rules that are not in force, and what it sees is not to be remembered.
    Nothing,
}

/// One run in one instance, as the journal sees it.
pub(super) struct Ledger<'a> {
    pub(super) journal: &'a Journal,
    pub(super) lock: &'a RunLock,
    pub(super) run: &'a RunId,
    pub(super) mode: RunMode,
    pub(super) reach: Reach,
    pub(super) instance: &'a InstanceOptions,
}

impl Ledger<'_> {
    /// Whether Campaign may be written.
    pub(super) fn writes(&self) -> bool {
        self.mode == RunMode::Apply && self.instance.mode == InstanceMode::Apply
    }

    /// Whether later runs may build on what this one decides: a dry run leaves no trace in them.
    pub(super) fn is_remembered(&self) -> bool {
        self.mode == RunMode::Apply && self.reach == Reach::Everything
    }

    /// Who was seen in the managed groups and in orphaned ones, with what was changed since.
    pub(super) async fn observed(
        &self,
        decision: &Decision,
        snapshot: &CampaignSnapshot,
        settled: &[Settled],
    ) -> Result<(), JournalError> {
        if self.reach == Reach::Nothing {
            return Ok(());
        }
        let instance = &self.instance.policy.instance;
        let groups = observations(&decision.desired, snapshot, settled);
        let is_all = self.reach == Reach::Everything;
        self.journal.observe(instance, Utc::now(), &groups, is_all).await?;
        self.journal.remember_group_sizes(instance, &sizes(&groups, &decision.plan, settled)).await
    }

    /// All operators, for questions about one of them.
    pub(super) async fn operators_seen(&self, snapshot: &CampaignSnapshot) -> Result<(), JournalError> {
        if self.reach == Reach::Nothing {
            return Ok(());
        }
        self.journal.remember_operators(&self.instance.policy.instance, snapshot.operators()).await
    }

    /// What the guard holds, so that it can be approved and stays held. What an approval releases stays recorded as held
    /// until the first of its changes is sent: a run that dies before leaves the next one the same situation.
    pub(super) async fn held(&self, decision: &Decision, options: &Options) -> Result<(), JournalError> {
        if self.reach == Reach::Nothing {
            return Ok(());
        }
        let instance = &self.instance.policy.instance;
        if self.is_remembered() {
            // Before the record that they were part of is replaced.
            self.journal.remember_dormant_holds(instance, &decision.review.dormant).await?;
        }
        if decision.review.released.is_some() {
            return Ok(());
        }
        let record = decision.review.held.digest.as_ref().map(|digest| HeldRecord {
            instance: instance.clone(),
            digest: digest.clone(),
            run: self.run.clone(),
            at: Utc::now(),
            is_dry_run: !self.writes(),
            is_narrowed: self.reach == Reach::Part,
            changes: decision.held_changes(),
            held: decision.held_before(&options.limits),
        });
        self.journal.record_held(instance, record.as_ref(), self.is_remembered()).await
    }

    /// What is about to be done.
    pub(super) async fn planned(&self, plan: &InstanceReport) -> Result<(), JournalError> {
        self.journal.record_plan(self.run, Utc::now(), plan).await
    }

    /// These changes are being sent, `begun` with them. Fails when the lock is lost: whoever has it now may be writing.
    pub(super) async fn about_to_write(&self, changes: &[&Change], begun: Option<&Digest>) -> Result<(), JournalError> {
        if !self.lock.is_still_held().await {
            return Err(JournalError::LockLost);
        }
        let keys: Vec<ChangeKey> = changes.iter().map(|change| change.key()).collect();
        let begun = begun.map(|digest| BegunApproval { digest, is_all: self.is_remembered() });
        self.journal.about_to_write(self.run, &self.instance.policy.instance, Utc::now(), &keys, begun).await
    }

    /// What became of changes.
    pub(super) async fn settled(&self, settled: &[Settled]) -> Result<(), JournalError> {
        if settled.is_empty() {
            return Ok(());
        }
        let settlement =
            |one: &Settled| Settlement { key: one.change.key(), outcome: one.outcome, detail: one.detail.clone() };
        let settlements: Vec<_> = settled.iter().map(settlement).collect();
        self.journal.settled(self.run, &self.instance.policy.instance, Utc::now(), &settlements).await
    }

    /// What was said of these changes, by approvals and undos, is over: they are made.
    pub(super) async fn made(&self, settled: &[Settled]) -> Result<(), JournalError> {
        let made: Vec<_> = settled.iter().filter(|one| one.is_so()).map(|one| one.change.key()).collect();
        self.over(&made).await
    }

    /// What was said of these changes is over.
    pub(super) async fn over(&self, changes: &[ChangeKey]) -> Result<(), JournalError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.journal.spend(&self.instance.policy.instance, changes).await
    }
}

/// How many members each group of the plan has, with what was made since: whoever is added or removed is managed.
fn sizes(groups: &[Observation], plan: &Plan, settled: &[Settled]) -> BTreeMap<FoldedName, GroupSize> {
    let mut managed: BTreeMap<FoldedName, usize> =
        plan.managed_members.iter().map(|(group, managed)| (group.folded(), *managed)).collect();
    for change in settled.iter().filter(|one| one.is_so()).map(|one| &one.change) {
        let Some(managed) = change.group().and_then(|group| managed.get_mut(&group.folded())) else { continue };
        match change.kind() {
            ChangeKind::Add => *managed = managed.saturating_add(1),
            ChangeKind::Remove => *managed = managed.saturating_sub(1),
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
        }
    }
    let size = |group: &Observation| {
        let name = group.group.folded();
        let managed = *managed.get(&name)?;
        Some((name, GroupSize { members: group.members.len(), managed }))
    };
    groups.iter().filter_map(size).collect()
}

/// Who is in each managed group, and in each orphaned one: as read, and with what was made since.
fn observations(desired: &DesiredState, snapshot: &CampaignSnapshot, settled: &[Settled]) -> Vec<Observation> {
    let login = |id| snapshot.operator(id).map(|operator| operator.login.clone());
    let seen = |name: &OperatorGroupName, id: Option<OperatorGroupId>, profile: &ProductProfileName| {
        let members: BTreeMap<FoldedName, OperatorLogin> = id
            .into_iter()
            .flat_map(|id| snapshot.members(id))
            .filter_map(login)
            .map(|login| (login.folded(), login))
            .collect();
        (name.folded(), (name.clone(), profile.clone(), members))
    };
    let managed = desired.groups.iter().map(|group| seen(&group.name, group.id, &group.profile.name));
    let orphaned = desired.orphans.iter().map(|orphan| seen(&orphan.name, Some(orphan.id), &orphan.profile));
    let mut groups: BTreeMap<_, _> = managed.chain(orphaned).collect();
    for change in settled.iter().filter(|one| one.is_so()).map(|one| &one.change) {
        match &change.action {
            Action::Add { operator, group, .. } => {
                if let Some((_, _, members)) = groups.get_mut(&group.folded()) {
                    members.insert(operator.folded(), operator.clone());
                }
            }
            Action::Remove { operator, group, .. } => {
                if let Some((_, _, members)) = groups.get_mut(&group.folded()) {
                    members.remove(&operator.folded());
                }
            }
            Action::CreateGroup { .. } | Action::CreateOperator { .. } | Action::DisableOperator { .. } => {}
        }
    }
    let observation = |(group, profile, members): (_, _, BTreeMap<_, _>)| Observation {
        group,
        profile,
        members: members.into_values().collect(),
    };
    groups.into_values().map(observation).collect()
}

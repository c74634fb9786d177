//! The plan: the difference between the desired and the actual state of an instance.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{
    CampaignSnapshot, DesiredState, FoldedName, ManagedGroup, Operator, OperatorGroupId, OperatorGroupName, OperatorId,
    OperatorLogin, OrphanedGroup, PendingDisablement, Policy, ProductProfileName, RunId, SharedText, SignInMethod,
    SkipReason, Skipped, WithoutGroups, identity::OperatorIndex, protection::Protection,
};

/// The reason for disabling an operator that loses its last group.
const LEFT_BY_THIS_PLAN: &str = "this plan leaves it in no operator group";

/// The reason for disabling an operator that has had no group since an earlier run.
const LEFT_EARLIER: &str = "an earlier run left it in no operator group and ended before it disabled it";

/// The kinds of changes, in the order in which they are applied. The names are part of the JSON report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// An operator group is created.
    CreateGroup,
    /// An operator is created.
    CreateOperator,
    /// An operator joins a group.
    Add,
    /// An operator leaves a group.
    Remove,
    /// An operator is disabled: it can no longer sign in.
    DisableOperator,
}

impl ChangeKind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateGroup => "create_group",
            Self::CreateOperator => "create_operator",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::DisableOperator => "disable_operator",
        }
    }
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates an operator group.
    CreateGroup {
        /// Its internal name.
        group: OperatorGroupName,
    },
    /// Creates an operator that signs in through Adobe's identity service.
    CreateOperator {
        /// The login.
        operator: OperatorLogin,
        /// The e-mail address.
        email: String,
    },
    /// Adds an operator to a group.
    Add {
        /// The operator's login.
        operator: OperatorLogin,
        /// The operator's key; `None` if this plan creates the operator.
        operator_id: Option<OperatorId>,
        /// The group.
        group: OperatorGroupName,
        /// The group's key; `None` if this plan creates the group.
        group_id: Option<OperatorGroupId>,
    },
    /// Removes an operator from a group.
    Remove {
        /// The operator's login.
        operator: OperatorLogin,
        /// The operator's key.
        operator_id: OperatorId,
        /// The group.
        group: OperatorGroupName,
        /// The group's key.
        group_id: OperatorGroupId,
    },
    /// Disables an operator that this plan or an earlier run leaves in no group.
    DisableOperator {
        /// The operator's login.
        operator: OperatorLogin,
        /// The operator's key.
        operator_id: OperatorId,
    },
}

/// Identifies a change across runs: its kind, group and operator, by strict key. Sorts in the order in which changes
/// are applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChangeKey {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The folded name of the operator group; empty if the change concerns no group.
    pub group: FoldedName,
    /// The folded login of the operator; empty if the change concerns no operator.
    pub operator: FoldedName,
}

/// One change, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub action: Action,
    /// The profile that requires it.
    pub profile: ProductProfileName,
    /// The reason.
    pub reason: SharedText,
}

impl Change {
    /// The operator that it concerns.
    pub fn operator(&self) -> Option<&OperatorLogin> {
        match &self.action {
            Action::CreateGroup { .. } => None,
            Action::CreateOperator { operator, .. }
            | Action::Add { operator, .. }
            | Action::Remove { operator, .. }
            | Action::DisableOperator { operator, .. } => Some(operator),
        }
    }

    /// The operator group that it concerns.
    pub fn group(&self) -> Option<&OperatorGroupName> {
        match &self.action {
            Action::CreateOperator { .. } | Action::DisableOperator { .. } => None,
            Action::CreateGroup { group } | Action::Add { group, .. } | Action::Remove { group, .. } => Some(group),
        }
    }

    /// The key that identifies the change in every run.
    pub fn key(&self) -> ChangeKey {
        ChangeKey {
            kind: self.kind(),
            group: self.group().map(OperatorGroupName::folded).unwrap_or_default(),
            operator: self.operator().map(OperatorLogin::folded).unwrap_or_default(),
        }
    }

    /// What kind of change it is.
    pub fn kind(&self) -> ChangeKind {
        match self.action {
            Action::CreateGroup { .. } => ChangeKind::CreateGroup,
            Action::CreateOperator { .. } => ChangeKind::CreateOperator,
            Action::Add { .. } => ChangeKind::Add,
            Action::Remove { .. } => ChangeKind::Remove,
            Action::DisableOperator { .. } => ChangeKind::DisableOperator,
        }
    }

    /// Whether an operator loses a membership or the ability to sign in.
    pub fn is_removal(&self) -> bool {
        matches!(self.action, Action::Remove { .. } | Action::DisableOperator { .. })
    }
}

/// All changes of one instance: created groups, created operators, additions, removals, disabled operators, each sorted
/// by name.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Plan {
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// What is skipped, sorted.
    pub skipped: Vec<Skipped>,
    /// Number of managed memberships that need no change.
    pub unchanged: usize,
    /// How many members that a plan may remove each group has in Campaign before the run, by group: managed and not
    /// protected, whatever the run is narrowed to.
    pub managed_members: BTreeMap<OperatorGroupName, usize>,
}

impl Plan {
    /// Managed memberships that Campaign holds before the run.
    pub fn managed_memberships(&self) -> usize {
        self.managed_members.values().sum()
    }

    /// The same plan, with the undo of `run` as the reason of every change.
    #[must_use]
    pub fn taking_back(mut self, run: &RunId) -> Self {
        let reason: SharedText = format!("takes back run {run}").into();
        for change in &mut self.changes {
            change.reason = reason.clone();
        }
        self
    }
}

/// The changes that bring the instance to its desired state.
pub fn plan(desired: &DesiredState, campaign: &CampaignSnapshot, policy: &Policy) -> Plan {
    let planner = Planner::new(desired, campaign, policy);
    let mut changes = planner.creations();
    let mut result = Plan::default();
    let mut skipped: BTreeSet<Skipped> = desired.skipped.iter().cloned().collect();
    for group in &desired.groups {
        if !group.is_renamed() {
            let reason = format!("not a member of profile {}", group.profile.name).into();
            result.unchanged += planner.settle(group, &reason, &mut changes, &mut skipped);
        }
        result.managed_members.insert(group.name.clone(), planner.managed_members(group.id));
    }
    if policy.orphaned_group == OrphanedGroup::Empty {
        for orphan in &desired.orphans {
            let reason = format!("profile {}, which stood for this group, is gone", orphan.profile).into();
            let group = orphan.emptied();
            planner.settle(&group, &reason, &mut changes, &mut skipped);
            result.managed_members.insert(group.name.clone(), planner.managed_members(group.id));
        }
    }
    if policy.without_groups == WithoutGroups::Disable {
        changes.extend(planner.disablements(&changes));
    }
    changes.sort_by_cached_key(Change::key);
    result.changes = changes;
    result.skipped = skipped.into_iter().collect();
    result
}

struct Planner<'a> {
    desired: &'a DesiredState,
    campaign: &'a CampaignSnapshot,
    index: OperatorIndex<'a>,
    protection: Protection<'a>,
    /// Operators that no plan removes or disables.
    untouchable: HashSet<OperatorId>,
}

#[derive(Default)]
struct GroupDiff<'a> {
    additions: Vec<Change>,
    removals: Vec<(&'a Operator, OperatorGroupId)>,
    unchanged: usize,
}

impl<'a> Planner<'a> {
    fn new(desired: &'a DesiredState, campaign: &'a CampaignSnapshot, policy: &'a Policy) -> Self {
        let index = OperatorIndex::new(campaign, policy.manage);
        let protection = Protection::new(policy, campaign);
        let is_touched = |operator: &&Operator| index.manages(operator) && protection.of_operator(operator).is_none();
        let untouchable = campaign.operators().iter().filter(|operator| !is_touched(operator));
        let untouchable = untouchable.map(|operator| operator.id).collect();
        Self { desired, campaign, index, protection, untouchable }
    }

    /// Adds the changes of one group to `changes`, removals with this reason; returns how many memberships need no
    /// change.
    fn settle(
        &self,
        group: &ManagedGroup,
        reason: &SharedText,
        changes: &mut Vec<Change>,
        skipped: &mut BTreeSet<Skipped>,
    ) -> usize {
        let diff = self.diff(group, skipped);
        changes.extend(diff.additions);
        changes.extend(self.keep_the_minimum(group, diff.removals, reason, skipped));
        diff.unchanged
    }

    fn managed_members(&self, group: Option<OperatorGroupId>) -> usize {
        let Some(group) = group else { return 0 };
        let managed = self.campaign.members(group).filter(|operator| !self.untouchable.contains(&operator.id)).count();
        self.campaign.size(group, managed).managed
    }

    /// Disablements of operators that sign in through Adobe and are in no group after `changes` or since an earlier
    /// run.
    fn disablements(&self, changes: &[Change]) -> Vec<Change> {
        let mut losses: BTreeMap<OperatorId, (usize, &ProductProfileName)> = BTreeMap::new();
        let mut coming = HashSet::new();
        for change in changes {
            match &change.action {
                Action::Remove { operator_id, .. } => {
                    losses.entry(*operator_id).or_insert((0, &change.profile)).0 += 1;
                }
                Action::Add { operator_id: Some(id), .. } => drop(coming.insert(*id)),
                Action::Add { .. }
                | Action::CreateGroup { .. }
                | Action::CreateOperator { .. }
                | Action::DisableOperator { .. } => {}
            }
        }
        losses.retain(|id, _| !coming.contains(id) && !self.desired.keep_enabled.contains(id));
        let mut left: BTreeMap<OperatorId, usize> = losses.keys().map(|id| (*id, 0)).collect();
        for operator in self.campaign.memberships() {
            if let Some(count) = left.get_mut(&operator.id) {
                *count += 1;
            }
        }
        let losers = losses.into_iter().filter(|(id, (lost, _))| left.get(id) == Some(lost));
        let losers = losers.map(|(id, (_, profile))| (id, profile, LEFT_BY_THIS_PLAN));
        let departed = self.departed(&coming).map(|pending| (pending.operator, &pending.profile, LEFT_EARLIER));
        losers
            .chain(departed)
            .filter_map(|(id, profile, reason)| Some((self.campaign.operator(id)?, profile, reason)))
            .filter(|(operator, ..)| operator.sign_in == SignInMethod::Ims && !operator.disabled)
            .map(|(operator, profile, reason)| Change {
                action: Action::DisableOperator { operator: operator.login.clone(), operator_id: operator.id },
                profile: profile.clone(),
                reason: reason.into(),
            })
            .collect()
    }

    /// Pending disablements that this plan may make: not of protected operators, and not of operators `coming` into a
    /// group.
    fn departed(&self, coming: &HashSet<OperatorId>) -> impl Iterator<Item = &'a PendingDisablement> {
        self.desired.pending_disablements.iter().filter(|PendingDisablement { operator, .. }| {
            !coming.contains(operator)
                && !self.untouchable.contains(operator)
                && !self.desired.keep_enabled.contains(operator)
        })
    }

    fn creations(&self) -> Vec<Change> {
        let planned = self.desired.groups.iter().filter(|group| !group.is_renamed());
        let groups = planned.clone().filter(|group| group.id.is_none()).map(|group| Change {
            action: Action::CreateGroup { group: group.name.clone() },
            profile: group.profile.name.clone(),
            reason: format!("profile {} has no operator group", group.profile.name).into(),
        });
        let mut first_group: Vec<Option<&ManagedGroup>> = vec![None; self.desired.new_operators.len()];
        // The profile of a creation is one that is not in doubt, if there is one.
        let certain = planned.clone().filter(|group| group.read.doubt().is_none());
        for group in certain.chain(planned.filter(|group| group.read.doubt().is_some())) {
            for position in &group.new_members {
                if let Some(first) = first_group.get_mut(*position) {
                    first.get_or_insert(group);
                }
            }
        }
        let operators = self.desired.new_operators.iter().zip(first_group).filter_map(|(newcomer, group)| {
            let group = group?;
            Some(Change {
                action: Action::CreateOperator { operator: newcomer.login.clone(), email: newcomer.email.clone() },
                profile: group.profile.name.clone(),
                reason: format!("member of profile {} without operator", group.profile.name).into(),
            })
        });
        groups.chain(operators).collect()
    }

    fn diff(&self, group: &ManagedGroup, skipped: &mut BTreeSet<Skipped>) -> GroupDiff<'a> {
        let mut diff = GroupDiff::default();
        let reason: SharedText = format!("member of profile {}", group.profile.name).into();
        let addition = |operator: &OperatorLogin, operator_id| Change {
            action: Action::Add {
                operator: operator.clone(),
                operator_id,
                group: group.name.clone(),
                group_id: group.id,
            },
            profile: group.profile.name.clone(),
            reason: reason.clone(),
        };
        diff.unchanged = group.staying(self.campaign);
        for operator in group.joining(self.campaign) {
            if let Some(why) = self.protection.of_operator(operator) {
                skipped.insert(not_touched(operator, group, why));
            } else {
                diff.additions.push(addition(&operator.login, Some(operator.id)));
            }
        }
        let newcomers = group.new_members.iter().filter_map(|position| self.desired.new_operators.get(*position));
        diff.additions.extend(newcomers.map(|newcomer| addition(&newcomer.login, None)));
        let Some(group_id) = group.id else { return diff };
        for operator in group.leaving(self.campaign) {
            if let Some(why) = self.protection.of_operator(operator) {
                skipped.insert(not_touched(operator, group, why).in_group(&group.name));
            } else if !self.index.manages(operator) {
                let detail = format!("is in group \"{}\" and does not sign in through Adobe: left alone", group.name);
                let skip = Skipped::new(SkipReason::NotManaged, operator.login.as_str(), detail);
                skipped.insert(skip.in_group(&group.name));
            } else {
                diff.removals.push((operator, group_id));
            }
        }
        diff
    }

    /// Drops the removals that would take a protected group below its minimum or take a required member from it.
    ///
    /// Additions of the same plan do not count, because they may fail. The next run counts those that succeeded.
    fn keep_the_minimum(
        &self,
        group: &ManagedGroup,
        mut removals: Vec<(&Operator, OperatorGroupId)>,
        reason: &SharedText,
        skipped: &mut BTreeSet<Skipped>,
    ) -> Vec<Change> {
        removals.sort_by_cached_key(|(operator, _)| operator.login.clone());
        let mut left = group.id.map_or(0, |id| self.campaign.size(id, 0).members);
        let protected = self.protection.of_group(&group.name);
        let mut kept = Vec::new();
        for (operator, group_id) in removals {
            if let Some(rule) = protected {
                let login = operator.login.folded();
                let required = rule.required.iter().any(|required| required.folded() == login);
                if required || left <= rule.min_members {
                    let why = if required { "is required in" } else { "is among the last members allowed to leave" };
                    let detail = format!(
                        "{why} protected group \"{}\" (at least {} members) and stays",
                        group.name, rule.min_members
                    );
                    let skip = Skipped::new(SkipReason::ProtectedMinimum, operator.login.as_str(), detail);
                    skipped.insert(skip.in_group(&group.name));
                    continue;
                }
            }
            left = left.saturating_sub(1);
            if let Some(look_alike) = group.look_alike(operator.id) {
                let detail = look_alike.in_words(operator, group.profile.name.as_str());
                skipped.insert(Skipped::new(SkipReason::AmbiguousIdentity, operator.login.as_str(), detail));
            }
            kept.push(Change {
                action: Action::Remove {
                    operator: operator.login.clone(),
                    operator_id: operator.id,
                    group: group.name.clone(),
                    group_id,
                },
                profile: group.profile.name.clone(),
                reason: self.desired.removal_reason(operator, reason),
            });
        }
        kept
    }
}

fn not_touched(operator: &Operator, group: &ManagedGroup, why: &str) -> Skipped {
    let detail = format!("{why}: its membership of group \"{}\" is left alone", group.name);
    Skipped::new(SkipReason::Protected, operator.login.as_str(), detail)
}

//! When a decision about a single change ends, and which holds wait for an absent group or profile.
//!
//! A decision ends when its change is made, or when the organization contradicts it while the group's profile exists.
//! If the listing has no such profile, or Campaign no such group or operator, the organization contradicts nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::{
    CampaignSnapshot, ChangeKey, ChangeKind, DesiredState, FoldedName, ManagedGroup, OperatorGroupId, OperatorId,
    OperatorIds,
};

/// What a run found, as far as it ends decisions.
pub(super) struct SettledDecisions<'a> {
    planned: HashSet<ChangeKey>,
    desired: &'a DesiredState,
    campaign: &'a CampaignSnapshot,
    managed: HashMap<FoldedName, &'a ManagedGroup>,
    contradicts: Contradiction<'a>,
}

/// For which groups the absence of a user from the profile contradicts a decision.
#[derive(Clone, Copy)]
pub(super) enum Contradiction<'a> {
    /// For none: the read as a whole is in doubt.
    Nowhere,
    /// For all except these groups, by folded name, whose profile is another one than before.
    ExceptIn(&'a BTreeSet<FoldedName>),
}

/// The operators and groups of Campaign that the decisions name, by folded name.
struct Names {
    operators: HashMap<FoldedName, Vec<OperatorId>>,
    groups: HashMap<FoldedName, OperatorGroupId>,
    newcomers: HashMap<FoldedName, usize>,
    /// Operators that one of the decisions creates.
    created: HashSet<FoldedName>,
}

impl<'a> SettledDecisions<'a> {
    pub(super) fn new(
        planned: HashSet<ChangeKey>,
        desired: &'a DesiredState,
        campaign: &'a CampaignSnapshot,
        contradicts: Contradiction<'a>,
    ) -> Self {
        let managed = desired.groups.iter().map(|group| (group.name.folded(), group)).collect();
        Self { planned, desired, campaign, managed, contradicts }
    }

    /// Those of these decisions that have ended: not planned, and either made or contradicted.
    pub(super) fn ended(&self, decided: &BTreeSet<ChangeKey>) -> BTreeSet<ChangeKey> {
        let unplanned: Vec<&ChangeKey> = decided.iter().filter(|key| !self.planned.contains(*key)).collect();
        if unplanned.is_empty() {
            return BTreeSet::new();
        }
        let names = self.names(decided);
        let is_waiting = |key: &&ChangeKey| !self.is_settled(key, &names);
        let memberships = |kind| unplanned.iter().copied().filter(move |key| key.kind == kind).filter(is_waiting);
        let waiting_for = |kind| memberships(kind).map(|key| &key.operator).collect::<HashSet<_>>();
        let (coming, leaving) = (waiting_for(ChangeKind::Add), waiting_for(ChangeKind::Remove));
        let is_ended = |key: &&ChangeKey| match key.kind {
            ChangeKind::CreateOperator => {
                names.operators.contains_key(&key.operator) || !coming.contains(&key.operator)
            }
            ChangeKind::DisableOperator => !leaving.contains(&key.operator),
            ChangeKind::CreateGroup | ChangeKind::Add | ChangeKind::Remove => self.is_settled(key, &names),
        };
        unplanned.iter().copied().filter(is_ended).cloned().collect()
    }

    /// Whether a change that is not planned is made or contradicted. For creations and disablements of operators, the
    /// memberships that belong to them decide.
    fn is_settled(&self, key: &ChangeKey, names: &Names) -> bool {
        let group_id = names.groups.get(&key.group);
        let operators = names.operators.get(&key.operator).map(Vec::as_slice).unwrap_or_default();
        let is_member = || group_id.is_some_and(|group| operators.iter().any(|id| self.campaign.holds(*group, *id)));
        match key.kind {
            ChangeKind::CreateGroup => group_id.is_some(),
            ChangeKind::Add => is_member() || self.is_wanted(key, operators, names) == Some(false),
            ChangeKind::Remove => {
                group_id.is_some() && !is_member() || self.is_wanted(key, operators, names) == Some(true)
            }
            ChangeKind::CreateOperator | ChangeKind::DisableOperator => true,
        }
    }

    /// Whether the organization assigns this operator to this group; `None` if that is not known.
    fn is_wanted(&self, key: &ChangeKey, operators: &[OperatorId], names: &Names) -> Option<bool> {
        match self.contradicts {
            Contradiction::ExceptIn(doubted) if !doubted.contains(&key.group) => {}
            Contradiction::ExceptIn(_) | Contradiction::Nowhere => return None,
        }
        let group = self.managed.get(&key.group).filter(|group| group.read.doubt().is_none())?;
        let is_among = |ids: &OperatorIds| operators.iter().any(|id| ids.contains(*id));
        if is_among(&group.undecided) {
            return None;
        }
        let comes = names.newcomers.get(&key.operator).is_some_and(|position| group.new_members.contains(position));
        let is_wanted = comes || is_among(&group.members);
        // A user without operator can have the profile and not appear here, unless the operator was to be created.
        let is_known = !operators.is_empty() || names.created.contains(&key.operator);
        (is_wanted || is_known).then_some(is_wanted)
    }

    fn names(&self, decided: &BTreeSet<ChangeKey>) -> Names {
        let logins: HashSet<&FoldedName> = decided.iter().map(|key| &key.operator).collect();
        let groups: HashSet<&FoldedName> = decided.iter().map(|key| &key.group).collect();
        let mut operators: HashMap<FoldedName, Vec<OperatorId>> = HashMap::new();
        for operator in self.campaign.operators() {
            let folded = operator.login.folded();
            if logins.contains(&folded) {
                operators.entry(folded).or_default().push(operator.id);
            }
        }
        let found = self.campaign.groups().iter().map(|group| (group.name.folded(), group.id));
        let newcomers = self.desired.new_operators.iter().map(|newcomer| newcomer.login.folded()).zip(0..);
        let created = decided.iter().filter(|key| key.kind == ChangeKind::CreateOperator);
        Names {
            operators,
            groups: found.filter(|(name, _)| groups.contains(name)).collect(),
            newcomers: newcomers.filter(|(login, _)| logins.contains(login)).collect(),
            created: created.map(|key| key.operator.clone()).collect(),
        }
    }

    /// Those of these changes that are not planned although their decisions have not ended.
    pub(super) fn absent(&self, decided: &BTreeSet<ChangeKey>) -> BTreeSet<ChangeKey> {
        let ended = self.ended(decided);
        decided.iter().filter(|key| !self.planned.contains(*key) && !ended.contains(*key)).cloned().collect()
    }
}

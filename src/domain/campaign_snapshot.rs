//! What one Campaign instance holds: operators, operator groups, memberships.

use std::collections::BTreeMap;

use super::{
    FoldedName, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin,
    folded_name::{fold, hash_of_folded},
};

/// How an operator signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// Through Adobe's identity service (`access/@authenticationType` is `ims`).
    Ims,
    /// With a password stored in Campaign, or through LDAP.
    Native,
}

/// One operator, `xtk:operator` with `@type` 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Primary key.
    pub id: OperatorId,
    /// `@name`, in Campaign's own spelling.
    pub login: OperatorLogin,
    /// Whether `@label` is one that Campaign gives its agents ([`is_agent_label`](super::is_agent_label)).
    pub has_agent_label: bool,
    /// How the operator signs in.
    pub sign_in: SignInMethod,
    /// Whether the operator cannot sign in.
    pub disabled: bool,
}

/// One operator group, `xtk:group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorGroup {
    /// Primary key.
    pub id: OperatorGroupId,
    /// `@name`, the internal name, in Campaign's own spelling.
    pub name: OperatorGroupName,
    /// `@label`; empty when Campaign has none.
    pub label: String,
}

/// An operator whose record has a key and is otherwise unusable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnusableOperator {
    /// Primary key.
    pub id: OperatorId,
    /// `@name`, where it can be read.
    pub login: Option<OperatorLogin>,
    /// What is wrong with the record.
    pub what: String,
    /// The operator groups that it is a member of.
    pub groups: Vec<OperatorGroupId>,
}

/// How many members an operator group has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSize {
    /// All members.
    pub members: usize,
    /// The members that a plan may remove.
    pub managed: usize,
}

/// Everything read from one instance. Only a client that read all of it creates one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignSnapshot {
    operators: Vec<Operator>,
    /// The hash of each folded login and the position of its operator, sorted. Compared with a map by folded login, it
    /// needs no copy of a login.
    by_login: Vec<(u64, u32)>,
    groups: Vec<OperatorGroup>,
    memberships: Vec<(OperatorGroupId, OperatorId)>,
    own_login: OperatorLogin,
    unusable: Vec<UnusableOperator>,
    /// Sizes of groups of which not every member was read; empty where every member was read.
    sizes: BTreeMap<OperatorGroupId, GroupSize>,
}

/// A few operators of one instance with all their memberships, and all operator groups. It contains no other operator:
/// a lookup may use it, a run may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSnapshot(CampaignSnapshot);

impl OperatorSnapshot {
    /// Wraps what was read of a few operators.
    pub fn new(campaign: CampaignSnapshot) -> Self {
        Self(campaign)
    }

    /// The same snapshot, with how many members the groups had when a run last read all of them, by folded name.
    #[must_use]
    pub fn with_sizes(mut self, sizes: &BTreeMap<FoldedName, GroupSize>) -> Self {
        let known = |group: &OperatorGroup| Some((group.id, *sizes.get(&group.name.folded())?));
        self.0.sizes = self.0.groups.iter().filter_map(known).collect();
        self
    }

    /// The snapshot, for a lookup of these operators only.
    pub fn for_lookup(&self) -> &CampaignSnapshot {
        &self.0
    }
}

impl CampaignSnapshot {
    /// Builds the snapshot of a complete read. Its order does not depend on the order of the responses.
    ///
    /// Rows of `memberships` that name no known operator or no known operator group are dropped: the same table also
    /// holds named rights and operators of other types.
    pub fn new(
        mut operators: Vec<Operator>,
        mut groups: Vec<OperatorGroup>,
        memberships: impl IntoIterator<Item = (OperatorId, OperatorGroupId)>,
        own_login: OperatorLogin,
    ) -> Self {
        operators.sort_unstable_by_key(|operator| operator.id);
        operators.dedup_by_key(|operator| operator.id);
        groups.sort_unstable_by_key(|group| group.id);
        groups.dedup_by_key(|group| group.id);
        let (memberships_read, sizes) = (memberships, BTreeMap::new());
        let by_login = logins_by_hash(&operators);
        let (memberships, unusable) = (Vec::new(), Vec::new());
        let mut snapshot = Self { operators, by_login, groups, memberships, own_login, unusable, sizes };
        let mut rows: Vec<_> = memberships_read
            .into_iter()
            .filter(|(operator, group)| snapshot.operator(*operator).is_some() && snapshot.group(*group).is_some())
            .map(|(operator, group)| (group, operator))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        snapshot.memberships = rows;
        snapshot
    }

    /// The same snapshot with the operators whose records cannot be used: no plan adds or removes them.
    #[must_use]
    pub fn with_unusable(mut self, mut unusable: Vec<UnusableOperator>) -> Self {
        unusable.sort_unstable();
        self.unusable = unusable;
        self
    }

    /// The operators whose records cannot be used, by id.
    pub fn unusable(&self) -> &[UnusableOperator] {
        &self.unusable
    }

    /// All operators, by id.
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// All operator groups, by id.
    pub fn groups(&self) -> &[OperatorGroup] {
        &self.groups
    }

    /// All memberships, by group and then operator.
    pub fn memberships(&self) -> &[(OperatorGroupId, OperatorId)] {
        &self.memberships
    }

    /// The operator that the program itself signs in as.
    pub fn own_login(&self) -> &OperatorLogin {
        &self.own_login
    }

    /// The operator with this key.
    pub fn operator(&self, id: OperatorId) -> Option<&Operator> {
        let at = self.operators.binary_search_by_key(&id, |operator| operator.id).ok()?;
        self.operators.get(at)
    }

    /// The operators with this folded login, by id.
    pub(super) fn operators_called<'a, 'n>(
        &'a self,
        login: &'n str,
    ) -> impl Iterator<Item = &'a Operator> + Clone + use<'a, 'n> {
        let hash = hash_of_folded(login);
        let begin = self.by_login.partition_point(|(of, _)| *of < hash);
        let of_hash = self.by_login.get(begin..).unwrap_or_default().iter().take_while(move |(of, _)| *of == hash);
        let operators = of_hash.filter_map(|(_, position)| self.operators.get(*position as usize));
        // Two logins may have one hash.
        operators.filter(move |operator| fold(operator.login.as_str()) == login)
    }

    /// The operators that share their folded login with another one, by login and then id.
    pub(super) fn namesakes(&self) -> BTreeMap<FoldedName, Vec<&Operator>> {
        let mut by_login: BTreeMap<FoldedName, Vec<&Operator>> = BTreeMap::new();
        for of_one_hash in self.by_login.chunk_by(|(one, _), (other, _)| one == other).filter(|chunk| chunk.len() > 1) {
            for operator in of_one_hash.iter().filter_map(|(_, position)| self.operators.get(*position as usize)) {
                by_login.entry(operator.login.folded()).or_default().push(operator);
            }
        }
        by_login.retain(|_, operators| operators.len() > 1);
        by_login
    }

    /// The operator group with this key.
    pub fn group(&self, id: OperatorGroupId) -> Option<&OperatorGroup> {
        let at = self.groups.binary_search_by_key(&id, |group| group.id).ok()?;
        self.groups.get(at)
    }

    /// The operators in one group, by id.
    pub fn members(&self, group: OperatorGroupId) -> impl ExactSizeIterator<Item = OperatorId> + Clone + '_ {
        let begin = self.memberships.partition_point(|(of, _)| *of < group);
        let end = self.memberships.partition_point(|(of, _)| *of <= group);
        self.memberships.get(begin..end).unwrap_or_default().iter().map(|(_, operator)| *operator)
    }

    /// How many members the group has; `managed` is the number of managed members among those that were read.
    pub fn size(&self, group: OperatorGroupId, managed: usize) -> GroupSize {
        let known = self.sizes.get(&group).copied().unwrap_or_default();
        GroupSize { members: self.members(group).len().max(known.members), managed: managed.max(known.managed) }
    }

    /// Whether the operator is in the group.
    pub fn holds(&self, group: OperatorGroupId, operator: OperatorId) -> bool {
        self.memberships.binary_search(&(group, operator)).is_ok()
    }
}

fn logins_by_hash(operators: &[Operator]) -> Vec<(u64, u32)> {
    let hashes = operators.iter().map(|operator| hash_of_folded(&fold(operator.login.as_str())));
    let mut by_login: Vec<(u64, u32)> = hashes.zip(0..).collect();
    by_login.sort_unstable();
    by_login
}

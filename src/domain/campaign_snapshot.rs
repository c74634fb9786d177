//! What one Campaign instance holds: operators, operator groups, memberships.

use std::collections::BTreeMap;

use super::{FoldedName, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, login_index::LoginIndex};

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
    /// By id.
    operators: Vec<Operator>,
    by_login: LoginIndex,
    /// By id.
    groups: Vec<OperatorGroup>,
    /// Pairs of (position in `groups`, position in `operators`), sorted: by group and then operator.
    memberships: Vec<(u32, u32)>,
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
        operators.shrink_to_fit();
        groups.sort_unstable_by_key(|group| group.id);
        groups.dedup_by_key(|group| group.id);
        let by_login = LoginIndex::new(&operators);
        let memberships = positions(&operators, &groups, memberships.into_iter().collect());
        let (unusable, sizes) = (Vec::new(), BTreeMap::new());
        Self { operators, by_login, groups, memberships, own_login, unusable, sizes }
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

    /// All operators, by id, with their numbers of operator groups.
    pub fn operators_with_groups(&self) -> impl Iterator<Item = (&Operator, u32)> {
        let mut counts = vec![0; self.operators.len()];
        for (_, operator) in &self.memberships {
            if let Some(count) = counts.get_mut(*operator as usize) {
                *count += 1;
            }
        }
        self.operators.iter().zip(counts)
    }

    /// All operator groups, by id.
    pub fn groups(&self) -> &[OperatorGroup] {
        &self.groups
    }

    /// The operator of each membership, by group and then operator.
    pub fn memberships(&self) -> impl Iterator<Item = &Operator> {
        self.memberships.iter().filter_map(|(_, operator)| self.operators.get(*operator as usize))
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
    pub(super) fn operators_called<'a>(&'a self, login: &str) -> impl Iterator<Item = &'a Operator> + Clone + use<'a> {
        self.by_login.find(login, &self.operators).filter_map(|position| self.operators.get(position))
    }

    /// The operators that share their folded login with another one, by login and then id.
    pub(super) fn namesakes(&self) -> BTreeMap<FoldedName, Vec<&Operator>> {
        let mut by_login: BTreeMap<FoldedName, Vec<&Operator>> = BTreeMap::new();
        for operator in self.by_login.namesakes().filter_map(|position| self.operators.get(position)) {
            let login = operator.login.folded();
            let found = self.operators_called(login.as_str());
            by_login.entry(login).or_insert_with(|| found.collect());
        }
        by_login
    }

    /// The operator group with this key.
    pub fn group(&self, id: OperatorGroupId) -> Option<&OperatorGroup> {
        let at = self.groups.binary_search_by_key(&id, |group| group.id).ok()?;
        self.groups.get(at)
    }

    /// The operators in one group, by id.
    pub fn members(&self, group: OperatorGroupId) -> impl Iterator<Item = &Operator> + Clone {
        self.rows(group).iter().filter_map(|(_, operator)| self.operators.get(*operator as usize))
    }

    /// The rows of `memberships` of one group.
    fn rows(&self, group: OperatorGroupId) -> &[(u32, u32)] {
        let Some(group) = position(&self.groups, |known| known.id, group) else { return &[] };
        let begin = self.memberships.partition_point(|(of, _)| *of < group);
        let rows = self.memberships.get(begin..).unwrap_or_default();
        rows.get(..rows.partition_point(|(of, _)| *of == group)).unwrap_or_default()
    }

    /// How many members the group has; `managed` is the number of managed members among those that were read.
    pub fn size(&self, group: OperatorGroupId, managed: usize) -> GroupSize {
        let known = self.sizes.get(&group).copied().unwrap_or_default();
        GroupSize { members: self.rows(group).len().max(known.members), managed: managed.max(known.managed) }
    }

    /// Whether the operator is in the group.
    pub fn holds(&self, group: OperatorGroupId, operator: OperatorId) -> bool {
        let rows = self.rows(group);
        position(&self.operators, |known| known.id, operator)
            .is_some_and(|operator| rows.binary_search_by_key(&operator, |(_, member)| *member).is_ok())
    }
}

/// The position of the entry with this key; `sorted` by it.
fn position<T, K: Ord + Copy>(sorted: &[T], key: impl Fn(&T) -> K, sought: K) -> Option<u32> {
    sorted.binary_search_by_key(&sought, key).ok().and_then(|at| u32::try_from(at).ok())
}

/// The memberships of known operators in known groups, as [`CampaignSnapshot`] stores them.
fn positions(
    operators: &[Operator],
    groups: &[OperatorGroup],
    mut memberships: Vec<(OperatorId, OperatorGroupId)>,
) -> Vec<(u32, u32)> {
    // Sorted, they are taken side by side with the operators, and no operator has to be searched for.
    memberships.sort_unstable();
    let mut operators = (0..).zip(operators).peekable();
    let mut rows: Vec<(u32, u32)> = memberships
        .into_iter()
        .filter_map(|(id, group)| {
            while operators.next_if(|(_, operator)| operator.id < id).is_some() {}
            let (operator, _) = operators.peek().filter(|(_, operator)| operator.id == id)?;
            Some((position(groups, |known| known.id, group)?, *operator))
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

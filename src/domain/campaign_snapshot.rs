//! What one Campaign instance holds: operators, operator groups, memberships.

use super::{OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin};

/// How an operator proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOn {
    /// Through Adobe's identity service (`access/@authenticationType` is `ims`).
    Ims,
    /// With a password kept by Campaign, or through LDAP.
    Native,
}

/// One operator, `xtk:operator` with `@type` 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Primary key.
    pub id: OperatorId,
    /// `@name`, in Campaign's own spelling.
    pub login: OperatorLogin,
    /// `@label`; empty when Campaign has none.
    pub label: String,
    /// How the operator logs on.
    pub log_on: LogOn,
    /// Whether the operator is kept from logging on.
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

/// An operator whose record has a key and cannot be used otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnusableOperator {
    /// Primary key.
    pub id: OperatorId,
    /// `@name`, where that can be read.
    pub login: Option<OperatorLogin>,
    /// What is wrong with the record.
    pub what: String,
    /// The operator groups in which it is.
    pub groups: Vec<OperatorGroupId>,
}

/// Everything read from one instance. Only a client that read all of it makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignSnapshot {
    operators: Vec<Operator>,
    groups: Vec<OperatorGroup>,
    memberships: Vec<(OperatorGroupId, OperatorId)>,
    own_login: OperatorLogin,
    unusable: Vec<UnusableOperator>,
}

impl CampaignSnapshot {
    /// Puts a complete read together, in an order that does not depend on the order of the answers.
    ///
    /// Rows of `memberships` that name no known operator or no known operator group are dropped: the same table holds
    /// named rights, and the operators of other types.
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
        let mut snapshot = Self { operators, groups, memberships: Vec::new(), own_login, unusable: Vec::new() };
        let mut rows: Vec<_> = memberships
            .into_iter()
            .filter(|(operator, group)| snapshot.operator(*operator).is_some() && snapshot.group(*group).is_some())
            .map(|(operator, group)| (group, operator))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        snapshot.memberships = rows;
        snapshot
    }

    /// The same with the operators whose records cannot be used: they are neither added nor removed anywhere.
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

    /// The operator as whom the program itself is logged on.
    pub fn own_login(&self) -> &OperatorLogin {
        &self.own_login
    }

    /// The operator with this key.
    pub fn operator(&self, id: OperatorId) -> Option<&Operator> {
        let at = self.operators.binary_search_by_key(&id, |operator| operator.id).ok()?;
        self.operators.get(at)
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

    /// Whether the operator is in the group.
    pub fn holds(&self, group: OperatorGroupId, operator: OperatorId) -> bool {
        self.memberships.binary_search(&(group, operator)).is_ok()
    }
}

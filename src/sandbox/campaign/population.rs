//! From a world to the rows of an instance, and back.

use super::sessions::Sessions;
use super::soap_fault::Cause;
use super::tables::{Membership, NULL_ID, Owner, OwnerKind, Tables};
use super::world::{InstanceAuthentication, InstanceWorld, Operator, OperatorGroup};
use super::{ADMIN_RIGHT, Instance, OPERATOR_WRITE_RIGHT};

/// Operators that every instance has, with their labels.
const BUILT_IN_OPERATORS: [(&str, &str); 2] = [("admin", "Administrator"), ("webapp", "Web application agent")];

/// The holders of the named right `admin` in a new instance.
const BUILT_IN_ADMINISTRATORS: [(OwnerKind, &str); 3] =
    [(OwnerKind::Operator, "admin"), (OwnerKind::Operator, "webapp"), (OwnerKind::Group, "admin")];

impl Instance {
    /// Builds the instance; the error names what is inconsistent in the world.
    pub fn new(mut world: InstanceWorld) -> Result<Self, String> {
        if !matches!(world.behavior.fault_status, 200 | 500) {
            return Err(format!("the dial 'fault_status' is 200 or 500, not {}", world.behavior.fault_status));
        }
        let operators = std::mem::take(&mut world.operators);
        let groups = std::mem::take(&mut world.groups);
        let memberships = std::mem::take(&mut world.memberships);
        let named_rights = std::mem::take(&mut world.named_rights);
        let mut instance =
            Self { definition: world, tables: Tables::default(), sessions: Sessions::default(), queries: 0 };
        instance.add_owners(operators, groups)?;
        for (login, group) in &memberships {
            let membership = instance.membership(login, group)?;
            let inserted = instance.tables.insert_membership(membership);
            inserted.map_err(|_| format!("{login} is twice in the group {group}"))?;
        }
        instance.grant_rights(&named_rights)?;
        instance.tables.begin();
        instance.settle_tables();
        Ok(instance)
    }

    /// The instance as its scenario defines it, without its rows.
    pub(in crate::sandbox) fn definition(&self) -> &InstanceWorld {
        &self.definition
    }

    /// The instance as it is now, with the ids it assigned and the operators it added: [`Instance::new`] builds it
    /// again.
    pub fn world(&self) -> InstanceWorld {
        let mut world = self.definition.clone();
        for owner in self.tables.owners().filter(|owner| owner.id != NULL_ID) {
            match owner.kind {
                OwnerKind::Operator => world.operators.push(operator(owner)),
                OwnerKind::Group => world.groups.push(group(owner)),
                OwnerKind::NamedRight => {}
            }
        }
        for row in self.tables.memberships() {
            if row.operator_id == NULL_ID {
                continue;
            }
            let ends = (self.tables.owner(row.operator_id), self.tables.owner(row.group_id));
            let (Some(holder), Some(held)) = ends else { continue };
            let names = (holder.name.clone(), held.name.clone());
            match (holder.kind, held.kind) {
                (OwnerKind::Operator, OwnerKind::Group) => world.memberships.push(names),
                (OwnerKind::Operator, OwnerKind::NamedRight) => world.named_rights.push(names),
                _ => {}
            }
        }
        world
    }

    /// Adds the rows of the world, then the operators that no instance is without.
    fn add_owners(&mut self, operators: Vec<Operator>, groups: Vec<OperatorGroup>) -> Result<(), String> {
        let rows = operators.into_iter().map(operator_row).chain(groups.into_iter().map(group_row));
        // Given ids first, so that the sequence steps around them.
        let (given, open): (Vec<Owner>, Vec<Owner>) = rows.partition(|owner| owner.id != 0);
        for owner in given.into_iter().chain(open) {
            insert(&mut self.tables, owner)?;
        }
        let mut indispensable = BUILT_IN_OPERATORS.map(|(login, label)| (login.to_owned(), label.to_owned())).to_vec();
        if self.definition.authentication == InstanceAuthentication::Native {
            indispensable.push((self.definition.login.clone(), self.definition.login.clone()));
        }
        for (login, label) in indispensable {
            if self.tables.id_of(OwnerKind::Operator, &login).is_none() {
                insert(&mut self.tables, Owner { label, ..Owner::new(OwnerKind::Operator, login) })?;
            }
        }
        Ok(())
    }

    fn grant_rights(&mut self, named_rights: &[(String, String)]) -> Result<(), String> {
        let mentioned = named_rights.iter().map(|(_, right)| right.as_str());
        for right in [ADMIN_RIGHT, OPERATOR_WRITE_RIGHT].into_iter().chain(mentioned) {
            if self.tables.id_of(OwnerKind::NamedRight, right).is_none() {
                let id = self.tables.reserved_id();
                insert(&mut self.tables, Owner { id, ..Owner::new(OwnerKind::NamedRight, right) })?;
            }
        }
        for (login, right) in named_rights {
            let holder = self.operator_id(login)?;
            self.grant(holder, right);
        }
        for (kind, name) in BUILT_IN_ADMINISTRATORS {
            if let Some(holder) = self.tables.id_of(kind, name) {
                self.grant(holder, ADMIN_RIGHT);
            }
        }
        if self.definition.behavior.administrator {
            self.settle_administrator();
        }
        Ok(())
    }

    /// Tells the tables what the behavior says of their rows. The rows of the scenario are older, and have the ids that
    /// it gives them.
    pub(super) fn settle_tables(&mut self) {
        self.tables.negative_ids = self.definition.behavior.negative_ids;
        self.tables.groups = self.definition.behavior.groups;
    }

    /// Gives the accounts of programs the named right `admin`, or takes it, as the behavior says.
    pub(super) fn settle_administrator(&mut self) {
        for login in [self.definition.login.clone(), self.definition.technical_account.clone()] {
            let Some(holder) = self.tables.id_of(OwnerKind::Operator, &login) else { continue };
            if self.definition.behavior.administrator {
                self.grant(holder, ADMIN_RIGHT);
            } else if let Some(right) = self.tables.id_of(OwnerKind::NamedRight, ADMIN_RIGHT) {
                self.tables.remove_membership(Membership { operator_id: holder, group_id: right });
            }
        }
    }
}

fn insert(tables: &mut Tables, owner: Owner) -> Result<(), String> {
    let (kind, name) = (owner.kind, owner.name.clone());
    if name.is_empty() {
        return Err(format!("a row of kind {kind:?} has no name"));
    }
    let refused = |Cause(lines): Cause| format!("{kind:?} '{name}' cannot be added: {}", lines.join(" "));
    tables.insert_owner(owner).map(drop).map_err(refused)
}

fn operator_row(operator: Operator) -> Owner {
    Owner {
        id: operator.id.unwrap_or(0),
        label: operator.label,
        email: operator.email,
        authentication: operator.authentication,
        disabled: operator.disabled,
        ..Owner::new(OwnerKind::Operator, operator.name)
    }
}

fn group_row(group: OperatorGroup) -> Owner {
    Owner { id: group.id.unwrap_or(0), label: group.label, ..Owner::new(OwnerKind::Group, group.name) }
}

fn operator(owner: &Owner) -> Operator {
    Operator {
        id: Some(owner.id),
        name: owner.name.clone(),
        label: owner.label.clone(),
        email: owner.email.clone(),
        authentication: owner.authentication.clone(),
        disabled: owner.disabled,
    }
}

fn group(owner: &Owner) -> OperatorGroup {
    OperatorGroup { id: Some(owner.id), name: owner.name.clone(), label: owner.label.clone() }
}

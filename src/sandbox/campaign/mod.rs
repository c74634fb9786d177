//! A simulated Adobe Campaign instance: the SOAP router, its sessions, its tables.
//!
//! [`Instance::answer`] is the whole of it: a request in, an answer out, nothing in between but memory. The server
//! around it speaks HTTP and injects what goes wrong on a wire. What no public source says about the vendor is either
//! a dial ([`Dials`]) or marked in its answer as the sandbox's own wording.

#[cfg(test)]
mod answers;
mod change;
mod draft;
mod entity;
mod expression;
mod fault;
mod logon;
mod query;
mod router;
mod schema;
mod select;
mod sessions;
mod shuffle;
mod soap;
mod tables;
mod world;
mod write;
mod xml;

use std::fmt;
use std::time::SystemTime;

pub use change::{Dial, InstanceChange};
pub use router::TokenVerdict;
pub use world::{AbsentDelete, Authentication, Dials, Group, InstanceWorld, Operator, SchemaPart, WriteCollectionMode};

use fault::Cause;
use sessions::Sessions;
use tables::{Membership, Owner, OwnerKind, Tables};

/// Operators that every instance brings along, with their labels.
const BUILT_IN_OPERATORS: [(&str, &str); 2] = [("admin", "Administrator"), ("webapp", "Web application agent")];

/// Logins that Campaign gives to operators of its own, which have reserved ids.
const RESERVED_LOGINS: [&str; 12] = [
    "admin",
    "internal",
    "webapp",
    "monitoring",
    "mid",
    "mc",
    "billing",
    "aemserver",
    "interaction",
    "central",
    "local",
    "campaign-loginmonitor",
];

/// The named right that opens everything.
const ADMIN_RIGHT: &str = "admin";

/// The named right that opens `xtk:operator` and `xtk:group` (from 8.3.8 on).
const OPERATOR_WRITE_RIGHT: &str = "operatorWrite";

/// One simulated Campaign instance.
pub struct Instance {
    /// The world less its rows, which live in the tables.
    outline: InstanceWorld,
    tables: Tables,
    sessions: Sessions,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    /// Queries so far: each draws another order for rows that no `orderBy` settles.
    queries: u64,
}

impl fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Instance").field("tenant", &self.outline.tenant).finish_non_exhaustive()
    }
}

impl Instance {
    /// Builds the instance; the error names what in the world does not fit together.
    pub fn new(mut world: InstanceWorld) -> Result<Self, String> {
        let mut tables = Tables::default();
        let operators = std::mem::take(&mut world.operators).into_iter().map(operator_row);
        let groups = std::mem::take(&mut world.groups).into_iter().map(group_row);
        // Given ids first, so that the sequence steps around them.
        let (given, open): (Vec<Owner>, Vec<Owner>) = operators.chain(groups).partition(|owner| owner.id != 0);
        for owner in given.into_iter().chain(open) {
            insert(&mut tables, owner)?;
        }
        for (name, label) in BUILT_IN_OPERATORS {
            let owner = Owner { label: label.to_owned(), ..Owner::new(OwnerKind::Operator, name) };
            insert_missing(&mut tables, owner)?;
        }
        if world.authentication == Authentication::Native {
            insert_missing(
                &mut tables,
                Owner { label: world.login.clone(), ..Owner::new(OwnerKind::Operator, &world.login) },
            )?;
        }
        let memberships = std::mem::take(&mut world.memberships);
        let named_rights = std::mem::take(&mut world.named_rights);
        let mut instance = Self {
            outline: world,
            tables,
            sessions: Sessions::default(),
            clock: Box::new(SystemTime::now),
            queries: 0,
        };
        for (login, group) in &memberships {
            let membership = instance.membership(login, group)?;
            instance
                .tables
                .insert_membership(membership)
                .map_err(|_| format!("{login} is twice in the group {group}"))?;
        }
        instance.grant_rights(&named_rights)?;
        Ok(instance)
    }

    /// The same instance with another clock; sessions and dates follow it.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The instance as it stands, fit to build it again: with the ids it assigned and the operators it added.
    pub fn world(&self) -> InstanceWorld {
        let mut world = self.outline.clone();
        for owner in self.tables.owners(i64::MIN, i64::MAX) {
            match owner.kind {
                OwnerKind::Operator => world.operators.push(operator(owner)),
                OwnerKind::Group => world.groups.push(group(owner)),
                OwnerKind::NamedRight => {}
            }
        }
        for row in self.tables.memberships(i64::MIN, i64::MAX) {
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

    fn grant_rights(&mut self, named_rights: &[(String, String)]) -> Result<(), String> {
        for right in
            [ADMIN_RIGHT, OPERATOR_WRITE_RIGHT].into_iter().chain(named_rights.iter().map(|(_, right)| right.as_str()))
        {
            if self.tables.id_of(OwnerKind::NamedRight, right).is_none() {
                let id = self.tables.reserved_id();
                insert(&mut self.tables, Owner { id, ..Owner::new(OwnerKind::NamedRight, right) })?;
            }
        }
        for (login, right) in named_rights {
            let holder = self.operator_id(login)?;
            self.grant(holder, right);
        }
        for (kind, name) in
            [(OwnerKind::Operator, "admin"), (OwnerKind::Operator, "webapp"), (OwnerKind::Group, "admin")]
        {
            if let Some(holder) = self.tables.id_of(kind, name) {
                self.grant(holder, ADMIN_RIGHT);
            }
        }
        if self.outline.dials.administrator {
            self.settle_administrator();
        }
        Ok(())
    }

    /// Gives the accounts of programs the named right `admin`, or takes it, as the dial says.
    fn settle_administrator(&mut self) {
        for login in [self.outline.login.clone(), self.outline.technical_account.clone()] {
            let Some(holder) = self.tables.id_of(OwnerKind::Operator, &login) else { continue };
            if self.outline.dials.administrator {
                self.grant(holder, ADMIN_RIGHT);
            } else if let Some(right) = self.tables.id_of(OwnerKind::NamedRight, ADMIN_RIGHT) {
                self.tables.remove_membership(Membership { operator_id: holder, group_id: right });
            }
        }
    }

    fn grant(&mut self, holder: i64, right: &str) {
        if let Some(right) = self.tables.id_of(OwnerKind::NamedRight, right) {
            let membership = Membership { operator_id: holder, group_id: right };
            if !self.tables.holds(membership) {
                // The pair is absent: nothing to collide with.
                let _ = self.tables.insert_membership(membership);
            }
        }
    }

    fn membership(&self, login: &str, group: &str) -> Result<Membership, String> {
        Ok(Membership { operator_id: self.operator_id(login)?, group_id: self.group_id(group)? })
    }

    fn operator_id(&self, login: &str) -> Result<i64, String> {
        self.tables.id_of(OwnerKind::Operator, login).ok_or_else(|| format!("there is no operator '{login}'"))
    }

    fn group_id(&self, name: &str) -> Result<i64, String> {
        self.tables.id_of(OwnerKind::Group, name).ok_or_else(|| format!("there is no operator group '{name}'"))
    }
}

fn insert(tables: &mut Tables, mut owner: Owner) -> Result<(), String> {
    let (kind, name) = (owner.kind, owner.name.clone());
    if name.is_empty() {
        return Err(format!("a row of kind {kind:?} has no name"));
    }
    if owner.id == 0 && kind == OwnerKind::Operator && RESERVED_LOGINS.contains(&name.as_str()) {
        owner.id = tables.reserved_id();
    }
    let refused = |Cause(lines): Cause| format!("{kind:?} '{name}' cannot be added: {}", lines.join(" "));
    tables.insert_owner(owner).map(drop).map_err(refused)
}

fn insert_missing(tables: &mut Tables, owner: Owner) -> Result<(), String> {
    if tables.id_of(owner.kind, &owner.name).is_some() { Ok(()) } else { insert(tables, owner) }
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

fn group_row(group: Group) -> Owner {
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

fn group(owner: &Owner) -> Group {
    Group { id: Some(owner.id), name: owner.name.clone(), label: owner.label.clone() }
}

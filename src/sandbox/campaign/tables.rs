//! The rows of an instance: owners (operators, groups and named rights in one space of ids) and their relation.

use std::collections::{BTreeMap, HashMap};

use super::external_account::AccountRow;
use super::instance_behavior::GroupStorage;
use super::soap_fault::Cause;

/// The last id that Campaign reserves for its own rows.
const LAST_RESERVED_ID: i64 = 1000;

/// Where an exhausted sequence of ids goes on (Campaign documentation, "Application objects").
const FIRST_NEGATIVE_ID: i64 = -2_147_483_648;

/// `@type` of a row of `xtk:operator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OwnerKind {
    Operator = 0,
    Group = 1,
    NamedRight = 2,
}

impl OwnerKind {
    pub(super) const ALL: [Self; 3] = [Self::Operator, Self::Group, Self::NamedRight];
}

/// A row of the table behind `xtk:operator` and `xtk:group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) id: i64,
    pub(super) kind: OwnerKind,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) email: String,
    pub(super) authentication: String,
    pub(super) disabled: bool,
}

impl Owner {
    /// A row without an id yet, everything else empty.
    pub(super) fn new(kind: OwnerKind, name: impl Into<String>) -> Self {
        Self {
            id: 0,
            kind,
            name: name.into(),
            label: String::new(),
            email: String::new(),
            authentication: String::new(),
            disabled: false,
        }
    }
}

/// A row of `xtk:operatorGroup`: the holder, and the group or named right it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Membership {
    pub(super) operator_id: i64,
    pub(super) group_id: i64,
}

/// The step that reverts one change.
#[derive(Debug)]
enum Undo {
    RemoveOwner(i64),
    RestoreOwner(Owner),
    RemoveMembership(Membership),
    RestoreMembership(Membership, i64),
}

/// All rows. Queries scan them; names are indexed, since each write and each sign-in looks one up.
#[derive(Debug)]
pub(super) struct Tables {
    owners: BTreeMap<i64, Owner>,
    names: HashMap<(OwnerKind, String), i64>,
    /// Each with the id of its row.
    memberships: BTreeMap<Membership, i64>,
    last_id: i64,
    last_negative_id: i64,
    last_membership_id: i64,
    undo: Vec<Undo>,
    /// New rows have negative ids.
    pub(super) negative_ids: bool,
    /// How groups are stored and read.
    pub(super) groups: GroupStorage,
    /// Read and never written.
    pub(super) accounts: Vec<AccountRow>,
}

/// The key of the row that every table with an automatic key has, and that means "none" (Campaign documentation,
/// "Database mapping"). It has no name.
pub(super) const NULL_ID: i64 = 0;

/// The tables of a new instance.
impl Default for Tables {
    fn default() -> Self {
        let mut tables = Self {
            owners: BTreeMap::new(),
            names: HashMap::new(),
            memberships: BTreeMap::new(),
            last_id: 0,
            last_negative_id: FIRST_NEGATIVE_ID - 1,
            last_membership_id: 0,
            undo: Vec::new(),
            negative_ids: false,
            groups: GroupStorage::default(),
            accounts: Vec::new(),
        };
        // No name leads to it.
        tables.owners.insert(NULL_ID, Owner::new(OwnerKind::Operator, ""));
        tables.memberships.insert(Membership { operator_id: NULL_ID, group_id: NULL_ID }, NULL_ID);
        tables
    }
}

impl Tables {
    pub(super) fn owner(&self, id: i64) -> Option<&Owner> {
        self.owners.get(&id)
    }

    /// The id of the row with exactly this name.
    pub(super) fn id_of(&self, kind: OwnerKind, name: &str) -> Option<i64> {
        self.names.get(&(kind, name.to_owned())).copied()
    }

    /// All owners, ascending by id.
    pub(super) fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.owners.values()
    }

    /// Whether `xtk:operator` shows the row.
    pub(super) fn is_operator_row(&self, owner: &Owner) -> bool {
        self.groups != GroupStorage::GroupTable || owner.kind != OwnerKind::Group
    }

    /// Whether `xtk:group` shows the row, or, where there is no such schema, `xtk:operator` at the end of the link
    /// `group`.
    pub(super) fn is_group_row(&self, owner: &Owner) -> bool {
        match self.groups {
            GroupStorage::Both | GroupStorage::GroupTable => owner.kind == OwnerKind::Group || owner.id == NULL_ID,
            GroupStorage::Unfiltered => owner.kind != OwnerKind::Operator || owner.id == NULL_ID,
            GroupStorage::AsOperators => true,
        }
    }

    /// All memberships, ascending by operator and group.
    pub(super) fn memberships(&self) -> impl Iterator<Item = Membership> {
        self.memberships.keys().copied()
    }

    /// The memberships that one owner holds, ascending by group.
    pub(super) fn held_by(&self, operator_id: i64) -> impl Iterator<Item = Membership> {
        let key = |group_id| Membership { operator_id, group_id };
        self.memberships.range(key(i64::MIN)..=key(i64::MAX)).map(|(membership, _)| *membership)
    }

    pub(super) fn holds(&self, membership: Membership) -> bool {
        self.memberships.contains_key(&membership)
    }

    /// The id of a membership's row.
    pub(super) fn membership_id(&self, membership: Membership) -> Option<i64> {
        self.memberships.get(&membership).copied()
    }

    /// The membership whose row has this id.
    pub(super) fn membership_of(&self, id: i64) -> Option<Membership> {
        self.memberships.iter().find(|(_, of)| **of == id).map(|(membership, _)| *membership)
    }

    /// The next id of the sequence; ids are never given twice.
    pub(super) fn next_id(&mut self) -> i64 {
        if self.negative_ids {
            self.last_negative_id += 1;
            while self.owners.contains_key(&self.last_negative_id) {
                self.last_negative_id += 1;
            }
            return self.last_negative_id;
        }
        self.last_id = self.last_id.max(LAST_RESERVED_ID) + 1;
        while self.owners.contains_key(&self.last_id) {
            self.last_id += 1;
        }
        self.last_id
    }

    /// A free id below those of the sequence, for Campaign's own rows.
    pub(super) fn reserved_id(&mut self) -> i64 {
        (1..=LAST_RESERVED_ID).find(|id| !self.owners.contains_key(id)).unwrap_or_else(|| self.next_id())
    }

    /// Adds a row, with the next id when it has none.
    pub(super) fn insert_owner(&mut self, mut owner: Owner) -> Result<i64, Cause> {
        if owner.id == 0 {
            owner.id = self.next_id();
        } else if self.owners.contains_key(&owner.id) {
            return Err(duplicate_key("xtkoperator_id"));
        }
        if self.names.contains_key(&(owner.kind, owner.name.clone())) {
            return Err(duplicate_key("xtkoperator_name"));
        }
        let id = owner.id;
        self.put_owner(owner);
        self.undo.push(Undo::RemoveOwner(id));
        Ok(id)
    }

    /// Replaces the row with the same id; its name may change, and must stay unique.
    pub(super) fn update_owner(&mut self, owner: Owner) -> Result<(), Cause> {
        let Some(before) = self.owners.get(&owner.id).cloned() else { return Ok(()) };
        if self.id_of(owner.kind, &owner.name).is_some_and(|id| id != owner.id) {
            return Err(duplicate_key("xtkoperator_name"));
        }
        self.take_owner(owner.id);
        self.put_owner(owner);
        self.undo.push(Undo::RestoreOwner(before));
        Ok(())
    }

    /// Removes a row with all its memberships, on either side.
    pub(super) fn remove_owner(&mut self, id: i64) {
        if id == NULL_ID {
            return;
        }
        let held: Vec<Membership> = self
            .memberships()
            .filter(|membership| [membership.operator_id, membership.group_id].contains(&id))
            .collect();
        for membership in held {
            self.remove_membership(membership);
        }
        if let Some(owner) = self.take_owner(id) {
            self.undo.push(Undo::RestoreOwner(owner));
        }
    }

    /// Adds a membership; the pair is unique.
    pub(super) fn insert_membership(&mut self, membership: Membership) -> Result<(), Cause> {
        if self.holds(membership) {
            return Err(duplicate_key("xtkoperatorgroup_id"));
        }
        self.last_membership_id += 1;
        let id = self.last_membership_id;
        let id = if self.negative_ids { FIRST_NEGATIVE_ID + id } else { LAST_RESERVED_ID + id };
        self.memberships.insert(membership, id);
        self.undo.push(Undo::RemoveMembership(membership));
        Ok(())
    }

    /// Removes a membership; returns whether it existed.
    pub(super) fn remove_membership(&mut self, membership: Membership) -> bool {
        let removed = self.memberships.remove(&membership);
        if let Some(id) = removed {
            self.undo.push(Undo::RestoreMembership(membership, id));
        }
        removed.is_some()
    }

    /// From here on `roll_back` returns to this state.
    pub(super) fn begin(&mut self) {
        self.undo.clear();
    }

    /// Reverts every change since `begin`; assigned ids stay used, as with a database sequence.
    pub(super) fn roll_back(&mut self) {
        while let Some(step) = self.undo.pop() {
            match step {
                Undo::RemoveOwner(id) => drop(self.take_owner(id)),
                Undo::RestoreOwner(owner) => {
                    self.take_owner(owner.id);
                    self.put_owner(owner);
                }
                Undo::RemoveMembership(membership) => drop(self.memberships.remove(&membership)),
                Undo::RestoreMembership(membership, id) => drop(self.memberships.insert(membership, id)),
            }
        }
    }

    fn put_owner(&mut self, owner: Owner) {
        self.names.insert((owner.kind, owner.name.clone()), owner.id);
        self.owners.insert(owner.id, owner);
    }

    fn take_owner(&mut self, id: i64) -> Option<Owner> {
        let owner = self.owners.remove(&id)?;
        self.names.remove(&(owner.kind, owner.name.clone()));
        Some(owner)
    }
}

fn duplicate_key(constraint: &str) -> Cause {
    Cause::new(format!("PostgreSQL error: ERROR: duplicate key violates unique constraint \"{constraint}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Tables {
        let mut tables = Tables::default();
        tables.insert_owner(Owner::new(OwnerKind::Operator, "ann")).unwrap();
        tables.insert_owner(Owner::new(OwnerKind::Group, "delivery")).unwrap();
        tables.insert_membership(Membership { operator_id: 1001, group_id: 1002 }).unwrap();
        tables
    }

    #[test]
    fn ids_rise_and_are_never_given_twice() {
        let mut tables = tables();
        tables.remove_owner(1002);
        assert_eq!(tables.insert_owner(Owner::new(OwnerKind::Group, "other")), Ok(1003));
    }

    #[test]
    fn an_operator_and_a_group_may_share_a_name() {
        let mut tables = tables();
        assert!(tables.insert_owner(Owner::new(OwnerKind::Group, "ann")).is_ok());
        assert!(tables.insert_owner(Owner::new(OwnerKind::Operator, "ann")).is_err());
    }

    #[test]
    fn rolling_back_restores_rows_names_and_memberships() {
        let mut tables = tables();
        tables.begin();
        let mut ann = tables.owner(1001).unwrap().clone();
        ann.name = "anna".to_owned();
        tables.update_owner(ann).unwrap();
        tables.remove_owner(1002);
        tables.insert_owner(Owner::new(OwnerKind::Group, "delivery")).unwrap();
        tables.roll_back();
        assert_eq!(tables.id_of(OwnerKind::Operator, "ann"), Some(1001));
        assert_eq!(tables.id_of(OwnerKind::Operator, "anna"), None);
        assert_eq!(tables.id_of(OwnerKind::Group, "delivery"), Some(1002));
        assert!(tables.holds(Membership { operator_id: 1001, group_id: 1002 }));
    }
}

//! What may be done to a living world: single changes, applied all or not at all.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::campaign::{Instance, InstanceChange};
use super::error::SandboxError;
use super::organization::{Group, Organization, User, folded};
use super::world::World;

/// One change of the world.
///
/// As JSON it is an object with `op`; one with `instance` as well changes that Campaign instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Of the organization.
    Organization(OrganizationChange),
    /// Of a Campaign instance.
    Instance {
        /// The name of the instance.
        instance: String,
        /// What to do there.
        change: InstanceChange,
    },
    /// Of the dials: sections of a scenario of which the given keys replace the present ones.
    Dial(Map<String, Value>),
}

/// One change of the organization. Users are named by e-mail address, user name or id, groups by name or `id:NUMBER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrganizationChange {
    /// Puts a user into a group.
    Assign {
        /// Whom.
        user: String,
        /// Where.
        group: String,
    },
    /// Takes a user out of a group.
    Unassign {
        /// Whom.
        user: String,
        /// Where.
        group: String,
    },
    /// Adds a user.
    AddUser {
        /// The new user.
        user: Box<User>,
    },
    /// Removes a user.
    RemoveUser {
        /// Whom.
        user: String,
    },
    /// Gives a user another e-mail address, and another user name if that was the address.
    RenameUser {
        /// Whom.
        user: String,
        /// The new address.
        to: String,
    },
    /// Adds a group.
    AddGroup {
        /// The new group.
        group: Box<Group>,
    },
    /// Removes a group and all memberships of it.
    RemoveGroup {
        /// Which.
        group: String,
    },
    /// Gives a group another name; the id and the members stay.
    RenameGroup {
        /// Which.
        group: String,
        /// The new name.
        to: String,
    },
}

impl Change {
    /// Puts a user into a group.
    pub fn assign(user: &str, group: &str) -> Self {
        OrganizationChange::Assign { user: user.to_owned(), group: group.to_owned() }.into()
    }

    /// Takes a user out of a group.
    pub fn unassign(user: &str, group: &str) -> Self {
        OrganizationChange::Unassign { user: user.to_owned(), group: group.to_owned() }.into()
    }

    /// Changes a Campaign instance.
    pub fn instance(instance: &str, change: InstanceChange) -> Self {
        Self::Instance { instance: instance.to_owned(), change }
    }
}

impl From<OrganizationChange> for Change {
    fn from(change: OrganizationChange) -> Self {
        Self::Organization(change)
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        if object.get("op").and_then(Value::as_str) == Some("dial") {
            object.remove("op");
            return Ok(Self::Dial(object));
        }
        match object.remove("instance") {
            None => read(object).map(Self::Organization).map_err(D::Error::custom),
            Some(Value::String(instance)) => {
                let change = read(object).map_err(D::Error::custom)?;
                Ok(Self::Instance { instance, change })
            }
            Some(_) => Err(D::Error::custom("instance must be the name of a Campaign instance")),
        }
    }
}

fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, serde_json::Error> {
    serde_json::from_value(Value::Object(object))
}

impl World {
    /// Applies the changes in their order, all of them or none.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Change`] names the first change that does not fit; the world is then as before.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), SandboxError> {
        let mut organization = None;
        let mut rehearsal = BTreeMap::new();
        let mut dials = None;
        for (place, change) in changes.iter().enumerate() {
            let outcome = match change {
                Change::Organization(change) => {
                    change.apply(organization.get_or_insert_with(|| self.organization().clone()))
                }
                Change::Instance { instance, change } => self.rehearse(&mut rehearsal, instance, change),
                Change::Dial(sections) => dials.get_or_insert_with(|| self.dials.clone()).turn(sections),
            };
            outcome.map_err(|reason| SandboxError::Change(format!("change {place}: {reason}")))?;
        }
        if let Some(organization) = organization {
            self.replace_organization(organization);
        }
        if let Some(dials) = dials {
            self.dials = dials;
        }
        for change in changes {
            if let Change::Instance { instance, change } = change
                && let Some(instance) = self.instance_mut(instance)
            {
                instance.apply(change.clone()).map_err(SandboxError::Change)?;
            }
        }
        Ok(())
    }

    /// Tries a change on a copy of the instance, so that a later refusal leaves the real one, and its sessions, alone.
    fn rehearse(
        &self,
        copies: &mut BTreeMap<String, Instance>,
        name: &str,
        change: &InstanceChange,
    ) -> Result<(), String> {
        if !copies.contains_key(name) {
            let Some(real) = self.instance(name) else {
                let known = self.instances().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
                return Err(format!("there is no instance {name:?}, only {known}"));
            };
            copies.insert(name.to_owned(), Instance::new(real.world())?);
        }
        match copies.get_mut(name) {
            Some(copy) => copy.apply(change.clone()),
            None => Ok(()),
        }
    }
}

impl OrganizationChange {
    fn apply(&self, organization: &mut Organization) -> Result<(), String> {
        match self {
            Self::Assign { user, group } => organization.assign(user, group),
            Self::Unassign { user, group } => organization.unassign(user, group),
            Self::AddUser { user } => {
                organization.users.push(user.as_ref().clone());
                organization.check()
            }
            Self::RemoveUser { user } => {
                let position = organization.user_position(user)?;
                organization.users.remove(position);
                Ok(())
            }
            Self::RenameUser { user, to } => organization.rename_user(user, to),
            Self::AddGroup { group } => {
                organization.groups.push(group.as_ref().clone());
                organization.check()
            }
            Self::RemoveGroup { group } => organization.remove_group(group),
            Self::RenameGroup { group, to } => organization.rename_group(group, to),
        }
    }
}

impl Organization {
    fn user_position(&self, name: &str) -> Result<usize, String> {
        let wanted = folded(name);
        let mut found = self.users.iter().enumerate().filter(|(_, user)| user.is_called(&wanted));
        match (found.next(), found.next()) {
            (Some((position, _)), None) => Ok(position),
            (None, _) => Err(format!("there is no user {name:?}")),
            (Some(_), Some(_)) => Err(format!("{name:?} means more than one user; use the id")),
        }
    }

    fn known_group(&self, reference: &str) -> Result<usize, String> {
        self.group_position(reference).ok_or_else(|| format!("there is no group {reference:?}"))
    }

    /// How memberships of a group name it: by its name, or by id where another group of that name comes first.
    fn reference(&self, position: usize) -> String {
        match self.groups.get(position) {
            Some(group) if self.group_position(&group.name) == Some(position) => group.name.clone(),
            Some(group) => format!("id:{}", group.group_id),
            None => String::new(),
        }
    }

    fn assign(&mut self, user: &str, group: &str) -> Result<(), String> {
        let user = self.user_position(user)?;
        let group = self.known_group(group)?;
        let reference = self.reference(group);
        let means_group = |organization: &Self, name: &String| organization.group_position(name) == Some(group);
        let already = self.users.get(user).is_some_and(|user| user.groups.iter().any(|name| means_group(self, name)));
        if let Some(user) = self.users.get_mut(user)
            && !already
        {
            user.groups.push(reference);
        }
        Ok(())
    }

    fn unassign(&mut self, name: &str, group: &str) -> Result<(), String> {
        let position = self.user_position(name)?;
        let wanted = self.known_group(group)?;
        let Some(user) = self.users.get(position) else { return Ok(()) };
        let (gone, kept): (Vec<String>, Vec<String>) =
            user.groups.iter().cloned().partition(|own| self.group_position(own) == Some(wanted));
        if gone.is_empty() {
            return Err(format!("{name} is not directly in {group:?}"));
        }
        if let Some(user) = self.users.get_mut(position) {
            user.groups = kept;
        }
        Ok(())
    }

    fn rename_user(&mut self, name: &str, to: &str) -> Result<(), String> {
        let position = self.user_position(name)?;
        if let Some(user) = self.users.get_mut(position) {
            if user.username == user.email {
                user.username = Some(to.to_owned());
            }
            user.email = Some(to.to_owned());
        }
        Ok(())
    }

    fn remove_group(&mut self, reference: &str) -> Result<(), String> {
        let position = self.known_group(reference)?;
        self.rewrite_references(position, None);
        self.groups.remove(position);
        Ok(())
    }

    fn rename_group(&mut self, reference: &str, to: &str) -> Result<(), String> {
        let position = self.known_group(reference)?;
        let Some(id) = self.groups.get(position).map(|group| group.group_id) else { return Ok(()) };
        self.rewrite_references(position, Some(&format!("id:{id}")));
        if let Some(group) = self.groups.get_mut(position) {
            to.clone_into(&mut group.name);
        }
        let reference = self.reference(position);
        self.rewrite_references(position, Some(&reference));
        Ok(())
    }

    /// Replaces every mention of a group in memberships, or takes it out.
    fn rewrite_references(&mut self, group: usize, by: Option<&str>) {
        let positions = self.positions();
        let rewrite = |names: &mut Vec<String>| {
            names.retain_mut(|name| {
                if positions.get(&folded(name)) != Some(&group) {
                    return true;
                }
                by.is_some_and(|by| {
                    by.clone_into(name);
                    true
                })
            });
        };
        self.users.iter_mut().for_each(|user| rewrite(&mut user.groups));
        self.groups.iter_mut().for_each(|group| rewrite(&mut group.profiles));
    }
}

//! Changes of the current world, applied all or none.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::campaign::{Instance, InstanceChange};
use super::error::SandboxError;
use super::organization::{Organization, UmapiGroup, User};
use super::world::World;

/// One change of the world.
///
/// As JSON it is an object with `op`; one with `instance` as well changes that Campaign instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Change {
    /// Of the organization.
    Organization(OrganizationChange),
    /// Of a Campaign instance.
    Instance {
        /// The name of the instance.
        instance: String,
        /// The change.
        #[serde(flatten)]
        change: InstanceChange,
    },
    /// Of the behavior: sections of a scenario whose keys replace the current values.
    Behavior(#[serde(serialize_with = "with_op")] Map<String, Value>),
}

fn with_op<S: Serializer>(sections: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = sections.clone();
    object.insert("op".to_owned(), Value::from("dial"));
    object.serialize(serializer)
}

/// One change of the organization. Users are named by e-mail address, user name or id, groups by name or `id:NUMBER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrganizationChange {
    /// Puts a user into a group.
    Assign {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// Takes a user out of a group.
    Unassign {
        /// The user.
        user: String,
        /// The group.
        group: String,
    },
    /// Adds a user.
    AddUser {
        /// The new user.
        user: Box<User>,
    },
    /// Removes a user.
    RemoveUser {
        /// The user.
        user: String,
    },
    /// Gives a user another e-mail address, and another user name if that was the address.
    RenameUser {
        /// The user.
        user: String,
        /// The new address.
        to: String,
    },
    /// Adds a group.
    AddGroup {
        /// The new group.
        group: Box<UmapiGroup>,
    },
    /// Removes a group and all memberships of it.
    RemoveGroup {
        /// The group.
        group: String,
    },
    /// Gives a group another name; the id and the members stay.
    RenameGroup {
        /// The group.
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
            return Ok(Self::Behavior(object));
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
    /// [`SandboxError::Change`] names the first change that cannot be applied; the world is then unchanged.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), SandboxError> {
        let mut organization = None;
        let mut rehearsal = BTreeMap::new();
        let mut behavior = None;
        for (place, change) in changes.iter().enumerate() {
            let outcome = match change {
                Change::Organization(change) => {
                    change.apply(organization.get_or_insert_with(|| self.organization().clone()))
                }
                Change::Instance { instance, change } => self.rehearse(&mut rehearsal, instance, change),
                Change::Behavior(sections) => behavior.get_or_insert_with(|| self.behavior.clone()).change(sections),
            };
            outcome.map_err(|reason| SandboxError::Change(format!("change {place}: {reason}")))?;
        }
        if let Some(organization) = organization {
            self.replace_organization(organization);
        }
        if let Some(behavior) = behavior {
            self.behavior = behavior;
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

    /// Tries a change on a copy of the instance: if a later change fails, the instance and its sessions stay as they
    /// are.
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
            Self::Assign { user, group } => {
                organization.put(organization.known_user(user)?, organization.known_group(group)?);
            }
            Self::Unassign { user, group } => {
                let (position, from) = (organization.known_user(user)?, organization.known_group(group)?);
                if !organization.is_directly_in(position, from) {
                    return Err(format!("{user} is not directly in {group:?}"));
                }
                organization.take_out(position, from);
            }
            Self::AddUser { user } => {
                organization.users.push(user.as_ref().clone());
                organization.check()?;
            }
            Self::RemoveUser { user } => drop(organization.users.remove(organization.known_user(user)?)),
            Self::RenameUser { user, to } => organization.rename_user(organization.known_user(user)?, to),
            Self::AddGroup { group } => {
                organization.groups.push(group.as_ref().clone());
                organization.check()?;
            }
            Self::RemoveGroup { group } => organization.remove_group(organization.known_group(group)?),
            Self::RenameGroup { group, to } => organization.rename_group(organization.known_group(group)?, to),
        }
        Ok(())
    }
}

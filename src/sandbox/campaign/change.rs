//! Changes of an instance that others than the program make.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Instance;
use super::external_account::ExternalAccount;
use super::ims_logon::LogonSync;
use super::instance_behavior::InstanceBehavior;
use super::tables::{Owner, OwnerKind};

/// One change of an instance while it is served.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum InstanceChange {
    /// Adds an operator.
    AddOperator {
        /// Its login.
        login: String,
        /// Its label; the login when absent.
        #[serde(default)]
        label: Option<String>,
        /// Its e-mail; the login when absent and shaped like one.
        #[serde(default)]
        email: Option<String>,
        /// `ims`, or empty for a native operator; `ims` when absent.
        #[serde(default)]
        authentication: Option<String>,
        /// Whether it may not sign in.
        #[serde(default)]
        disabled: bool,
    },
    /// Removes an operator with its memberships.
    RemoveOperator {
        /// Its login.
        login: String,
    },
    /// Gives an operator another login; the id stays.
    RenameOperator {
        /// Its login so far.
        login: String,
        /// Its login from now on.
        new_login: String,
    },
    /// Adds an operator group.
    AddOperatorGroup {
        /// Its internal name.
        name: String,
        /// Its label; the name when absent.
        #[serde(default)]
        label: Option<String>,
    },
    /// Removes an operator group with its memberships.
    RemoveOperatorGroup {
        /// Its internal name.
        name: String,
    },
    /// Gives an operator group another internal name; the id and the members stay.
    RenameOperatorGroup {
        /// Its internal name so far.
        name: String,
        /// Its internal name from now on.
        new_name: String,
    },
    /// Adds an operator to a group; does nothing when it is a member.
    Join {
        /// The operator's login.
        login: String,
        /// The group's internal name.
        group: String,
    },
    /// Removes an operator from a group; does nothing when it is no member.
    Leave {
        /// The operator's login.
        login: String,
        /// The group's internal name.
        group: String,
    },
    /// A user signs in through IMS: Campaign then applies the mask itself.
    ImsLogon {
        /// The login that IMS delivers.
        login: String,
        /// The user's product profiles; the sign-in is refused when the mask matches none.
        profiles: Vec<String>,
        /// What happens to groups without a product profile.
        #[serde(default)]
        sync: LogonSync,
    },
    /// Replaces the external accounts.
    SetExternalAccounts {
        /// All of them.
        accounts: Vec<ExternalAccount>,
    },
    /// Ends all sessions.
    ExpireSessions,
    /// Sets one key of the behavior.
    #[serde(rename = "set_dial")]
    SetBehavior {
        /// The key, as in the table `dials` of a scenario.
        #[serde(rename = "dial")]
        key: String,
        /// Its new value.
        value: Value,
    },
}

impl Instance {
    /// Applies a change; the error names what does not exist, or what exists already.
    pub fn apply(&mut self, change: InstanceChange) -> Result<(), String> {
        match change {
            InstanceChange::AddOperator { login, label, email, authentication, disabled } => {
                let operator = Owner { disabled, ..added_operator(login, label, email, authentication) };
                self.insert(operator).map(drop)
            }
            InstanceChange::RemoveOperator { login } => self.operator_id(&login).map(|id| self.tables.remove_owner(id)),
            InstanceChange::RenameOperator { login, new_login } => self.rename(self.operator_id(&login)?, new_login),
            InstanceChange::AddOperatorGroup { name, label } => {
                let label = label.unwrap_or_else(|| name.clone());
                self.insert(Owner { label, ..Owner::new(OwnerKind::Group, name) }).map(drop)
            }
            InstanceChange::RemoveOperatorGroup { name } => self.group_id(&name).map(|id| self.tables.remove_owner(id)),
            InstanceChange::RenameOperatorGroup { name, new_name } => self.rename(self.group_id(&name)?, new_name),
            InstanceChange::Join { login, group } => self.membership(&login, &group).map(|pair| self.join(pair)),
            InstanceChange::Leave { login, group } => self.membership(&login, &group).map(|pair| {
                self.tables.remove_membership(pair);
            }),
            InstanceChange::ImsLogon { login, profiles, sync } => self.ims_logon(&login, &profiles, sync),
            InstanceChange::SetExternalAccounts { accounts } => {
                self.definition.external_accounts = accounts;
                Ok(())
            }
            InstanceChange::ExpireSessions => {
                self.sessions.close_all();
                Ok(())
            }
            InstanceChange::SetBehavior { key, value } => self.set_behavior(&key, value),
        }
    }

    /// Changes how the instance behaves from now on.
    pub fn adjust(&mut self, change: impl FnOnce(&mut InstanceBehavior)) {
        let before = self.definition.behavior.administrator;
        change(&mut self.definition.behavior);
        if self.definition.behavior.administrator != before {
            self.settle_administrator();
        }
        self.settle_tables();
    }

    fn set_behavior(&mut self, key: &str, value: Value) -> Result<(), String> {
        let mut keys = serde_json::to_value(&self.definition.behavior).map_err(|error| error.to_string())?;
        *keys.get_mut(key).ok_or_else(|| format!("there is no dial '{key}'"))? = value;
        let changed = serde_json::from_value(keys).map_err(|error| format!("the dial '{key}': {error}"))?;
        self.adjust(|behavior| *behavior = changed);
        Ok(())
    }

    /// Adds a row and gives its id.
    pub(super) fn insert(&mut self, owner: Owner) -> Result<i64, String> {
        let name = owner.name.clone();
        self.tables.insert_owner(owner).map_err(|_| format!("'{name}' exists already"))
    }

    fn rename(&mut self, id: i64, new_name: String) -> Result<(), String> {
        let Some(owner) = self.tables.owner(id).cloned() else { return Ok(()) };
        let taken = format!("'{new_name}' exists already");
        self.tables.update_owner(Owner { name: new_name, ..owner }).map_err(|_| taken)
    }
}

fn added_operator(
    login: String,
    label: Option<String>,
    email: Option<String>,
    authentication: Option<String>,
) -> Owner {
    Owner {
        label: label.unwrap_or_else(|| login.clone()),
        email: email.unwrap_or_else(|| if login.contains('@') { login.clone() } else { String::new() }),
        authentication: authentication.unwrap_or_else(|| "ims".to_owned()),
        ..Owner::new(OwnerKind::Operator, login)
    }
}

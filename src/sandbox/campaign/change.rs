//! What can happen to an instance behind the program's back.

use serde::{Deserialize, Serialize};

use super::Instance;
use super::external_account::ExternalAccount;
use super::ims_logon::LogonSync;
use super::tables::{Owner, OwnerKind};
use super::world::{AbsentDelete, SchemaPart, WriteCollectionMode};

/// One thing that happens to an instance while it is served.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum InstanceChange {
    /// An operator appears.
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
        /// Whether it may not log on.
        #[serde(default)]
        disabled: bool,
    },
    /// An operator goes, with its memberships.
    RemoveOperator {
        /// Its login.
        login: String,
    },
    /// An operator gets another login and keeps its id.
    RenameOperator {
        /// Its login so far.
        login: String,
        /// Its login from now on.
        new_login: String,
    },
    /// An operator group appears.
    AddOperatorGroup {
        /// Its internal name.
        name: String,
        /// Its label; the name when absent.
        #[serde(default)]
        label: Option<String>,
    },
    /// An operator group goes, with its memberships.
    RemoveOperatorGroup {
        /// Its internal name.
        name: String,
    },
    /// An operator group gets another internal name and keeps its id and its members.
    RenameOperatorGroup {
        /// Its internal name so far.
        name: String,
        /// Its internal name from now on.
        new_name: String,
    },
    /// An operator joins a group; nothing when it is there already.
    Join {
        /// The operator's login.
        login: String,
        /// The group's internal name.
        group: String,
    },
    /// An operator leaves a group; nothing when it is not there.
    Leave {
        /// The operator's login.
        login: String,
        /// The group's internal name.
        group: String,
    },
    /// A person logs on through IMS, which is when Campaign applies the mask itself.
    ImsLogon {
        /// The login the identity service delivers.
        login: String,
        /// The person's product profiles; the logon is refused when the mask matches none.
        profiles: Vec<String>,
        /// What becomes of groups that no profile stands for.
        #[serde(default)]
        sync: LogonSync,
    },
    /// The external accounts are others from now on.
    SetExternalAccounts {
        /// All of them.
        accounts: Vec<ExternalAccount>,
    },
    /// All session tokens end now.
    ExpireSessions,
    /// One dial is turned.
    SetDial(Dial),
}

/// A dial with its new value, as `{"dial": "show_errors", "value": false}`; [`super::InstanceBehavior`] says what each does.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "dial", content = "value", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the field of `InstanceBehavior` with the same name")]
pub enum Dial {
    SessionSeconds(u64),
    SessionTokenOnly(bool),
    ShowErrors(bool),
    #[serde(rename = "iso_8859_1")]
    Iso88591(bool),
    DeadlockOnce(bool),
    Administrator(bool),
    WriteCollection(WriteCollectionMode),
    AbsentDelete(AbsentDelete),
    SchemaWithout(Vec<SchemaPart>),
    PageOverlap(bool),
    OmitEmpty(bool),
    Seed(u64),
}

impl Instance {
    /// Lets a change happen; the error names what it does not find, or what is there already.
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
            InstanceChange::SetDial(dial) => {
                self.set_dial(dial);
                Ok(())
            }
        }
    }

    /// Adds a row and gives its id.
    pub(super) fn insert(&mut self, owner: Owner) -> Result<i64, String> {
        let name = owner.name.clone();
        self.tables.insert_owner(owner).map_err(|_| format!("'{name}' is there already"))
    }

    fn rename(&mut self, id: i64, new_name: String) -> Result<(), String> {
        let Some(owner) = self.tables.owner(id).cloned() else { return Ok(()) };
        let taken = format!("'{new_name}' is there already");
        self.tables.update_owner(Owner { name: new_name, ..owner }).map_err(|_| taken)
    }

    fn set_dial(&mut self, dial: Dial) {
        let behavior = &mut self.definition.behavior;
        match dial {
            Dial::SessionSeconds(value) => behavior.session_seconds = value,
            Dial::SessionTokenOnly(value) => behavior.session_token_only = value,
            Dial::ShowErrors(value) => behavior.show_errors = value,
            Dial::Iso88591(value) => behavior.iso_8859_1 = value,
            Dial::DeadlockOnce(value) => behavior.deadlock_once = value,
            Dial::WriteCollection(value) => behavior.write_collection = value,
            Dial::AbsentDelete(value) => behavior.absent_delete = value,
            Dial::SchemaWithout(value) => behavior.schema_without = value,
            Dial::PageOverlap(value) => behavior.page_overlap = value,
            Dial::OmitEmpty(value) => behavior.omit_empty = value,
            Dial::Seed(value) => behavior.seed = value,
            Dial::Administrator(value) => {
                behavior.administrator = value;
                self.settle_administrator();
            }
        }
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

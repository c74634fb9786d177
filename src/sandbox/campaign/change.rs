//! What can happen to an instance behind the program's back.

use serde::{Deserialize, Serialize};

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
    /// All session tokens end now.
    ExpireSessions,
    /// One dial is turned.
    SetDial(Dial),
}

/// A dial with its new value, as `{"dial": "show_errors", "value": false}`; [`super::Dials`] says what each does.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "dial", content = "value", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the field of `Dials` with the same name")]
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

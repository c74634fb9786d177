//! The approver or requester in the output of commands. The field names are fixed.

use serde::{Deserialize, Serialize};

use crate::domain::{Approver, SystemUser};

/// The name that the approver gave, and the users that the kernel reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproverFields {
    /// The name that the approver gave.
    #[serde(rename = "approver")]
    pub name: String,
    /// The user id that the kernel reported for the requesting process; `null` when it is not known.
    #[serde(rename = "approver_uid")]
    pub uid: Option<u32>,
    /// The name of this user on the host of the process; `null` when it is not known.
    #[serde(rename = "approver_user")]
    pub user: Option<String>,
    /// The id of the user who signed in on that host, which survives `sudo`; `null` when it is not known.
    #[serde(rename = "approver_login_uid")]
    pub login_uid: Option<u32>,
    /// The name of that user; `null` when it is not known.
    #[serde(rename = "approver_login_user")]
    pub login_user: Option<String>,
}

impl From<&Approver> for ApproverFields {
    fn from(approver: &Approver) -> Self {
        let uid = |user: Option<&SystemUser>| user.map(|user| user.uid);
        let name = |user: Option<&SystemUser>| user.and_then(|user| user.name.clone());
        let (user, login) = (approver.user(), approver.login());
        Self {
            name: approver.name().to_owned(),
            uid: uid(user),
            user: name(user),
            login_uid: uid(login),
            login_user: name(login),
        }
    }
}

//! Who was in which managed group, and when: every stay with its beginning and its end.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{InstanceName, OperatorGroupName, OperatorLogin, ProductProfileName};

use super::{Journal, JournalError};

/// One managed group as Campaign was seen to hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The group.
    pub group: OperatorGroupName,
    /// The profile it follows.
    pub profile: ProductProfileName,
    /// All its members, managed or not.
    pub members: Vec<OperatorLogin>,
}

/// Who is in the managed groups of one instance. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceAccess {
    /// The instance.
    pub name: String,
    /// Its managed groups, by name.
    pub groups: Vec<GroupAccess>,
}

/// Who is in one group. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupAccess {
    /// The group.
    pub group: String,
    /// Logins, sorted.
    pub members: Vec<String>,
}

impl Journal {
    /// Writes who was seen in the managed groups: new members begin a stay, missing ones end theirs. With `is_all`, groups
    /// that are not observed are not managed any more; otherwise nothing is said of them.
    pub async fn observe(
        &self,
        instance: &InstanceName,
        at: DateTime<Utc>,
        groups: &[Observation],
        is_all: bool,
    ) -> Result<(), JournalError> {
        let _ = (instance, at, groups, is_all);
        todo!()
    }

    /// Who was in which managed group at that time, by instance and group; empty before the first run.
    pub async fn access(&self, at: DateTime<Utc>) -> Result<Vec<InstanceAccess>, JournalError> {
        let _ = at;
        todo!()
    }
}

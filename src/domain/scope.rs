//! What a run is narrowed to.

use super::OperatorGroupName;

/// Whom and what a run may touch. Narrowing never touches anyone else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// E-mail addresses or user names; empty for everybody.
    pub users: Vec<String>,
    /// Operator groups; empty for all.
    pub groups: Vec<OperatorGroupName>,
}

impl Scope {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// In words: `user ann@acme.com, group delivery`; `None` for everything.
    pub fn described(&self) -> Option<String> {
        let users = self.users.iter().map(|user| format!("user {user}"));
        let groups = self.groups.iter().map(|group| format!("group {group}"));
        let parts: Vec<_> = users.chain(groups).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

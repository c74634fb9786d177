//! Operators that are never changed, and groups that keep a minimum of members.

use std::collections::{HashMap, HashSet};

use super::{CampaignSnapshot, FoldedName, Operator, OperatorGroupName, Policy, ProtectedGroup, folded_name::fold};

/// Operators that Campaign itself uses (Adobe's permission and installation guides). The list cannot be shortened by
/// configuration.
///
/// Identified by name only. Adobe documents no fixed ids: `admin` was seen with id 1059, and after an overflow ids
/// continue from -2,147,483,648, so that any operator can have any id (Campaign's production guide on application
/// objects).
const BUILT_IN_OPERATORS: [&str; 12] = [
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

/// The mail domain of technical accounts, as which API clients sign in, this program included. Inferred from existing
/// accounts.
const TECHNICAL_ACCOUNT_DOMAIN: &str = "@techacct.adobe.com";

/// Text that Campaign writes into the labels of its agents.
const AGENT_LABELS: [&str; 2] = ["internal agent", "do not modify"];

/// Finds out which operators and groups are protected.
pub(super) struct Protection<'a> {
    own_login: FoldedName,
    operators: HashSet<String>,
    groups: HashMap<FoldedName, &'a ProtectedGroup>,
}

impl<'a> Protection<'a> {
    pub(super) fn new(policy: &'a Policy, campaign: &CampaignSnapshot) -> Self {
        Self {
            own_login: campaign.own_login().folded(),
            operators: policy.protected_operators.iter().map(|login| login.folded().into_string()).collect(),
            groups: policy.protected_groups.iter().map(|group| (group.name.folded(), group)).collect(),
        }
    }

    /// Why this operator is never changed; `None` if it may be changed.
    pub(super) fn of_operator(&self, operator: &Operator) -> Option<&'static str> {
        let login = fold(operator.login.as_str());
        if login == self.own_login.as_str() {
            Some("the operator that this program signs in as")
        } else if self.operators.contains(login.as_ref()) {
            Some("listed under protected_operators")
        } else if BUILT_IN_OPERATORS.contains(&login.as_ref()) {
            Some("built into Campaign")
        } else if login.ends_with(TECHNICAL_ACCOUNT_DOMAIN) {
            Some("a technical account")
        } else if operator.has_agent_label {
            Some("an agent of Campaign, by its label")
        } else {
            None
        }
    }

    pub(super) fn of_group(&self, group: &OperatorGroupName) -> Option<&'a ProtectedGroup> {
        self.groups.get(&group.folded()).copied()
    }
}

/// Whether an operator with this label (`@label`) is an agent of Campaign, which no plan changes.
pub fn is_agent_label(label: &str) -> bool {
    let label = fold(label);
    AGENT_LABELS.iter().any(|known| label.contains(known))
}

//! Who is never touched, and which groups never run dry.

use std::collections::{HashMap, HashSet};

use super::{CampaignSnapshot, FoldedName, Operator, OperatorGroupName, Policy, ProtectedGroup};

/// Operators that Campaign itself works through (Adobe's permission and installation guides; the list cannot be shortened).
///
/// Known by name alone. Adobe documents no fixed id: `admin` was seen with 1059, and an exhausted sequence of ids continues
/// from -2,147,483,648, so that users can have any id (Campaign's production guide on application objects).
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

/// The mail domain of technical accounts: what APIs log on as, the program itself among them. Inferred from accounts seen.
const TECHNICAL_ACCOUNT_DOMAIN: &str = "@techacct.adobe.com";

/// What Campaign writes into the labels of its agents.
const AGENT_LABELS: [&str; 2] = ["internal agent", "do not modify"];

/// Tells protected operators and groups from the rest.
pub(super) struct Protection<'a> {
    own_login: FoldedName,
    operators: HashSet<FoldedName>,
    groups: HashMap<FoldedName, &'a ProtectedGroup>,
}

impl<'a> Protection<'a> {
    pub(super) fn new(policy: &'a Policy, campaign: &CampaignSnapshot) -> Self {
        Self {
            own_login: campaign.own_login().folded(),
            operators: policy.protected_operators.iter().map(super::OperatorLogin::folded).collect(),
            groups: policy.protected_groups.iter().map(|group| (group.name.folded(), group)).collect(),
        }
    }

    /// Why this operator is never touched; `None` when they may be.
    pub(super) fn of_operator(&self, operator: &Operator) -> Option<&'static str> {
        let login = operator.login.folded();
        if login == self.own_login {
            Some("the operator this program is logged on as")
        } else if self.operators.contains(&login) {
            Some("listed under protected_operators")
        } else if BUILT_IN_OPERATORS.contains(&login.as_str()) {
            Some("built into Campaign")
        } else if login.as_str().ends_with(TECHNICAL_ACCOUNT_DOMAIN) {
            Some("a technical account")
        } else if is_agent_label(&operator.label) {
            Some("an agent of Campaign, by its label")
        } else {
            None
        }
    }

    pub(super) fn of_group(&self, group: &OperatorGroupName) -> Option<&'a ProtectedGroup> {
        self.groups.get(&group.folded()).copied()
    }
}

fn is_agent_label(label: &str) -> bool {
    let label = FoldedName::new(label);
    AGENT_LABELS.iter().any(|known| label.as_str().contains(known))
}

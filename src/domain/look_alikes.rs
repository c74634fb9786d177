//! Operators whose login looks like the name of a member of a profile: their memberships do not change without
//! approval.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{AdobeUser, FoldedName, LooseName, Operator, OperatorId, folded_name::spelled_out};

/// An operator that is to leave a group, and the names in the group's profile that look like its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAlike {
    /// The operator's key.
    pub operator: OperatorId,
    /// E-mail addresses and user names of the profile's members, as Adobe spells them; sorted.
    pub names: Vec<String>,
}

impl LookAlike {
    /// Why the removal of the operator needs an approval. Shows the difference between both spellings.
    pub(super) fn in_words(&self, operator: &Operator, profile: &str) -> String {
        format!(
            "profile \"{profile}\" has {}, which looks like operator {}: if they are one user, spell both alike in the \
             Admin Console and in Campaign; if they are two, approve the removal",
            spellings(&self.names),
            spelled_out(operator.login.as_str())
        )
    }
}

/// Those of `operators` whose login looks like the name of one of the users, by key.
///
/// Names are compared by their loose keys, which are computed only if there is an operator to compare with.
pub(super) fn look_alikes<'a>(
    operators: impl Iterator<Item = &'a Operator>,
    users: impl Iterator<Item = &'a AdobeUser>,
) -> Vec<LookAlike> {
    let mut by_login: HashMap<LooseName, Vec<OperatorId>> = HashMap::new();
    for operator in operators {
        by_login.entry(operator.login.folded().loose()).or_default().push(operator.id);
    }
    if by_login.is_empty() {
        return Vec::new();
    }
    let mut found: BTreeMap<OperatorId, BTreeSet<&str>> = BTreeMap::new();
    for name in users.flat_map(names) {
        for operator in by_login.get(&FoldedName::new(name).loose()).into_iter().flatten() {
            found.entry(*operator).or_default().insert(name);
        }
    }
    let look_alike = |(operator, names): (OperatorId, BTreeSet<&str>)| LookAlike {
        operator,
        names: names.into_iter().map(str::to_owned).collect(),
    };
    found.into_iter().map(look_alike).collect()
}

/// The names of `now` that are not in `before`: names that the guard has not reviewed yet.
pub(super) fn unseen<'n>(now: &'n LookAlike, before: Option<&LookAlike>) -> Vec<&'n String> {
    let seen: HashSet<FoldedName> =
        before.into_iter().flat_map(|before| &before.names).map(|name| name.as_str().into()).collect();
    now.names.iter().filter(|name| !seen.contains(&FoldedName::new(name))).collect()
}

/// Names for a sentence, each as written and with escaped characters.
pub(super) fn spellings(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| spelled_out(name.as_ref())).collect::<Vec<_>>().join(" and ")
}

fn names(user: &AdobeUser) -> impl Iterator<Item = &str> {
    user.names().map(str::trim).filter(|name| !name.is_empty())
}

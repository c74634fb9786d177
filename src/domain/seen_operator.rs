//! The operators of an instance as a run leaves them: with their number of operator groups, and whether they are disabled.

use super::{Action, CampaignSnapshot, Change, Operator, OperatorId};

/// One operator as a run has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenOperator<'a> {
    /// The operator as it was read.
    pub operator: &'a Operator,
    /// Whether the operator cannot sign in.
    pub disabled: bool,
    /// Number of operator groups that it is a member of, managed or not.
    pub in_groups: u32,
}

/// All operators of the snapshot, by id, as they are after the changes that were made. An operator that a change created
/// has no key yet: the next read contains it.
pub fn operators_after<'a, 'c>(
    snapshot: &'a CampaignSnapshot,
    made: impl IntoIterator<Item = &'c Change>,
) -> Vec<SeenOperator<'a>> {
    let seen = snapshot.operators_with_groups();
    let seen = seen.map(|(operator, in_groups)| SeenOperator { operator, disabled: operator.disabled, in_groups });
    let mut seen: Vec<SeenOperator<'a>> = seen.collect();
    let mut of = |id: OperatorId, update: &dyn Fn(&mut SeenOperator<'_>)| {
        let at = seen.binary_search_by_key(&id, |seen| seen.operator.id).ok();
        if let Some(operator) = at.and_then(|at| seen.get_mut(at)) {
            update(operator);
        }
    };
    for change in made {
        match &change.action {
            Action::Add { operator_id: Some(id), .. } => of(*id, &|operator| operator.in_groups += 1),
            Action::Remove { operator_id, .. } => {
                of(*operator_id, &|operator| operator.in_groups = operator.in_groups.saturating_sub(1));
            }
            Action::DisableOperator { operator_id, .. } => of(*operator_id, &|operator| operator.disabled = true),
            Action::Add { operator_id: None, .. } | Action::CreateGroup { .. } | Action::CreateOperator { .. } => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorLogin, ProductProfileName, SignInMethod,
    };

    fn operator(id: i64, login: &str, disabled: bool) -> Operator {
        let (id, login) = (OperatorId(id), OperatorLogin::new(login));
        Operator { id, login, has_agent_label: false, sign_in: SignInMethod::Ims, disabled }
    }

    fn change(action: Action) -> Change {
        Change { action, profile: ProductProfileName::new("p"), reason: "because".into() }
    }

    #[test]
    fn operators_have_the_groups_and_the_state_that_the_changes_left_them() {
        let group = |id, name: &str| OperatorGroup {
            id: OperatorGroupId(id),
            name: OperatorGroupName::new(name),
            label: String::new(),
        };
        let operators = vec![operator(7, "ann", false), operator(3, "bob", true), operator(5, "cid", false)];
        let memberships = [(7, 1), (7, 2), (5, 1)].map(|(who, group)| (OperatorId(who), OperatorGroupId(group)));
        let groups = vec![group(1, "a"), group(2, "b")];
        let snapshot = CampaignSnapshot::new(operators, groups, memberships, OperatorLogin::new("me"));
        let shown = |made: &[Change]| {
            let seen = operators_after(&snapshot, made);
            seen.iter().map(|it| (it.operator.login.to_string(), it.disabled, it.in_groups)).collect::<Vec<_>>()
        };
        let expect = |rows: [(&str, bool, u32); 3]| rows.map(|(login, off, groups)| (login.to_owned(), off, groups));
        assert_eq!(shown(&[]), expect([("bob", true, 0), ("cid", false, 1), ("ann", false, 2)]));
        let (name, id) = (OperatorGroupName::new("a"), OperatorGroupId(1));
        let made = [
            change(Action::Remove {
                operator: OperatorLogin::new("cid"),
                operator_id: OperatorId(5),
                group: name.clone(),
                group_id: id,
            }),
            change(Action::Add {
                operator: OperatorLogin::new("bob"),
                operator_id: Some(OperatorId(3)),
                group: name.clone(),
                group_id: Some(id),
            }),
            change(Action::Add { operator: OperatorLogin::new("new"), operator_id: None, group: name, group_id: None }),
            change(Action::DisableOperator { operator: OperatorLogin::new("cid"), operator_id: OperatorId(5) }),
        ];
        assert_eq!(shown(&made), expect([("bob", true, 1), ("cid", true, 0), ("ann", false, 2)]));
    }
}

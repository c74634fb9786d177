//! Records that concern the mask and cannot be used: whoever they stand for is neither added nor removed.

use super::{CampaignSnapshot, FoldedName, ManagedGroup, Person, SkipReason, Skipped, UnusableOperator};

/// One notice for each operator in one of these groups whose record cannot be used. Such an operator is in no plan,
/// because nothing says whom it stands for.
pub(super) fn unusable_operators<'a>(
    groups: impl Iterator<Item = &'a ManagedGroup>,
    campaign: &CampaignSnapshot,
) -> Vec<Skipped> {
    let groups: Vec<_> = groups.filter_map(|group| Some((group.id?, &group.name))).collect();
    let notice = |operator: &UnusableOperator| {
        let names: Vec<_> = groups
            .iter()
            .filter(|(id, _)| operator.groups.contains(id))
            .map(|(_, name)| format!("\"{name}\""))
            .collect();
        (!names.is_empty()).then(|| {
            let detail = format!(
                "is in {} and has a record that cannot be used ({}): correct it in Campaign under Administration > \
                 Access management > Operators",
                names.join(", "),
                operator.what
            );
            Skipped::new(SkipReason::UnusableRecord, subject(operator), detail)
        })
    };
    campaign.unusable().iter().filter_map(notice).collect()
}

/// The operator that has this person's login and a record that cannot be used.
pub(super) fn unusable_operator_of<'a>(
    person: &Person,
    campaign: &'a CampaignSnapshot,
) -> Option<&'a UnusableOperator> {
    let names = [&person.email, &person.user_name].into_iter().flatten();
    let logins: Vec<FoldedName> = names.map(|name| FoldedName::new(name)).collect();
    let has_login =
        |operator: &&UnusableOperator| operator.login.as_ref().is_some_and(|login| logins.contains(&login.folded()));
    campaign.unusable().iter().find(has_login)
}

fn subject(operator: &UnusableOperator) -> String {
    operator.login.as_ref().map_or_else(|| format!("operator with id {}", operator.id), ToString::to_string)
}

//! Warnings for the reader of a report that do not change the outcome of the run.

use std::collections::BTreeMap;

use super::{
    CampaignSnapshot, DesiredState, FoldedName, History, Operator, OperatorId, SourceRead,
    profile_changes::{TieChange, profile_changes},
};

/// Adobe gives members of every product profile with this word in its name access to the Control Panel, in any letter
/// case.
const CONTROL_PANEL_WORD: &str = "admin";

/// Whether members of a product profile with this name have access to Adobe's Control Panel.
pub fn opens_control_panel(profile: &str) -> bool {
    FoldedName::new(profile).as_str().contains(CONTROL_PANEL_WORD)
}

/// One sentence for each warning about this instance: profiles that give access to the Control Panel, renamed profiles,
/// groups that follow another profile than before or were created again, and disabled operators that belong in a group.
/// In this order, each sorted by name.
pub fn warnings(
    read: &SourceRead,
    desired: &DesiredState,
    campaign: &CampaignSnapshot,
    history: &History,
) -> Vec<String> {
    let control_panel = read.matched.iter().filter(|followed| opens_control_panel(followed.profile.as_str()));
    let control_panel = control_panel.map(|followed| {
        let (profile, word) = (&followed.profile, CONTROL_PANEL_WORD);
        format!("profile \"{profile}\" has \"{word}\" in its name: Adobe gives its members access to the Control Panel")
    });
    let renamed = renamed_profiles(read, history);
    let changed = profile_changes(read, campaign, &history.known).into_values();
    let changed = changed.filter(|change| matches!(change.tie, TieChange::OtherProfile | TieChange::GroupMadeAgain));
    let changed = changed.map(|change| change.what);
    let disabled = disabled_members(desired, campaign);
    control_panel.chain(renamed).chain(changed).chain(disabled).collect()
}

fn renamed_profiles(read: &SourceRead, history: &History) -> Vec<String> {
    let renamed = read.matched.iter().filter_map(|followed| {
        let (id, new) = (followed.profile_id?, &followed.profile);
        let old = history.known.name(id).filter(|old| old.folded() != new.folded())?;
        Some(format!("profile \"{old}\" (id {id}) is called \"{new}\" now"))
    });
    renamed.collect()
}

fn disabled_members(desired: &DesiredState, campaign: &CampaignSnapshot) -> Vec<String> {
    // Only disabled operators have a list: a large instance has a million members.
    let disabled = campaign.operators().iter().filter(|operator| operator.disabled);
    let mut groups_of: BTreeMap<OperatorId, (&Operator, Vec<&str>)> =
        disabled.map(|operator| (operator.id, (operator, Vec::new()))).collect();
    for group in &desired.groups {
        for operator in group.members.iter() {
            if let Some((_, groups)) = groups_of.get_mut(&operator) {
                groups.push(group.name.as_str());
            }
        }
    }
    let mut disabled: Vec<_> = groups_of
        .into_values()
        .filter(|(_, groups)| !groups.is_empty())
        .map(|(operator, groups)| {
            let groups = groups.iter().map(|group| format!("\"{group}\"")).collect::<Vec<_>>().join(", ");
            format!("operator \"{}\" belongs in {groups} and is disabled in Campaign", operator.login)
        })
        .collect();
    disabled.sort_unstable();
    disabled
}

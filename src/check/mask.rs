//! Applies an association mask to product profiles: each is matched, nearly matched, or not matched with a reason.

use serde::Serialize;

use crate::domain::{AssociationMask, FoldedName, MaskMatch, OperatorGroup, OperatorGroupName};

use super::{
    mask_shape::MaskShape,
    name_diff::{NameDifference, near_match},
};

/// How many characters of a text are quoted.
const QUOTED_CHARACTERS: usize = 24;

/// How a name matches a mask. Each name is one of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// The mask maps the profile to an operator group.
    Matched,
    /// The mask would match the profile if a few characters were different.
    NearlyMatched,
    /// The mask does not match the profile.
    Unmatched,
}

/// Whether the operator group of a profile exists in Campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupPresence {
    /// Campaign has the group.
    Exists,
    /// Campaign does not have the group.
    Missing,
    /// Campaign has two groups whose names differ only in letter case.
    Ambiguous,
}

/// How one product profile matches a mask. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileMatch {
    /// The name of the profile.
    pub profile: String,
    /// How it matches.
    pub matching: MatchKind,
    /// The operator group that the mask maps it to, or would map it to; in Campaign's spelling where Campaign has it.
    pub group: Option<String>,
    /// Whether Campaign has that group; `None` where Campaign was not read.
    pub in_campaign: Option<GroupPresence>,
    /// Why the mask does not match it, or what is wrong with the match.
    pub reason: Option<String>,
    /// The differences of a near match.
    pub differences: Vec<NameDifference>,
    /// The corrected name of a near match, which the mask would match.
    pub corrected: Option<String>,
    /// The corrected mask for a near match, which would match the name as it is.
    pub corrected_mask: Option<String>,
}

/// The effect of another mask on one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchChange {
    /// Only the other mask matches it.
    Gained,
    /// Only the configured mask matches it.
    Lost,
    /// Both match it, and map it to different operator groups.
    OtherGroup,
    /// The result is the same for both.
    Same,
}

/// One product profile under two masks. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskComparison {
    /// The name of the profile.
    pub profile: String,
    /// The effect of the other mask.
    pub change: MatchChange,
    /// The group that the configured mask maps it to.
    pub configured: Option<String>,
    /// The group that the other mask maps it to.
    pub tried: Option<String>,
}

/// Matches each of the names; the result is sorted by kind of match and then by name. `groups` are those of Campaign,
/// where they are known.
pub fn match_names<'a>(
    mask: &AssociationMask,
    names: impl IntoIterator<Item = &'a str>,
    groups: Option<&[OperatorGroup]>,
) -> Vec<ProfileMatch> {
    let shape = MaskShape::of(mask);
    let mut verdicts: Vec<_> = names.into_iter().map(|name| verdict(mask, &shape, name)).collect();
    refuse_shared_groups(&mut verdicts);
    if let Some(groups) = groups {
        for verdict in &mut verdicts {
            verdict.look_up(groups);
        }
    }
    verdicts.sort_by_cached_key(|verdict| (verdict.matching, verdict.profile.to_lowercase(), verdict.profile.clone()));
    verdicts
}

/// Compares both masks for each of the names; those that change come first.
pub fn compare_masks<'a>(
    configured: &AssociationMask,
    tried: &AssociationMask,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<MaskComparison> {
    let group = |mask: &AssociationMask, name: &str| match mask.matches(name) {
        MaskMatch::Group(group) => Some(group),
        MaskMatch::EmptyCapture | MaskMatch::NoMatch => None,
    };
    let text = |group: Option<OperatorGroupName>| group.map(|group| group.to_string());
    let mut compared: Vec<_> = names
        .into_iter()
        .map(|name| {
            let (before, after) = (group(configured, name), group(tried, name));
            let change = match (&before, &after) {
                (None, Some(_)) => MatchChange::Gained,
                (Some(_), None) => MatchChange::Lost,
                (Some(before), Some(after)) if before.folded() != after.folded() => MatchChange::OtherGroup,
                _ => MatchChange::Same,
            };
            MaskComparison { profile: name.to_owned(), change, configured: text(before), tried: text(after) }
        })
        .collect();
    compared.sort_by_cached_key(|one| (one.change, one.profile.to_lowercase(), one.profile.clone()));
    compared
}

fn verdict(mask: &AssociationMask, shape: &MaskShape, name: &str) -> ProfileMatch {
    let unmatched = ProfileMatch {
        profile: name.to_owned(),
        matching: MatchKind::Unmatched,
        group: None,
        in_campaign: None,
        reason: None,
        differences: Vec::new(),
        corrected: None,
        corrected_mask: None,
    };
    match mask.matches(name) {
        MaskMatch::Group(group) => {
            ProfileMatch { matching: MatchKind::Matched, group: Some(group.to_string()), ..unmatched }
        }
        MaskMatch::EmptyCapture => {
            let reason =
                "the mask matches, and its capture group is empty: there is no name of an operator group".to_owned();
            ProfileMatch { reason: Some(reason), ..unmatched }
        }
        MaskMatch::NoMatch => match near_match(mask, shape, name) {
            Some(near) => ProfileMatch {
                matching: MatchKind::NearlyMatched,
                group: Some(near.group.to_string()),
                differences: near.differences,
                corrected: Some(near.corrected),
                corrected_mask: near.corrected_mask,
                ..unmatched
            },
            None => ProfileMatch { reason: Some(why_not(shape, name)), ..unmatched },
        },
    }
}

/// Why the mask does not match a name: the first place where the name differs from it.
fn why_not(shape: &MaskShape, name: &str) -> String {
    let begin = name.chars().take_while(|character| character.is_whitespace()).count();
    let characters: Vec<char> = name.trim().chars().collect();
    let same = |(wanted, found): &(&char, &char)| wanted.to_lowercase().eq(found.to_lowercase());
    let agreed = shape.prefix.iter().zip(&characters).take_while(same).count();
    let missing = shape.prefix.get(agreed..).unwrap_or_default();
    if missing.is_empty() {
        let rest: String = characters.get(agreed..).unwrap_or_default().iter().collect();
        let rest = if rest.is_empty() { "the empty rest of the name".to_owned() } else { quoted(&rest) };
        let tail: String = shape.suffix.iter().collect();
        return format!("{rest} does not fit {}", shape.capture.clone() + &shape.written(&tail));
    }
    let expected = quoted(&missing.iter().collect::<String>());
    if agreed == characters.len() {
        return format!("ends too early: the mask continues with {expected}");
    }
    format!("differs from character {} on: expected {expected}", begin + agreed + 1)
}

/// The beginning of a text, in quotation marks.
fn quoted(text: &str) -> String {
    let beginning: String = text.chars().take(QUOTED_CHARACTERS).collect();
    let more = if beginning.len() < text.len() { "…" } else { "" };
    format!("\"{beginning}{more}\"")
}

/// Adds a reason to profiles that map to one group, or to groups that look alike: a run skips them.
fn refuse_shared_groups(verdicts: &mut [ProfileMatch]) {
    let loose = |verdict: &ProfileMatch| verdict.group.as_deref().map(|group| FoldedName::new(group).loose());
    let matched = |verdict: &&ProfileMatch| verdict.matching == MatchKind::Matched;
    let groups: Vec<_> = verdicts.iter().filter(matched).filter_map(loose).collect();
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.matching == MatchKind::Matched) {
        let group = loose(verdict);
        if groups.iter().filter(|other| Some(*other) == group.as_ref()).count() > 1 {
            verdict.reason = Some("another profile maps to the same operator group: a run skips both".to_owned());
        }
    }
}

impl ProfileMatch {
    /// Finds the group in Campaign, regardless of letter case.
    fn look_up(&mut self, groups: &[OperatorGroup]) {
        let Some(group) = self.group.as_deref().map(|group| OperatorGroupName::new(group).folded()) else { return };
        let mut found = groups.iter().filter(|known| known.name.folded() == group);
        self.in_campaign = Some(match (found.next(), found.next()) {
            (None, _) => GroupPresence::Missing,
            (Some(known), None) => {
                self.group = Some(known.name.to_string());
                GroupPresence::Exists
            }
            (Some(_), Some(_)) => GroupPresence::Ambiguous,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OperatorGroupId;

    fn mask(text: &str) -> AssociationMask {
        AssociationMask::parse(text).expect("a mask")
    }

    #[test]
    fn a_name_that_does_not_match_has_the_place_of_the_first_difference() {
        let check = |text: &str, name: &str, expected: &str| {
            let [verdict] = &match_names(&mask(text), [name], None)[..] else { panic!("one name") };
            assert_eq!(verdict.matching, MatchKind::Unmatched, "{name}");
            assert_eq!(verdict.reason.as_deref(), Some(expected), "{name}");
        };
        let acme = "Campaign - acme - (.*)";
        check(acme, "Photoshop", "differs from character 1 on: expected \"Campaign - acme - \"");
        check(acme, "Campaign - ACME-stage - x", "differs from character 16 on: expected \" - \"");
        check(acme, " Campaign - globex - x", "differs from character 13 on: expected \"acme - \"");
        check(acme, "Campaign", "ends too early: the mask continues with \" - acme - \"");
        check(
            acme,
            "Campaign - acme - ",
            "the mask matches, and its capture group is empty: there is no name of an operator group",
        );
        check("Campaign - ([a-z]+) - x", "Campaign - 7 - x", "\"7 - x\" does not fit ([a-z]+) - x");
    }

    #[test]
    fn the_spelling_of_groups_is_that_of_campaign() {
        let groups = ["Delivery", "Offers", "offers"].into_iter().zip(1..).map(|(name, id)| OperatorGroup {
            id: OperatorGroupId(id),
            name: OperatorGroupName::new(name),
            label: String::new(),
        });
        let groups: Vec<_> = groups.collect();
        let names = ["C - delivery", "C - offers", "C - x", "C – delivery", "C - y", "c - Y"];
        let found = match_names(&mask("C - (.*)"), names, Some(&groups));
        let shown = |one: &ProfileMatch| {
            let shared = if one.reason.is_some() { " shared" } else { "" };
            format!("{}: {} {:?}{shared}", one.profile, one.group.clone().unwrap_or_default(), one.in_campaign)
        };
        let found: Vec<_> = found.iter().map(shown).collect();
        assert_eq!(
            found,
            [
                "C - delivery: Delivery Some(Exists)",
                "C - offers: offers Some(Ambiguous)",
                "C - x: x Some(Missing)",
                "C - y: y Some(Missing) shared",
                "c - Y: Y Some(Missing) shared",
                "C – delivery: Delivery Some(Exists)",
            ]
        );
    }

    #[test]
    fn two_masks_are_compared_and_changed_profiles_come_first() {
        let names = ["C - a", "C – a", "C - b x", "Photoshop", "C - c"];
        let found = compare_masks(&mask("C - (.*)"), &mask("C [-–] ([a-b])(?: x)?"), names);
        let found: Vec<_> = found.iter().map(|one| format!("{:?} {}", one.change, one.profile)).collect();
        assert_eq!(found, ["Gained C – a", "Lost C - c", "OtherGroup C - b x", "Same C - a", "Same Photoshop"]);
    }
}

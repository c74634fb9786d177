//! What an association mask says of each product profile: matched, nearly matched, or not matched and why.

use serde::Serialize;

use crate::domain::{AssociationMask, FoldedName, MaskMatch, OperatorGroup, OperatorGroupName};

use super::{
    mask_shape::MaskShape,
    name_diff::{NameDifference, near_match},
};

/// Characters of a text that are quoted.
const QUOTED_CHARACTERS: usize = 24;

/// What a mask says of a name. Every name is one of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// The profile stands for an operator group.
    Matched,
    /// It would stand for one if a few characters were different.
    NearlyMatched,
    /// It has nothing to do with the mask.
    Unmatched,
}

/// Whether the operator group of a profile is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupPresence {
    /// Campaign has it.
    Exists,
    /// Campaign does not have it.
    Missing,
    /// Campaign has two that differ in letter case only.
    Ambiguous,
}

/// What a mask says of one product profile. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileMatch {
    /// The name of the profile.
    pub profile: String,
    /// Which of the three it is.
    pub matching: MatchKind,
    /// The operator group it stands for, or would stand for; in Campaign's spelling where Campaign has it.
    pub group: Option<String>,
    /// Whether Campaign has that group; `None` where Campaign was not asked.
    pub in_campaign: Option<GroupPresence>,
    /// Why it is not matched, or what is wrong with the match.
    pub reason: Option<String>,
    /// Of a near match: where it differs.
    pub differences: Vec<NameDifference>,
    /// Of a near match: the name as the mask would match it.
    pub corrected: Option<String>,
    /// Of a near match: the mask that would match the name as it is.
    pub corrected_mask: Option<String>,
}

/// What became of a profile under another mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchChange {
    /// Matched by the other mask only.
    Gained,
    /// Matched by the configured mask only.
    Lost,
    /// Matched by both, for different operator groups.
    OtherGroup,
    /// The same under both.
    Same,
}

/// One product profile under two masks. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskComparison {
    /// The name of the profile.
    pub profile: String,
    /// What becomes of it.
    pub change: MatchChange,
    /// Its group under the configured mask.
    pub configured: Option<String>,
    /// Its group under the other one.
    pub tried: Option<String>,
}

/// What the mask says of each of the names, sorted by what it says and then by name. `groups` are those of Campaign, where
/// they are known.
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

/// Each of the names under both masks, those that change first.
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
            let reason = "the mask matches, and its capture is empty: it names no operator group".to_owned();
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

/// Where a name leaves the mask.
fn why_not(shape: &MaskShape, name: &str) -> String {
    let begin = name.chars().take_while(|character| character.is_whitespace()).count();
    let characters: Vec<char> = name.trim().chars().collect();
    let same = |(wanted, found): &(&char, &char)| wanted.to_lowercase().eq(found.to_lowercase());
    let agreed = shape.prefix.iter().zip(&characters).take_while(same).count();
    let missing = shape.prefix.get(agreed..).unwrap_or_default();
    if missing.is_empty() {
        let rest: String = characters.get(agreed..).unwrap_or_default().iter().collect();
        let rest = if rest.is_empty() { "what follows (nothing)".to_owned() } else { quoted(&rest) };
        let tail: String = shape.suffix.iter().collect();
        return format!("{rest} does not fit {}", shape.capture.clone() + &shape.written(&tail));
    }
    let expected = quoted(&missing.iter().collect::<String>());
    if agreed == characters.len() {
        return format!("ends where the mask continues with {expected}");
    }
    format!("differs from character {} on: expected {expected}", begin + agreed + 1)
}

/// The beginning of a text, in quotation marks.
fn quoted(text: &str) -> String {
    let beginning: String = text.chars().take(QUOTED_CHARACTERS).collect();
    let more = if beginning.len() < text.len() { "…" } else { "" };
    format!("\"{beginning}{more}\"")
}

/// Two profiles for one group, or for groups that look alike, are refused by a run; both are told so.
fn refuse_shared_groups(verdicts: &mut [ProfileMatch]) {
    let loose = |verdict: &ProfileMatch| verdict.group.as_deref().map(|group| FoldedName::new(group).loose());
    let matched = |verdict: &&ProfileMatch| verdict.matching == MatchKind::Matched;
    let groups: Vec<_> = verdicts.iter().filter(matched).filter_map(loose).collect();
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.matching == MatchKind::Matched) {
        let group = loose(verdict);
        if groups.iter().filter(|other| Some(*other) == group.as_ref()).count() > 1 {
            verdict.reason = Some("another profile has the same operator group: a run skips both".to_owned());
        }
    }
}

impl ProfileMatch {
    /// Looks for the group in Campaign, where letter case does not count.
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
    fn a_name_that_does_not_match_says_where_it_leaves_the_mask() {
        let check = |text: &str, name: &str, expected: &str| {
            let [verdict] = &match_names(&mask(text), [name], None)[..] else { panic!("one name") };
            assert_eq!(verdict.matching, MatchKind::Unmatched, "{name}");
            assert_eq!(verdict.reason.as_deref(), Some(expected), "{name}");
        };
        let acme = "Campaign - acme - (.*)";
        check(acme, "Photoshop", "differs from character 1 on: expected \"Campaign - acme - \"");
        check(acme, "Campaign - ACME-stage - x", "differs from character 16 on: expected \" - \"");
        check(acme, " Campaign - globex - x", "differs from character 13 on: expected \"acme - \"");
        check(acme, "Campaign", "ends where the mask continues with \" - acme - \"");
        check(acme, "Campaign - acme - ", "the mask matches, and its capture is empty: it names no operator group");
        check("Campaign - ([a-z]+) - x", "Campaign - 7 - x", "\"7 - x\" does not fit ([a-z]+) - x");
    }

    #[test]
    fn groups_are_those_of_campaign() {
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
    fn two_masks_are_compared_by_what_they_change() {
        let names = ["C - a", "C – a", "C - b x", "Photoshop", "C - c"];
        let found = compare_masks(&mask("C - (.*)"), &mask("C [-–] ([a-b])(?: x)?"), names);
        let found: Vec<_> = found.iter().map(|one| format!("{:?} {}", one.change, one.profile)).collect();
        assert_eq!(found, ["Gained C – a", "Lost C - c", "OtherGroup C - b x", "Same C - a", "Same Photoshop"]);
    }
}

//! Finds names that nearly match a mask, and where they differ from its literal parts, character by character.

use serde::Serialize;

use crate::domain::{AssociationMask, MaskMatch, OperatorGroupName};

use super::{
    confusables::{Likeness, is_space_or_dash, likeness},
    mask_shape::MaskShape,
};

/// The cost of a difference that is easily overlooked: a space, a dash, a look-alike.
const MINOR_COST: usize = 1;

/// The cost of any other missing, extra or different character.
const MAJOR_COST: usize = 4;

/// A typing error has at most this many other characters: two, because two swapped letters count twice. Three make
/// another name.
const MOST_MAJOR: usize = 2;

/// One place where a name differs from the mask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameDifference {
    /// The position of the first character that differs, counted from 1; missing characters belong before it.
    pub position: usize,
    /// The characters of the name; empty when characters are missing.
    pub found: String,
    /// The characters that the mask expects; empty when the name has extra characters.
    pub expected: String,
}

/// A name that a mask would match if a few characters were different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMatch {
    /// The differences from left to right; never empty.
    pub differences: Vec<NameDifference>,
    /// The corrected name, which the mask matches.
    pub corrected: String,
    /// The group that the mask maps the corrected name to.
    pub group: OperatorGroupName,
    /// A mask that would match the name as it is; `None` where a change of the literal parts is not enough.
    pub corrected_mask: Option<String>,
}

/// The near match of a name; `None` when the mask matches it, or the name is too different. The corrected name matches.
pub(super) fn near_match(mask: &AssociationMask, shape: &MaskShape, name: &str) -> Option<NearMatch> {
    if mask.matches(name) != MaskMatch::NoMatch {
        return None;
    }
    let begin = name.chars().take_while(|character| character.is_whitespace()).count();
    let characters: Vec<char> = name.trim().chars().collect();
    let prefix = Alignment::of(&shape.prefix, &characters);
    let rest = characters.get(prefix.length..).unwrap_or_default();
    let backwards = |characters: &[char]| characters.iter().rev().copied().collect::<Vec<_>>();
    let suffix = Alignment::of(&backwards(&shape.suffix), &backwards(rest)).reversed();
    if !prefix.is_slip(&shape.prefix) || !suffix.is_slip(&shape.suffix) {
        return None;
    }
    let middle = rest.get(..rest.len() - suffix.length)?;
    if prefix.continues_another_word(&shape.prefix, middle) {
        return None;
    }
    let corrected: String = shape.prefix.iter().chain(middle).chain(&shape.suffix).collect();
    let MaskMatch::Group(group) = mask.matches(&corrected) else { return None };
    let mut differences = prefix.differences(begin);
    differences.extend(suffix.differences(begin + characters.len() - suffix.length));
    let is_another_number =
        |difference: &NameDifference| is_number(&difference.found) && is_number(&difference.expected);
    // Tenants are numbered: another number is another tenant, and not a typing error.
    let is_near = !differences.is_empty() && !differences.iter().any(is_another_number);
    let literal =
        |characters: Option<&[char]>| shape.written(&characters.unwrap_or_default().iter().collect::<String>());
    let before = literal(characters.get(..prefix.length));
    let behind = literal(rest.get(rest.len() - suffix.length..));
    let corrected_mask = Some([before.as_str(), &shape.capture, &behind].concat()).filter(|text| {
        let mask = AssociationMask::parse(text);
        mask.is_ok_and(|mask| matches!(mask.matches(name), MaskMatch::Group(_)))
    });
    is_near.then_some(NearMatch { differences, corrected, group, corrected_mask })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_digit())
}

/// One step of an alignment of the expected text with the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// An expected character, and the character of the name at its place.
    Both(char, char),
    /// An expected character is missing.
    Missing(char),
    /// An extra character.
    Extra(char),
}

impl Step {
    fn wanted(self) -> Option<char> {
        match self {
            Self::Both(character, _) | Self::Missing(character) => Some(character),
            Self::Extra(_) => None,
        }
    }

    fn found(self) -> Option<char> {
        match self {
            Self::Both(_, character) | Self::Extra(character) => Some(character),
            Self::Missing(_) => None,
        }
    }

    fn characters(self) -> impl Iterator<Item = char> {
        self.wanted().into_iter().chain(self.found())
    }

    fn is_same(self) -> bool {
        self.cost() == 0
    }

    fn cost(self) -> usize {
        let weight = |is_space_or_dash| if is_space_or_dash { MINOR_COST } else { MAJOR_COST };
        match self {
            Self::Both(wanted, found) => match likeness(wanted, found) {
                Likeness::Same => 0,
                Likeness::Alike => MINOR_COST,
                Likeness::Different => MAJOR_COST,
            },
            // A missing dash joins two words, so that the group cannot be found: only a missing space is minor.
            Self::Missing(character) => {
                weight(is_space_or_dash(character) && likeness(character, ' ') != Likeness::Different)
            }
            Self::Extra(character) => weight(is_space_or_dash(character)),
        }
    }
}

/// The cheapest alignment of the expected text with a beginning of the name.
struct Alignment {
    steps: Vec<Step>,
    /// The number of characters of the name that it covers.
    length: usize,
}

impl Alignment {
    fn of(wanted: &[char], found: &[char]) -> Self {
        // A beginning more than twice as long as the expected text costs more than any typing error.
        let found = found.get(..wanted.len() * 2 + MOST_MAJOR).unwrap_or(found);
        let costs = costs(wanted, found);
        let last = costs.last().map(Vec::as_slice).unwrap_or_default();
        // Of equally cheap ends the last: extra characters belong to the literal part, and not to the group.
        let end = last.iter().enumerate().rev().min_by_key(|(_, cost)| **cost).map_or(0, |(at, _)| at);
        let (mut row, mut column, mut steps) = (wanted.len(), end, Vec::new());
        let cost = |row: usize, column: usize| costs.get(row).and_then(|costs| costs.get(column)).copied();
        while row + column > 0 {
            let above = row.checked_sub(1).and_then(|at| wanted.get(at)).copied();
            let left = column.checked_sub(1).and_then(|at| found.get(at)).copied();
            let here = cost(row, column);
            let leads = |step: Step, row, column| cost(row, column).map(|cost| cost + step.cost()) == here;
            let step = match (above, left) {
                (Some(wanted), Some(found)) if leads(Step::Both(wanted, found), row - 1, column - 1) => {
                    Step::Both(wanted, found)
                }
                (Some(wanted), _) if leads(Step::Missing(wanted), row - 1, column) => Step::Missing(wanted),
                (_, Some(found)) => Step::Extra(found),
                (Some(wanted), None) => Step::Missing(wanted),
                (None, None) => break,
            };
            row -= step.wanted().into_iter().count();
            column -= step.found().into_iter().count();
            steps.push(step);
        }
        steps.reverse();
        Self { steps, length: end }
    }

    fn reversed(mut self) -> Self {
        self.steps.reverse();
        self
    }

    /// Whether the differences can be a typing error: a few characters, and not most of them.
    fn is_slip(&self, wanted: &[char]) -> bool {
        let count = |cost| self.steps.iter().filter(|step| step.cost() == cost).count();
        let (light, heavy) = (count(MINOR_COST), count(MAJOR_COST));
        let letters = wanted.iter().filter(|character| !is_space_or_dash(**character)).count();
        heavy <= MOST_MAJOR && heavy * MAJOR_COST <= letters && light + heavy <= wanted.len() / 2
    }

    /// Whether the separator before the group differs here and follows later as expected: in `acme-stage - delivery`
    /// the tenant is another one, and not misspelled.
    fn continues_another_word(&self, wanted: &[char], rest: &[char]) -> bool {
        let light = wanted.iter().rev().take_while(|character| is_space_or_dash(**character)).count();
        let separator = wanted.get(wanted.len() - light..).unwrap_or_default();
        let differs = self
            .steps
            .iter()
            .rev()
            .take_while(|step| step.wanted().is_none_or(is_space_or_dash))
            .any(|step| !step.is_same());
        differs && !separator.is_empty() && rest.windows(separator.len()).any(|characters| characters == separator)
    }

    /// The differences. Neighbouring steps form one difference, and so do two with one space or dash between them.
    /// `before` is the number of characters of the name before the first step.
    fn differences(&self, before: usize) -> Vec<NameDifference> {
        let (mut differences, mut at, mut was_same): (Vec<NameDifference>, _, _) = (Vec::new(), before, true);
        for (place, step) in self.steps.iter().enumerate() {
            let is_same = step.is_same() && (was_same || !self.joins(place));
            if !is_same {
                if was_same {
                    differences.push(NameDifference {
                        position: at + 1,
                        found: String::new(),
                        expected: String::new(),
                    });
                }
                if let Some(difference) = differences.last_mut() {
                    difference.expected.extend(step.wanted());
                    difference.found.extend(step.found());
                }
            }
            at += step.found().into_iter().count();
            was_same = is_same;
        }
        differences
    }

    /// Whether an equal character joins the differences on both sides to one: a dash with its surrounding spaces.
    fn joins(&self, place: usize) -> bool {
        let is_part =
            |step: Option<&Step>| step.is_some_and(|step| !step.is_same() && step.characters().all(is_space_or_dash));
        let is_between = self.steps.get(place).is_some_and(|step| step.characters().all(is_space_or_dash));
        let before = place.checked_sub(1).and_then(|place| self.steps.get(place));
        is_between && is_part(before) && is_part(self.steps.get(place + 1))
    }
}

/// The lowest cost of an alignment of each beginning of `wanted` with each beginning of `found`.
fn costs(wanted: &[char], found: &[char]) -> Vec<Vec<usize>> {
    let first = std::iter::once(0)
        .chain(found.iter().scan(0, |sum, character| {
            *sum += Step::Extra(*character).cost();
            Some(*sum)
        }))
        .collect();
    let mut rows: Vec<Vec<usize>> = vec![first];
    for wanted in wanted {
        let above = rows.last().map(Vec::as_slice).unwrap_or_default();
        let missing = Step::Missing(*wanted).cost();
        let mut left = above.first().map_or(0, |cost| cost + missing);
        let mut row = vec![left];
        for (pair, found) in above.windows(2).zip(found) {
            let &[diagonal, up] = pair else { continue };
            let both = diagonal + Step::Both(*wanted, *found).cost();
            left = both.min(up + missing).min(left + Step::Extra(*found).cost());
            row.push(left);
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each difference as `position:found>expected`.
    fn near(mask: &str, name: &str) -> Option<(String, String)> {
        let mask = AssociationMask::parse(mask).expect("a mask");
        let near = near_match(&mask, &MaskShape::of(&mask), name)?;
        let shown = near.differences.iter().map(|one| format!("{}:{}>{}", one.position, one.found, one.expected));
        Some((shown.collect::<Vec<_>>().join(" "), near.group.to_string()))
    }

    fn check(mask: &str, name: &str, differences: &str, group: &str) {
        let expected = (!group.is_empty()).then(|| (differences.to_owned(), group.to_owned()));
        assert_eq!(near(mask, name), expected, "{mask} on {name:?}");
    }

    const MASK: &str = "Campaign - acme - (.*)";

    #[test]
    fn spaces_dashes_and_look_alikes_are_found() {
        check(MASK, "Campaign – acme - delivery", "10:–>-", "delivery");
        check(MASK, "Campaign - acme -delivery", "18:> ", "delivery");
        check(MASK, "Campaign-acme-delivery", "9:-> -  14:-> - ", "delivery");
        check(MASK, "Campaign  - acme - delivery", "9: >", "delivery");
        check(MASK, "Campaign\u{a0}- acme - delivery", "9:\u{a0}> ", "delivery");
        check(MASK, "Campaign - аcme - delivery", "12:а>a", "delivery");
        check(MASK, "  campaign – ACME – delivery ", "12:–>- 19:–>-", "delivery");
        check(MASK, "Campaign - acme -- delivery", "17:->", "delivery");
    }

    #[test]
    fn one_or_two_other_characters_are_a_typing_error_and_three_are_not() {
        check(MASK, "Campaing – acme - delivery", "7:ng>gn 10:–>-", "delivery");
        check(MASK, "Campagn - acme - delivery", "6:>i", "delivery");
        check(MASK, "Campaign - acme2 - delivery", "16:2>", "delivery");
        check(MASK, "Campaign - acme-stage - delivery", "", "");
        check(MASK, "Old Campaign - acme - delivery", "", "");
        check(MASK, "Photoshop", "", "");
        check(MASK, "", "", "");
        check("A - (.*)", "B - ops", "", "");
    }

    #[test]
    fn another_number_is_another_tenant() {
        check("Campaign - acme1 - (.*)", "Campaign - acme2 - ops", "", "");
        check("Campaign - acme9 - (.*)", "Campaign - acme10 - ops", "", "");
    }

    #[test]
    fn a_name_that_matches_or_has_no_group_is_no_near_match() {
        check(MASK, "Campaign - acme - delivery", "", "");
        check(MASK, "Campaign - acme - ", "", "");
        check(MASK, "Campaign - acme", "", "");
        check("Campaign - acme - ([a-z]+)", "Campaign – acme - del2", "", "");
    }

    #[test]
    fn the_literal_end_of_a_mask_is_compared_too() {
        check("Campaign - (.*) - x", "Campaign - ops – x", "16:–>-", "ops");
        check("Campaign - (.*) - x", "Campaign – ops -x ", "10:–>- 17:> ", "ops");
        check("Campaign - acme - ", "Campaign – acme - ops", "10:–>-", "ops");
    }
}

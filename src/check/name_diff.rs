//! Names that nearly match a mask: where they differ from its literal parts, character by character.

use serde::Serialize;

use crate::domain::{AssociationMask, MaskMatch, OperatorGroupName};

use super::{
    confusables::{Likeness, is_space_or_dash, likeness},
    mask_shape::MaskShape,
};

/// Cost of a difference that people overlook: a blank, a dash, a look-alike.
const MINOR_COST: usize = 1;

/// Cost of any other character that is missing, too much or another one.
const MAJOR_COST: usize = 4;

/// A slip of the pen is at most this many other characters: two of them swap two letters. Three make another name.
const MOST_MAJOR: usize = 2;

/// One place where a name differs from what the mask wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameDifference {
    /// The first character that differs, counted from 1; what is missing is missing before it.
    pub position: usize,
    /// What stands there; empty when something is missing.
    pub found: String,
    /// What the mask wants there; empty when something is too much.
    pub expected: String,
}

/// A name that a mask would match, if it were not for a few characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMatch {
    /// Where it differs, from left to right; never empty.
    pub differences: Vec<NameDifference>,
    /// The name as the mask would match it.
    pub corrected: String,
    /// The group that the mended name stands for.
    pub group: OperatorGroupName,
    /// The mask that would match the name as it is; `None` where it cannot be written by changing the literal parts.
    pub corrected_mask: Option<String>,
}

/// How near a name comes to a mask that does not match it. What is found here would match once it is mended.
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
    // Tenants are numbered: another number is another tenant, and no slip.
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

/// One step from what is wanted to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A character stands where one is wanted.
    Both(char, char),
    /// A character is wanted and missing.
    Missing(char),
    /// A character is too much.
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
            // Without the dash two words run together, and what follows it is no group any more.
            Self::Missing(character) => {
                weight(is_space_or_dash(character) && likeness(character, ' ') != Likeness::Different)
            }
            Self::Extra(character) => weight(is_space_or_dash(character)),
        }
    }
}

/// The cheapest way from what is wanted to the beginning of what is there.
struct Alignment {
    steps: Vec<Step>,
    /// How many of the characters that are there it takes.
    length: usize,
}

impl Alignment {
    fn of(wanted: &[char], found: &[char]) -> Self {
        // What is longer than twice the wanted text by far costs more than any slip.
        let found = found.get(..wanted.len() * 2 + MOST_MAJOR).unwrap_or(found);
        let costs = costs(wanted, found);
        let last = costs.last().map(Vec::as_slice).unwrap_or_default();
        // Of equally cheap ends the last: what is too much belongs to the literal part rather than to the group.
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

    /// Whether people may have meant what is wanted: a few characters, and not most of them.
    fn is_slip(&self, wanted: &[char]) -> bool {
        let count = |cost| self.steps.iter().filter(|step| step.cost() == cost).count();
        let (light, heavy) = (count(MINOR_COST), count(MAJOR_COST));
        let letters = wanted.iter().filter(|character| !is_space_or_dash(**character)).count();
        heavy <= MOST_MAJOR && heavy * MAJOR_COST <= letters && light + heavy <= wanted.len() / 2
    }

    /// Whether what stands before the group differs and stands as it should further on: in `acme-stage - delivery` the
    /// tenant is another one.
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

    /// Where the two differ; neighbouring steps are one difference, and so are two with one blank or dash between them.
    /// `before` characters of the name stand before the first step.
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

    /// Whether a character that is right stands between two differences and is part of what people see as one: of a dash and the
    /// blanks around it.
    fn joins(&self, place: usize) -> bool {
        let is_part =
            |step: Option<&Step>| step.is_some_and(|step| !step.is_same() && step.characters().all(is_space_or_dash));
        let is_between = self.steps.get(place).is_some_and(|step| step.characters().all(is_space_or_dash));
        let before = place.checked_sub(1).and_then(|place| self.steps.get(place));
        is_between && is_part(before) && is_part(self.steps.get(place + 1))
    }
}

/// The cheapest cost from each beginning of `wanted` to each beginning of `found`.
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
    fn blanks_dashes_and_look_alikes_are_found() {
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
    fn one_or_two_other_signs_are_a_slip_and_three_are_not() {
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
    fn what_matches_or_would_name_no_group_is_not_near() {
        check(MASK, "Campaign - acme - delivery", "", "");
        check(MASK, "Campaign - acme - ", "", "");
        check(MASK, "Campaign - acme", "", "");
        check("Campaign - acme - ([a-z]+)", "Campaign – acme - del2", "", "");
    }

    #[test]
    fn the_end_of_a_mask_counts_as_well() {
        check("Campaign - (.*) - x", "Campaign - ops – x", "16:–>-", "ops");
        check("Campaign - (.*) - x", "Campaign – ops -x ", "10:–>- 17:> ", "ops");
        check("Campaign - acme - ", "Campaign – acme - ops", "10:–>-", "ops");
    }
}

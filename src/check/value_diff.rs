//! Compares two values that should be equal, character by character, and makes spaces, letter case and look-alikes
//! visible.

use super::confusables::is_invisible;

/// `None` when the values are equal; otherwise one below the other, with marks under the characters that differ.
pub(super) fn difference(ours: &str, theirs: &str) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let (left, right): (Vec<char>, Vec<char>) = (ours.chars().collect(), theirs.chars().collect());
    let before = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let shorter = left.len().min(right.len());
    let tails = left.iter().rev().zip(right.iter().rev());
    let after = tails.take_while(|(left, right)| left == right).count().min(shorter - before);
    let marks = |length: usize| format!("{}{}", " ".repeat(before), "^".repeat((length - before - after).max(1)));
    let middle = |characters: &[char]| characters.get(before..characters.len() - after).unwrap_or_default().to_vec();
    Some(format!(
        "expected: {}\nCampaign: {}\n          {}  {}",
        shown(&left),
        shown(&right),
        marks(right.len()),
        explained(&middle(&left), &middle(&right))
    ))
}

/// A value with visible characters in place of whitespace and invisible characters.
pub(super) fn shown(characters: &[char]) -> String {
    let visible = |character: &char| match character {
        ' ' => "␣".to_owned(),
        '\u{a0}' => "⍽".to_owned(),
        '\t' => "⇥".to_owned(),
        other if other.is_control() || is_invisible(*other) => "�".to_owned(),
        other => other.to_string(),
    };
    characters.iter().map(visible).collect()
}

fn explained(ours: &[char], theirs: &[char]) -> String {
    let text = |characters: &[char]| characters.iter().collect::<String>();
    match (ours, theirs) {
        ([], extra) if extra.iter().all(|character| character.is_whitespace()) => "extra spaces in Campaign".to_owned(),
        (extra, []) if extra.iter().all(|character| character.is_whitespace()) => {
            "spaces missing in Campaign".to_owned()
        }
        ([], _) => "extra in Campaign".to_owned(),
        (_, []) => "missing in Campaign".to_owned(),
        _ if text(ours).to_lowercase() == text(theirs).to_lowercase() => "only the letter case differs".to_owned(),
        ([one], [other]) => format!("U+{:04X} is not U+{:04X}", u32::from(*one), u32::from(*other)),
        _ => "differs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_marked_under_its_character() {
        assert_eq!(difference("a", "a"), None);
        for (ours, theirs, expected) in [
            ("a - b", "a – b", "expected: a␣-␣b\nCampaign: a␣–␣b\n            ^  U+002D is not U+2013"),
            ("ab", "ab ", "expected: ab\nCampaign: ab␣\n            ^  extra spaces in Campaign"),
            ("ab", "aB", "expected: ab\nCampaign: aB\n           ^  only the letter case differs"),
            ("aab", "ab", "expected: aab\nCampaign: ab\n           ^  missing in Campaign"),
        ] {
            assert_eq!(difference(ours, theirs).as_deref(), Some(expected));
        }
    }
}

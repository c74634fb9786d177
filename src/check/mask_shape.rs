//! The literal parts of an association mask: what stands before and after the part that names the group.

use regex::Regex;

use crate::domain::AssociationMask;

/// Signs that mean something in a regular expression.
const META: &str = ".^$|()[]{}*+?\\";

/// A mask as people read it: literal text, the part that names the group, literal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskShape {
    /// What every matching name begins with; empty where that cannot be told.
    pub(super) prefix: Vec<char>,
    /// How the mask writes the part that names the group, with what cannot be read literally.
    pub(super) capture: String,
    /// What every matching name ends with; empty where that cannot be told.
    pub(super) suffix: Vec<char>,
    /// Whether the mask is a regular expression.
    pub(super) is_pattern: bool,
}

impl MaskShape {
    pub(super) fn of(mask: &AssociationMask) -> Self {
        let text = mask.as_str();
        let is_pattern = Regex::new(text).is_ok_and(|pattern| pattern.captures_len() > 1);
        if !is_pattern {
            return Self {
                prefix: text.trim_start().chars().collect(),
                capture: String::new(),
                suffix: Vec::new(),
                is_pattern,
            };
        }
        let characters: Vec<char> = text.strip_prefix('^').unwrap_or(text).chars().collect();
        let rest = |at: usize| characters.get(at..).unwrap_or_default();
        let (mut prefix, after_prefix) = literal(&characters);
        if has_alternatives(&characters) {
            return Self { prefix: Vec::new(), capture: text.to_owned(), suffix: Vec::new(), is_pattern };
        }
        // A quantifier behind the group leaves it open how often it stands there.
        let mut suffix = Vec::new();
        let mut end = characters.len();
        if let Some(length) = group(rest(after_prefix)) {
            let behind = rest(after_prefix + length);
            let (literal, used) = literal(behind);
            if matches!(behind.get(used..), Some([] | ['$'])) {
                (suffix, end) = (literal, after_prefix + length);
            }
        }
        if after_prefix == 0 {
            prefix.clear();
        }
        let capture = characters.get(after_prefix..end).unwrap_or_default().iter().collect();
        Self { prefix, capture, suffix, is_pattern }
    }

    /// A literal text as this kind of mask writes it.
    pub(super) fn written(&self, text: &str) -> String {
        if !self.is_pattern {
            return text.to_owned();
        }
        let escaped = |character: char| META.contains(character).then_some('\\').into_iter().chain([character]);
        text.chars().flat_map(escaped).collect()
    }
}

/// The literal text at the beginning of an expression, and how many characters of the expression it takes.
fn literal(characters: &[char]) -> (Vec<char>, usize) {
    let (mut text, mut at) = (Vec::new(), 0);
    loop {
        let rest = characters.get(at..).unwrap_or_default();
        let (character, length) = match rest {
            ['\\', character, ..] if !character.is_ascii_alphanumeric() && *character != '<' && *character != '>' => {
                (*character, 2)
            }
            [character, ..] if !META.contains(*character) => (*character, 1),
            _ => break,
        };
        // A quantifier belongs to the character before it.
        if matches!(rest.get(length), Some('*' | '+' | '?' | '{')) {
            break;
        }
        text.push(character);
        at += length;
    }
    (text, at)
}

/// How many characters the group at the beginning of an expression takes; `None` when there is none that captures.
fn group(characters: &[char]) -> Option<usize> {
    if !matches!(characters, ['(', next, ..] if *next != '?') && !matches!(characters, ['(', '?', 'P' | '<', ..]) {
        return None;
    }
    let mut depth = 0_usize;
    for (at, character) in unescaped(characters) {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Whether a whole other expression may stand in the place of this one.
fn has_alternatives(characters: &[char]) -> bool {
    let mut depth = 0_usize;
    unescaped(characters).any(|(_, character)| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == '|' && depth == 0
    })
}

/// The characters that mean what they are: neither escaped nor within a class.
fn unescaped(characters: &[char]) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut is_escaped, mut is_in_class) = (false, false);
    characters.iter().copied().enumerate().filter(move |(_, character)| {
        let is_meant = !is_escaped && !is_in_class;
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            _ => {}
        }
        is_meant
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_literal_parts_of_a_mask_are_found() {
        let check = |mask: &str, prefix: &str, capture: &str, suffix: &str| {
            let shape = MaskShape::of(&AssociationMask::parse(mask).expect("a mask"));
            let text = |characters: &[char]| characters.iter().collect::<String>();
            let found = (text(&shape.prefix), shape.capture.as_str(), text(&shape.suffix));
            assert_eq!(found, (prefix.to_owned(), capture, suffix.to_owned()), "{mask}");
        };
        check("Campaign - acme - (.*)", "Campaign - acme - ", "(.*)", "");
        check("^Campaign - (.*)$", "Campaign - ", "(.*)", "");
        check("Campaign - acme - ", "Campaign - acme - ", "", "");
        check("Campaign.*", "Campaign.*", "", "");
        check(r"a\.b - ([^)]*) - x", "a.b - ", "([^)]*)", " - x");
        check("Campaign - (a(?:b|c)*)-x", "Campaign - ", "(a(?:b|c)*)", "-x");
        check("Campaigns? - (.*)", "Campaign", "s? - (.*)", "");
        check("(.*) - acme", "", "(.*)", " - acme");
        check("A|B - (.*)", "", "A|B - (.*)", "");
        check("a - (.*)(?: x)?", "a - ", "(.*)(?: x)?", "");
        check("a - (x)+", "a - ", "(x)+", "");
    }
}

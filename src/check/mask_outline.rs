//! The literal parts of an association mask: what stands before and after the part that names the group.

use regex::Regex;

use crate::domain::AssociationMask;

/// Signs that mean something in a regular expression.
const META: &str = ".^$|()[]{}*+?\\";

/// A mask as people read it: literal text, the part that names the group, literal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskOutline {
    /// What every matching name begins with; empty where that cannot be told.
    pub(super) head: Vec<char>,
    /// How the mask writes the part that names the group, with what cannot be read literally.
    pub(super) capture: String,
    /// What every matching name ends with; empty where that cannot be told.
    pub(super) tail: Vec<char>,
    /// Whether the mask is a regular expression.
    pub(super) is_pattern: bool,
}

impl MaskOutline {
    pub(super) fn of(mask: &AssociationMask) -> Self {
        let text = mask.as_str();
        let is_pattern = Regex::new(text).is_ok_and(|pattern| pattern.captures_len() > 1);
        if !is_pattern {
            return Self {
                head: text.trim_start().chars().collect(),
                capture: String::new(),
                tail: Vec::new(),
                is_pattern,
            };
        }
        let signs: Vec<char> = text.strip_prefix('^').unwrap_or(text).chars().collect();
        let rest = |at: usize| signs.get(at..).unwrap_or_default();
        let (mut head, after_head) = literal(&signs);
        if has_alternatives(&signs) {
            return Self { head: Vec::new(), capture: text.to_owned(), tail: Vec::new(), is_pattern };
        }
        // A quantifier behind the group leaves it open how often it stands there.
        let mut tail = Vec::new();
        let mut end = signs.len();
        if let Some(length) = group(rest(after_head)) {
            let behind = rest(after_head + length);
            let (literal, used) = literal(behind);
            if matches!(behind.get(used..), Some([] | ['$'])) {
                (tail, end) = (literal, after_head + length);
            }
        }
        if after_head == 0 {
            head.clear();
        }
        let capture = signs.get(after_head..end).unwrap_or_default().iter().collect();
        Self { head, capture, tail, is_pattern }
    }

    /// A literal text as this kind of mask writes it.
    pub(super) fn written(&self, text: &str) -> String {
        if !self.is_pattern {
            return text.to_owned();
        }
        let escaped = |sign: char| META.contains(sign).then_some('\\').into_iter().chain([sign]);
        text.chars().flat_map(escaped).collect()
    }
}

/// The literal text at the beginning of an expression, and how many signs of the expression it takes.
fn literal(signs: &[char]) -> (Vec<char>, usize) {
    let (mut text, mut at) = (Vec::new(), 0);
    loop {
        let rest = signs.get(at..).unwrap_or_default();
        let (sign, length) = match rest {
            ['\\', sign, ..] if !sign.is_ascii_alphanumeric() && *sign != '<' && *sign != '>' => (*sign, 2),
            [sign, ..] if !META.contains(*sign) => (*sign, 1),
            _ => break,
        };
        // A quantifier belongs to the sign before it.
        if matches!(rest.get(length), Some('*' | '+' | '?' | '{')) {
            break;
        }
        text.push(sign);
        at += length;
    }
    (text, at)
}

/// How many signs the group at the beginning of an expression takes; `None` when there is none that captures.
fn group(signs: &[char]) -> Option<usize> {
    if !matches!(signs, ['(', next, ..] if *next != '?') && !matches!(signs, ['(', '?', 'P' | '<', ..]) {
        return None;
    }
    let mut depth = 0_usize;
    for (at, sign) in unescaped(signs) {
        match sign {
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
fn has_alternatives(signs: &[char]) -> bool {
    let mut depth = 0_usize;
    unescaped(signs).any(|(_, sign)| {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        sign == '|' && depth == 0
    })
}

/// The signs that mean what they are: neither escaped nor within a class.
fn unescaped(signs: &[char]) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut is_escaped, mut is_in_class) = (false, false);
    signs.iter().copied().enumerate().filter(move |(_, sign)| {
        let is_meant = !is_escaped && !is_in_class;
        match sign {
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
        let check = |mask: &str, head: &str, capture: &str, tail: &str| {
            let outline = MaskOutline::of(&AssociationMask::parse(mask).expect("a mask"));
            let text = |signs: &[char]| signs.iter().collect::<String>();
            let found = (text(&outline.head), outline.capture.as_str(), text(&outline.tail));
            assert_eq!(found, (head.to_owned(), capture, tail.to_owned()), "{mask}");
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

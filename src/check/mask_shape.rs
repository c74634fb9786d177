//! The literal parts of an association mask: the text before and after the part with the name of the group.

use std::slice;

use regex::Regex;
use regex_syntax::ast::{AssertionKind, Ast, LiteralKind, parse::Parser};

use crate::domain::AssociationMask;

/// Characters that have a meaning in a regular expression. `regex_syntax::escape` would also escape the dashes of
/// names.
const META: &str = ".^$|()[]{}*+?\\";

/// The parts of a mask: literal text, the part with the name of the group, literal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskShape {
    /// What every matching name begins with; empty where the mask does not fix it.
    pub(super) prefix: Vec<char>,
    /// The part with the name of the group as the mask writes it, with all that is not literal.
    pub(super) capture: String,
    /// What every matching name ends with; empty where the mask does not fix it.
    pub(super) suffix: Vec<char>,
    /// Whether the mask is a regular expression.
    pub(super) is_pattern: bool,
}

impl MaskShape {
    pub(super) fn of(mask: &AssociationMask) -> Self {
        let text = mask.as_str();
        if !Regex::new(text).is_ok_and(|pattern| pattern.captures_len() > 1) {
            let prefix = text.trim_start().chars().collect();
            return Self { prefix, capture: String::new(), suffix: Vec::new(), is_pattern: false };
        }
        let whole = Self { prefix: Vec::new(), capture: text.to_owned(), suffix: Vec::new(), is_pattern: true };
        let Ok(expression) = Parser::new().parse(text) else { return whole };
        let parts = match &expression {
            Ast::Concat(concat) => concat.asts.as_slice(),
            Ast::Alternation(_) => return whole,
            single => slice::from_ref(single),
        };
        let parts = match parts {
            [Ast::Assertion(first), rest @ ..] if first.kind == AssertionKind::StartLine => rest,
            all => all,
        };
        let (prefix, rest) = literal(parts);
        let start = rest.first().map_or(text.len(), |part| part.span().start.offset);
        let (end, suffix) = match rest {
            [Ast::Group(group), after @ ..] if group.is_capturing() => match literal(after) {
                (suffix, []) => (group.span.end.offset, suffix),
                (suffix, [Ast::Assertion(last)]) if last.kind == AssertionKind::EndLine => {
                    (group.span.end.offset, suffix)
                }
                _ => (text.len(), Vec::new()),
            },
            _ => (text.len(), Vec::new()),
        };
        Self { prefix, capture: text.get(start..end).unwrap_or_default().to_owned(), suffix, ..whole }
    }

    /// A literal text in the syntax of this kind of mask.
    pub(super) fn written(&self, text: &str) -> String {
        if !self.is_pattern {
            return text.to_owned();
        }
        let escaped = |character: char| META.contains(character).then_some('\\').into_iter().chain([character]);
        text.chars().flat_map(escaped).collect()
    }
}

/// The literal text at the beginning of these parts of an expression, and the remaining parts.
fn literal(parts: &[Ast]) -> (Vec<char>, &[Ast]) {
    let character = |part: &Ast| match part {
        Ast::Literal(literal) => {
            let is_plain = matches!(literal.kind, LiteralKind::Verbatim | LiteralKind::Meta | LiteralKind::Superfluous);
            is_plain.then_some(literal.c)
        }
        _ => None,
    };
    let text: Vec<char> = parts.iter().map_while(character).collect();
    let rest = parts.get(text.len()..).unwrap_or_default();
    (text, rest)
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

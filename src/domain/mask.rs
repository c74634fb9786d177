//! The association mask: which product profiles belong to Campaign, and which operator group each maps to.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::{
    OperatorGroupName,
    folded_name::{composed, is_singleton, without_case_of},
};

/// Characters that suggest that a pattern was intended.
const PATTERN_CHARACTERS: [char; 11] = ['*', '?', '+', '[', ']', '{', '}', '^', '$', '|', '\\'];

/// Maximum compiled size of a pattern, in bytes: a mask is one line in a configuration file.
const MAX_COMPILED_BYTES: usize = 64 * 1024;

/// The association mask of Campaign's external account, such as `Campaign - acme - (.*)`.
///
/// With a capture group it is a regular expression that must match the whole profile name; without one it is a literal
/// prefix. Both ignore letter case, as Adobe does in profile names, and both compare in NFC, as [`super::FoldedName`]
/// does.
#[derive(Clone, Debug)]
pub struct AssociationMask {
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pattern(Regex),
    /// Characters with simple case folding.
    Prefix(Vec<char>),
}

/// The result of matching one profile name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskMatch {
    /// The profile maps to this operator group, in the spelling of the profile.
    Group(OperatorGroupName),
    /// The mask matches and captures nothing: the profile maps to no group.
    EmptyCapture,
    /// The profile does not belong to Campaign.
    NoMatch,
}

/// Why a text is not a valid association mask.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The text is empty: every profile would match.
    #[error("the association mask is empty; write one such as \"Campaign - acme - (.*)\"")]
    Empty,
    /// The text contains a parenthesis and is not a valid expression.
    #[error("the association mask \"{text}\" is not a valid regular expression: {why}")]
    Unreadable {
        /// The mask.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The expression is larger than a mask needs to be.
    #[error(
        "the association mask \"{text}\" is too large a pattern: compiled, it takes more than 64 KiB; write it shorter, \
         with fewer repetitions such as {{100}} and fewer classes such as \\w"
    )]
    TooLarge {
        /// The mask.
        text: String,
    },
    /// The expression has several capture groups, so that the name of the operator group is ambiguous.
    #[error(
        "the association mask \"{text}\" has {captures} capture groups and needs exactly one; \
         write (?:…) for those that only group"
    )]
    Captures {
        /// The mask.
        text: String,
        /// How many captures it has.
        captures: usize,
    },
}

impl AssociationMask {
    /// Parses a mask. Surrounding whitespace is ignored, but trailing spaces of a prefix count: `Campaign - acme - `
    /// ends with one.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let (pattern, prefix) = (text.trim(), text.trim_start());
        if pattern.is_empty() {
            return Err(MaskError::Empty);
        }
        // The pattern must be valid by itself: `a)|(?:b` is valid only within the parentheses of the anchors and breaks
        // them.
        let compiled = compiled(pattern).and_then(|regex| Ok((regex.captures_len() - 1, anchored(pattern)?)));
        let (text, form) = match compiled {
            Ok((0, _)) => (prefix, Form::prefix(prefix)),
            Ok((1, regex)) => (pattern, Form::Pattern(regex)),
            Ok((captures, _)) => return Err(MaskError::Captures { text: pattern.to_owned(), captures }),
            Err(regex::Error::CompiledTooBig(_)) => return Err(MaskError::TooLarge { text: pattern.to_owned() }),
            // A parenthesis most likely means a capture group; any other character is a part of a literal prefix.
            Err(source) if pattern.contains('(') => {
                return Err(MaskError::Unreadable { text: pattern.to_owned(), why: last_line(&source) });
            }
            Err(_) => (prefix, Form::prefix(prefix)),
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// The mask as written, without the whitespace that is ignored.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A warning about a valid mask that looks like a pattern and is used as a literal prefix.
    pub fn warning(&self) -> Option<String> {
        let literal = matches!(self.form, Form::Prefix(_));
        (literal && self.text.contains(PATTERN_CHARACTERS)).then(|| {
            format!(
                "the association mask \"{}\" has no capture group and is used as a literal prefix; \
                 for a pattern, put the part that names the group in parentheses",
                self.text
            )
        })
    }

    /// The operator group that a profile with this name maps to. Whitespace around the name and the capture is ignored.
    pub fn matches(&self, profile_name: &str) -> MaskMatch {
        let name = composed(profile_name);
        // The untrimmed name first: in `Campaign - acme - ` the last space belongs to the mask, and the capture is
        // empty.
        match self.captured(&name) {
            MaskMatch::NoMatch => self.captured(name.trim()),
            found => found,
        }
    }

    fn captured(&self, name: &str) -> MaskMatch {
        let Some(range) = self.capture(name).filter(|range| self.is_spelled_alike(name, range)) else {
            return MaskMatch::NoMatch;
        };
        match name.get(range).map(str::trim).unwrap_or_default() {
            "" => MaskMatch::EmptyCapture,
            group => MaskMatch::Group(OperatorGroupName::new(group)),
        }
    }

    /// The byte range of the capture in a name that the mask matches.
    fn capture(&self, name: &str) -> Option<Range<usize>> {
        match &self.form {
            Form::Pattern(regex) => {
                let captures = regex.captures(name)?;
                Some(captures.get(1).map_or(name.len()..name.len(), |capture| capture.range()))
            }
            Form::Prefix(prefix) => Some(length_of_prefix(name, prefix)?..name.len()),
        }
    }

    /// Whether no character outside the capture is a canonical singleton that the mask does not contain. Without regard
    /// to case the Kelvin sign matches a K, but a name with it is a different name.
    fn is_spelled_alike(&self, name: &str, capture: &Range<usize>) -> bool {
        let outside = name.char_indices().filter(|(at, _)| !capture.contains(at));
        outside.filter(|(_, character)| is_singleton(*character)).all(|(_, character)| self.text.contains(character))
    }
}

/// The last line of a parser error, which says what is wrong; the lines before show the expression with a marker.
fn last_line(error: &regex::Error) -> String {
    let message = error.to_string();
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&composed(pattern)).case_insensitive(true).size_limit(MAX_COMPILED_BYTES).build()
}

fn anchored(pattern: &str) -> Result<Regex, regex::Error> {
    compiled(&format!(r"\A(?:{pattern})\z"))
}

impl Form {
    fn prefix(text: &str) -> Self {
        Self::Prefix(composed(text).chars().map(without_case_of).collect())
    }
}

/// How many bytes of `name` match `prefix`, whose characters are case-folded; `None` if `name` does not begin with it.
fn length_of_prefix(name: &str, prefix: &[char]) -> Option<usize> {
    let mut characters = name.chars();
    for wanted in prefix {
        if without_case_of(characters.next()?) != *wanted {
            return None;
        }
    }
    Some(name.len() - characters.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mask: &str, profile: &str, expected: Option<&str>) {
        let expected = match expected {
            Some("") => MaskMatch::EmptyCapture,
            Some(group) => MaskMatch::Group(OperatorGroupName::new(group)),
            None => MaskMatch::NoMatch,
        };
        let mask = AssociationMask::parse(mask).expect("a valid mask");
        assert_eq!(mask.matches(profile), expected, "mask {mask:?} on {profile:?}");
    }

    #[test]
    fn whitespace_around_a_mask_is_ignored_but_a_trailing_space_of_a_prefix_counts() {
        for (text, kept) in [
            (" Campaign - (.*) ", "Campaign - (.*)"),
            (" Campaign - acme - ", "Campaign - acme - "),
            (" Campaign - acme", "Campaign - acme"),
        ] {
            assert_eq!(AssociationMask::parse(text).expect("a valid mask").as_str(), kept);
        }
        check("Campaign - acme - ", "Campaign - acme -delivery", None);
        check("Campaign - acme -", "Campaign - acme -delivery", Some("delivery"));
    }

    #[test]
    fn a_pattern_matches_the_whole_name() {
        check("Campaign - acme - (.*)", "Campaign - acme - delivery", Some("delivery"));
        check("Campaign - acme - (.*)", "XCampaign - acme - delivery", None);
        check("Campaign - acme - (.*) - x", "Campaign - acme - delivery - x - y", None);
        check("Campaign - acme - ([a-z]+)", "Campaign - acme - del2", None);
        check("A|Campaign - (.*)", "Campaign - ops", Some("ops"));
        check("A|Campaign - (.*)", "A and more", None);
    }

    #[test]
    fn a_pattern_that_matches_only_a_part_of_the_name_does_not_match() {
        check("Campaign - acme - (delivery)", "Campaign - acme - delivery2", None);
        check("Campaign - acme (.*)", "Campaign - acm", None);
    }

    #[test]
    fn letter_case_and_surrounding_whitespace_are_ignored() {
        check("Campaign - acme - (.*)", "campaign - ACME - Delivery", Some("Delivery"));
        check("campaign - acme - ", "CAMPAIGN - Acme - Delivery ", Some("Delivery"));
        check("Campaign - acme - (.*)", "  Campaign - acme - ops  ", Some("ops"));
    }

    #[test]
    fn without_a_capture_group_the_mask_is_a_literal_prefix() {
        check("Campaign - acme - ", "Campaign - acme - delivery", Some("delivery"));
        check("Campaign.*", "Campaign.*ops", Some("ops"));
        check("Campaign.*", "Campaign - acme - ops", None);
        check("Campaign [acme", "Campaign [acme] ops", Some("] ops"));
        check("Straße ", "STRAßE ops", Some("ops"));
        check("İ-", "İ-ops", Some("ops"));
        check(r"Campaign \(acme\) ", r"Campaign \(acme\) ops", Some("ops"));
    }

    #[test]
    fn an_empty_capture_differs_from_no_match() {
        check("Campaign - acme - (.*)", "Campaign - acme - ", Some(""));
        check("Campaign - acme - (.*)", "Campaign - acme -", None);
        check("Campaign - acme -(.*)", "Campaign - acme - ", Some(""));
        check("Campaign - acme - ", "Campaign - acme - ", Some(""));
        check("Campaign - acme(?: - (.*))?", "Campaign - acme", Some(""));
    }

    #[test]
    fn an_empty_mask_and_one_without_exactly_one_capture_group_are_refused() {
        for (bad, expected) in [
            ("", "is empty"),
            ("   ", "is empty"),
            ("Campaign - (.*) - (.*)", "has 2 capture groups"),
            ("Campaign - acme - (.*", "not a valid regular expression"),
        ] {
            let message = AssociationMask::parse(bad).expect_err("must be refused").to_string();
            assert!(message.contains(expected), "{bad:?}: {message}");
        }
    }

    #[test]
    fn a_mask_that_is_not_valid_by_itself_and_one_that_is_too_large_are_refused() {
        for (bad, expected) in [
            ("a)|(?:(.*)", "not a valid regular expression"),
            ("Campaign)(.*", "not a valid regular expression"),
            ("(?x)Campaign-(.*) # all", "not a valid regular expression"),
            (r"Campaign - (\w{500})", "more than 64 KiB"),
        ] {
            let message = AssociationMask::parse(bad).expect_err("must be refused").to_string();
            assert!(message.contains(expected), "{bad:?}: {message}");
        }
        for good in [
            "Campaign - acme - (.*)",
            r"^Campaign - acme - (\w+)$",
            r"Campaign - (?:acme|acme-stage) - ([^ ]+)(?: - .*)?",
            "Kampagne - Größenübersicht der Abteilung für Öffentlichkeitsarbeit - (.*)",
        ] {
            AssociationMask::parse(good).expect("an ordinary mask");
        }
    }

    #[test]
    fn names_are_matched_in_normal_form_c_and_a_kelvin_sign_does_not_match_a_k() {
        check("Kampagne - gr\u{f6}\u{df}e - (.*)", "KAMPAGNE - GRO\u{308}\u{1e9e}E - ops", Some("ops"));
        check("Kampagne - gro\u{308}\u{df}e - ", "kampagne - gr\u{f6}\u{df}e - ops", Some("ops"));
        check("Campaign - (.*)", "Campaign - jose\u{301}", Some("jos\u{e9}"));
        check("Kampagne - (.*)", "\u{212a}ampagne - ops", None);
        check("Kampagne - ", "\u{212a}ampagne - ops", None);
        check("\u{212a}ampagne - (.*)", "\u{212a}ampagne - ops", Some("ops"));
        check("Kampagne - (.*)", "Kampagne - \u{212a}ern", Some("\u{212a}ern"));
    }

    #[test]
    fn a_literal_that_looks_like_a_pattern_causes_a_warning() {
        let warning = |text: &str| AssociationMask::parse(text).expect("a valid mask").warning();
        assert!(warning("Campaign - acme - .*").is_some_and(|text| text.contains("literal prefix")));
        assert_eq!(warning("Campaign - acme - "), None);
        assert_eq!(warning("Campaign - acme - (.*)"), None);
    }
}

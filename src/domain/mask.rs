//! The association mask: which product profiles belong to Campaign, and which operator group each stands for.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use super::{
    OperatorGroupName,
    folded_name::{composed, is_singleton, without_case_of},
};

/// Characters that make users think of a pattern.
const PATTERN_CHARACTERS: [char; 11] = ['*', '?', '+', '[', ']', '{', '}', '^', '$', '|', '\\'];

/// Compiled size of the largest pattern accepted, in bytes: a mask is one line that a user typed.
const MAX_COMPILED_BYTES: usize = 64 * 1024;

/// The association mask of Campaign's external account, such as `Campaign - acme - (.*)`.
///
/// With a capture group it is a regular expression that must match the whole profile name; without one it is a literal
/// prefix. Both ignore letter case, as Adobe does in profile names, and both compare in NFC, as [`super::FoldedName`] does.
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

/// What the mask says about one profile name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskMatch {
    /// The profile stands for this operator group, in the spelling of the profile.
    Group(OperatorGroupName),
    /// The mask matches and captures nothing: no group can be meant.
    EmptyCapture,
    /// The profile is none of ours.
    NoMatch,
}

/// Why a text is no association mask.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// Nothing to match: every profile would be ours.
    #[error("the association mask is empty; write one such as \"Campaign - acme - (.*)\"")]
    Empty,
    /// A parenthesis is there and the expression does not parse.
    #[error("the association mask \"{text}\" is not a valid regular expression: {why}")]
    Unreadable {
        /// The mask.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The expression is larger than one that names a few profiles can be.
    #[error(
        "the association mask \"{text}\" is too large a pattern: compiled, it takes more than 64 KiB; write it shorter, \
         with fewer repetitions such as {{100}} and fewer classes such as \\w"
    )]
    TooLarge {
        /// The mask.
        text: String,
    },
    /// More than one capture: which one names the group?
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
    /// Reads a mask. Whitespace around it does not count, but the last space of a prefix does: `Campaign - acme - ` ends
    /// with it.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let (pattern, prefix) = (text.trim(), text.trim_start());
        if pattern.is_empty() {
            return Err(MaskError::Empty);
        }
        // By itself first: one such as `a)|(?:b` is valid between the parentheses of the anchors only, and loosens them.
        let compiled = compiled(pattern).and_then(|regex| Ok((regex.captures_len() - 1, anchored(pattern)?)));
        let (text, form) = match compiled {
            Ok((0, _)) => (prefix, Form::prefix(prefix)),
            Ok((1, regex)) => (pattern, Form::Pattern(regex)),
            Ok((captures, _)) => return Err(MaskError::Captures { text: pattern.to_owned(), captures }),
            Err(regex::Error::CompiledTooBig(_)) => return Err(MaskError::TooLarge { text: pattern.to_owned() }),
            // A parenthesis was most likely meant to capture; anything else is a character of a literal prefix.
            Err(source) if pattern.contains('(') => {
                return Err(MaskError::Unreadable { text: pattern.to_owned(), why: last_line(&source) });
            }
            Err(_) => (prefix, Form::prefix(prefix)),
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// The mask as it was written, without the whitespace that does not count.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A doubt about a mask that is valid: it reads like a pattern and is taken literally.
    pub fn warning(&self) -> Option<String> {
        let literal = matches!(self.form, Form::Prefix(_));
        (literal && self.text.contains(PATTERN_CHARACTERS)).then(|| {
            format!(
                "the association mask \"{}\" has no capture group and is taken as a literal prefix; \
                 for a pattern, put the part that names the group in parentheses",
                self.text
            )
        })
    }

    /// The operator group that a profile of this name stands for. Whitespace around the name and the capture does not count.
    pub fn matches(&self, profile_name: &str) -> MaskMatch {
        let name = composed(profile_name);
        // As it stands first: in `Campaign - acme - ` the last space belongs to the mask, and the capture is empty.
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

    /// Where the capture is in a name that the mask matches.
    fn capture(&self, name: &str) -> Option<Range<usize>> {
        match &self.form {
            Form::Pattern(regex) => {
                let captures = regex.captures(name)?;
                Some(captures.get(1).map_or(name.len()..name.len(), |capture| capture.range()))
            }
            Form::Prefix(prefix) => Some(length_of_prefix(name, prefix)?..name.len()),
        }
    }

    /// Whether no character around the capture is a canonical singleton that the mask does not hold itself: without regard
    /// to case the Kelvin sign matches a K, and a name with it is another name.
    fn is_spelled_alike(&self, name: &str, capture: &Range<usize>) -> bool {
        let outside = name.char_indices().filter(|(at, _)| !capture.contains(at));
        outside.filter(|(_, character)| is_singleton(*character)).all(|(_, character)| self.text.contains(character))
    }
}

/// What is wrong with an expression. The parser draws the expression with a mark below it before it says so.
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

/// How many bytes of `name` are `prefix`, whose characters have their case folded already; `None` where it begins in
/// another way.
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
    fn blanks_around_a_mask_do_not_count_but_the_last_one_of_a_prefix_does() {
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
    fn a_prefix_is_not_enough() {
        check("Campaign - acme - (delivery)", "Campaign - acme - delivery2", None);
        check("Campaign - acme (.*)", "Campaign - acm", None);
    }

    #[test]
    fn letter_case_and_blanks_around_do_not_count() {
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
    fn an_empty_capture_is_told_apart_from_no_match() {
        check("Campaign - acme - (.*)", "Campaign - acme - ", Some(""));
        check("Campaign - acme - (.*)", "Campaign - acme -", None);
        check("Campaign - acme -(.*)", "Campaign - acme - ", Some(""));
        check("Campaign - acme - ", "Campaign - acme - ", Some(""));
        check("Campaign - acme(?: - (.*))?", "Campaign - acme", Some(""));
    }

    #[test]
    fn a_mask_that_cannot_be_meant_is_refused() {
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
    fn a_mask_that_is_no_expression_by_itself_is_refused_and_so_is_a_huge_one() {
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
    fn names_are_matched_in_one_normal_form_and_a_kelvin_sign_is_no_k() {
        check("Kampagne - gr\u{f6}\u{df}e - (.*)", "KAMPAGNE - GRO\u{308}\u{1e9e}E - ops", Some("ops"));
        check("Kampagne - gro\u{308}\u{df}e - ", "kampagne - gr\u{f6}\u{df}e - ops", Some("ops"));
        check("Campaign - (.*)", "Campaign - jose\u{301}", Some("jos\u{e9}"));
        check("Kampagne - (.*)", "\u{212a}ampagne - ops", None);
        check("Kampagne - ", "\u{212a}ampagne - ops", None);
        check("\u{212a}ampagne - (.*)", "\u{212a}ampagne - ops", Some("ops"));
        check("Kampagne - (.*)", "Kampagne - \u{212a}ern", Some("\u{212a}ern"));
    }

    #[test]
    fn a_literal_that_reads_like_a_pattern_draws_a_warning() {
        let warning = |text: &str| AssociationMask::parse(text).expect("a valid mask").warning();
        assert!(warning("Campaign - acme - .*").is_some_and(|text| text.contains("literal prefix")));
        assert_eq!(warning("Campaign - acme - "), None);
        assert_eq!(warning("Campaign - acme - (.*)"), None);
    }
}

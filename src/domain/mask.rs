//! The association mask: which product profiles belong to Campaign, and which operator group each stands for.

use regex::{Regex, RegexBuilder};

use super::OperatorGroupName;

/// Signs that make people think of a pattern.
const PATTERN_SIGNS: [char; 11] = ['*', '?', '+', '[', ']', '{', '}', '^', '$', '|', '\\'];

/// Compiled size of the longest pattern accepted, in bytes: a mask is one line that a person typed.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// The association mask of Campaign's external account, such as `Campaign - acme - (.*)`.
///
/// With a capture group it is a regular expression that must match the whole profile name; without one it is a literal
/// prefix. Both ignore letter case, as Adobe does in profile names.
#[derive(Clone, Debug)]
pub struct AssociationMask {
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pattern(Regex),
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
    #[error("the association mask \"{text}\" is no valid regular expression")]
    Unreadable {
        /// The mask.
        text: String,
        /// What the parser says.
        source: Box<regex::Error>,
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
    /// Reads a mask. Blanks around it do not count, but the last blank of a prefix does: `Campaign - acme - ` ends with it.
    pub fn parse(text: &str) -> Result<Self, MaskError> {
        let (pattern, prefix) = (text.trim(), text.trim_start());
        if pattern.is_empty() {
            return Err(MaskError::Empty);
        }
        let compiled = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
            .case_insensitive(true)
            .size_limit(MAX_COMPILED_BYTES)
            .build();
        let (text, form) = match compiled {
            Ok(regex) => match regex.captures_len() - 1 {
                0 => (prefix, Form::prefix(prefix)),
                1 => (pattern, Form::Pattern(regex)),
                captures => return Err(MaskError::Captures { text: pattern.to_owned(), captures }),
            },
            // A parenthesis was most likely meant to capture; anything else is a sign in a literal prefix.
            Err(source) if pattern.contains('(') => {
                return Err(MaskError::Unreadable { text: pattern.to_owned(), source: Box::new(source) });
            }
            Err(_) => (prefix, Form::prefix(prefix)),
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// The mask as it was written, without the blanks that do not count.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A doubt about a mask that is valid: it reads like a pattern and is taken literally.
    pub fn warning(&self) -> Option<String> {
        let literal = matches!(self.form, Form::Prefix(_));
        (literal && self.text.contains(PATTERN_SIGNS)).then(|| {
            format!(
                "the association mask \"{}\" has no capture group and is taken as a literal prefix; \
                 for a pattern, put the part that names the group in parentheses",
                self.text
            )
        })
    }

    /// The operator group that a profile of this name stands for. Blanks around the name and the capture do not count.
    pub fn matches(&self, profile_name: &str) -> MaskMatch {
        // As it stands first: in `Campaign - acme - ` the last blank belongs to the mask, and the capture is empty.
        match self.captured(profile_name) {
            MaskMatch::NoMatch => self.captured(profile_name.trim()),
            found => found,
        }
    }

    fn captured(&self, name: &str) -> MaskMatch {
        let captured = match &self.form {
            Form::Pattern(regex) => match regex.captures(name) {
                Some(captures) => captures.get(1).map_or("", |capture| capture.as_str()),
                None => return MaskMatch::NoMatch,
            },
            Form::Prefix(prefix) => match strip_folded_prefix(name, prefix) {
                Some(rest) => rest,
                None => return MaskMatch::NoMatch,
            },
        };
        match captured.trim() {
            "" => MaskMatch::EmptyCapture,
            group => MaskMatch::Group(OperatorGroupName::new(group)),
        }
    }
}

impl Form {
    fn prefix(text: &str) -> Self {
        Self::Prefix(text.chars().flat_map(char::to_lowercase).collect())
    }
}

/// What follows `prefix` (already in lower case) in `name`. Compares character by character: folding the whole name
/// could change its length, and the rest would be cut at the wrong place.
fn strip_folded_prefix<'a>(name: &'a str, prefix: &[char]) -> Option<&'a str> {
    let mut wanted = prefix.iter();
    let mut characters = name.char_indices();
    while wanted.len() > 0 {
        let (_, character) = characters.next()?;
        for lower in character.to_lowercase() {
            if wanted.next() != Some(&lower) {
                return None;
            }
        }
    }
    Some(characters.as_str())
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
            ("Campaign - acme - (.*", "no valid regular expression"),
        ] {
            let message = AssociationMask::parse(bad).expect_err("must be refused").to_string();
            assert!(message.contains(expected), "{bad:?}: {message}");
        }
    }

    #[test]
    fn a_literal_that_reads_like_a_pattern_draws_a_warning() {
        let warning = |text: &str| AssociationMask::parse(text).expect("a valid mask").warning();
        assert!(warning("Campaign - acme - .*").is_some_and(|text| text.contains("literal prefix")));
        assert_eq!(warning("Campaign - acme - "), None);
        assert_eq!(warning("Campaign - acme - (.*)"), None);
    }
}

//! Text fields of a record that could not be parsed as usual: their values, or what is wrong with them.

use serde_json::Value;

use super::page_text::LONGEST_NAME;

/// Replaces an escape of half a character, such as a single `\ud800`, and bytes that are not UTF-8.
pub(super) const REPLACEMENT: char = '\u{FFFD}';

/// Number of characters kept at each end of a name that is too long.
const SHOWN: usize = 100;

/// The value of a text field of a record.
pub(super) enum TextField<'v> {
    /// Absent, or `null`.
    Absent,
    /// A valid text.
    Usable(&'v str),
    /// A text in which [`REPLACEMENT`] stands for invalid characters.
    Damaged(&'v str),
    /// A text longer than [`LONGEST_NAME`].
    TooLong(&'v str),
    /// A value that is not a string.
    OtherType,
}

impl<'v> TextField<'v> {
    /// The field of this name.
    pub(super) fn of(record: &'v Value, field: &str) -> Self {
        match record.get(field) {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::String(text)) => Self::judged(text),
            Some(_) => Self::OtherType,
        }
    }

    /// Classifies a text.
    pub(super) fn judged(text: &'v str) -> Self {
        if text.len() > LONGEST_NAME {
            Self::TooLong(text)
        } else if text.contains(REPLACEMENT) {
            Self::Damaged(text)
        } else {
            Self::Usable(text)
        }
    }

    /// The text, or `None` if it is absent. The error says what is wrong with it.
    pub(super) fn usable(&self, field: &str) -> Result<Option<&'v str>, String> {
        match self {
            Self::Absent => Ok(None),
            Self::Usable(text) => Ok(Some(text)),
            Self::Damaged(_) => Err(format!("its \"{field}\" has an invalid character")),
            Self::TooLong(text) => Err(format!("its \"{field}\" has {} bytes, more than {LONGEST_NAME}", text.len())),
            Self::OtherType => Err(format!("its \"{field}\" is not a string")),
        }
    }
}

/// The beginning and the end of a text that is too long.
pub(super) fn shortened(text: &str) -> String {
    let begin: String = text.chars().take(SHOWN).collect();
    let end: Vec<char> = text.chars().rev().take(SHOWN).collect();
    format!("{begin}…{}", end.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_absent_or_usable_or_an_error_says_what_is_wrong() {
        let long = "x".repeat(LONGEST_NAME + 1);
        let record = json!({"a": null, "b": "ann", "c": "an\u{FFFD}", "d": long, "e": 7});
        for (field, expected) in [
            ("a", Ok(None)),
            ("absent", Ok(None)),
            ("b", Ok(Some("ann"))),
            ("c", Err("its \"c\" has an invalid character".to_owned())),
            ("d", Err("its \"d\" has 1025 bytes, more than 1024".to_owned())),
            ("e", Err("its \"e\" is not a string".to_owned())),
        ] {
            assert_eq!(TextField::of(&record, field).usable(field), expected, "{field}");
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let shown = shortened(&format!("begin{}end", "x".repeat(70_000)));
        assert!(shown.starts_with("beginx") && shown.ends_with("xend") && shown.chars().count() == 2 * SHOWN + 1);
    }
}

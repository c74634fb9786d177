//! One record of a page of which the usual reading failed, read field by field: what can be known, and what is wrong.

use serde_json::Value;

use super::page_text::LONGEST_NAME;

/// Stands for what is no character: half of one, as an escape such as `\ud800` alone, or bytes that are no UTF-8.
pub(super) const REPLACEMENT: char = '\u{FFFD}';

/// Characters kept at each end of a name that is too long.
const SHOWN: usize = 100;

/// A text field of a record. Errors say what is wrong with it.
pub(super) enum TextField<'v> {
    /// Absent, or `null`.
    Absent,
    /// A text as good as any.
    Usable(&'v str),
    /// A text that has lost characters on its way.
    Damaged(&'v str),
    /// A text that is longer than any name.
    TooLong(&'v str),
    /// No text.
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

    /// A text by itself.
    pub(super) fn judged(text: &'v str) -> Self {
        if text.len() > LONGEST_NAME {
            Self::TooLong(text)
        } else if text.contains(REPLACEMENT) {
            Self::Damaged(text)
        } else {
            Self::Usable(text)
        }
    }

    /// The text where it can be used, `None` where there is none; else what is wrong.
    pub(super) fn usable(&self, field: &str) -> Result<Option<&'v str>, String> {
        match self {
            Self::Absent => Ok(None),
            Self::Usable(text) => Ok(Some(text)),
            Self::Damaged(_) => Err(format!("its \"{field}\" has an invalid character")),
            Self::TooLong(text) => Err(format!("its \"{field}\" has {} bytes, more than {LONGEST_NAME}", text.len())),
            Self::OtherType => Err(format!("its \"{field}\" is not a text")),
        }
    }
}

/// Both ends of a text that is too long to be kept.
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
    fn a_field_is_absent_usable_or_wrong_in_words() {
        let long = "x".repeat(LONGEST_NAME + 1);
        let record = json!({"a": null, "b": "ann", "c": "an\u{FFFD}", "d": long, "e": 7});
        for (field, expected) in [
            ("a", Ok(None)),
            ("absent", Ok(None)),
            ("b", Ok(Some("ann"))),
            ("c", Err("its \"c\" has an invalid character".to_owned())),
            ("d", Err("its \"d\" has 1025 bytes, more than 1024".to_owned())),
            ("e", Err("its \"e\" is not a text".to_owned())),
        ] {
            assert_eq!(TextField::of(&record, field).usable(field), expected, "{field}");
        }
    }

    #[test]
    fn a_long_text_keeps_both_of_its_ends() {
        let shown = shortened(&format!("begin{}end", "x".repeat(70_000)));
        assert!(shown.starts_with("beginx") && shown.ends_with("xend") && shown.chars().count() == 2 * SHOWN + 1);
    }
}

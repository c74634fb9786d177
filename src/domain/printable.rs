//! Text of any origin made safe to show within one line: users choose their names.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// The text with every character escaped that is not seen, or that changes how other text is seen: control characters,
/// line ends, direction marks, zero-width and unassigned characters. The result is one line, and the same again when it
/// is made printable once more.
///
/// Everything that is shown to a user passes here: log lines, reports, pages, errors. Programs that read JSON get names
/// as they are.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_printable(character) {
            shown.push(character);
        } else if matches!(character, '\n' | '\r' | '\t') {
            // `\n`, as readers know it.
            shown.extend(character.escape_default());
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// A name as users see it: printable, and in quotes where it could not be seen because nothing or only spaces are in it.
pub fn name_shown(name: &str) -> Cow<'_, str> {
    if name.chars().all(char::is_whitespace) { Cow::Owned(format!("\"{}\"", printable(name))) } else { printable(name) }
}

/// Whether a character is seen as itself and leaves the text around it alone.
pub fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    !matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::Unassigned
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(printable(text), expected, "{text:?}");
        assert_eq!(printable(expected), expected, "a second time");
    }

    #[test]
    fn what_is_not_seen_or_changes_what_is_seen_is_escaped() {
        check("ann\u{1b}[2J\r\n@acme.com", "ann\\u{1b}[2J\\r\\n@acme.com");
        check("a\u{85}\u{9b}b", "a\\u{85}\\u{9b}b");
        check("\u{202e}moc.emca@nna", "\\u{202e}moc.emca@nna");
        check("a\u{2066}b\u{2067}c\u{2069}", "a\\u{2066}b\\u{2067}c\\u{2069}");
        check("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c");
        check("a\u{200b}\u{200e}\u{feff}\u{ad}\u{61c}", "a\\u{200b}\\u{200e}\\u{feff}\\u{ad}\\u{61c}");
        check("\u{e0041}\u{e000}\u{378}\u{fffff}", "\\u{e0041}\\u{e000}\\u{378}\\u{fffff}");
        check("\t\u{7f}", "\\t\\u{7f}");
    }

    #[test]
    fn an_empty_name_is_seen() {
        for (name, shown) in [("", "\"\""), ("  ", "\"  \""), ("delivery", "delivery"), (" a", " a")] {
            assert_eq!(name_shown(name), shown);
        }
    }

    #[test]
    fn every_script_is_shown_as_it_is() {
        for text in ["", "ann@acme.com", "Zoë O'Brien", "日本語", "עברית", "Ελλάδα", "हिन्दी", "a\u{a0}b", "😀"]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }
}

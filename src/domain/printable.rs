//! Makes text of any origin safe to show on one line, because users can choose their names freely, and safe to paste into a
//! shell.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Escapes every character that is invisible or that changes how other text is shown: control characters, line ends,
/// direction marks, zero-width and unassigned characters. The result is one line, and a second call does not change it.
///
/// All text for readers passes through this function: log lines, reports, pages, errors. JSON contains names unchanged.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_printable(character) {
            shown.push(character);
        } else if matches!(character, '\n' | '\r' | '\t') {
            // `\n` is better known than `\u{a}`.
            shown.extend(character.escape_default());
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// A name for readers: printable, and in quotes if it is empty or whitespace only.
pub fn name_shown(name: &str) -> Cow<'_, str> {
    if name.chars().all(char::is_whitespace) { Cow::Owned(format!("\"{}\"", printable(name))) } else { printable(name) }
}

/// Whether a character is visible and does not change the text around it.
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

/// The text as one word for a POSIX shell: unchanged if no character has a special meaning, otherwise in single quotes.
///
/// Every value that a remedy puts into a command passes through this function: paths may contain spaces, masks
/// parentheses.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(printable(text), expected, "{text:?}");
        assert_eq!(printable(expected), expected, "a second time");
    }

    #[test]
    fn invisible_characters_and_those_that_change_other_text_are_escaped() {
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
    fn an_empty_name_is_shown_in_quotes() {
        for (name, shown) in [("", "\"\""), ("  ", "\"  \""), ("delivery", "delivery"), (" a", " a")] {
            assert_eq!(name_shown(name), shown);
        }
    }

    #[test]
    fn letters_of_every_script_are_not_escaped() {
        for text in ["", "ann@acme.com", "Zoë O'Brien", "日本語", "עברית", "Ελλάδα", "हिन्दी", "a\u{a0}b", "😀"]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn a_shell_reads_back_what_was_written() {
        for text in
            ["/etc/a", "", "a b", "it's", "$(exit 1)", "`x`", "a;b", "*", "C - (.*)|\"\\\"", "ä\nb", "~", "[::1]:443"]
        {
            let read = Command::new("sh").arg("-c").arg(format!("printf %s {}", shell_word(text))).output();
            let read = read.expect("a shell").stdout;
            assert_eq!(String::from_utf8(read).expect("text"), text);
        }
        assert_eq!(shell_word("acme.campaign.adobe.com:443"), "acme.campaign.adobe.com:443");
        assert_eq!(shell_word("a b"), "'a b'");
    }
}

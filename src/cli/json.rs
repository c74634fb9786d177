//! Documents for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::domain::is_printable;

/// The document with indentation, and a line end.
///
/// Programs get every name as it is. People who look at the document are not deceived by it either: characters that are not
/// seen, or turn the reading direction, are written as JSON escapes.
pub(super) fn json(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let plain = serde_json::to_string_pretty(document)?;
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        // Between the texts of a document stand ASCII characters only, and a line end is one of them.
        if character == '\n' || is_printable(character) {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing into a string cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_for_programs_and_harmless_for_people() {
        let names = ["zoë", "a\u{202e}b\u{2028}\u{e0041}", "a\nb"];
        let text = json(&names).expect("writable");
        assert!(text.contains("zoë") && text.contains(r"a\u202eb\u2028\udb40\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), names);
    }
}

//! JSON documents.

use std::fmt::Write as _;

use serde::Serialize;

use crate::domain::is_printable;

/// The document with indentation and a final line end.
///
/// Programs read every name exactly. Invisible characters, and those that change the reading direction, are JSON
/// escapes, so that they cannot deceive a reader.
pub(super) fn json(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut plain = serde_json::to_string_pretty(document)?;
    // The report of a large run needs no second copy. Nearly all are ASCII, of which many bytes are compared at once.
    let is_plain_ascii = plain.bytes().fold(true, |all, byte| all & matches!(byte, b'\n' | b' '..=b'~'));
    if is_plain_ascii || plain.chars().all(|character| character == '\n' || is_printable(character)) {
        plain.push('\n');
        return Ok(plain);
    }
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        // Line ends are part of the indentation; those in strings are escaped already.
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
    fn invisible_characters_of_a_name_are_escaped_and_the_name_stays_exact() {
        let names = ["zoë", "a\u{202e}b\u{2028}\u{e0041}", "a\nb"];
        let text = json(&names).expect("writable");
        assert!(text.contains("zoë") && text.contains(r"a\u202eb\u2028\udb40\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), names);
    }
}

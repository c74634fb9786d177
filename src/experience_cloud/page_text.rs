//! Parses the bytes of a page within size limits, which bound the memory and time that an invalid response can cost.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, Visitor},
};
use serde_json::error::Category;

use super::error::PageError;

/// Maximum length of a text anywhere in a page, in bytes; far more than any field of UMAPI has.
const LONGEST_TEXT: usize = 64 * 1024;

/// Maximum length of a name, an address or an id, in bytes. Adobe allows 255 characters in names.
pub(super) const LONGEST_NAME: usize = 1024;

/// Parses a page with `seed`. Anything after the JSON document is an error.
pub(super) fn read<'de, S: DeserializeSeed<'de>>(body: &'de [u8], seed: S) -> Result<S::Value, PageError> {
    // One check for the whole page, so that the parser need not check each text.
    let text = std::str::from_utf8(body).map_err(|error| PageError::Garbled(format!("not JSON: {error}")))?;
    if has_overlong_text(body) {
        return Err(PageError::Unusable(format!("a text of more than {LONGEST_TEXT} bytes")));
    }
    read_text(text, seed)
}

/// Parses a page that [`read`] could not parse, after [`repaired`]. Texts have no maximum length here.
pub(super) fn read_text<'de, S: DeserializeSeed<'de>>(text: &'de str, seed: S) -> Result<S::Value, PageError> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut parser).map_err(|error| page_error(&error))?;
    parser.end().map_err(|error| page_error(&error))?;
    Ok(value)
}

/// The page as text that any JSON parser accepts: U+FFFD replaces each escape of half a character (a lone surrogate),
/// and bytes that are not UTF-8.
pub(super) fn repaired(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = match surrogate(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => 12,
            Some(_) => {
                whole.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            // The character after the backslash belongs to the escape, also if it is another backslash.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (pair, behind) = escape.split_at(length);
        whole.push_str(pair);
        rest = behind;
    }
    whole.push_str(rest);
    whole
}

/// The code of the surrogate whose escape begins the text.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

fn page_error(error: &serde_json::Error) -> PageError {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => PageError::Garbled(format!("not JSON: {error}")),
        Category::Data => PageError::Unusable(error.to_string()),
    }
}

/// Whether the page has more than [`LONGEST_TEXT`] bytes in a row without a quotation mark that begins or ends a text.
///
/// Such a stretch contains a position that is a multiple of half its length, so it is enough to look for the nearest
/// marks around those positions. The page need not be parsed for this.
fn has_overlong_text(body: &[u8]) -> bool {
    (0..body.len()).step_by(LONGEST_TEXT / 2).any(|probe| {
        let begin = probe.saturating_sub(LONGEST_TEXT);
        let end = body.len().min(probe + LONGEST_TEXT + 1);
        let mark_before = (begin..probe).rev().find(|at| is_mark(body, *at)).map_or(begin, |at| at + 1);
        let mark_after = (probe..end).find(|at| is_mark(body, *at)).unwrap_or(end);
        mark_after - mark_before > LONGEST_TEXT
    })
}

/// Whether the byte at this position is a quotation mark that is not escaped.
fn is_mark(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'"')
        && bytes.get(..at).is_some_and(|before| before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0)
}

/// A name, an address or an id of limited length, borrowed from the page unless it has escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl Name<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Fails for a name longer than [`LONGEST_NAME`].
pub(super) fn check_length<E: Error>(name: &str) -> Result<(), E> {
    if name.len() > LONGEST_NAME {
        return Err(E::custom(format_args!("a name of {} bytes, more than {LONGEST_NAME}", name.len())));
    }
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        check_length(text)?;
        Ok(Name(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        check_length(text)?;
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use serde::de::IgnoredAny;

    use super::*;

    fn check(body: &str, expected: Result<(), &str>) {
        match (read(body.as_bytes(), PhantomData::<IgnoredAny>), expected) {
            (Ok(_), Ok(())) => {}
            (Err(PageError::Garbled(reason) | PageError::Unusable(reason)), Err(part)) if reason.contains(part) => {}
            (outcome, _) => panic!("{} bytes, expected {expected:?}: {outcome:?}", body.len()),
        }
    }

    #[test]
    fn an_overlong_text_is_found_at_any_position() {
        let most = "x".repeat(LONGEST_TEXT);
        for before in [0, 1, 1000, LONGEST_TEXT / 2 - 12, LONGEST_TEXT, LONGEST_TEXT * 3 / 2 + 7] {
            let padding = "\"a\",".repeat(before / 4);
            check(&format!("[{padding}\"{most}\"]"), Ok(()));
            check(&format!("[{padding}\"{most}x\"]"), Err("more than 65536 bytes"));
            check(&format!("[{padding}\"{most}x"), Err("more than 65536 bytes"));
            check(&format!("[{padding}\"{most}x\",{padding}\"b\"]"), Err("more than 65536 bytes"));
            check(&format!(r#"[{padding}"{}"]"#, r#"\""#.repeat(LONGEST_TEXT)), Err("more than 65536 bytes"));
            check(&format!(r#"[{padding}"{}"]"#, r"\\".repeat(LONGEST_TEXT / 2)), Ok(()));
        }
    }

    #[test]
    fn half_a_character_is_replaced_and_the_rest_of_the_page_is_unchanged() {
        for (body, repaired_text) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\uDC00\uD83D""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
            (r#""\\ud800 \u00e9 \n""#, r#""\\ud800 \u00e9 \n""#),
            (r#""\\\ud800""#, r#""\\\ufffd""#),
            (r#""é\é\ud8""#, r#""é\é\ud8""#),
            ("\\", "\\"),
        ] {
            assert_eq!(repaired(body.as_bytes()), repaired_text, "{body}");
        }
        assert_eq!(repaired(b"\"a\xff\""), "\"a\u{FFFD}\"");
    }

    #[test]
    fn only_one_whole_document_is_a_page() {
        check("{}", Ok(()));
        check(" {} \n", Ok(()));
        check("{} {}", Err("trailing characters"));
        check("{\"users\": [", Err("EOF"));
        check("<html>", Err("not JSON"));
        check("", Err("not JSON"));
        assert!(matches!(read(b"\"\xff\"", PhantomData::<IgnoredAny>), Err(PageError::Garbled(_))));
    }

    #[test]
    fn a_name_is_borrowed_unless_escaped_and_its_length_is_limited() {
        let name = |body: &'static str| read(body.as_bytes(), PhantomData::<Name<'_>>).expect(body).0;
        assert!(matches!(name("\"ann\""), Cow::Borrowed("ann")));
        assert!(matches!(name(r#""\u0061nn""#), Cow::Owned(owned) if owned == "ann"));
        let long = format!("\"{}\"", "x".repeat(LONGEST_NAME + 1));
        assert!(matches!(read(long.as_bytes(), PhantomData::<Name<'_>>), Err(PageError::Unusable(_))));
        assert!(matches!(read(b"1", PhantomData::<Name<'_>>), Err(PageError::Unusable(_))));
    }
}

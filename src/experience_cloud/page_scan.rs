//! Scans a page of users in one pass: builds nothing of what is not kept, and checks the syntax of everything.
//!
//! A page that is not JSON, or in which a needed value is not what it should be, is `None` throughout: it is then parsed
//! record by record, which also says what is wrong.

use std::borrow::Cow;

use super::page_text::{LONGEST_NAME, Name};

/// How deep unknown values may be nested.
const DEEPEST: usize = 32;

/// A position in the text of a page.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether the page has control characters, which are whitespace between values and invalid inside texts.
    has_controls: bool,
}

impl<'a> Scanner<'a> {
    /// The beginning of a page; `None` if the page is not UTF-8.
    pub(super) fn new(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        // One pass over the whole page, so that short texts need none of their own.
        let has_controls = body.iter().copied().fold(u8::MAX, u8::min) < b' ';
        Some(Self { text, at: 0, has_controls })
    }

    /// Nothing but whitespace follows.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// An object: `field` reads the value of each key.
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.expect(b'"')?;
            let (begin, has_escapes) = (self.at, self.rest_of_text()?);
            let key = self.text.as_bytes().get(begin..self.at - 1)?;
            if has_escapes {
                return None;
            }
            self.expect(b':')?;
            field(self, key)?;
            match self.token()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// An array: `entry` reads each value.
    pub(super) fn array(&mut self, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            entry(self)?;
            match self.token()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A name, an address or an id of at most [`LONGEST_NAME`] bytes.
    #[inline]
    pub(super) fn name(&mut self) -> Option<Name<'a>> {
        self.expect(b'"')?;
        let (begin, has_escapes) = (self.at, self.rest_of_text()?);
        let name = if has_escapes {
            Cow::Owned(serde_json::from_str(self.text.get(begin - 1..self.at)?).ok()?)
        } else {
            Cow::Borrowed(self.text.get(begin..self.at - 1)?)
        };
        (name.len() <= LONGEST_NAME).then_some(Name(name))
    }

    /// `null`, or what `value` reads.
    #[expect(clippy::option_option, reason = "the outer one says whether the page could be read")]
    pub(super) fn nullable<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.peek()? == b'n' {
            return self.literal("null").map(|()| None);
        }
        value(self).map(Some)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        if self.peek()? == b't' { self.literal("true").map(|()| true) } else { self.literal("false").map(|()| false) }
    }

    /// Any value, of which only the syntax is checked.
    #[inline]
    pub(super) fn skip(&mut self) -> Option<()> {
        if self.peek()? == b'"' { self.skip_text() } else { self.skip_nested(DEEPEST) }
    }

    fn skip_text(&mut self) -> Option<()> {
        self.expect(b'"')?;
        self.rest_of_text().map(drop)
    }

    fn skip_nested(&mut self, deepest: usize) -> Option<()> {
        let deeper = deepest.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.skip_text(),
            b'{' => self.object(|scan, _| scan.skip_nested(deeper)),
            b'[' => self.array(|scan| scan.skip_nested(deeper)),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.byte()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return None,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Reads a text after its first quotation mark, and the mark after it; whether it has escapes.
    #[inline]
    fn rest_of_text(&mut self) -> Option<bool> {
        let begin = self.at;
        let (length, mark) = plain_length(self.text.as_bytes().get(begin..)?)?;
        self.at += length;
        if mark == b'"' && !self.has_controls {
            self.at += 1;
            return Some(false);
        }
        self.rest_of_unusual_text(begin)
    }

    /// Reads the rest of a text that began at `begin`, and that has escapes or may have control characters.
    #[cold]
    fn rest_of_unusual_text(&mut self, begin: usize) -> Option<bool> {
        let mut has_escapes = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let (length, mark) = plain_length(rest)?;
            self.at += length;
            if mark == b'"' {
                break;
            }
            has_escapes = true;
            self.at += escape_length(rest.get(length..)?)?;
        }
        if self.text.as_bytes().get(begin..self.at)?.iter().any(|byte| *byte < b' ') {
            return None;
        }
        self.at += 1;
        Some(has_escapes)
    }

    /// Consumes this byte, after whitespace.
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.token()? == byte).then_some(())
    }

    /// Consumes the next byte after whitespace.
    fn token(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The next byte after whitespace, which is consumed.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        match self.byte()? {
            b'\0'..=b' ' => self.peek_behind_whitespace(),
            byte => Some(byte),
        }
    }

    #[cold]
    fn peek_behind_whitespace(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// The length of the text before its first quotation mark or backslash, and that mark. Eight bytes at a time: most texts
/// are short.
fn plain_length(bytes: &[u8]) -> Option<(usize, u8)> {
    let mut rest = bytes;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let eight = u64::from_le_bytes(*eight);
        let marks = zero_bytes(eight ^ (ONES * u64::from(b'"'))) | zero_bytes(eight ^ (ONES * u64::from(b'\\')));
        if marks != 0 {
            let first = marks.trailing_zeros() as usize / 8;
            return Some((bytes.len() - rest.len() + first, *rest.get(first)?));
        }
        rest = behind;
    }
    let last = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some((bytes.len() - rest.len() + last, *rest.get(last)?))
}

/// One in each byte.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of each byte that is 0, and perhaps of bytes after the first such one.
fn zero_bytes(eight: u64) -> u64 {
    eight.wrapping_sub(ONES) & !eight & (ONES << 7)
}

/// The length of the escape at the beginning.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn is_scanned(text: &str) -> bool {
        let scan = |mut scanner: Scanner<'_>| {
            scanner.skip()?;
            scanner.end()
        };
        Scanner::new(text.as_bytes()).and_then(scan).is_some()
    }

    #[test]
    fn only_valid_json_is_scanned() {
        for (text, expected) in [
            ("{}", true),
            (" [ ] \n", true),
            (r#"{"a": [1, -0, 2.5e+7, 1E-3], "b": {"c": null}, "d": "é\u00e9\n\"\\"}"#, true),
            (r#"[true, false, null, ""]"#, true),
            ("", false),
            ("{} {}", false),
            ("[1,]", false),
            ("[,1]", false),
            (r#"{"a": 1,}"#, false),
            (r#"{"a" 1}"#, false),
            ("{1: 2}", false),
            ("[01]", false),
            ("[1.]", false),
            ("[.5]", false),
            ("[+1]", false),
            ("[- 1]", false),
            ("[1e]", false),
            ("[nul]", false),
            ("[True]", false),
            (r#"["a]"#, false),
            (r#"["\x"]"#, false),
            (r#"["\u12g4"]"#, false),
            ("[\"a\nb\"]", false),
            ("[\"a\u{0}b\"]", false),
            ("[1\u{0}]", false),
            ("[1 2]", false),
            ("[\"a\" \"b\"]", false),
            (r"\u0022", false),
        ] {
            assert_eq!(is_scanned(text), expected, "{text:?}");
        }
        assert!(!is_scanned(&format!("{}{}", "[".repeat(DEEPEST + 1), "]".repeat(DEEPEST + 1))));
        assert!(Scanner::new(b"\"\xff\"").is_none());
    }

    #[test]
    fn a_name_is_borrowed_unless_escaped_and_its_length_is_limited() {
        let name = |text: &'static str| Scanner::new(text.as_bytes()).and_then(|mut scan| scan.name());
        assert!(matches!(name("\"ann\""), Some(Name(Cow::Borrowed("ann")))));
        assert!(matches!(name(r#" "\u0061nn\/""#), Some(Name(Cow::Owned(owned))) if owned == "ann/"));
        assert!(name(r#""\ud800""#).is_none() && name("7").is_none() && name("null").is_none());
        let long = |length: usize| format!("\"{}\"", "x".repeat(length));
        assert!(Scanner::new(long(LONGEST_NAME).as_bytes()).and_then(|mut scan| scan.name()).is_some());
        assert!(Scanner::new(long(LONGEST_NAME + 1).as_bytes()).and_then(|mut scan| scan.name()).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn what_is_scanned_is_json_to_another_parser_as_well(
            text in r#"([\[\]{},: \n]|"[a\\"u0é]{0,4}"|"a"|[-+.eE0-9]{1,4}|true|false|null|\\){0,12}"#
        ) {
            let parsed = serde_json::from_str::<Value>(&text);
            // Half a character and a number out of range are valid syntax; only the other parser refuses them.
            let is_valid = match &parsed {
                Ok(_) => true,
                Err(error) => ["surrogate", "number out of range", "unexpected end of hex escape"]
                    .iter()
                    .any(|allowed| error.to_string().contains(allowed)),
            };
            if is_scanned(&text) {
                prop_assert!(is_valid, "{}: {:?}", text, parsed);
            }
            if parsed.is_ok() {
                prop_assert!(is_scanned(&text), "{}", text);
            }
        }
    }
}

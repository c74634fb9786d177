//! Reads the XML of responses as events, within limits.
//!
//! Names are compared without their prefixes, because Campaign's responses have a default namespace.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::Attribute as RawAttribute;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::reader::Reader;

/// Maximum nesting of elements: a compiled schema has less than 20 levels, and its nesting is read recursively.
const MAX_DEPTH: usize = 64;

/// Maximum length of an attribute value or text, in bytes: names have 255 characters, details of a fault some thousand.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The whitespace of XML, which alone may stand outside of the root.
const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Why a response could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(super) struct XmlError {
    what: String,
    extent: Extent,
}

/// How much of a response could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// The whole document.
    Document,
    /// One value; the rest of the document is valid.
    Value,
}

impl XmlError {
    /// An error of the whole document. It may repeat a name of any length, which may contain a secret: an error of the client
    /// shows it without secrets, and shortened.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), extent: Extent::Document }
    }

    /// An error of one value.
    pub(super) fn of_value(what: impl Into<String>) -> Self {
        Self { what: what.into(), extent: Extent::Value }
    }

    /// Whether the error concerns one value only, so that it concerns one row.
    pub(super) fn is_of_a_value(&self) -> bool {
        self.extent == Extent::Value
    }
}

/// The start of an element, with its attributes.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Whether the element has this local name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name() == name
    }

    /// The attributes with these local names, in one pass. The first attribute of a name counts.
    pub(super) fn select<const N: usize>(&self, names: [&'static str; N]) -> Result<[Attribute<'_>; N], XmlError> {
        let mut found = names.map(|name| Attribute { element: self, name, raw: None });
        let mut rest = self.0.attributes_raw();
        while let Some((name, value)) = next_attribute(&mut rest).map_err(|what| self.ill_formed(what))? {
            let wanted = found.iter_mut().find(|wanted| wanted.name == name && wanted.raw.is_none());
            if let Some(wanted) = wanted {
                wanted.raw = Some(value);
            }
        }
        Ok(found)
    }

    /// The value of the attribute with this local name; `None` if there is none.
    pub(super) fn attribute(&self, name: &'static str) -> Result<Option<Cow<'_, str>>, XmlError> {
        let [attribute] = self.select([name])?;
        attribute.text()
    }

    /// The value of a required attribute, which must not be empty.
    pub(super) fn required(&self, name: &'static str) -> Result<Cow<'_, str>, XmlError> {
        let [attribute] = self.select([name])?;
        attribute.required()
    }

    /// The value of a required attribute that is a whole number.
    pub(super) fn number(&self, name: &'static str) -> Result<i64, XmlError> {
        let [attribute] = self.select([name])?;
        attribute.number()
    }

    fn ill_formed(&self, what: &str) -> XmlError {
        XmlError::new(format!("<{}> is not well-formed: {what}", self.name()))
    }
}

/// Takes the next attribute from the text between the name of an element and its end: its name without the prefix, and
/// its value as it stands between the quotes. Campaign's rows are mostly attributes, and this takes half the time of the
/// library's own iterator, which also finds attributes without quotes and without values.
fn next_attribute<'t>(rest: &mut &'t str) -> Result<Option<(&'t str, &'t str)>, &'static str> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let text = rest.trim_ascii_start();
    if text.is_empty() {
        return Ok(None);
    }
    let mut prefix = 0;
    let is_end = |(at, byte): (usize, u8)| {
        if byte == b':' && prefix == 0 {
            prefix = at + 1;
        }
        byte == b'=' || is_space(&byte)
    };
    let end = text.bytes().enumerate().position(is_end).ok_or("an attribute without a value")?;
    let (name, value) = text.split_at(end);
    let name = name.get(prefix..).unwrap_or_default();
    let value = value.trim_ascii_start().strip_prefix('=').ok_or("an attribute without a value")?.trim_ascii_start();
    let quote = value.bytes().next().filter(|byte| matches!(byte, b'"' | b'\'')).ok_or("a value without quotes")?;
    let value = value.get(1..).unwrap_or_default();
    let end = value.bytes().position(|byte| byte == quote).ok_or("a value without its second quote")?;
    let (value, after) = value.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    if name.is_empty() { Err("an attribute without a name") } else { Ok(Some((name, value))) }
}

/// An attribute of an element, with its value as it stands between the quotes.
pub(super) struct Attribute<'t> {
    element: &'t Tag<'t>,
    name: &'static str,
    raw: Option<&'t str>,
}

impl<'t> Attribute<'t> {
    /// The value; `None` if the element has no such attribute.
    pub(super) fn text(&self) -> Result<Option<Cow<'t, str>>, XmlError> {
        let Some(raw) = self.raw else { return Ok(None) };
        if raw.len() > MAX_VALUE_BYTES {
            return Err(self.wrong(format_args!("is longer than {MAX_VALUE_BYTES} bytes")));
        }
        // Most values have no reference, and no whitespace but spaces: nothing in them has to be replaced.
        let is_to_be_replaced = |byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r');
        if !raw.bytes().fold(false, |found, byte| found | is_to_be_replaced(byte)) {
            return Ok(Some(Cow::Borrowed(raw)));
        }
        let raw = RawAttribute { key: QName(self.name), value: Cow::Borrowed(raw) };
        let value = raw.normalized_value(XmlVersion::Implicit1_0);
        value.map(Some).map_err(|error| self.wrong(format_args!("cannot be read: {:.200}", error.to_string())))
    }

    /// The value, which must not be empty.
    pub(super) fn required(&self) -> Result<Cow<'t, str>, XmlError> {
        self.text()?
            .filter(|value| !value.is_empty())
            .ok_or_else(|| XmlError::of_value(format!("<{:.40}> has no {}", self.element.name(), self.name)))
    }

    /// The value, which must be a whole number. Ids may be negative, and may need 64 bits.
    pub(super) fn number(&self) -> Result<i64, XmlError> {
        let value = self.required()?;
        value.parse().map_err(|_| self.wrong(format_args!("is {value:.40?}, not a whole number")))
    }

    fn wrong(&self, what: std::fmt::Arguments<'_>) -> XmlError {
        XmlError::of_value(format!("{} of <{:.40}> {what}", self.name, self.element.name()))
    }
}

enum Step<'a> {
    Open(Tag<'a>),
    Text(Cow<'a, str>),
    Close,
    End,
}

/// Reads one document from its root to its end.
pub(super) struct XmlReader<'a> {
    events: Reader<&'a [u8]>,
    depth: usize,
}

impl<'a> XmlReader<'a> {
    /// Reads a whole document. `visit` receives the root, and may skip content.
    pub(super) fn document<T>(
        text: &'a str,
        visit: impl FnOnce(&mut Self, &Tag<'a>) -> Result<T, XmlError>,
    ) -> Result<T, XmlError> {
        let mut events = Reader::from_str(text);
        events.config_mut().expand_empty_elements = true;
        let mut reader = Self { events, depth: 0 };
        let root = reader.next_root()?.ok_or_else(|| XmlError::new("it is not XML"))?;
        let outcome = visit(&mut reader, &root)?;
        reader.leave(0)?;
        match reader.next_root()? {
            None => Ok(outcome),
            Some(second) => Err(XmlError::new(format!("<{}> after the end of the document", second.name()))),
        }
    }

    /// Visits every child of the current element, up to its end. `visit` may skip content.
    pub(super) fn children(
        &mut self,
        mut visit: impl FnMut(&mut Self, &Tag<'a>) -> Result<(), XmlError>,
    ) -> Result<(), XmlError> {
        loop {
            match self.step()? {
                Step::Open(tag) => {
                    let outside = self.depth - 1;
                    visit(self, &tag)?;
                    self.leave(outside)?;
                }
                Step::Text(_) => {}
                Step::Close => return Ok(()),
                Step::End => return Err(cut()),
            }
        }
    }

    /// All text of the current element and its inner elements, up to its end. Text beyond 64 KiB is omitted.
    pub(super) fn text(&mut self) -> Result<String, XmlError> {
        let outside = self.depth.saturating_sub(1);
        let mut text = String::new();
        while self.depth > outside {
            match self.step()? {
                Step::Text(piece) if text.len() + piece.len() <= MAX_VALUE_BYTES => text.push_str(&piece),
                Step::End => return Err(cut()),
                Step::Text(_) | Step::Open(_) | Step::Close => {}
            }
        }
        Ok(text)
    }

    /// Skips content until no more than `depth` elements are open.
    fn leave(&mut self, depth: usize) -> Result<(), XmlError> {
        while self.depth > depth {
            if let Step::End = self.step()? {
                return Err(cut());
            }
        }
        Ok(())
    }

    fn next_root(&mut self) -> Result<Option<Tag<'a>>, XmlError> {
        loop {
            match self.step()? {
                Step::Open(tag) => return Ok(Some(tag)),
                Step::Text(text) if text.trim_matches(WHITESPACE).is_empty() => {}
                Step::Text(_) => return Err(XmlError::new("it is not XML")),
                Step::Close | Step::End => return Ok(None),
            }
        }
    }

    fn step(&mut self) -> Result<Step<'a>, XmlError> {
        loop {
            return Ok(match self.events.read_event().map_err(|error| ill_formed(&error))? {
                Event::Start(start) | Event::Empty(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(XmlError::new(format!("it has more than {MAX_DEPTH} levels of elements")));
                    }
                    Step::Open(Tag(start))
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Step::Close
                }
                Event::Text(text) => Step::Text(text.xml10_content()),
                Event::CData(text) => Step::Text(text.xml10_content()),
                // An entity splits the text around it: if it were skipped, `a &amp; b` would become `a  b`.
                Event::GeneralRef(reference) => {
                    match reference.resolve_char_ref().map_err(|error| ill_formed(&error))? {
                        Some(character) => Step::Text(character.to_string().into()),
                        None => match resolve_predefined_entity(&reference) {
                            Some(text) => Step::Text(text.into()),
                            None => return Err(XmlError::new(format!("the entity {:?} is unknown", &*reference))),
                        },
                    }
                }
                // Declared entities could make a small document unlimitedly large. Campaign declares none.
                Event::DocType(_) => return Err(XmlError::new("it has a document type declaration")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
                Event::Eof => Step::End,
            });
        }
    }
}

fn cut() -> XmlError {
    XmlError::new("it is incomplete")
}

fn ill_formed(error: &quick_xml::Error) -> XmlError {
    XmlError::new(format!("it is not well-formed XML: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names and texts of the children of the root.
    fn inside(text: &str) -> Result<Vec<(String, String)>, String> {
        let read = XmlReader::document(text, |reader, _| {
            let mut found = Vec::new();
            reader.children(|reader, tag| {
                found.push((tag.name().to_owned(), reader.text()?));
                Ok(())
            })?;
            Ok(found)
        });
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn text_is_read_completely_however_it_is_written() {
        for (text, expected) in [
            ("<r><e>a &amp; b</e></r>", "a & b"),
            ("<r><e>&#x41;&#66;&lt;&gt;&quot;&apos;</e></r>", "AB<>\"'"),
            ("<r><e><![CDATA[<a> & ]]>b</e></r>", "<a> & b"),
            ("<r><e>one<i>two</i>\r\nthree<!-- no --><?no no?></e></r>", "onetwo\nthree"),
            ("<?xml version='1.0'?>\n<p:r xmlns:p='urn:x' ><p:e xmlns='urn:y'>x</p:e></p:r>\n", "x"),
            ("<r><e/></r>", ""),
        ] {
            assert_eq!(inside(text), Ok(vec![("e".to_owned(), expected.to_owned())]), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_complete_document_is_an_error() {
        let deep = format!("{}{}", "<d>".repeat(1000), "</d>".repeat(1000));
        let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><r><e>&b;</e></r>";
        for (text, part) in [
            ("", "not XML"),
            ("XSV-350008 Session has expired", "not XML"),
            ("<r><e>", "incomplete"),
            ("<r><e>a</e>", "incomplete"),
            ("<r><e></r></e>", "not well-formed"),
            ("<r><e a='1></r>", "not well-formed"),
            ("<r/><r/>", "after the end"),
            ("<r/>tail", "not XML"),
            ("<r/>\u{b}", "not XML"),
            ("\u{a0}<r/>", "not XML"),
            ("<r><e>&unknown;</e></r>", "unknown"),
            (&deep, "more than 64 levels"),
            (bomb, "document type"),
            ("<!doctype html><html></html>", "document type"),
        ] {
            let message = inside(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_input_causes_a_panic(text in r#"(<|</|/>|>|<!|<\?|&|;|#|=|'|"|[a-c ]|\PC){0,60}"#) {
            let _ = inside(&text);
            let _ = attribute(&text, "a");
        }
    }

    fn attribute(text: &str, name: &'static str) -> Result<Option<String>, String> {
        XmlReader::document(text, |_, tag| Ok(tag.attribute(name)?.map(Cow::into_owned)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn attributes_are_found_by_local_name_with_either_quotes() {
        for (text, expected) in [
            ("<r a='it is \"so\"'/>", Some("it is \"so\"")),
            ("<r x:a=\"1\" />", Some("1")),
            ("<r b='1' a='&lt;&#x26;&apos;\n&#10;'></r>", Some("<&' \n")),
            ("<r ab='1'/>", None),
            ("<r a=''/>", Some("")),
            ("<r b='a' a = '1' />", Some("1")),
            ("<r b='a=\"2\"'\n\ta='1'b='3'/>", Some("1")),
            ("<r a='1' a='2'/>", Some("1")),
        ] {
            assert_eq!(attribute(text, "a"), Ok(expected.map(str::to_owned)), "{text}");
        }
        let long = format!("<r a='{}'/>", "x".repeat(MAX_VALUE_BYTES + 1));
        assert!(attribute(&long, "a").expect_err("too long").contains("longer than"));
        for ill_formed in
            ["<r a='&nope;'/>", "<r a/>", "<r a />", "<r a=1/>", "<r ='1'/>", "<r b a='1'/>", "<r b='1' x:='2'/>"]
        {
            assert!(attribute(ill_formed, "a").is_err(), "{ill_formed}");
        }
    }

    #[test]
    fn a_key_is_a_whole_number_of_64_bits() {
        let number = |text: &str| XmlReader::document(text, |_, tag| tag.number("id"));
        assert_eq!(number("<r id='-5'/>"), Ok(-5));
        assert_eq!(number("<r id='9223372036854775807'/>"), Ok(i64::MAX));
        for wrong in ["<r/>", "<r id=''/>", "<r id='1.0'/>", "<r id='9223372036854775808'/>", "<r id=' 1'/>"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}

//! Reads the XML of responses as events, within limits.
//!
//! Names are compared without their prefixes, because Campaign's responses have a default namespace.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Maximum nesting of elements: a compiled schema has less than 20 levels, and its nesting is read recursively.
const MAX_DEPTH: usize = 64;

/// Maximum length of an attribute value or text, in bytes: names have 255 characters, details of a fault some thousand.
const MAX_VALUE_BYTES: usize = 64 * 1024;

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
    /// An error of the whole document.
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

    /// The value of the attribute with this local name; `None` if there is none.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, XmlError> {
        // The first attribute of the name counts. A check for duplicates would cost more time than the rest of the
        // parsing.
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.ill_formed(&error))?;
            if attribute.key.local_name().into_inner() != name {
                continue;
            }
            if attribute.value.len() > MAX_VALUE_BYTES {
                return Err(XmlError::of_value(format!(
                    "{name} of <{:.40}> is longer than {MAX_VALUE_BYTES} bytes",
                    self.name()
                )));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            return value.map(Some).map_err(|error| {
                XmlError::of_value(format!(
                    "{name} of <{:.40}> cannot be read: {:.200}",
                    self.name(),
                    error.to_string()
                ))
            });
        }
        Ok(None)
    }

    /// The value of a required attribute, which must not be empty.
    pub(super) fn required(&self, name: &str) -> Result<Cow<'_, str>, XmlError> {
        self.attribute(name)?
            .filter(|value| !value.is_empty())
            .ok_or_else(|| XmlError::of_value(format!("<{:.40}> has no {name}", self.name())))
    }

    /// The value of a required attribute that is a whole number. Ids may be negative, and may need 64 bits.
    pub(super) fn number(&self, name: &str) -> Result<i64, XmlError> {
        let value = self.required(name)?;
        let ill_formed =
            |_| XmlError::of_value(format!("{name} of <{:.40}> is {value:.40?}, not a whole number", self.name()));
        value.parse().map_err(ill_formed)
    }

    fn ill_formed(&self, error: &dyn std::error::Error) -> XmlError {
        XmlError::new(format!("<{:.40}> is not well-formed: {:.200}", self.name(), error.to_string()))
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
            Some(second) => Err(XmlError::new(format!("<{:.40}> after the end of the document", second.name()))),
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
                Step::Text(text) if text.trim().is_empty() => {}
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
                            None => return Err(XmlError::new(format!("the entity {:.40?} is unknown", &*reference))),
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
    // The message repeats names, and a name may be as long as the response.
    XmlError::new(format!("it is not well-formed XML: {:.200}", error.to_string()))
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

    fn attribute(text: &str, name: &str) -> Result<Option<String>, String> {
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
        ] {
            assert_eq!(attribute(text, "a"), Ok(expected.map(str::to_owned)), "{text}");
        }
        let long = format!("<r a='{}'/>", "x".repeat(MAX_VALUE_BYTES + 1));
        assert!(attribute(&long, "a").expect_err("too long").contains("longer than"));
        assert!(attribute("<r a='&nope;'/>", "a").is_err());
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

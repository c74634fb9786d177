//! XML in and out: a small tree read with bounds, and escaping for what is written.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting that is read; a real request stays under 12, and the tree is walked recursively.
const MAX_DEPTH: usize = 64;

/// An element with all that is in it; comments and processing instructions are dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The name as written, prefix included.
    pub(super) name: String,
    /// Attributes in document order, names as written.
    pub(super) attributes: Vec<(String, String)>,
    /// Child elements in document order.
    pub(super) children: Vec<Self>,
    /// All text directly inside, joined.
    pub(super) text: String,
}

impl Element {
    /// The name without its prefix.
    pub(super) fn local_name(&self) -> &str {
        local(&self.name)
    }

    /// The prefix of the name, empty when there is none.
    pub(super) fn prefix(&self) -> &str {
        self.name.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// The value of an attribute by its name as written.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The first child with this local name.
    pub(super) fn child(&self, local_name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.local_name() == local_name)
    }

    /// All children with this local name.
    pub(super) fn children_named<'a>(&'a self, local_name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.local_name() == local_name)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The text of a document in UTF-8, or in ISO-8859-1 if it says so, as Adobe's older samples do.
pub(super) fn decoded(document: &[u8]) -> Option<Cow<'_, str>> {
    let declaration = document.split(|byte| *byte == b'>').next().unwrap_or_default().to_ascii_lowercase();
    if declaration.starts_with(b"<?xml") && declaration.windows(10).any(|word| word == b"iso-8859-1") {
        return Some(document.iter().map(|byte| char::from(*byte)).collect());
    }
    std::str::from_utf8(document).ok().map(Cow::Borrowed)
}

/// Reads one document; the error is a sentence for the fault.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|error| format!("The document is not well formed: {error}."))? {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err(format!("The document is nested deeper than {MAX_DEPTH} elements."));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => place(element(&start)?, &mut open, &mut root)?,
            Event::End(_) => {
                let done = open.pop().ok_or("The document closes an element that it did not open.")?;
                place(done, &mut open, &mut root)?;
            }
            Event::Text(text) => append(&text.xml10_content(), &mut open)?,
            Event::CData(text) => append(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                let resolved = reference.resolve_char_ref().map_err(|error| format!("{error}."))?;
                match (resolved, resolve_predefined_entity(&reference)) {
                    (Some(character), _) => append(character.encode_utf8(&mut [0; 4]), &mut open)?,
                    (None, Some(text)) => append(text, &mut open)?,
                    (None, None) => return Err(format!("The entity '{}' is not declared.", &*reference)),
                }
            }
            Event::DocType(_) => return Err("A document type declaration is not accepted.".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof if open.is_empty() => return root.ok_or_else(|| "The document is empty.".to_owned()),
            Event::Eof => return Err("The document ends before its root element is closed.".to_owned()),
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: start.name().into_inner().to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("The document is not well formed: {error}."))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("The document is not well formed: {error}."))?;
        element.attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(element)
}

fn place(done: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), String> {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    } else if root.replace(done).is_some() {
        return Err("The document has two root elements.".to_owned());
    }
    Ok(())
}

fn append(text: &str, open: &mut [Element]) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {}
        None => return Err("The document has text outside its root element.".to_owned()),
    }
    Ok(())
}

/// XML as it is written, with every value escaped.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// The start of a tag; attributes may follow.
    pub(super) fn start(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
    }

    /// An attribute of the tag that was started.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        push_escaped(&mut self.0, value);
        self.0.push('"');
    }

    /// The end of a started tag; content follows.
    pub(super) fn content(&mut self) {
        self.0.push('>');
    }

    /// The end of a started tag without content.
    pub(super) fn no_content(&mut self) {
        self.0.push_str("/>");
    }

    /// A whole start tag.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name);
        for (name, value) in attributes {
            self.attribute(name, value);
        }
        self.content();
    }

    /// A whole element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name);
        for (name, value) in attributes {
            self.attribute(name, value);
        }
        self.no_content();
    }

    /// An end tag.
    pub(super) fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Text content.
    pub(super) fn text(&mut self, text: &str) {
        push_escaped(&mut self.0, text);
    }

    /// XML that is escaped already.
    pub(super) fn raw(&mut self, xml: &str) {
        self.0.push_str(xml);
    }

    /// All that was written.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Appends text escaped for element content and for attributes in either kind of quotes.
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A parser would turn these into spaces inside an attribute.
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\t' => out.push_str("&#x9;"),
            // XML 1.0 has no way to write these at all.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// Encodes as ISO-8859-1; what it lacks becomes a character reference.
pub(in crate::sandbox) fn latin_1(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(u32::from(character)) {
            // Readers that take ISO-8859-1 for windows-1252 disagree on 0x80 to 0x9F.
            Ok(byte) if !(0x80..0xa0).contains(&byte) => bytes.push(byte),
            _ => bytes.extend_from_slice(format!("&#{};", u32::from(character)).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_split_by_entities_is_joined() {
        let root = parse("<a>x &amp; y&#x20AC;<![CDATA[<z>]]></a>").unwrap();
        assert_eq!(root.text, "x & y€<z>");
    }

    #[test]
    fn an_attribute_keeps_what_was_escaped_and_loses_raw_line_ends() {
        let root = parse("<a one='&lt;&#xA;&quot;' two='x\ny'/>").unwrap();
        assert_eq!(root.attribute("one"), Some("<\n\""));
        assert_eq!(root.attribute("two"), Some("x y"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = "a<b>&\"c'\n\r\t é 漢 \u{1f600}";
        let mut out = Markup::default();
        out.empty("a", &[("v", value)]);
        assert_eq!(parse(&out.into_string()).unwrap().attribute("v"), Some(value));
    }

    #[test]
    fn broken_documents_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        for document in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a b='1' b='2'/>",
            "<a b=1/>",
            "<a>&nbsp;</a>",
            "<a>& </a>",
            "<!DOCTYPE a><a/>",
            "<a>&#0;</a>",
            "<a",
            "<a/>x",
            deep.as_str(),
        ] {
            assert!(parse(document).is_err(), "{document:.40}");
        }
    }

    #[test]
    fn a_document_is_read_in_the_encoding_it_declares() {
        let declared = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
        assert_eq!(parse(&decoded(declared).unwrap()).unwrap().text, "\u{e9}");
        assert_eq!(decoded(b"<a>\xe9</a>"), None);
    }

    #[test]
    fn latin_1_refers_to_what_it_lacks() {
        assert_eq!(latin_1("é€\u{85}"), b"\xe9&#8364;&#133;");
    }
}

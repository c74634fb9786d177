//! Builds the XML of requests. This is the only place that escapes values in XML; quick-xml does it.

use quick_xml::events::{BytesStart, BytesText};

/// An element. It may contain a password, so it has no `Debug`.
pub(super) struct Element {
    start: BytesStart<'static>,
    inside: String,
}

impl Element {
    /// An empty element.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { start: BytesStart::new(name.into()), inside: String::new() }
    }

    /// Adds an attribute. Line breaks and tabs are written as references, because a parser replaces them with spaces.
    pub(super) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.start.push_attribute((name, value));
        self
    }

    /// Appends a child element.
    pub(super) fn child(mut self, child: &Self) -> Self {
        child.write(&mut self.inside);
        self
    }

    /// Appends child elements.
    pub(super) fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, |element, child| element.child(&child))
    }

    /// Appends text.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.inside.push_str(&BytesText::new(text));
        self
    }

    /// The XML of the element.
    pub(super) fn to_xml(&self) -> String {
        let mut xml = String::new();
        self.write(&mut xml);
        xml
    }

    fn write(&self, xml: &mut String) {
        xml.push('<');
        xml.push_str(&self.start);
        if self.inside.is_empty() {
            xml.push_str("/>");
            return;
        }
        xml.push('>');
        xml.push_str(&self.inside);
        xml.push_str("</");
        xml.push_str(self.start.name().as_ref());
        xml.push('>');
    }
}

/// Whether XML 1.0 allows all characters of the text, escaped or not (production `Char`).
pub(super) fn can_carry(text: &str) -> bool {
    text.chars()
        .all(|character| matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::xml_reader::{XmlError, XmlReader};
    use super::*;

    fn read_back(element: &Element) -> (String, String) {
        XmlReader::document(&element.to_xml(), |reader, tag| {
            let name = tag.attribute("name")?.ok_or_else(|| XmlError::new("no name"))?.into_owned();
            Ok((name, reader.text()?))
        })
        .expect("well formed")
    }

    #[test]
    fn elements_are_nested_and_closed() {
        let inner = Element::new("b").attribute("x", "1 < 2 & \"3\"").text("<&>");
        let outer = Element::new("a:a").child(&inner).children([Element::new("c"), Element::new("d")]);
        assert_eq!(outer.to_xml(), "<a:a><b x=\"1 &lt; 2 &amp; &quot;3&quot;\">&lt;&amp;&gt;</b><c/><d/></a:a>");
    }

    #[test]
    fn characters_that_xml_does_not_allow_are_recognized() {
        assert!(can_carry("tab\tline\r\nünï\u{1F600}"));
        for hostile in ["\u{0}", "a\u{1}b", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!can_carry(hostile), "{hostile:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_unchanged(text in r#"(\PC|[\t\n\r<>&'"]){0,20}"#) {
            prop_assume!(can_carry(&text));
            let element = Element::new("e").attribute("name", &text).text(&text);
            prop_assert_eq!(read_back(&element), (text.clone(), text));
        }
    }
}

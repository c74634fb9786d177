//! Rewrites Campaign's XML with pseudonyms: element by element, and only what the rules name stays.

use quick_xml::{
    XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesDecl, BytesStart, BytesText, Event},
    reader::Reader,
};

use super::{
    pseudonyms::{KnownWords, Pseudonyms},
    values::ValueKind,
    vocabulary::COLUMNS,
    xml_rules::{
        SCHEMA_ELEMENTS, attribute, envelope_attribute, is_known_element, schema_attribute, text as text_kind,
    },
};

/// Maximum nesting of elements, as the client reads them.
const MAX_DEPTH: usize = 64;

/// Prefixes that stay; elements with another one are shown without it.
const PREFIXES: &[&str] = &["SOAP-ENV", "soap", "soapenv", "ns", "xsd", "xsi"];

/// Encodings that a declaration may name.
const ENCODINGS: &[&str] = &["UTF-8", "utf-8", "ISO-8859-1", "iso-8859-1"];

/// The documents that Campaign sends and receives.
const ROOTS: &[&str] = &["Envelope", "redir"];

/// The document with pseudonyms; `None` if it is not well-formed XML, or not a document of Campaign.
pub(super) fn xml_body(pseudonyms: &mut Pseudonyms, text: &str) -> Option<String> {
    let mut rewriter = Rewriter { pseudonyms, out: String::with_capacity(text.len()), open: Vec::new(), pending: None };
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => rewriter.start(&start, false)?,
            Event::Empty(start) => rewriter.start(&start, true)?,
            Event::End(_) => rewriter.end()?,
            Event::Text(text) => rewriter.text(&text.xml10_content()),
            Event::CData(text) => rewriter.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => rewriter.text(character.encode_utf8(&mut [0; 4])),
                None => rewriter.text(resolve_predefined_entity(&reference)?),
            },
            Event::Decl(declaration) => rewriter.declaration(&declaration),
            Event::DocType(_) => return None,
            Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => return rewriter.complete(),
        }
    }
}

struct Rewriter<'a> {
    pseudonyms: &'a mut Pseudonyms,
    out: String,
    open: Vec<Open>,
    /// The text of the innermost element so far; an entity divides it.
    pending: Option<String>,
}

/// An element that is not closed yet.
struct Open {
    /// Its local name in the original.
    name: String,
    /// Its name as shown; `None` where it is omitted with everything inside.
    shown: Option<String>,
    content: Content,
}

/// What stands in an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Ordinary,
    /// A compiled schema, of which only an outline stays.
    Schema,
}

impl Rewriter<'_> {
    fn declaration(&mut self, declaration: &BytesDecl<'_>) {
        let encoding = declaration.encoding().and_then(Result::ok);
        let known = encoding.as_deref().filter(|encoding| ENCODINGS.contains(encoding));
        let encoding = known.map(|encoding| format!(" encoding='{encoding}'")).unwrap_or_default();
        self.out.extend(["<?xml version='1.0'", &encoding, "?>"]);
    }

    fn start(&mut self, start: &BytesStart<'_>, is_empty: bool) -> Option<()> {
        self.flush();
        let name = start.local_name().into_inner().to_owned();
        if self.open.is_empty()
            && (!self.out.is_empty() && !self.out.ends_with("?>") || !ROOTS.contains(&name.as_str()))
        {
            return None;
        }
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        let above = self.open.last();
        let is_left_out = above.is_some_and(|open| open.shown.is_none());
        let is_in_schema = above.is_some_and(|open| open.content == Content::Schema || open.name == "pdomDoc");
        let content = if is_in_schema { Content::Schema } else { Content::Ordinary };
        let shown = match content {
            _ if is_left_out => None,
            Content::Schema => SCHEMA_ELEMENTS.contains(&name.as_str()).then(|| name.clone()),
            Content::Ordinary => Some(self.element_name(start, &name)),
        };
        if let Some(shown) = &shown {
            let mut rewritten = BytesStart::new(shown.clone());
            for attribute in start.attributes().with_checks(false) {
                let attribute = attribute.ok()?;
                let key = attribute.key.as_ref().to_owned();
                let local = attribute.key.local_name().into_inner().to_owned();
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
                if let Some((key, value)) = self.attribute(&name, content, (&key, &local), &value) {
                    rewritten.push_attribute((key.as_str(), value.as_str()));
                }
            }
            self.out.push('<');
            self.out.push_str(&rewritten);
            self.out.push_str(if is_empty { "/>" } else { ">" });
        }
        if !is_empty {
            self.open.push(Open { name, shown, content });
        }
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        self.flush();
        let open = self.open.pop()?;
        if let Some(shown) = open.shown {
            self.out.extend(["</", &shown, ">"]);
        }
        Some(())
    }

    fn text(&mut self, text: &str) {
        self.pending.get_or_insert_default().push_str(text);
    }

    /// Writes the text of the innermost element.
    fn flush(&mut self) {
        let Some(text) = self.pending.take() else { return };
        let Some(open) = self.open.last().filter(|open| open.shown.is_some()) else { return };
        if text.trim().is_empty() || open.content == Content::Schema {
            return;
        }
        let shown = self.pseudonyms.value(text_kind(&open.name), &text);
        self.out.push_str(&BytesText::new(&shown));
    }

    fn element_name(&mut self, start: &BytesStart<'_>, name: &str) -> String {
        let name = if is_known_element(name) || COLUMNS.contains(&name) {
            name.to_owned()
        } else {
            self.pseudonyms.words(name, KnownWords::AreReplaced)
        };
        match start.name().prefix() {
            Some(prefix) if PREFIXES.contains(&prefix.into_inner()) => format!("{}:{name}", prefix.into_inner()),
            _ => name,
        }
    }

    /// Name and value of an attribute; `None` where it is omitted.
    fn attribute(
        &mut self,
        element: &str,
        content: Content,
        (key, local): (&str, &str),
        value: &str,
    ) -> Option<(String, String)> {
        if let Some(kind) = envelope_attribute(key).or_else(|| envelope_attribute(local)) {
            let prefix = key.strip_prefix("xmlns:").unwrap_or("ns");
            let ValueKind::OneOf(known) = kind else { return None };
            let is_known = known.contains(&value) && PREFIXES.contains(&prefix);
            return is_known.then(|| (key.to_owned(), value.to_owned()));
        }
        if content == Content::Schema {
            let kind = schema_attribute(local)?;
            return Some((local.to_owned(), self.pseudonyms.value(kind, value)));
        }
        let kind = attribute(element, local);
        let is_known = kind != ValueKind::Text || COLUMNS.contains(&local);
        let name = if is_known { local.to_owned() } else { self.pseudonyms.words(local, KnownWords::AreReplaced) };
        Some((name, self.pseudonyms.value(kind, value)))
    }

    fn complete(self) -> Option<String> {
        let has_root = self.out.contains('<') && !self.out.ends_with("?>");
        (self.open.is_empty() && has_root).then_some(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        let mut pseudonyms = Pseudonyms::new(Vec::new()).expect("random numbers");
        xml_body(&mut pseudonyms, text);
        pseudonyms.replace();
        xml_body(&mut pseudonyms, text)
    }

    fn enveloped(inside: &str) -> String {
        format!(
            "<?xml version='1.0'?><SOAP-ENV:Envelope xmlns:xsd='http://www.w3.org/2001/XMLSchema' \
             xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/'><SOAP-ENV:Body>{inside}</SOAP-ENV:Body>\
             </SOAP-ENV:Envelope>"
        )
    }

    #[test]
    fn what_is_not_listed_is_replaced_and_comments_are_left_out() {
        let text = enveloped(
            "<ExecuteQueryResponse xmlns='urn:xtk:queryDef'><pdomOutput xsi:type='ns:Element'><operator-collection>\
             <!-- Ann --><?ann ann?><operator id='5' name='ann@acme.com' type='0' annsColumn='Ann'><annsElement>Ann &amp; \
             <![CDATA[<Ann>]]></annsElement><access authenticationType='ims'/></operator></operator-collection></pdomOutput>\
             </ExecuteQueryResponse>",
        );
        let shown = shown(&text).expect("XML");
        assert!(!shown.to_lowercase().contains("ann") && !shown.contains("acme"), "{shown}");
        assert!(shown.contains("<access authenticationType=\"ims\"/>") && shown.contains(" type=\"0\""), "{shown}");
        assert!(shown.contains("<SOAP-ENV:Body><ExecuteQueryResponse xmlns=\"urn:xtk:queryDef\">"), "{shown}");
    }

    #[test]
    fn tokens_and_passwords_are_dropped() {
        let text = enveloped(
            "<Logon xmlns=\"urn:xtk:session\"><sessiontoken xsi:type=\"xsd:string\">___ab</sessiontoken>\
             <login>svc</login><password>p&amp;ss&lt;</password></Logon>",
        );
        let shown = shown(&text).expect("XML");
        assert!(shown.contains("<password>dropped</password>"), "{shown}");
        assert!(!shown.contains("___ab") && !shown.contains("p&amp;ss") && !shown.contains("svc"), "{shown}");
    }

    #[test]
    fn a_compiled_schema_becomes_an_outline() {
        let text = enveloped(
            "<GetEntityIfMoreRecentResponse xmlns='urn:wpp:default'><pdomDoc><schema name='operator' namespace='xtk' \
             label='Bediener' modifiedBy='Ann'><createdBy>Ann</createdBy><element name='operator' sqltable='XtkOperator'>\
             <attribute name='annsColumn' type='string' label='Ann' default='Ann'><help>Ann</help></attribute>\
             <attribute name='email' type='string'/><element name='access' ref='accessData'/>\
             <key name='id'><keyfield xpath='@id'/></key></element></schema></pdomDoc></GetEntityIfMoreRecentResponse>",
        );
        let shown = shown(&text).expect("XML");
        assert!(!shown.to_lowercase().contains("ann") && !shown.contains("Bediener"), "{shown}");
        assert!(shown.contains("<element name=\"access\" ref=\"accessData\"/>"), "{shown}");
        assert!(shown.contains("<attribute name=\"email\" type=\"string\"/><element"), "{shown}");
        assert!(shown.contains("<keyfield xpath=\"@id\"/>"), "{shown}");
    }

    #[test]
    fn another_document_is_no_document_of_campaign() {
        for text in
            ["<html><p>Ann</p></html>", "<redir status='OK'", "<redir/><redir/>", "Ann", "<redir>&ann;</redir>", ""]
        {
            assert_eq!(shown(text), None, "{text}");
        }
        assert!(shown("<redir status='OK' build='9396'/>").is_some());
    }
}

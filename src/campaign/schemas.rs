//! What the compiled schemas of an instance must have before the program writes to it.
//!
//! Adobe does not publish the three schemas, and instances extend them. Each client checks once that the instance has
//! everything that this program uses.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use super::client::Campaign;
use super::error::CampaignError;
use super::operators::{DISABLED, DisablingSupport};
use super::rows::Row;
use super::soap_call::SoapCall;
use super::xml_reader::{Tag, XmlError, XmlReader};
use crate::domain::Operator;

/// What this program reads and writes of one schema.
struct ExpectedSchema {
    schema: &'static str,
    /// Paths of attributes.
    attributes: &'static [&'static str],
    /// The attributes that form a key.
    key: &'static [&'static str],
    /// Links, each with the attribute that joins it.
    links: &'static [(&'static str, &'static str)],
}

const EXPECTED: [ExpectedSchema; 3] = [
    ExpectedSchema {
        schema: "xtk:operator",
        attributes: &["@name", "@label", "@type", "access/@authenticationType"],
        key: &["@id"],
        links: &[],
    },
    ExpectedSchema { schema: "xtk:group", attributes: &["@name", "@label"], key: &["@id"], links: &[] },
    ExpectedSchema {
        schema: "xtk:operatorGroup",
        attributes: &[],
        key: &["@operator-id", "@group-id"],
        links: &[("operator", "@operator-id"), ("group", "@group-id")],
    },
];

impl Campaign {
    /// Compares the compiled schemas with what this program reads and writes.
    ///
    /// Fails with [`CampaignError::Schemas`], which names every schema that lacks something, and what it lacks.
    pub async fn check_schemas(&self) -> Result<(), CampaignError> {
        self.schemas_agree.store(false, Ordering::Release);
        let mut lacking = Vec::new();
        for expected in &EXPECTED {
            let found = self.call(&SoapCall::schema(expected.schema), read_schema).await?;
            if expected.schema == Operator::SCHEMA {
                self.disabling_support.get_or_init(|| disabling_support(found.as_ref()));
            }
            lacking.extend(expected.lacking(found.as_ref()));
        }
        if lacking.is_empty() {
            self.schemas_agree.store(true, Ordering::Release);
            return Ok(());
        }
        Err(CampaignError::Schemas { lacking: lacking.join("; ") })
    }

    /// Whether the compiled schema allows operators to be disabled; read once.
    pub(super) async fn disabling_support(&self) -> Result<DisablingSupport, CampaignError> {
        if let Some(known) = self.disabling_support.get() {
            return Ok(*known);
        }
        let found = self.call(&SoapCall::schema(Operator::SCHEMA), read_schema).await?;
        Ok(*self.disabling_support.get_or_init(|| disabling_support(found.as_ref())))
    }
}

fn disabling_support(operator: Option<&CompiledSchema>) -> DisablingSupport {
    let is_offered = operator.is_some_and(|schema| schema.attributes.contains(DISABLED));
    if is_offered { DisablingSupport::Offered } else { DisablingSupport::NotOffered }
}

impl ExpectedSchema {
    /// What the schema lacks, as text; `None` if nothing.
    fn lacking(&self, found: Option<&CompiledSchema>) -> Option<String> {
        let Some(found) = found else { return Some(format!("there is no {}", self.schema)) };
        let mut parts: Vec<String> = Vec::new();
        let absent = self.attributes.iter().filter(|path| !found.attributes.contains(**path));
        parts.extend(absent.map(|path| (*path).to_owned()));
        if !found.keys().any(|key| key.iter().map(String::as_str).eq(sorted(self.key))) {
            parts.push(format!("the key {}", self.key.join(", ")));
        }
        let joined = |(link, source): &&(&str, &str)| found.links.get(*link).is_some_and(|by| by == source);
        let absent = self.links.iter().filter(|link| !joined(link));
        parts.extend(absent.map(|(link, source)| format!("the link {link} by {source}")));
        (!parts.is_empty()).then(|| format!("{} lacks {}", self.schema, parts.join(" and ")))
    }
}

fn sorted(fields: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    fields.iter().copied().collect::<BTreeSet<_>>().into_iter()
}

/// The main element of a compiled schema.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CompiledSchema {
    /// Paths of all attributes, such as `@name` and `access/@authenticationType`.
    pub(super) attributes: BTreeSet<String>,
    /// The fields of each key. The schema names a field by its path, or by the link of which it is the foreign key.
    keys: Vec<Vec<KeyField>>,
    /// Links, each with the attribute that joins it.
    links: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq)]
enum KeyField {
    Path(String),
    Link(String),
}

impl CompiledSchema {
    /// The fields of each key as paths.
    fn keys(&self) -> impl Iterator<Item = BTreeSet<String>> {
        self.keys.iter().map(|fields| {
            let path = |field: &KeyField| match field {
                KeyField::Path(path) => Some(path.clone()),
                KeyField::Link(link) => self.links.get(link).cloned(),
            };
            fields.iter().filter_map(path).collect()
        })
    }

    fn read_node(&mut self, reader: &mut XmlReader<'_>, path: &str) -> Result<(), XmlError> {
        reader.children(|reader, tag| {
            match tag.name() {
                "attribute" => {
                    self.attributes.insert(format!("{path}@{}", tag.required("name")?));
                }
                "key" if path.is_empty() => self.keys.push(read_key(reader)?),
                "element" => self.read_element(reader, tag, path)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn read_element(&mut self, reader: &mut XmlReader<'_>, tag: &Tag<'_>, path: &str) -> Result<(), XmlError> {
        let name = tag.required("name")?;
        if tag.attribute("type")?.as_deref() != Some("link") {
            return self.read_node(reader, &format!("{path}{name}/"));
        }
        reader.children(|_, join| {
            if join.is("join") {
                let source = join.attribute("xpath-src")?.unwrap_or_default();
                self.links.insert(format!("{path}{name}"), source.into_owned());
            }
            Ok(())
        })
    }
}

fn read_key(reader: &mut XmlReader<'_>) -> Result<Vec<KeyField>, XmlError> {
    let mut fields = Vec::new();
    reader.children(|_, field| {
        if field.is("keyfield") {
            let path = field.attribute("xpath")?.map(|path| KeyField::Path(path.into_owned()));
            let link = field.attribute("xlink")?.map(|link| KeyField::Link(link.into_owned()));
            fields.extend(path.or(link));
        }
        Ok(())
    })?;
    Ok(fields)
}

/// Reads the response to `GetEntityIfMoreRecent`: the main element of a schema; `None` if there is no such schema.
pub(super) fn read_schema(reader: &mut XmlReader<'_>) -> Result<Option<CompiledSchema>, XmlError> {
    let mut compiled = None;
    reader.children(|reader, output| {
        if !output.is("pdomDoc") {
            return Ok(());
        }
        reader.children(|reader, schema| {
            if !schema.is("schema") {
                return Err(XmlError::new(format!("<{:.40}> instead of <schema>", schema.name())));
            }
            let main = schema.required("name")?.into_owned();
            let mut found = CompiledSchema::default();
            reader.children(|reader, tag| {
                let named = tag.attribute("name")?;
                if tag.is("element") && named.as_ref().map(Cow::as_ref) == Some(main.as_str()) {
                    found.read_node(reader, "")?;
                }
                Ok(())
            })?;
            compiled = Some(found);
            Ok(())
        })
    })?;
    Ok(compiled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR_GROUP: &str = include_str!("../../tests/samples/campaign/schema_operator_group.xml");

    fn compiled(text: &str) -> Result<Option<CompiledSchema>, XmlError> {
        XmlReader::document(text, |reader, _| read_schema(reader))
    }

    fn lacking(text: &str) -> Option<String> {
        EXPECTED[2].lacking(compiled(text).expect("a schema").as_ref())
    }

    #[test]
    fn a_schema_that_has_everything_is_accepted() {
        assert_eq!(lacking(OPERATOR_GROUP), None);
    }

    #[test]
    fn a_key_may_name_links_instead_of_their_columns() {
        let by_links = OPERATOR_GROUP
            .replace("xpath=\"@operator-id\"", "xlink=\"operator\"")
            .replace("xpath=\"@group-id\"", "xlink=\"group\"");
        assert_ne!(by_links, OPERATOR_GROUP);
        assert_eq!(lacking(&by_links), None);
    }

    #[test]
    fn missing_parts_of_a_schema_are_named() {
        for (part, replacement, expected) in [
            ("<keyfield xpath=\"@group-id\"/>", "", "xtk:operatorGroup lacks the key @operator-id, @group-id"),
            ("name=\"group\" type=\"link\"", "name=\"team\" type=\"link\"", "lacks the link group by @group-id"),
            ("xpath-src=\"@operator-id\"", "xpath-src=\"@owner-id\"", "lacks the link operator by @operator-id"),
        ] {
            let disturbed = OPERATOR_GROUP.replace(part, replacement);
            assert_ne!(disturbed, OPERATOR_GROUP, "{part}");
            let message = lacking(&disturbed).expect(part);
            assert!(message.ends_with(expected), "{message}");
        }
    }

    #[test]
    fn a_missing_schema_is_named() {
        let nothing = "<GetEntityIfMoreRecentResponse><pdomDoc/></GetEntityIfMoreRecentResponse>";
        assert_eq!(lacking(nothing), Some("there is no xtk:operatorGroup".to_owned()));
        assert!(compiled("<r><pdomDoc><html/></pdomDoc></r>").is_err());
    }

    #[test]
    fn attributes_of_inner_elements_are_read_with_their_path() {
        let text = "<r><pdomDoc><schema name='operator'><element name='other'><attribute name='no'/></element>\
                    <element name='operator'><attribute name='name'/><element name='access'>\
                    <attribute name='authenticationType'/></element><element name='folder' type='link'>\
                    <join xpath-src='@folder-id' xpath-dst='@id'/></element></element></schema></pdomDoc></r>";
        let compiled = compiled(text).expect("well formed").expect("a schema");
        assert_eq!(compiled.attributes.into_iter().collect::<Vec<_>>(), ["@name", "access/@authenticationType"]);
        assert_eq!(compiled.links.into_iter().collect::<Vec<_>>(), [("folder".to_owned(), "@folder-id".to_owned())]);
    }
}

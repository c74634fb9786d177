//! The rows of `xtk:group`.

use super::operators::label;
use super::rows::Row;
use super::xml_reader::{Tag, XmlError, XmlReader};
use super::xtk;
use crate::domain::{OperatorGroup, OperatorGroupId, OperatorGroupName};

impl Row for OperatorGroup {
    type Key = i64;

    const SCHEMA: &'static str = "xtk:group";
    const ELEMENT: &'static str = "group";
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label"];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn key(tag: &Tag<'_>) -> Result<i64, XmlError> {
        tag.number("id")
    }

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        Ok(Self {
            id: OperatorGroupId(tag.number("id")?),
            name: OperatorGroupName::new(tag.required("name")?),
            label: label(tag)?,
        })
    }

    fn text_bytes(&self) -> usize {
        self.name.as_str().len() + self.label.len()
    }
}

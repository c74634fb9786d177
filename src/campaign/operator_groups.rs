//! The rows of `xtk:group`.

use super::rows::Row;
use super::xml_reader::{Misread, Tag, XmlReader};
use super::xtk;
use crate::domain::{OperatorGroup, OperatorGroupId, OperatorGroupName};

impl Row for OperatorGroup {
    type Key = i64;

    const SCHEMA: &'static str = "xtk:group";
    const ELEMENT: &'static str = "group";
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label"];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn key(&self) -> i64 {
        self.id.0
    }

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, Misread> {
        Ok(Self {
            id: OperatorGroupId(tag.number("id")?),
            name: OperatorGroupName::new(tag.filled("name")?),
            label: tag.attribute("label")?.unwrap_or_default().into_owned(),
        })
    }
}

//! The rows of `xtk:operator`.

use super::rows::Row;
use super::xml_reader::{Misread, Tag, XmlReader};
use super::xtk;
use crate::domain::{LogOn, Operator, OperatorId, OperatorLogin};

/// `access/@authenticationType` of operators that log on through Adobe's identity service.
pub(super) const IMS: &str = "ims";

/// The condition that leaves out groups (1) and named rights (2), which live in the same table.
pub(super) fn is_operator() -> String {
    xtk::equals("@type", 0)
}

impl Row for Operator {
    type Key = i64;

    const SCHEMA: &'static str = "xtk:operator";
    const ELEMENT: &'static str = "operator";
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label", "[access/@authenticationType]"];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn key(&self) -> i64 {
        self.id.0
    }

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, Misread> {
        let id = OperatorId(tag.number("id")?);
        let login = OperatorLogin::new(tag.filled("name")?);
        let label = tag.attribute("label")?.unwrap_or_default().into_owned();
        let mut log_on = LogOn::Native;
        reader.children(|_, inner| {
            if inner.is("access") && inner.attribute("authenticationType")?.is_some_and(|value| is_ims(&value)) {
                log_on = LogOn::Ims;
            }
            Ok(())
        })?;
        Ok(Self { id, login, label, log_on, disabled: false })
    }
}

fn is_ims(authentication_type: &str) -> bool {
    authentication_type.trim().eq_ignore_ascii_case(IMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(row: &str, expected: (i64, &str, &str, LogOn)) {
        let operator = XmlReader::document(row, |reader, tag| Operator::read(reader, tag)).expect(row);
        let (id, login, label, log_on) = expected;
        let expected = Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(login),
            label: label.to_owned(),
            log_on,
            disabled: false,
        };
        assert_eq!(operator, expected);
    }

    #[test]
    fn an_operator_logs_on_through_ims_only_when_its_row_says_so() {
        for (row, expected) in [
            (
                "<operator id='7' name='Ann@acme.com' label='Ann'><access authenticationType='ims'/></operator>",
                (7, "Ann@acme.com", "Ann", LogOn::Ims),
            ),
            ("<operator id='-1' name='admin' label=''><access/></operator>", (-1, "admin", "", LogOn::Native)),
            ("<operator id='0' name='internal'/>", (0, "internal", "", LogOn::Native)),
            ("<operator id='7' name='a'><access authenticationType=''/></operator>", (7, "a", "", LogOn::Native)),
            ("<operator id='7' name='a'><access authenticationType='ldap'/></operator>", (7, "a", "", LogOn::Native)),
            (
                "<operator _cs='x' img='y' id='7' name='o&apos;b &amp; &lt;c&gt;' md5='z'>\
                 <access authenticationType='IMS'/><folder id='1'/></operator>",
                (7, "o'b & <c>", "", LogOn::Ims),
            ),
        ] {
            check(row, expected);
        }
    }
}

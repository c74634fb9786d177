//! The rows of operators and of operator groups. Both are rows of `xtk:operator`; `xtk:group` shows the groups by
//! themselves.

use super::rows::Row;
use super::xml_reader::{Tag, XmlError, XmlReader};
use super::xtk;
use crate::domain::{
    Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, SignInMethod,
};

/// `access/@authenticationType` of operators that sign in through Adobe IMS.
pub(super) const IMS: &str = "ims";

/// Where operators have the attribute that disables them, so that they cannot sign in. Adobe documents the switch but
/// not the name of the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DisabledColumn {
    /// `access/@disabled`.
    InAccess,
    /// `@disabled`.
    OfOperator,
    /// Neither.
    Absent,
}

impl DisabledColumn {
    /// In the order in which they are tried.
    pub(super) const ALL: [Self; 3] = [Self::InAccess, Self::OfOperator, Self::Absent];

    /// The paths of the attributes.
    pub(super) const ATTRIBUTES: [&'static str; 2] = ["access/@disabled", "@disabled"];

    /// The columns to select besides those that every instance has.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::InAccess => &["[access/@disabled]"],
            Self::OfOperator => &["@disabled"],
            Self::Absent => &[],
        }
    }
}

/// Where the operator groups of an instance are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupSource {
    /// `xtk:operator` with `@type = 1`: operators, groups and named rights share a table (log of the installation of an
    /// instance, which creates no other). `xtk:group` may return the named rights as well.
    Operators,
    /// `xtk:group`, if no row of `xtk:operator` is a group.
    Groups,
}

impl GroupSource {
    /// The schema that is queried.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::Operators => GroupAmongOperators::SCHEMA,
            Self::Groups => OperatorGroup::SCHEMA,
        }
    }
}

/// The condition for operators; groups and named rights (type 2) are in the same table.
pub(super) fn is_operator() -> String {
    xtk::equals("@type", 0)
}

/// The condition for operator groups among the rows of `xtk:operator`.
pub(super) fn is_group() -> String {
    xtk::equals("@type", 1)
}

impl Row for Operator {
    type Key = i64;

    const SCHEMA: &'static str = "xtk:operator";
    const ELEMENT: &'static str = "operator";
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label", "[access/@authenticationType]"];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn key(tag: &Tag<'_>) -> Result<i64, XmlError> {
        tag.number("id")
    }

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        let id = OperatorId(tag.number("id")?);
        let login = OperatorLogin::new(tag.required("name")?);
        let label = label(tag)?;
        let is_disabled = |tag: &Tag<'_>| tag.attribute("disabled")?.map_or(Ok(false), |value| is_true(&value));
        let (mut sign_in, mut disabled) = (SignInMethod::Native, is_disabled(tag)?);
        reader.children(|_, inner| {
            if inner.is("access") {
                if inner.attribute("authenticationType")?.is_some_and(|value| is_ims(&value)) {
                    sign_in = SignInMethod::Ims;
                }
                disabled |= is_disabled(inner)?;
            }
            Ok(())
        })?;
        Ok(Self { id, login, label, sign_in, disabled })
    }

    fn text_bytes(&self) -> usize {
        self.login.as_str().len() + self.label.len()
    }
}

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

/// An operator group as a row of `xtk:operator`.
pub(super) struct GroupAmongOperators(pub(super) OperatorGroup);

impl Row for GroupAmongOperators {
    type Key = i64;

    const SCHEMA: &'static str = Operator::SCHEMA;
    const ELEMENT: &'static str = Operator::ELEMENT;
    const COLUMNS: &'static [&'static str] = OperatorGroup::COLUMNS;
    const KEY_COLUMNS: &'static [&'static str] = OperatorGroup::KEY_COLUMNS;

    fn key(tag: &Tag<'_>) -> Result<i64, XmlError> {
        OperatorGroup::key(tag)
    }

    fn after(key: i64) -> String {
        OperatorGroup::after(key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<Self, XmlError> {
        OperatorGroup::read(reader, tag).map(Self)
    }

    fn text_bytes(&self) -> usize {
        self.0.text_bytes()
    }
}

/// The label of a row; empty if it cannot be read, because it is only shown.
pub(super) fn label(tag: &Tag<'_>) -> Result<String, XmlError> {
    match tag.attribute("label") {
        Ok(label) => Ok(label.unwrap_or_default().into_owned()),
        Err(xml_error) if xml_error.is_of_a_value() => Ok(String::new()),
        Err(xml_error) => Err(xml_error),
    }
}

fn is_ims(authentication_type: &str) -> bool {
    authentication_type.trim().eq_ignore_ascii_case(IMS)
}

/// A boolean in any spelling that Campaign uses (acc-js-sdk, `asBoolean` of `XtkCaster`).
pub(super) fn is_true(value: &str) -> Result<bool, XmlError> {
    match value.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        other => Err(XmlError::of_value(format!("\"{other:.40}\" is not a boolean"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(row: &str, expected: (i64, &str, &str, SignInMethod)) {
        let operator = XmlReader::document(row, |reader, tag| Operator::read(reader, tag)).expect(row);
        let (id, login, label, sign_in) = expected;
        let expected = Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(login),
            label: label.to_owned(),
            sign_in,
            disabled: false,
        };
        assert_eq!(operator, expected);
    }

    #[test]
    fn an_operator_signs_in_through_ims_only_if_its_row_says_so() {
        for (row, expected) in [
            (
                "<operator id='7' name='Ann@acme.com' label='Ann'><access authenticationType='ims'/></operator>",
                (7, "Ann@acme.com", "Ann", SignInMethod::Ims),
            ),
            ("<operator id='-1' name='admin' label=''><access/></operator>", (-1, "admin", "", SignInMethod::Native)),
            ("<operator id='0' name='internal'/>", (0, "internal", "", SignInMethod::Native)),
            (
                "<operator id='7' name='a'><access authenticationType=''/></operator>",
                (7, "a", "", SignInMethod::Native),
            ),
            (
                "<operator id='7' name='a'><access authenticationType='ldap'/></operator>",
                (7, "a", "", SignInMethod::Native),
            ),
            (
                "<operator _cs='x' img='y' id='7' name='o&apos;b &amp; &lt;c&gt;' md5='z'>\
                 <access authenticationType='IMS'/><folder id='1'/></operator>",
                (7, "o'b & <c>", "", SignInMethod::Ims),
            ),
        ] {
            check(row, expected);
        }
    }

    #[test]
    fn an_operator_is_disabled_only_if_its_row_says_so() {
        let read = |access: &str| {
            let row = format!("<operator id='7' name='a'>{access}</operator>");
            XmlReader::document(&row, |reader, tag| Operator::read(reader, tag)).map(|operator| operator.disabled)
        };
        for (access, disabled) in [
            ("<access disabled='true'/>", true),
            ("<access disabled='1' authenticationType='ims'/>", true),
            ("<access disabled='false'/>", false),
            ("<access disabled='0'/>", false),
            ("<access disabled=''/>", false),
            ("<access/>", false),
            ("", false),
        ] {
            assert_eq!(read(access).expect(access), disabled, "{access}");
        }
        assert!(read("<access disabled='maybe'/>").is_err());
    }
}

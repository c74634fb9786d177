//! The rows of operators and of operator groups. Both are rows of `xtk:operator`; `xtk:group` shows the groups by
//! themselves.

use super::rows::Row;
use super::xml_reader::{Attribute, Tag, XmlError, XmlReader};
use super::xtk;
use crate::domain::{
    Operator, OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId, OperatorLogin, SignInMethod,
    is_agent_label,
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
            Self::Operators => Operator::SCHEMA,
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

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(i64, Result<Self, XmlError>), XmlError> {
        let [id, name, label, disabled] = tag.select(["id", "name", "label", "disabled"])?;
        let id = id.number()?;
        Ok((id, operator(reader, OperatorId(id), &name, &label, &disabled)))
    }

    fn text_bytes(&self) -> usize {
        self.login.as_str().len()
    }
}

impl Row for OperatorGroup {
    type Key = i64;

    const SCHEMA: &'static str = "xtk:group";
    const ELEMENT: &'static str = "group";
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label"];
    const KEY_COLUMNS: &'static [&'static str] = &["@id"];

    fn after(key: i64) -> String {
        xtk::is_after("@id", key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(i64, Result<Self, XmlError>), XmlError> {
        let (key, row) = LabelledRow::read(reader, tag)?;
        Ok((key, row.map(Self::from)))
    }

    fn text_bytes(&self) -> usize {
        self.name.as_str().len() + self.label.len()
    }
}

/// A row of `xtk:operator` of any type, with its label.
pub(super) struct LabelledRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) label: String,
}

impl Row for LabelledRow {
    type Key = i64;

    const SCHEMA: &'static str = Operator::SCHEMA;
    const ELEMENT: &'static str = Operator::ELEMENT;
    const COLUMNS: &'static [&'static str] = OperatorGroup::COLUMNS;
    const KEY_COLUMNS: &'static [&'static str] = OperatorGroup::KEY_COLUMNS;

    fn after(key: i64) -> String {
        OperatorGroup::after(key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(i64, Result<Self, XmlError>), XmlError> {
        let [id, name, label] = tag.select(["id", "name", "label"])?;
        let id = id.number()?;
        let row = || Ok(Self { id, name: name.required()?.into_owned(), label: label_of(&label)? });
        Ok((id, row()))
    }

    fn text_bytes(&self) -> usize {
        self.name.len() + self.label.len()
    }
}

impl From<LabelledRow> for OperatorGroup {
    fn from(row: LabelledRow) -> Self {
        Self { id: OperatorGroupId(row.id), name: OperatorGroupName::new(row.name), label: row.label }
    }
}

/// A row of `xtk:operator` that is an operator or an operator group, as its type says.
#[derive(Debug)]
pub(super) enum OperatorOrGroup {
    Operator(Operator),
    Group(OperatorGroup),
    /// A group that cannot be used, with what is wrong with it. No plan names it.
    UnusableGroup(XmlError),
}

impl Row for OperatorOrGroup {
    type Key = i64;

    const SCHEMA: &'static str = Operator::SCHEMA;
    const ELEMENT: &'static str = Operator::ELEMENT;
    const COLUMNS: &'static [&'static str] = &["@id", "@name", "@label", "@type", "[access/@authenticationType]"];
    const KEY_COLUMNS: &'static [&'static str] = Operator::KEY_COLUMNS;

    fn after(key: i64) -> String {
        Operator::after(key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<(i64, Result<Self, XmlError>), XmlError> {
        let [id, name, label, kind, disabled] = tag.select(["id", "name", "label", "type", "disabled"])?;
        let id = id.number()?;
        // A server may omit an attribute that is 0.
        let row = match kind.text()?.as_deref().map(str::trim) {
            None | Some("" | "0") => operator(reader, OperatorId(id), &name, &label, &disabled).map(Self::Operator),
            Some("1") => group(OperatorGroupId(id), &name, &label)
                .map(Self::Group)
                .or_else(|error| if error.is_of_a_value() { Ok(Self::UnusableGroup(error)) } else { Err(error) }),
            // The server ignored the condition, so that rows may be missing.
            Some(other) => return Err(XmlError::new(format!("a row with type {other:?}, which was not asked for"))),
        };
        Ok((id, row))
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::Operator(operator) => operator.text_bytes(),
            Self::Group(group) => group.text_bytes(),
            Self::UnusableGroup(_) => 0,
        }
    }
}

/// The operator with these attributes, and with what the inner elements say.
fn operator(
    reader: &mut XmlReader<'_>,
    id: OperatorId,
    name: &Attribute<'_>,
    label: &Attribute<'_>,
    disabled: &Attribute<'_>,
) -> Result<Operator, XmlError> {
    let is_disabled = |disabled: &Attribute<'_>| disabled.text()?.map_or(Ok(false), |value| is_true(&value));
    let (login, has_agent_label) =
        (OperatorLogin::new(name.required()?), is_agent_label(&label.text()?.unwrap_or_default()));
    let (mut sign_in, mut disabled) = (SignInMethod::Native, is_disabled(disabled)?);
    reader.children(|_, inner| {
        if inner.is("access") {
            let [authentication_type, of_access] = inner.select(["authenticationType", "disabled"])?;
            if authentication_type.text()?.is_some_and(|value| is_ims(&value)) {
                sign_in = SignInMethod::Ims;
            }
            disabled |= is_disabled(&of_access)?;
        }
        Ok(())
    })?;
    Ok(Operator { id, login, has_agent_label, sign_in, disabled })
}

/// The operator group with these attributes.
fn group(id: OperatorGroupId, name: &Attribute<'_>, label: &Attribute<'_>) -> Result<OperatorGroup, XmlError> {
    Ok(OperatorGroup { id, name: OperatorGroupName::new(name.required()?), label: label_of(label)? })
}

/// The label of a row; empty if it cannot be read, because it is only shown.
pub(super) fn label_of(label: &Attribute<'_>) -> Result<String, XmlError> {
    match label.text() {
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

    fn check(row: &str, expected: (i64, &str, bool, SignInMethod)) {
        let operator = XmlReader::document(row, |reader, tag| Operator::read(reader, tag)?.1).expect(row);
        let (id, login, has_agent_label, sign_in) = expected;
        let expected = Operator {
            id: OperatorId(id),
            login: OperatorLogin::new(login),
            has_agent_label,
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
                (7, "Ann@acme.com", false, SignInMethod::Ims),
            ),
            (
                "<operator id='-1' name='admin' label=''><access/></operator>",
                (-1, "admin", false, SignInMethod::Native),
            ),
            ("<operator id='0' name='internal' label='Internal Agent'/>", (0, "internal", true, SignInMethod::Native)),
            (
                "<operator id='7' name='a'><access authenticationType=''/></operator>",
                (7, "a", false, SignInMethod::Native),
            ),
            (
                "<operator id='7' name='a'><access authenticationType='ldap'/></operator>",
                (7, "a", false, SignInMethod::Native),
            ),
            (
                "<operator _cs='x' img='y' id='7' name='o&apos;b &amp; &lt;c&gt;' md5='z'>\
                 <access authenticationType='IMS'/><folder id='1'/></operator>",
                (7, "o'b & <c>", false, SignInMethod::Ims),
            ),
        ] {
            check(row, expected);
        }
    }

    #[test]
    fn an_operator_whose_label_cannot_be_read_cannot_be_used_because_it_may_be_an_agent() {
        let (operator, group) =
            ("<operator id='7' name='a' label='&nosuch;'/>", "<group id='7' name='a' label='&nosuch;'/>");
        let read = XmlReader::document(operator, |reader, tag| Operator::read(reader, tag)?.1);
        assert!(read.is_err_and(|error| error.is_of_a_value()));
        let read = XmlReader::document(group, |reader, tag| OperatorGroup::read(reader, tag)?.1);
        assert_eq!(read.map(|group| group.label).ok().as_deref(), Some(""), "only shown");
    }

    #[test]
    fn the_type_of_a_row_says_whether_it_is_an_operator_or_a_group() {
        let read = |row: &str| XmlReader::document(row, |reader, tag| OperatorOrGroup::read(reader, tag)?.1);
        for row in [
            "<operator id='7' name='a' type='0'/>",
            "<operator id='7' name='a'/>",
            "<operator id='7' name='a' type=''/>",
        ] {
            assert!(matches!(read(row), Ok(OperatorOrGroup::Operator(_))), "{row}");
        }
        assert!(matches!(read("<operator id='7' name='a' type='1'/>"), Ok(OperatorOrGroup::Group(_))));
        assert!(matches!(read("<operator id='7' type='1'/>"), Ok(OperatorOrGroup::UnusableGroup(_))));
        assert!(read("<operator id='7' type='0'/>").is_err_and(|error| error.is_of_a_value()));
        for row in ["<operator id='7' name='a' type='2'/>", "<operator id='7' name='a' type='x'/>"] {
            assert!(read(row).is_err_and(|error| !error.is_of_a_value()), "{row}");
        }
    }

    #[test]
    fn an_operator_is_disabled_only_if_its_row_says_so() {
        let read = |access: &str| {
            let row = format!("<operator id='7' name='a'>{access}</operator>");
            XmlReader::document(&row, |reader, tag| Operator::read(reader, tag)?.1).map(|operator| operator.disabled)
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

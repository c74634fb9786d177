//! The rows of `xtk:operatorGroup`: the memberships of operators in operator groups.
//!
//! The same table may contain the named rights of operators and of groups; the snapshot drops rows without a known
//! operator group.

use std::collections::BTreeMap;

use super::operators::label_of;
use super::rows::Row;
use super::xml_reader::{Tag, XmlError, XmlReader};
use super::xtk;
use crate::domain::{OperatorGroup, OperatorGroupId, OperatorGroupName, OperatorId};

/// The two ids that form the key of a membership, as in queries and writes.
pub(super) const KEY_COLUMNS: [&str; 2] = ["[@operator-id]", "[@group-id]"];

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MembershipRow {
    pub(super) operator: OperatorId,
    pub(super) group: OperatorGroupId,
}

/// How the rows of operators are selected; groups have rows for their named rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MembershipFilter {
    /// By the type at the other end of the link `operator`.
    OperatorType,
    /// Not at all, where there is no such link: a snapshot drops the rows of which it knows no operator.
    None,
}

impl MembershipFilter {
    /// In the order in which they are tried.
    pub(super) const ALL: [Self; 2] = [Self::OperatorType, Self::None];

    /// These conditions with the one of the filter.
    pub(super) fn with(self, conditions: &[String]) -> Vec<String> {
        let own = match self {
            Self::OperatorType => Some(xtk::equals("[operator/@type]", 0)),
            Self::None => None,
        };
        own.into_iter().chain(conditions.iter().cloned()).collect()
    }
}

/// The condition for the members of these groups.
pub(super) fn is_in_one_of(groups: impl IntoIterator<Item = OperatorGroupId>) -> String {
    xtk::is_one_of_numbers("[@group-id]", groups.into_iter().map(|group| group.0))
}

/// The condition for these memberships and no other, group by group.
pub(super) fn is_one_of_pairs(pairs: &[(OperatorId, OperatorGroupId)]) -> String {
    let mut by_group: BTreeMap<OperatorGroupId, Vec<OperatorId>> = BTreeMap::new();
    for (operator, group) in pairs {
        by_group.entry(*group).or_default().push(*operator);
    }
    let in_group = |(group, operators): (OperatorGroupId, Vec<OperatorId>)| {
        let members = xtk::all_of([xtk::equals(KEY_COLUMNS[1], group.0), is_of_one_of(operators)]);
        format!("({members})")
    };
    xtk::any_of(by_group.into_iter().map(in_group))
}

/// The condition for the memberships of these operators.
pub(super) fn is_of_one_of(operators: impl IntoIterator<Item = OperatorId>) -> String {
    xtk::is_one_of_numbers("[@operator-id]", operators.into_iter().map(|operator| operator.0))
}

impl Row for MembershipRow {
    type Key = (i64, i64);

    const SCHEMA: &'static str = "xtk:operatorGroup";
    const ELEMENT: &'static str = "operatorGroup";
    const COLUMNS: &'static [&'static str] = &KEY_COLUMNS;
    const KEY_COLUMNS: &'static [&'static str] = &KEY_COLUMNS;

    fn after(key: (i64, i64)) -> String {
        xtk::is_after_pair(KEY_COLUMNS, key)
    }

    fn read(_: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<((i64, i64), Result<Self, XmlError>), XmlError> {
        let row = Self::of(tag)?;
        Ok(((row.operator.0, row.group.0), Ok(row)))
    }
}

impl MembershipRow {
    /// The row with this element, which has nothing but its key.
    fn of(tag: &Tag<'_>) -> Result<Self, XmlError> {
        let [operator, group] = tag.select(["operator-id", "group-id"])?;
        Ok(Self { operator: OperatorId(operator.number()?), group: OperatorGroupId(group.number()?) })
    }
}

/// One row with the name and label of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MembershipWithGroup {
    pub(super) membership: MembershipRow,
    /// `None` if the row has no operator group: named rights are in the same table.
    pub(super) group: Option<OperatorGroup>,
}

impl Row for MembershipWithGroup {
    type Key = (i64, i64);

    const SCHEMA: &'static str = MembershipRow::SCHEMA;
    const ELEMENT: &'static str = MembershipRow::ELEMENT;
    const COLUMNS: &'static [&'static str] = &[KEY_COLUMNS[0], KEY_COLUMNS[1], "[group/@name]", "[group/@label]"];
    const KEY_COLUMNS: &'static [&'static str] = MembershipRow::KEY_COLUMNS;

    fn after(key: (i64, i64)) -> String {
        MembershipRow::after(key)
    }

    fn read(reader: &mut XmlReader<'_>, tag: &Tag<'_>) -> Result<((i64, i64), Result<Self, XmlError>), XmlError> {
        let membership = MembershipRow::of(tag)?;
        let mut group = None;
        let rest = reader.children(|_, inner| {
            if inner.is("group") {
                let [name, label] = inner.select(["name", "label"])?;
                if let Some(name) = name.text()?.filter(|name| !name.is_empty()) {
                    let name = OperatorGroupName::new(name);
                    group = Some(OperatorGroup { id: membership.group, name, label: label_of(&label)? });
                }
            }
            Ok(())
        });
        Ok(((membership.operator.0, membership.group.0), rest.map(|()| Self { membership, group })))
    }
}

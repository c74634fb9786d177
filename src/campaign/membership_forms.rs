//! The forms in which a membership is written. No public source shows one; `probe` finds out which of them an instance
//! accepts.
//!
//! A row names the ids of both ends and nothing else, so that the write cannot change the operator or the group.

use super::memberships::{KEY_COLUMNS, MembershipRow};
use super::rows::Row;
use super::soap_call::SoapCall;
use super::xml_writer::Element;
use super::xtk;
use crate::domain::{JoinForm, LeaveForm, Operator, OperatorGroup, OperatorGroupId, OperatorId};

/// The row that adds an operator to a group.
pub(super) fn join_row(form: JoinForm, operator: OperatorId, group: OperatorGroupId) -> Element {
    match form {
        // If the membership exists already, this changes nothing.
        JoinForm::InsertOrUpdateByIds => with_ids("insertOrUpdate", operator, group),
        JoinForm::InsertByIds => with_ids("insert", operator, group),
        JoinForm::InsertByLinks => Element::new(MembershipRow::ELEMENT)
            .attribute("_operation", "insert")
            .child(&linked(Operator::ELEMENT, operator.0))
            .child(&linked(OperatorGroup::ELEMENT, group.0)),
    }
}

/// The row that removes an operator from a group, for a collection or a call of its own.
pub(super) fn leave_row(operator: OperatorId, group: OperatorGroupId) -> Element {
    with_ids("delete", operator, group)
}

/// The call that removes an operator from a group.
pub(super) fn leave_call(form: LeaveForm, operator: OperatorId, group: OperatorGroupId) -> SoapCall {
    match form {
        LeaveForm::Delete => membership_call(leave_row(operator, group)),
        LeaveForm::DeleteCollection => {
            let [of_operator, of_group] = KEY_COLUMNS;
            let condition = xtk::all_of([xtk::equals(of_operator, operator.0), xtk::equals(of_group, group.0)]);
            SoapCall::delete_collection(MembershipRow::SCHEMA, &condition)
        }
    }
}

/// The call that writes one row of a membership.
pub(super) fn membership_call(row: Element) -> SoapCall {
    SoapCall::write(MembershipRow::SCHEMA, &row.attribute("xtkschema", MembershipRow::SCHEMA))
}

/// The call that writes several rows of memberships.
pub(super) fn collection_call(rows: impl IntoIterator<Item = Element>) -> SoapCall {
    let collection =
        Element::new("operatorGroup-collection").attribute("xtkschema", MembershipRow::SCHEMA).children(rows);
    SoapCall::write_collection(MembershipRow::SCHEMA, &collection)
}

fn with_ids(operation: &str, operator: OperatorId, group: OperatorGroupId) -> Element {
    Element::new(MembershipRow::ELEMENT)
        .attribute("_operation", operation)
        .attribute("_key", &KEY_COLUMNS.join(","))
        .attribute("operator-id", &operator.to_string())
        .attribute("group-id", &group.to_string())
}

/// A linked record. Without `_operation="none"` Campaign would write to it.
fn linked(element: &'static str, id: i64) -> Element {
    Element::new(element).attribute("_operation", "none").attribute("_key", "@id").attribute("id", &id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: (OperatorId, OperatorGroupId) = (OperatorId(5), OperatorGroupId(-7));

    #[test]
    fn a_membership_is_written_with_its_ids_alone() {
        let by_ids = "<operatorGroup _operation=\"insertOrUpdate\" _key=\"[@operator-id],[@group-id]\" \
                      operator-id=\"5\" group-id=\"-7\"/>";
        let row = |form| join_row(form, IDS.0, IDS.1).to_xml();
        assert_eq!(row(JoinForm::InsertOrUpdateByIds), by_ids);
        assert_eq!(row(JoinForm::InsertByIds), by_ids.replace("insertOrUpdate", "insert"));
        assert_eq!(leave_row(IDS.0, IDS.1).to_xml(), by_ids.replace("insertOrUpdate", "delete"));
    }

    #[test]
    fn a_linked_record_is_only_a_reference() {
        assert_eq!(
            join_row(JoinForm::InsertByLinks, IDS.0, IDS.1).to_xml(),
            "<operatorGroup _operation=\"insert\"><operator _operation=\"none\" _key=\"@id\" id=\"5\"/>\
             <group _operation=\"none\" _key=\"@id\" id=\"-7\"/></operatorGroup>"
        );
    }
}

//! `Write` and `WriteCollection`: every operation, on existing and absent rows.

use super::*;
use campaign_group_sync::sandbox::campaign::{AbsentDelete, WriteCollectionMode};

const KEY: &str = r#"_key="[@operator-id],[@group-id]""#;

/// A relation row by ids.
fn row(operation: &str, operator_id: i64, group_id: i64) -> String {
    format!(r#"<operatorGroup _operation="{operation}" {KEY} operator-id="{operator_id}" group-id="{group_id}"/>"#)
}

fn single(operation: &str, operator_id: i64, group_id: i64) -> String {
    row(operation, operator_id, group_id).replacen(
        "<operatorGroup",
        r#"<operatorGroup xtkschema="xtk:operatorGroup""#,
        1,
    )
}

#[test]
fn a_membership_is_written_by_ids() {
    let mut probe = Probe::new();
    probe.write(&single("insertOrUpdate", 1002, 1003)).assert_done();
    probe.write(&single("insertOrUpdate", 1002, 1003)).assert_done();
    assert_eq!(probe.memberships(), pairs(&[("ann@acme.com", "delivery"), ("Bob@acme.com", "delivery")]));
    probe.write(&single("delete", 1001, 1003)).assert_done();
    assert_eq!(probe.memberships(), pairs(&[("Bob@acme.com", "delivery")]));
}

#[test]
fn a_membership_is_written_by_links() {
    let mut probe = Probe::new();
    let document = "<operatorGroup xtkschema=\"xtk:operatorGroup\" _operation=\"insert\">\
                    <operator _operation=\"none\" _key=\"@name\" name=\"Bob@acme.com\"/>\
                    <group _operation=\"none\" _key=\"@name\" name=\"admin\"/></operatorGroup>";
    probe.write(document).assert_done();
    assert!(probe.memberships().contains(&("Bob@acme.com".to_owned(), "admin".to_owned())));
    probe.write(&document.replace(r#""insert""#, r#""delete""#)).assert_done();
    assert!(!probe.memberships().contains(&("Bob@acme.com".to_owned(), "admin".to_owned())));
}

#[test]
fn a_link_to_an_unknown_row_is_refused() {
    let mut probe = Probe::new();
    let by_name = "<operatorGroup xtkschema=\"xtk:operatorGroup\" _operation=\"insert\">\
                   <operator _operation=\"none\" _key=\"@name\" name=\"bob@acme.com\"/>\
                   <group _operation=\"none\" _key=\"@name\" name=\"delivery\"/></operatorGroup>";
    let by_id = [
        single("insert", 1, 3),
        single("insert", 9999, 1003),
        single("insert", 1001, 9999),
        single("insert", 1003, 1003),
    ];
    for document in by_id.iter().map(String::as_str).chain([by_name]) {
        probe.write(document).assert_fault(&[
            "SOP-330011",
            "Unable to find key values",
            "XSV-350023",
            "(xtk:operatorGroup)",
        ]);
    }
    assert_eq!(probe.memberships(), pairs(&[("ann@acme.com", "delivery")]));
}

#[test]
fn a_link_without_an_operation_changes_the_linked_row() {
    let mut probe = Probe::new();
    let document = "<operatorGroup xtkschema=\"xtk:operatorGroup\"><operator name=\"new@acme.com\"/>\
                    <group name=\"delivery\" label=\"Changed\"/></operatorGroup>";
    probe.write(document).assert_done();
    let world = probe.instance.world();
    assert!(world.operators.iter().any(|operator| operator.name == "new@acme.com"));
    assert!(world.groups.iter().any(|group| group.label == "Changed"));
}

#[test]
fn an_insert_of_an_existing_row_violates_the_unique_constraint() {
    let mut probe = Probe::new();
    probe
        .write(&single("insert", 1001, 1003))
        .assert_fault(&["duplicate key violates unique constraint", "XSV-350023"]);
    let operator = r#"<operator xtkschema="xtk:operator" _operation="insert" name="ann@acme.com"/>"#;
    probe.write(operator).assert_fault(&["duplicate key"]);
}

#[test]
fn an_update_or_delete_of_an_absent_row_succeeds() {
    let mut probe = Probe::new();
    let before = probe.instance.world();
    probe.write(&single("update", 1002, 1003)).assert_done();
    probe.write(&single("delete", 1002, 1003)).assert_done();
    probe.write(r#"<operator xtkschema="xtk:operator" _operation="update" name="ghost" label="x"/>"#).assert_done();
    probe.write(r#"<operator xtkschema="xtk:operator" _operation="delete" name="ghost"/>"#).assert_done();
    probe.write(r#"<operator xtkschema="xtk:operator" _operation="none" name="ghost"/>"#).assert_done();
    assert_eq!(probe.instance.world(), before);
    probe.instance.adjust(|behavior| behavior.absent_delete = AbsentDelete::Fault);
    probe.write(&single("delete", 1002, 1003)).assert_fault(&["WDB-200011", "XSV-350023"]);
}

#[test]
fn operators_and_groups_are_created_changed_and_removed() {
    let mut probe = Probe::new();
    let created = "<operator xtkschema='xtk:operator' _operation='insert' name='Zoë@acme.com' label='Zoë &amp; co' \
                   email='z@acme.com' type='0'><access authenticationType='ims' password='x'/></operator>";
    probe.write(created).assert_done();
    probe
        .write(r#"<group xtkschema="xtk:group" _operation="insertOrUpdate" _key="@name" name="ops" label="Ops"/>"#)
        .assert_done();
    probe.write("<group xtkschema='xtk:group' _key='@name' name='ops' label='Operations'/>").assert_done();
    let disabled = "<operator xtkschema='xtk:operator' _operation='update' _key='@id' id='1008'>\
                    <access disabled='true'/></operator>";
    probe.write(disabled).assert_done();
    let world = probe.instance.world();
    let zoe = world.operators.iter().find(|operator| operator.id == Some(1008)).unwrap();
    assert_eq!(
        (zoe.name.as_str(), zoe.label.as_str(), zoe.authentication.as_str()),
        ("Zoë@acme.com", "Zoë & co", "ims")
    );
    assert!(zoe.disabled);
    assert!(world.groups.contains(&OperatorGroup {
        id: Some(1009),
        name: "ops".to_owned(),
        label: "Operations".to_owned()
    }));
    probe
        .write(r#"<operator xtkschema="xtk:operator" _operation="delete" _key="@name" name="ann@acme.com"/>"#)
        .assert_done();
    assert_eq!(probe.memberships(), []);
}

#[test]
fn an_operator_is_renamed_by_its_id() {
    let mut probe = Probe::new();
    probe
        .write(r#"<operator xtkschema="xtk:operator" _operation="update" id="1001" name="anna@acme.com"/>"#)
        .assert_done();
    assert_eq!(probe.memberships(), pairs(&[("anna@acme.com", "delivery")]));
}

#[test]
fn a_document_to_delete_contains_only_its_key() {
    let document =
        "<operator xtkschema='xtk:operator' _operation='delete' _key='@name' name='ann@acme.com' label='Ann'/>";
    Probe::new().write(document).assert_fault(&["XSV-350023"]);
}

#[test]
fn unknown_attributes_and_elements_are_refused() {
    let mut probe = Probe::new();
    for (document, part) in [
        (
            r#"<operatorGroup xtkschema="xtk:operatorGroup" operator-id="1002" group-id="1003" since="x"/>"#,
            "&apos;since&apos; attribute unknown",
        ),
        (
            r#"<operatorGroup xtkschema="xtk:operatorGroup" operator-id="1002"><team name="x"/></operatorGroup>"#,
            "Element &apos;team&apos; unknown",
        ),
        (r#"<operatorGroup xtkschema="xtk:operatorGroup" operator-id="1002"/>"#, "Unable to find key values"),
        (
            "<operatorGroup xtkschema='xtk:operatorGroup' _key='[@operator-id]' operator-id='1002' group-id='1003'/>",
            "Unable to find key values",
        ),
        (
            "<operatorGroup xtkschema='xtk:operatorGroup' _key='@operator-id' operator-id='1002' group-id='1003'/>",
            "XTK-170006",
        ),
        (
            r#"<operatorGroup xtkschema="xtk:operatorGroup" _operation="upsert" operator-id="1002" group-id="1003"/>"#,
            "_operation",
        ),
        (
            r#"<operator xtkschema="xtk:operator" name="x"><group name="delivery"/></operator>"#,
            "Element &apos;group&apos; unknown",
        ),
        (r#"<operator xtkschema="xtk:operator" label="x"/>"#, "Unable to find key values"),
        (r#"<operator xtkschema="xtk:operator" id="x"/>"#, "not of its type"),
        (r#"<group xtkschema="xtk:group" name="x" email="x"/>"#, "&apos;email&apos; attribute unknown"),
        (r#"<operatorGroup-collection xtkschema="xtk:operatorGroup"/>"#, "unknown"),
        (r#"<recipient xtkschema="nms:recipient"/>"#, "XSV-350001"),
        ("<operator/>", "XSV-350001"),
    ] {
        probe.write(document).assert_fault(&["SOP-330011", part]);
    }
    assert_eq!(probe.instance.world(), Probe::new().instance.world());
}

#[test]
fn a_collection_is_written_wholly_or_not_at_all() {
    let mut probe = Probe::new();
    let rows = [row("insert", 1002, 1003), row("delete", 1001, 1003), row("insert", 1002, 9999)].concat();
    probe.write_collection(&rows).assert_fault(&["Unable to find key values for element &apos;group&apos;"]);
    assert_eq!(probe.memberships(), pairs(&[("ann@acme.com", "delivery")]));
    let rows = [row("insert", 1002, 1003), row("delete", 1001, 1003), row("insert", 1002, 1004)].concat();
    probe.write_collection(&rows).assert_done();
    assert_eq!(probe.memberships(), pairs(&[("Bob@acme.com", "delivery"), ("Bob@acme.com", "admin")]));
}

#[test]
fn a_collection_may_stop_at_its_first_error() {
    let mut probe = Probe::with(|behavior| behavior.write_collection = WriteCollectionMode::StopAtFirstError);
    let rows = [row("insert", 1002, 1003), row("insert", 1002, 9999), row("delete", 1001, 1003)].concat();
    probe.write_collection(&rows).assert_fault(&["XSV-350023"]);
    assert_eq!(probe.memberships(), pairs(&[("ann@acme.com", "delivery"), ("Bob@acme.com", "delivery")]));
}

#[test]
fn the_right_to_write_memberships_is_admin() {
    let mut probe = Probe::with(|behavior| behavior.administrator = false);
    probe.write(&single("insert", 1002, 1003)).assert_fault(&["XSV-350023", "sandbox"]);
    probe.write(r#"<group xtkschema="xtk:group" name="ops"/>"#).assert_fault(&["XSV-350023"]);

    let named_rights = vec![("svc".to_owned(), "operatorWrite".to_owned())];
    let behavior = InstanceBehavior { administrator: false, ..Default::default() };
    let mut probe = Probe::of(InstanceWorld { named_rights, behavior, ..world() });
    probe.write(&single("insert", 1002, 1003)).assert_fault(&["XSV-350023"]);
    probe.write(r#"<group xtkschema="xtk:group" name="ops"/>"#).assert_done();

    let mut probe = Probe::with(|behavior| behavior.administrator = false);
    probe.instance.apply(InstanceChange::Join { login: "svc".to_owned(), group: "admin".to_owned() }).unwrap();
    probe.write(&single("insert", 1002, 1003)).assert_done();
}

#[test]
fn a_deadlock_happens_once_and_changes_nothing() {
    let mut probe = Probe::with(|behavior| behavior.deadlock_once = true);
    probe.write(&single("insert", 1002, 1003)).assert_fault(&["ODB-240000", "40001"]);
    assert_eq!(probe.memberships().len(), 1);
    probe.write(&single("insert", 1002, 1003)).assert_done();
}

#[test]
fn details_can_be_hidden() {
    let answer = Probe::with(|behavior| behavior.show_errors = false).write(&single("insert", 1001, 1003));
    answer.assert_fault(&["SOP-330011", "<detail xsi:type='xsd:string'></detail>"]);
    assert!(!answer.text.contains("duplicate key"));
}

#[test]
fn write_belongs_to_the_interface_persist() {
    let mut probe = Probe::new();
    let content =
        format!("<sessiontoken>{}</sessiontoken><d>{}</d>", probe.session_token, single("insert", 1002, 1003));
    probe.call("xtk:session#Write", "urn:xtk:session", &content).assert_fault(&[
        "SOP-330006 The method &apos;Write&apos; is not defined in SOAP service &apos;xtk:session&apos;.",
    ]);
    probe.call("xtk:persist|xtk:session#Write", "urn:xtk:persist|xtk:session", &content).assert_done();
    assert_eq!(probe.memberships().len(), 2);
}

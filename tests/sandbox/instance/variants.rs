//! What real instances may do differently: each key of the behavior, by its effect on a call.

use campaign_group_sync::sandbox::campaign::{
    Build, CompiledSchemas, DisabledColumn, GroupStorage, JoinForm, LeaveForm, RelationKey, RepeatedJoin,
    WriteCollectionMode,
};

use super::*;

const KEY: &str = r#"_key="[@operator-id],[@group-id]""#;
const ROW: &str = r#"<operatorGroup xtkschema="xtk:operatorGroup""#;

/// Bob (1002) and the group admin (1004), by ids.
fn by_ids(operation: &str) -> String {
    format!(r#"{ROW} _operation="{operation}" {KEY} operator-id="1002" group-id="1004"/>"#)
}

/// Bob and the group admin, by linked elements.
fn by_links(operation: &str, of_links: &str) -> String {
    format!(
        r#"{ROW} _operation="{operation}"><operator _operation="{of_links}" _key="@name" name="Bob@acme.com"/>
           <group _operation="{of_links}" _key="@name" name="admin"/></operatorGroup>"#
    )
}

fn schema(probe: &mut Probe, id: &str) -> String {
    let content = format!(
        "<sessiontoken>{}</sessiontoken><pk>xtk:schema|{id}</pk><md5/><mustExist>false</mustExist>",
        probe.session_token
    );
    probe.call("xtk:persist#GetEntityIfMoreRecent", "urn:xtk:persist", &content).text
}

fn option(probe: &mut Probe, name: &str) -> (String, String) {
    let content = format!("<sessiontoken>{}</sessiontoken><name>{name}</name>", probe.session_token);
    let answer = probe.call("xtk:session#GetOption", "urn:xtk:session", &content);
    (answer.value("pstrValue"), answer.value("pbtType"))
}

fn delete_collection(probe: &mut Probe, schema: &str, condition: &str) -> Answer {
    let content = format!(
        "<sessiontoken>{}</sessiontoken><schema>{schema}</schema><where><where><condition expr=\"{condition}\"/></where>\
         </where><ignoreDeleteStatus>false</ignoreDeleteStatus>",
        probe.session_token
    );
    probe.call("xtk:persist#DeleteCollection", "urn:xtk:persist", &content)
}

fn is_member(probe: &Probe) -> bool {
    probe.memberships().contains(&("Bob@acme.com".to_owned(), "admin".to_owned()))
}

#[test]
fn a_build_has_the_behavior_of_its_name() {
    for build in Build::ALL {
        let behavior = InstanceBehavior::of(build);
        let numbers: String = behavior.version.chars().filter(char::is_ascii_digit).collect();
        let name: String = build.name().chars().filter(char::is_ascii_digit).collect();
        assert!(numbers.starts_with(&name), "{} reports version {}", build.name(), behavior.version);
        assert_eq!(serde_json::to_value(build).unwrap(), build.name());
        let of_others = Build::ALL.into_iter().filter(|other| *other != build).map(InstanceBehavior::of);
        assert!(of_others.into_iter().all(|other| other != behavior), "{}", build.name());
    }
}

#[test]
fn the_columns_of_access_may_be_behind_a_reference() {
    let mut probe = Probe::with(|behavior| behavior.schema_ref = true);
    let text = schema(&mut probe, "xtk:operator");
    assert_well_formed(&text);
    let (element, definition) = text.split_once("</element>").unwrap();
    assert!(element.contains(r#"<element name="access" ref="accessData"/>"#), "{text}");
    assert!(!element.contains("authenticationType"), "{text}");
    assert!(definition.starts_with(r#"<element name="accessData""#), "{text}");
    assert!(definition.contains(r#"<attribute name="authenticationType" type="string"/>"#), "{text}");
    let found = probe.select("xtk:operator", &["[access/@authenticationType]"], "@id=1001", &[]);
    assert!(found.contains(r#"<access authenticationType="ims"/>"#), "{found}");
}

#[test]
fn links_may_have_no_join() {
    let mut probe = Probe::with(|behavior| behavior.link_joins = false);
    let text = schema(&mut probe, "xtk:operatorGroup");
    assert!(text.contains(r#"<element name="group" type="link" target="xtk:group">"#), "{text}");
    assert!(!text.contains("<join"), "{text}");
}

#[test]
fn a_compiled_schema_may_be_refused_with_status_500_whatever_that_of_other_faults_is() {
    let mut probe = Probe::with(|behavior| behavior.compiled_schemas = CompiledSchemas::Refused);
    let content = format!("<sessiontoken>{}</sessiontoken><pk>xtk:schema|xtk:queryDef</pk>", probe.session_token);
    let answer = probe.call("xtk:persist#GetEntityIfMoreRecent", "urn:xtk:persist", &content);
    assert_eq!(answer.status, 500);
    for part in ["<faultcode>SOAP-ENV:Error<", "SOP-330023 ", "the required rights to view the detail."] {
        assert!(answer.text.contains(part), "no {part} in {}", answer.text);
    }
    probe.write("<operator xtkschema='xtk:operator' nmae=''/>").assert_fault(&["SOP-330011"]);
}

#[test]
fn faults_may_have_status_500() {
    let mut probe = Probe::with(|behavior| behavior.fault_status = 500);
    let answer = probe.write("<operator xtkschema='xtk:operator' nmae=''/>");
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("nmae"), "{}", answer.text);
    let mut world = world();
    world.behavior.fault_status = 404;
    assert!(Instance::new(world).unwrap_err().contains("fault_status"));
}

#[test]
fn memberships_may_have_a_key_of_their_own() {
    let mut probe = Probe::with(|behavior| behavior.relation_key = RelationKey::Id);
    let text = schema(&mut probe, "xtk:operatorGroup");
    assert!(text.contains(r#"<keyfield xpath="@id"/>"#) && !text.contains(r#"xpath="@operator-id"/><keyf"#), "{text}");
    probe.write(&by_ids("insertOrUpdate")).assert_done();
    probe.write(&by_ids("insertOrUpdate")).assert_done();
    probe.write(&by_ids("insert")).assert_fault(&["duplicate key"]);
    let without_key = by_ids("delete").replace(KEY, "");
    probe.write(&without_key).assert_fault(&["Unable to find key values"]);
    let row = probe.select("xtk:operatorGroup", &["@id"], "[@operator-id]=1002", &[]);
    let id = row.split('"').nth(1).unwrap().to_owned();
    probe.write(&format!(r#"{ROW} _operation="delete" id="{id}"/>"#)).assert_done();
    assert!(!is_member(&probe));
    probe.write(&format!(r#"{ROW} _operation="delete" id="{id}"/>"#)).assert_done();

    let mut probe = Probe::new();
    let query = r#"<queryDef schema="xtk:operatorGroup"><select><node expr="@id"/></select></queryDef>"#;
    probe.query(query).assert_fault(&["XTK-170036"]);
}

#[test]
fn groups_may_be_read_through_either_schema_or_both() {
    let read = |storage: GroupStorage| {
        let mut probe = Probe::with(|behavior| behavior.groups = storage);
        let as_operators = probe.select("xtk:operator", &["@name"], "@type=1", &["@id"]);
        let content = query_def(r#"schema="xtk:group""#, &["@id", "@name"], "", &["@id"]);
        let as_groups = probe.query(&content);
        let count = |text: &str, name: &str| text.matches(&format!(r#"name="{name}""#)).count();
        let in_group_schema = (!as_groups.text.contains("Fault")).then(|| count(&as_groups.text, "admin"));
        if in_group_schema.is_none() {
            as_groups.assert_fault(&["XSV-350001", "xtk:group"]);
        }
        (count(&as_operators, "admin"), in_group_schema)
    };
    assert_eq!(read(GroupStorage::Both), (1, Some(1)));
    assert_eq!(read(GroupStorage::AsOperators), (1, None));
    assert_eq!(read(GroupStorage::GroupTable), (0, Some(1)));
    assert_eq!(read(GroupStorage::Unfiltered), (1, Some(2)), "the group and the named right");
}

#[test]
fn without_a_schema_of_groups_a_group_is_an_operator_of_type_1() {
    let mut probe = Probe::with(|behavior| behavior.groups = GroupStorage::AsOperators);
    probe.write(r#"<group xtkschema="xtk:group" _operation="insert" name="new"/>"#).assert_fault(&["XSV-350001"]);
    probe.write(r#"<operator xtkschema="xtk:operator" _operation="insert" type="1" name="new"/>"#).assert_done();
    assert!(probe.instance.world().groups.iter().any(|group| group.name == "new"));
    probe.write(&by_links("insert", "none")).assert_done();
    assert!(is_member(&probe));
    assert!(schema(&mut probe, "xtk:operatorGroup").contains(r#"name="group" type="link" target="xtk:operator""#));
    let rights = probe.select("xtk:operatorGroup", &["[group/@name]"], "[group/@type]=2", &[]);
    assert!(rights.contains(r#"<group name="admin"/>"#), "{rights}");
}

#[test]
fn a_table_of_groups_has_no_types() {
    let mut probe = Probe::with(|behavior| behavior.groups = GroupStorage::GroupTable);
    for (schema, path) in [("xtk:group", "@type"), ("xtk:operatorGroup", "[group/@type]")] {
        let query = query_def(&format!(r#"schema="{schema}""#), &[path], "", &[]);
        probe.query(&query).assert_fault(&["XTK-170036"]);
    }
    probe.write(r#"<operator xtkschema="xtk:operator" type="1" name="new"/>"#).assert_fault(&["@type"]);
    assert!(schema(&mut probe, "xtk:group").contains(r#"sqltable="XtkGroup""#));
}

#[test]
fn user_information_may_lack_the_login() {
    for (has_login, expected) in [(true, 1), (false, 0)] {
        let mut probe = Probe::with(|behavior| behavior.user_info_login = has_login);
        let answer = probe.logon("svc", r#"p&amp;ss&lt;"'é"#);
        assert_eq!(answer.text.matches(r#" login="svc""#).count(), expected, "{}", answer.text);
        assert!(answer.text.contains("loginId="), "{}", answer.text);
    }
}

#[test]
fn native_sign_in_may_be_open_to_built_in_operators_alone() {
    let mut probe = Probe::with(|behavior| behavior.native_sign_in = false);
    assert_eq!(probe.logon("svc", r#"p&amp;ss&lt;"'é"#).status, 403);
    let mut world = InstanceWorld { login: "admin".to_owned(), ..world() };
    world.behavior.native_sign_in = false;
    probe.instance = Instance::new(world).unwrap();
    assert_eq!(probe.logon("admin", r#"p&amp;ss&lt;"'é"#).status, 200);
}

#[test]
fn an_operator_may_be_disabled_in_one_of_two_columns_or_in_none() {
    let paths = ["[access/@disabled]", "@disabled"];
    for (column, known) in [
        (DisabledColumn::Access, [true, false]),
        (DisabledColumn::Own, [false, true]),
        (DisabledColumn::None, [false, false]),
    ] {
        let mut probe = Probe::with(|behavior| behavior.disabled_column = column);
        for (path, is_known) in paths.into_iter().zip(known) {
            let answer = probe.query(&query_def(r#"schema="xtk:operator""#, &[path], "", &[]));
            assert_eq!(!answer.text.contains("XTK-170036"), is_known, "{column:?} {path}");
        }
        let update = |part: &str| format!(r#"<operator xtkschema="xtk:operator" _operation="update" id="1001" {part}"#);
        let writes = [update("><access disabled='true'/></operator>"), update("disabled='true'/>")];
        for (document, is_known) in writes.iter().zip(known) {
            probe.write(r#"<operator xtkschema="xtk:operator" _operation="update" id="1001"/>"#).assert_done();
            let answer = probe.write(document);
            assert_eq!(!answer.text.contains("Fault"), is_known, "{column:?} {document}");
        }
        let ann = probe.instance.world().operators.into_iter().find(|operator| operator.id == Some(1001)).unwrap();
        assert_eq!(ann.disabled, column != DisabledColumn::None, "{column:?}");
    }
}

#[test]
fn a_membership_may_be_added_in_one_form_alone() {
    let forms = [
        ("ids", by_ids("insertOrUpdate")),
        ("ids without a key", by_ids("insertOrUpdate").replace(KEY, "")),
        ("inserted ids", by_ids("insert")),
        ("references", by_links("insertOrUpdate", "none")),
        ("written links", by_links("insertOrUpdate", "insertOrUpdate")),
        ("inserted references", by_links("insert", "none")),
    ];
    for (form, expected) in [
        (JoinForm::Any, [true; 6]),
        (JoinForm::Ids, [true, false, true, false, false, false]),
        (JoinForm::Links, [false, false, false, true, false, true]),
        (JoinForm::Insert, [false, false, true, false, false, true]),
    ] {
        for ((name, document), is_accepted) in forms.iter().zip(expected) {
            let mut probe = Probe::with(|behavior| behavior.join_form = form);
            let answer = probe.write(document);
            assert_eq!(
                (!answer.text.contains("Fault"), is_member(&probe)),
                (is_accepted, is_accepted),
                "{form:?} {name}"
            );
        }
    }
}

#[test]
fn a_repeated_membership_may_be_a_fault() {
    let mut probe = Probe::with(|behavior| behavior.repeated_join = RepeatedJoin::Fault);
    probe.write(&by_ids("insertOrUpdate")).assert_done();
    probe.write(&by_ids("insertOrUpdate")).assert_fault(&["duplicate key"]);
    assert!(is_member(&probe));
}

#[test]
fn a_membership_may_be_removed_by_a_condition_alone() {
    let mut probe = Probe::with(|behavior| behavior.leave_form = LeaveForm::DeleteCollection);
    probe.write(&by_ids("insert")).assert_done();
    probe.write(&by_ids("delete")).assert_fault(&["DeleteCollection"]);
    assert!(is_member(&probe));
    let before = probe.memberships().len();
    let one = "[@operator-id]=1002 AND [@group-id]=1004";
    for _ in 0..2 {
        delete_collection(&mut probe, "xtk:operatorGroup", one).assert_done();
        assert_eq!((is_member(&probe), probe.memberships().len()), (false, before - 1));
    }
}

#[test]
fn a_condition_removes_what_fulfills_it_and_needs_the_right_to() {
    let mut probe = Probe::new();
    delete_collection(&mut probe, "xtk:group", "@name='admin'").assert_done();
    let groups: Vec<_> = probe.instance.world().groups.into_iter().map(|group| group.name).collect();
    assert_eq!(groups, ["delivery"]);
    assert_eq!(probe.instance.world().operators.len(), 5, "operators of that name stay");
    delete_collection(&mut probe, "xtk:operator", "@nmae='x'").assert_fault(&["XTK-170036"]);
    delete_collection(&mut probe, "nms:extAccount", "@id=1").assert_fault(&["XSV-350001"]);
    probe.instance.adjust(|behavior| behavior.administrator = false);
    delete_collection(&mut probe, "xtk:operatorGroup", "[@operator-id]>0").assert_fault(&["no right"]);
    assert_eq!(probe.memberships(), pairs(&[("ann@acme.com", "delivery")]));
}

#[test]
fn a_collection_may_pass_over_rows_that_fail() {
    let mut probe = Probe::with(|behavior| behavior.write_collection = WriteCollectionMode::SkipBadRows);
    let row = |group: i64| format!(r#"<operatorGroup {KEY} operator-id="1002" group-id="{group}"/>"#);
    probe.write_collection(&[row(1003), row(2_147_483_646), row(1004)].concat()).assert_done();
    assert_eq!(probe.memberships().iter().filter(|(login, _)| login == "Bob@acme.com").count(), 2);
}

#[test]
fn collections_of_memberships_may_be_refused() {
    let mut probe = Probe::with(|behavior| behavior.collections = false);
    let row = format!(r#"<operatorGroup {KEY} operator-id="1002" group-id="1004"/>"#);
    probe.write_collection(&row).assert_fault(&["collections"]);
    probe.write(&by_ids("insert")).assert_done();
}

#[test]
fn the_instance_reports_version_build_name_and_ldap() {
    let mut probe = Probe::new();
    assert_eq!(option(&mut probe, "XtkLdap_Active"), (String::new(), "0".to_owned()));
    probe.instance.adjust(|behavior| {
        *behavior = InstanceBehavior {
            instance_name: "acme_mkt_prod1".to_owned(),
            ldap_active: true,
            ..InstanceBehavior::of(Build::V7_3_4)
        };
    });
    assert_eq!(option(&mut probe, "XtkLdap_Active"), ("1".to_owned(), "3".to_owned()));
    assert_eq!(option(&mut probe, "XtkLdap_Rights"), (String::new(), "0".to_owned()));
    let page = probe.raw(&Request::get("http://127.0.0.1/r/test").body(Bytes::new()).unwrap()).text;
    for part in [r#"version="7.3.4""#, r#"build="9364""#, r#"instance="acme_mkt_prod1""#] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let session = probe.logon("svc", r#"p&amp;ss&lt;"'é"#).text;
    let parts = [
        r#"buildNumber="9364""#,
        r#"instanceName="acme_mkt_prod1""#,
        r#"majNumber="7" minNumber="3" servicePack="4" releaseName="7.3.4""#,
    ];
    assert!(parts.iter().all(|part| session.contains(part)), "{session}");
}

#[test]
fn new_rows_may_have_negative_ids() {
    let mut probe = Probe::with(|behavior| behavior.negative_ids = true);
    for name in ["one", "two"] {
        probe.write(&format!(r#"<group xtkschema="xtk:group" _operation="insert" name="{name}"/>"#)).assert_done();
    }
    let ids = probe.instance.world().groups.into_iter().filter_map(|group| group.id).collect::<Vec<_>>();
    assert_eq!(ids, [-2_147_483_648, -2_147_483_647, 1003, 1004]);
}

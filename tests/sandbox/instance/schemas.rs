//! `GetEntityIfMoreRecent`: the compiled schemas, whole and with parts missing.

use super::*;
use campaign_group_sync::sandbox::campaign::{DisabledColumn, SchemaPart};

fn entity(probe: &mut Probe, id: &str, md5: &str) -> Answer {
    let content = format!(
        "<sessiontoken>{}</sessiontoken><pk>xtk:schema|{id}</pk><md5>{md5}</md5><mustExist>false</mustExist>",
        probe.session_token
    );
    probe.call("xtk:persist#GetEntityIfMoreRecent", "urn:xtk:persist", &content)
}

#[test]
fn a_compiled_schema_shows_keys_attributes_and_links() {
    let mut probe = Probe::new();
    for (id, parts) in [
        (
            "xtk:operator",
            vec![
                r#"<schema namespace="xtk" name="operator""#,
                r#"<key internal="true" name="id"><keyfield xpath="@id"/></key>"#,
                r#"<attribute name="type" type="byte"/>"#,
                r#"<element name="access" label="Access parameters">"#,
                r#"<attribute name="authenticationType" type="string"/>"#,
                r#"<attribute name="disabled" type="boolean"/>"#,
            ],
        ),
        ("xtk:group", vec![r#"<attribute name="label" type="string"/>"#]),
        (
            "xtk:operatorGroup",
            vec![
                r#"<keyfield xpath="@operator-id"/><keyfield xpath="@group-id"/>"#,
                r#"<attribute name="group-id" type="long"/>"#,
                r#"<element name="operator" type="link" target="xtk:operator">"#,
                r#"<join xpath-src="@operator-id" xpath-dst="@id"/></element>"#,
                r#"<element name="group" type="link" target="xtk:group">"#,
            ],
        ),
        ("xtk:session", vec![r#"implements="xtk:persist""#, r#"<method name="WriteCollection" static="true">"#]),
        ("xtk:queryDef", vec![r#"<method name="ExecuteQuery" const="true">"#]),
    ] {
        let answer = entity(&mut probe, id, "");
        answer.assert_done();
        assert!(answer.text.contains("<GetEntityIfMoreRecentResponse xmlns='urn:wpp:default'"), "{}", answer.text);
        assert_well_formed(&answer.text);
        for part in parts {
            assert!(answer.text.contains(part), "no {part} in {}", answer.text);
        }
    }
}

#[test]
fn an_unchanged_schema_and_an_absent_one_are_an_empty_document() {
    let mut probe = Probe::new();
    let first = entity(&mut probe, "xtk:operator", "");
    let md5 = first.text.split(r#"md5=""#).nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(md5.len(), 32);
    for answer in [entity(&mut probe, "xtk:operator", md5), entity(&mut probe, "nms:recipient", "")] {
        assert!(answer.text.contains("literalxml'></pdomDoc>"), "{}", answer.text);
    }
}

#[test]
fn a_schema_can_lack_what_a_program_expects() {
    let mut probe = Probe::with(|behavior| {
        behavior.schema_without = vec![SchemaPart::MembershipKey, SchemaPart::MembershipGroupLink];
    });
    let relation = entity(&mut probe, "xtk:operatorGroup", "");
    assert!(
        !relation.text.contains("keyfield") && !relation.text.contains(r#"target="xtk:group""#),
        "{}",
        relation.text
    );
    probe
        .query(r#"<queryDef schema="xtk:operatorGroup"><select><node expr="[group/@name]"/></select></queryDef>"#)
        .assert_fault(&["XTK-170036"]);

    let mut probe = Probe::with(|behavior| {
        behavior.schema_without = vec![SchemaPart::OperatorAuthenticationType];
        behavior.disabled_column = DisabledColumn::None;
    });
    assert!(!entity(&mut probe, "xtk:operator", "").text.contains("access"));
    probe
        .write(r#"<operator xtkschema="xtk:operator" name="x"><access disabled="true"/></operator>"#)
        .assert_fault(&["access/@disabled"]);
}

#[test]
fn the_namespace_of_the_session_is_the_wrong_library() {
    let mut probe = Probe::new();
    for (action, namespace) in [
        ("xtk:persist#GetEntityIfMoreRecent", "urn:xtk:session"),
        ("xtk:session#GetEntityIfMoreRecent", "urn:xtk:persist"),
        ("xtk:queryDef#ExecuteQuery", "urn:xtk:session"),
        ("xtk:session#TestCnx", ""),
    ] {
        probe.call(action, namespace, "<sessiontoken/>").assert_fault(&["SOP-330024"]);
    }
}

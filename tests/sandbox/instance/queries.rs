//! `ExecuteQuery`: the rows, their order and shape, and refused queries.

use super::*;

/// A world with this many operators, `op1`, `op2` and so on, each in the group delivery.
fn crowd(size: usize) -> InstanceWorld {
    let logins = || (1..=size).map(|number| format!("op{number}@acme.com"));
    InstanceWorld {
        operators: logins().map(|login| ims_operator(&login)).collect(),
        memberships: logins().map(|login| (login, "delivery".to_owned())).collect(),
        ..world()
    }
}

#[test]
fn linked_fields_come_back_as_nested_elements() {
    let output = Probe::new().select(
        "xtk:operatorGroup",
        &["[@operator-id]", "[operator/@name]", "[operator/access/@authenticationType]", "[group/@name]"],
        "[operator/@name]='ann@acme.com'",
        &[],
    );
    assert_eq!(
        output,
        "<operatorGroup-collection><operatorGroup operator-id=\"1001\"><operator name=\"ann@acme.com\">\
         <access authenticationType=\"ims\"/></operator><group name=\"delivery\"/></operatorGroup>\
         </operatorGroup-collection>"
    );
}

#[test]
fn each_operation_has_its_own_empty_response() {
    let mut probe = Probe::new();
    let mut none = |operation: &str| {
        let condition = r#"<select><node expr="@id"/></select><where><condition expr="@name='nobody'"/></where>"#;
        probe.query(&format!(r#"<queryDef schema="xtk:group" operation="{operation}">{condition}</queryDef>"#))
    };
    assert_eq!(none("select").output(), "<group-collection/>");
    assert_eq!(none("getIfExists").output(), "<group/>");
    assert_eq!(none("count").output(), r#"<group count="0"/>"#);
    none("get").assert_fault(&["SOP-330011", "WDB-200011 The requested database record does not exist"]);
}

#[test]
fn operators_groups_and_named_rights_share_a_table() {
    let mut probe = Probe::new();
    assert_eq!(probe.select("xtk:operator", &["@name"], "@type=2", &["@id"]).matches("<operator ").count(), 2);
    assert_eq!(probe.select("xtk:operator", &["@name"], "@type=1", &["@id"]).matches("<operator ").count(), 2);
    let groups = probe.select("xtk:group", &["@id", "@name"], "1=1", &["@id"]);
    assert_eq!(
        groups,
        r#"<group-collection><group id="0" name=""/><group id="1003" name="delivery"/><group id="1004" name="admin"/></group-collection>"#
    );
}

#[test]
fn a_named_right_looks_like_a_group_until_the_link_is_followed() {
    let paths = ["[@operator-id]", "[@group-id]", "[group/@id]", "[group/@name]"];
    let output = Probe::new().select("xtk:operatorGroup", &paths, "[operator/@name]='webapp'", &[]);
    assert!(output.contains(r#"operator-id="1006" group-id="1"><group id="0" name=""/>"#), "{output}");
}

#[test]
fn a_group_holds_named_rights_in_the_same_relation() {
    let output = Probe::new().select("xtk:operatorGroup", &["[@operator-id]"], "[operator/@type]=1", &[]);
    assert!(output.contains(r#"operator-id="1004""#), "{output}");
}

#[test]
fn two_hundred_rows_come_without_a_line_count() {
    let mut probe = Probe::of(crowd(300));
    let mut rows = |attributes: &str| {
        let attributes = format!(r#"schema="xtk:operator" operation="select" {attributes}"#);
        probe.query(&query_def(&attributes, &["@id"], "", &[])).output().matches("<operator ").count()
    };
    assert_eq!(rows(""), 200);
    assert_eq!(rows(r#"lineCount="250""#), 250);
    assert_eq!(rows(r#"lineCount="999999999""#), 308, "with the row whose key is 0");
}

#[test]
fn rows_without_an_order_have_another_order_each_time() {
    let mut probe = Probe::of(crowd(50));
    let mut rows = |order: &[&str]| probe.select("xtk:operator", &["@id"], "@type=0", order);
    assert_ne!(rows(&[]), rows(&[]));
    assert_eq!(rows(&["@id"]), rows(&["@id"]));
}

#[test]
fn an_order_can_descend_and_have_steps() {
    let mut probe = Probe::new();
    let order = r#"<node expr="[access/@authenticationType]" sortDesc="true"/><node expr="@name"/>"#;
    let query = query_def(r#"schema="xtk:operator""#, &["@name"], r#"<condition expr="@type=0"/>"#, &[])
        .replace("<orderBy>", &format!("<orderBy>{order}"));
    let answer = probe.query(&query);
    let names: Vec<&str> =
        answer.output().split(r#"name=""#).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names, ["Bob@acme.com", "ann@acme.com", "", "admin", "svc", "webapp"]);
}

#[test]
fn conditions_are_joined_by_the_operator_of_the_one_before() {
    let mut probe = Probe::new();
    let mut names = |conditions: &str| {
        let query = format!(
            "<queryDef schema=\"xtk:operator\"><select><node expr=\"@id\"/></select><where>{conditions}</where>\
             <orderBy><node expr=\"@id\"/></orderBy></queryDef>"
        );
        let answer = probe.query(&query);
        answer
            .output()
            .split(r#"id=""#)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect::<Vec<i64>>()
    };
    assert_eq!(names(r#"<condition expr="@id=1001"/><condition expr="@type=1"/>"#), [0; 0]);
    assert_eq!(
        names(r#"<condition expr="@id=1001" boolOperator="OR"/><condition expr="@type=1"/>"#),
        [1001, 1003, 1004]
    );
    assert_eq!(
        names(
            "<condition expr='@id=1001' bool-operator='OR'/><condition expr='@type=1'/>\
             <condition expr=\"@name='admin'\"/>"
        ),
        [1001, 1004]
    );
    assert_eq!(
        names(
            "<condition boolOperator='AND'><condition expr='@id=1001' boolOperator='OR'/><condition expr='@type=1'/>\
             </condition><condition><condition expr='@id&lt;1004'/></condition>"
        ),
        [1001, 1003]
    );
    assert_eq!(names(r#"<condition expr="@id=1001"/><condition expr="@type=9" ignore="true"/>"#), [1001]);
}

#[test]
fn keyset_pages_of_memberships_miss_and_repeat_nothing() {
    let mut probe = Probe::of(crowd(55));
    let (mut seen, mut last) = (Vec::new(), (0, 0));
    loop {
        let (operator, group) = last;
        let beyond =
            format!("[@operator-id] &gt; {operator} OR ([@operator-id] = {operator} AND [@group-id] &gt; {group})");
        let conditions = format!(r#"<condition expr="[operator/@type]=0"/><condition expr="{beyond}"/>"#);
        let key = ["[@operator-id]", "[@group-id]"];
        let attributes = r#"schema="xtk:operatorGroup" operation="select" lineCount="10""#;
        let answer = probe.query(&query_def(attributes, &key, &conditions, &key));
        let page: Vec<(i64, i64)> = answer
            .output()
            .split("<operatorGroup ")
            .skip(1)
            .map(|row| {
                let numbers: Vec<i64> = row.split('"').filter_map(|part| part.parse().ok()).collect();
                (numbers[0], numbers[1])
            })
            .collect();
        seen.extend_from_slice(&page);
        if page.len() < 10 {
            break;
        }
        last = *page.last().unwrap();
    }
    assert!(seen.is_sorted_by(|one, next| one < next));
    assert_eq!(seen.len(), 55 + 3);
}

#[test]
fn members_of_a_group_are_found_and_ordered() {
    let mut probe = Probe::of(crowd(20));
    let mut members = |condition: &str| {
        probe.select("xtk:operatorGroup", &["[@operator-id]"], condition, &["[@operator-id]", "[@group-id]"])
    };
    assert_eq!(members("[group/@name]='delivery' and [@operator-id] &gt; 1018").matches("operator-id").count(), 2);
    assert_eq!(members("[@group-id]=1021").matches("operator-id").count(), 20);
    assert!(members("[@group-id]=1021").starts_with(
        r#"<operatorGroup-collection><operatorGroup operator-id="1001"/><operatorGroup operator-id="1002"/>"#
    ));
    assert_eq!(members("[group/@name]='admin'"), "<operatorGroup-collection/>");
    assert_eq!(members("[@group-id]=9999"), "<operatorGroup-collection/>");
}

#[test]
fn a_page_by_start_line_may_repeat_a_row() {
    let page = |probe: &mut Probe| {
        let query = query_def(r#"schema="xtk:operator" startLine="2" lineCount="2""#, &["@id"], "", &["@id"]);
        probe.query(&query).output().to_owned()
    };
    let ids = |first: i64, second: i64| {
        format!(r#"<operator-collection><operator id="{first}"/><operator id="{second}"/></operator-collection>"#)
    };
    assert_eq!(page(&mut Probe::new()), ids(2, 1001));
    assert_eq!(page(&mut Probe::with(|behavior| behavior.page_overlap = true)), ids(1, 2));
}

#[test]
fn an_alias_moves_a_field_and_distinct_drops_repetitions() {
    let mut probe = Probe::of(crowd(5));
    let query = "<queryDef schema='xtk:operatorGroup' distinct='true'>\
                 <select><node expr='[group/@name]' alias='@group'/></select>\
                 <where><condition expr=\"[group/@name] = 'delivery'\"/></where></queryDef>";
    assert_eq!(
        probe.query(query).output(),
        r#"<operatorGroup-collection><operatorGroup group="delivery"/></operatorGroup-collection>"#
    );
}

#[test]
fn any_name_is_read_back_unchanged() {
    let mut world = world();
    let name = "O'Neil \"&<>\\ é 漢字 \u{1f600}\n%_";
    world.operators.push(ims_operator(name));
    let mut probe = Probe::of(world);
    let mut literal = name.replace('\\', "\\\\").replace('\'', "\\'");
    for (sign, reference) in [("&", "&amp;"), ("<", "&lt;"), (r#"""#, "&quot;"), ("\n", "&#xA;")] {
        literal = literal.replace(sign, reference);
    }
    let output = probe.select("xtk:operator", &["@name"], &format!("@name='{literal}'"), &[]);
    let escaped = "name=\"O&apos;Neil &quot;&amp;&lt;&gt;\\ é 漢字 \u{1f600}&#xA;%_\"";
    assert!(output.contains(escaped), "{output}");
}

#[test]
fn empty_values_may_be_omitted() {
    let mut probe = Probe::with(|behavior| behavior.omit_empty = true);
    let output = probe.select("xtk:operator", &["@id", "@email"], "@name='webapp'", &[]);
    assert_eq!(output, r#"<operator-collection><operator id="1006"/></operator-collection>"#);
}

#[test]
fn unknown_attributes_are_refused() {
    let mut probe = Probe::new();
    let mut refused = |schema: &str, select: &str, condition: &str, parts: &[&str]| {
        let condition = format!(r#"<condition expr="{condition}"/>"#);
        let query = query_def(&format!("schema='{schema}'"), &[select], &condition, &[]);
        probe.query(&query).assert_fault(parts);
    };
    let unknown = "XTK-170036 Unable to parse expression";
    refused(
        "xtk:operator",
        "@id",
        "@nmae='x'",
        &["SOP-330011", "&apos;@nmae&apos; attribute unknown", "(xtk:operator)", unknown],
    );
    refused("xtk:operator", "@password", "1=1", &[unknown]);
    refused("xtk:operatorGroup", "@id", "1=1", &[unknown]);
    refused("xtk:operatorGroup", "@operator-id", "1=1", &["XTK-170006"]);
    refused("xtk:operatorGroup", "[@operator-id]", "@operator-id=1", &["XTK-1700"]);
    refused("xtk:group", "@id", "@name=O'Neil'", &["XTK-170006"]);
    refused("nms:recipient", "@id", "1=1", &["XSV-350001", "nms:recipient"]);
}

#[test]
fn unsimulated_queries_are_refused() {
    let mut probe = Probe::new();
    for inside in [
        r#"<groupBy><node expr="@name"/></groupBy>"#,
        r#"<where><condition setOperator="IN" expr="@id"><subQuery schema="xtk:operatorGroup"/></condition></where>"#,
        r#"<select><node expr="@id"><node expr="@name"/></node></select>"#,
        r#"<select><node expr="Count(@id)"/></select>"#,
        r#"<select><node expr="@id" alias="@a b"/></select>"#,
    ] {
        probe.query(&format!(r#"<queryDef schema="xtk:operator">{inside}</queryDef>"#)).assert_fault(&["SOP-330011"]);
    }
}

#[test]
fn a_hundred_thousand_operators_are_read_page_by_page() {
    let mut probe = Probe::of(crowd(100_000));
    let (mut rows, mut last) = (0, 0);
    loop {
        let condition = format!(r#"<condition expr="@type=0 AND @id &gt; {last}"/>"#);
        let attributes = r#"schema="xtk:operator" lineCount="5000""#;
        let answer = probe.query(&query_def(attributes, &["@id"], &condition, &["@id"]));
        let page = answer.output().matches("<operator ").count();
        rows += page;
        let Some(id) = answer.output().rsplit(r#"id=""#).next().and_then(|rest| rest.split('"').next()?.parse().ok())
        else {
            break;
        };
        last = id;
    }
    assert_eq!(rows, 100_003);
}

#[test]
fn rows_are_counted_by_what_they_share() {
    let mut probe = Probe::new();
    let grouped = |schema: &str, path: &str, more: &str| {
        format!(
            r#"<queryDef schema="{schema}" operation="select"><select><node expr="{path}" groupBy="true"/>
               <node expr="Count(@id)" alias="@rows"/>{more}</select><orderBy><node expr="{path}"/></orderBy></queryDef>"#
        )
    };
    let more = r#"<node expr="Min(@id)" alias="@least"/><node expr="Max(@id)" alias="@greatest"/>"#;
    let types = probe.query(&grouped("xtk:operator", "@type", more)).output().to_owned();
    for part in
        [r#"<operator type="0" rows="6" least="0""#, r#"<operator type="1" rows="2" least="1003" greatest="1004"/>"#]
    {
        assert!(types.contains(part), "no {part} in {types}");
    }
    let kinds = probe.query(&grouped("xtk:operator", "[access/@authenticationType]", "")).output().to_owned();
    assert!(kinds.contains(r#"<operator rows="2"><access authenticationType="ims"/></operator>"#), "{kinds}");

    let listed = |path: &str| {
        format!(
            r#"<queryDef schema="xtk:operatorGroup" operation="select"><select><node expr="{path}"/>
               <node expr="Count([@group-id])" alias="@rows"/></select><groupBy><node expr="{path}"/></groupBy>
               <orderBy><node expr="{path}" sortDesc="true"/></orderBy></queryDef>"#
        )
    };
    let holders = probe.query(&listed("[operator/@type]")).output().to_owned();
    let groups = holders.find(r#"<operatorGroup rows="1"><operator type="1"/>"#);
    assert!(groups.is_some_and(|groups| groups < holders.find(r#"type="0""#).unwrap()), "{holders}");
    assert!(probe.query(&listed("[group/@type]")).output().contains(r#"<group type="1"/>"#));
}

#[test]
fn a_function_of_all_rows_is_one_row() {
    let mut probe = Probe::new();
    let query = r#"<queryDef schema="xtk:operator"><select><node expr="max(@id)" alias="@last"/>
                   <node expr="count(@id)" alias="@rows"/></select>
                   <where><condition expr="@name = 'no such operator'"/></where></queryDef>"#;
    assert_eq!(
        probe.query(query).output(),
        r#"<operator-collection><operator last="0" rows="0"/></operator-collection>"#
    );
    let all = probe.query(&query.replace("'no such operator'", "'Bob@acme.com'")).output().to_owned();
    assert!(all.contains(r#"<operator last="1002" rows="1"/>"#), "{all}");
}

#[test]
fn a_query_that_sql_or_the_sandbox_cannot_group_is_refused() {
    let mut probe = Probe::new();
    for select in [
        r#"<node expr="Count(@id)"/>"#,
        r#"<node expr="Sum(@id)" alias="@sum"/>"#,
        r#"<node expr="Count(@nmae)" alias="@rows"/>"#,
        r#"<node expr="Count(@id)" alias="@rows"/><node expr="@name"/>"#,
    ] {
        let query = format!(r#"<queryDef schema="xtk:operator"><select>{select}</select></queryDef>"#);
        probe.query(&query).assert_fault(&["SOP-330011"]);
    }
    for column in ["@created", "@lastModified"] {
        let query = query_def(r#"schema="xtk:operator""#, &[column], "", &[]);
        probe.query(&query).assert_fault(&["XTK-170036"]);
    }
}

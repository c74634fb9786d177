//! Invalid requests, and responses in other encodings.

use proptest::prelude::*;

use super::*;

fn envelope(body: &str) -> String {
    format!("<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">{body}</e:Envelope>")
}

#[test]
fn an_invalid_request_is_a_client_fault() {
    let mut probe = Probe::new();
    let deep = envelope(&format!("<e:Body>{}{}</e:Body>", "<a>".repeat(500), "</a>".repeat(500)));
    for body in [
        String::new(),
        "not xml".to_owned(),
        "<a/>".to_owned(),
        envelope(""),
        envelope("<e:Body/>"),
        envelope("<e:Body><TestCnx xmlns='urn:xtk:session'>"),
        envelope("<e:Body><Other xmlns='urn:xtk:session'/></e:Body>"),
        format!("<!DOCTYPE a [<!ENTITY x 'y'>]>{}", envelope("<e:Body><TestCnx xmlns='urn:xtk:session'/></e:Body>")),
        deep,
    ] {
        let answer = probe.send(Some("xtk:session#TestCnx"), body.clone().into_bytes());
        answer.assert_fault(&["<faultcode>SOAP-ENV:Client</faultcode>"]);
    }
    probe.send(Some("xtk:session#TestCnx"), vec![0xff, 0xfe, 0x00]).assert_fault(&["SOAP-ENV:Client"]);
}

#[test]
fn another_soap_version_is_named() {
    let body = "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"><e:Body/></e:Envelope>";
    Probe::new()
        .send(Some("xtk:session#TestCnx"), body.as_bytes().to_vec())
        .assert_fault(&["SOAP-ENV:VersionMismatch"]);
}

#[test]
fn an_action_must_be_there_and_known() {
    let mut probe = Probe::new();
    let body = envelope("<e:Body><TestCnx xmlns='urn:xtk:session'/></e:Body>");
    for action in
        [None, Some(""), Some("TestCnx"), Some("xtk:session#"), Some("#TestCnx"), Some("xtk:queryDef#TestCnx")]
    {
        probe.send(action, body.clone().into_bytes()).assert_fault(&["SOAP-ENV:Client"]);
    }
}

#[test]
fn parameters_that_are_missing_are_named() {
    let mut probe = Probe::new();
    let token = format!("<sessiontoken>{}</sessiontoken>", probe.session_token);
    for (action, namespace, content) in [
        ("xtk:session#Logon", "urn:xtk:session", "<sessiontoken/><login>svc</login>"),
        ("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", token.as_str()),
        ("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", &format!("{token}<document/>")),
        ("xtk:persist#Write", "urn:xtk:persist", &token),
        ("xtk:persist#GetEntityIfMoreRecent", "urn:xtk:persist", &token),
    ] {
        probe.call(action, namespace, content).assert_fault(&["Error while reading parameters of method"]);
    }
}

#[test]
fn a_forgotten_session_token_shifts_the_parameters() {
    let mut probe = Probe::new();
    let document = "<document><queryDef schema=\"xtk:group\"/></document>";
    let answer = probe.call("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", document);
    assert_eq!(answer.status, 403);
}

#[test]
fn other_pages_do_not_exist() {
    let mut probe = Probe::new();
    for (method, path, status) in [
        ("GET", "/nl/jsp/soaprouter.jsp", 405),
        ("POST", "/", 404),
        ("POST", "/r/test", 404),
        ("GET", "/nl/jsp/schemawsdl.jsp", 404),
    ] {
        let request = Request::builder().method(method).uri(path).body(Bytes::new()).unwrap();
        assert_eq!(probe.raw(&request).status, status, "{method} {path}");
    }
}

#[test]
fn old_builds_respond_in_latin_1() {
    let mut world = world();
    world.operators.push(ims_operator("zoë漢@acme.com"));
    let mut probe = Probe::of(world);
    probe.instance.adjust(|behavior| behavior.iso_8859_1 = true);
    let answer = probe.query("<queryDef schema=\"xtk:operator\"><select><node expr=\"@name\"/></select></queryDef>");
    assert!(answer.text.starts_with("<?xml version='1.0' encoding='ISO-8859-1'?>"), "{}", answer.text);
    assert!(answer.text.contains("zo\u{eb}&#28450;@acme.com"), "{}", answer.text);
}

#[test]
fn an_inconsistent_world_is_refused() {
    let twice = InstanceWorld { operators: ["a", "a"].map(ims_operator).to_vec(), ..world() };
    let nameless = InstanceWorld { operators: vec![ims_operator("")], ..world() };
    let stranger = InstanceWorld { memberships: pairs(&[("nobody", "delivery")]), ..world() };
    let repeated = InstanceWorld { memberships: pairs(&[("Bob@acme.com", "delivery"); 2]), ..world() };
    for world in [twice, nameless, stranger, repeated] {
        assert!(Instance::new(world).is_err());
    }
}

#[test]
fn the_described_world_builds_the_same_instance() {
    let mut probe = Probe::new();
    for change in [
        InstanceChange::AddOperator {
            login: "new@acme.com".to_owned(),
            label: None,
            email: None,
            authentication: None,
            disabled: false,
        },
        InstanceChange::AddOperatorGroup { name: "ops".to_owned(), label: None },
        InstanceChange::Join { login: "new@acme.com".to_owned(), group: "ops".to_owned() },
        InstanceChange::RenameOperator { login: "new@acme.com".to_owned(), new_login: "newer@acme.com".to_owned() },
        InstanceChange::Leave { login: "ann@acme.com".to_owned(), group: "delivery".to_owned() },
        InstanceChange::RemoveOperatorGroup { name: "delivery".to_owned() },
    ] {
        probe.instance.apply(change).unwrap();
    }
    let world = probe.instance.world();
    assert_eq!(world.memberships, pairs(&[("newer@acme.com", "ops")]));
    assert_eq!(Instance::new(world.clone()).unwrap().world(), world);
}

#[test]
fn a_change_names_what_it_does_not_find() {
    let mut probe = Probe::new();
    let login = || "nobody".to_owned();
    for change in [
        InstanceChange::RemoveOperator { login: login() },
        InstanceChange::RenameOperator { login: login(), new_login: "x".to_owned() },
        InstanceChange::Join { login: login(), group: "delivery".to_owned() },
        InstanceChange::Leave { login: "ann@acme.com".to_owned(), group: "nobody".to_owned() },
        InstanceChange::RemoveOperatorGroup { name: login() },
    ] {
        assert!(probe.instance.apply(change).unwrap_err().contains("nobody"));
    }
    let taken =
        InstanceChange::RenameOperator { login: "ann@acme.com".to_owned(), new_login: "Bob@acme.com".to_owned() };
    assert!(probe.instance.apply(taken).is_err());
}

#[test]
fn a_change_reads_as_json() {
    let set_behavior =
        |key: &str, value: bool| InstanceChange::SetBehavior { key: key.to_owned(), value: value.into() };
    for (json, expected) in [
        (
            r#"{"op":"join","login":"a","group":"b"}"#,
            InstanceChange::Join { login: "a".to_owned(), group: "b".to_owned() },
        ),
        (r#"{"op":"expire_sessions"}"#, InstanceChange::ExpireSessions),
        (r#"{"op":"set_dial","dial":"show_errors","value":false}"#, set_behavior("show_errors", false)),
        (r#"{"op":"set_dial","dial":"iso_8859_1","value":true}"#, set_behavior("iso_8859_1", true)),
    ] {
        let change: InstanceChange = serde_json::from_str(json).unwrap();
        assert_eq!(change, expected);
        assert_eq!(serde_json::from_str::<InstanceChange>(&serde_json::to_string(&change).unwrap()).unwrap(), expected);
    }
}

/// Pieces from which nonsense that resembles a request is put together.
const PIECES: [&str; 24] = [
    "<queryDef schema=\"xtk:operator\" lineCount=\"3\">",
    "</queryDef>",
    "<select><node expr=\"@id\"/></select>",
    "<node expr=\"[group/@name]\" alias=\"a/@b\"/>",
    "<where>",
    "</where>",
    "<condition expr=\"@id IN (1, '2') OR NOT (@name LIKE '%\\'\"/>",
    "<condition boolOperator=\"OR\">",
    "</condition>",
    "<orderBy><node expr=\"@name\" sortDesc=\"true\"/></orderBy>",
    "<operatorGroup xtkschema=\"xtk:operatorGroup\" _operation=\"delete\" operator-id=\"1001\"",
    " group-id=\"1003\"/>",
    " _key=\"[@operator-id],[@group-id]\"",
    "<operator xtkschema=\"xtk:operator\" name=\"x\">",
    "<access disabled=\"maybe\"/>",
    "</operator>",
    "startLine=\"18446744073709551615\"",
    "&amp;",
    "&#x41;",
    "<![CDATA[",
    "]]>",
    "<!-- -->",
    "\u{1f600}",
    ">",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_makes_it_panic(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)) {
        let mut probe = Probe::new();
        let document = pieces.concat();
        for answer in [probe.query(&document), probe.write(&document), probe.write_collection(&document)] {
            prop_assert_eq!(answer.status, 200);
        }
    }

    #[test]
    fn no_expression_makes_it_panic(expression in "[@\\[\\]a-z/'\\\\%_0-9<>=(), ANDORLIKE-]{0,40}") {
        let mut probe = Probe::new();
        let escaped = expression.replace('<', "&lt;");
        let answer = probe.query(&query_def("schema='xtk:operator'", &[], &format!("<condition expr=\"{escaped}\"/>"), &[]));
        prop_assert_eq!(answer.status, 200);
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = Probe::new().send(Some("xtk:session#TestCnx"), body);
        prop_assert_eq!(answer.status, 200);
    }
}

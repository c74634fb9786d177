//! Faults of calls to a Campaign instance.

use std::collections::BTreeSet;

use campaign_group_sync::sandbox::campaign::InstanceChange;
use campaign_group_sync::sandbox::{Change, Effect, Fault, InstanceCredential, Scenario};
use reqwest::{RequestBuilder, Response, StatusCode};

use super::harness::{Harness, header, json_of};

const OPERATORS: &str = "<queryDef schema='xtk:operator' operation='select' lineCount='100'><select>\
    <node expr='@name'/><node expr='@label'/></select><where><condition expr='@type=0'/></where>\
    <orderBy><node expr='@id'/></orderBy></queryDef>";

/// A client with a bearer token of one of the instances.
struct Caller {
    harness: Harness,
    url: String,
    bearer: String,
}

impl Caller {
    async fn of_production(scenario: &str) -> Self {
        let harness = Harness::to(Scenario::named(scenario).unwrap()).await;
        let instance = harness.sandbox.connection().instances.remove(0);
        let InstanceCredential::Ims { client_id, client_secret } = instance.authentication else {
            panic!("production has IMS")
        };
        let answer = harness.ask_token("v3", &client_id, &client_secret, "openid,AdobeID,campaign_sdk").await;
        let bearer = json_of(answer).await["access_token"].as_str().unwrap().to_owned();
        Self { harness, url: instance.url, bearer }
    }

    fn request(&self, action: &str, namespace: &str, parameter: &str) -> RequestBuilder {
        let method = action.split('#').nth(1).unwrap();
        let envelope = format!(
            "<SOAP-ENV:Envelope xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/'><SOAP-ENV:Body>\
             <m:{method} xmlns:m='{namespace}'><sessiontoken/><document>{parameter}</document></m:{method}>\
             </SOAP-ENV:Body></SOAP-ENV:Envelope>"
        );
        let request = self.harness.http.post(format!("{}/nl/jsp/soaprouter.jsp", self.url)).body(envelope);
        request.header("SOAPAction", action).bearer_auth(&self.bearer)
    }

    fn query(&self) -> RequestBuilder {
        self.request("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", OPERATORS)
    }

    /// Writes an operator group of this name.
    fn write(&self, name: &str) -> RequestBuilder {
        let group = format!("<group xtkschema='xtk:group' _operation='insertOrUpdate' _key='@name' name='{name}'/>");
        self.request("xtk:persist#Write", "urn:xtk:persist", &group)
    }

    async fn disturbed_query(&self, effect: Effect) -> Response {
        self.harness.sandbox.inject(Fault::new("query", effect).schema("xtk:operator"));
        self.query().send().await.unwrap()
    }

    fn has_group(&self, name: &str) -> bool {
        let world = self.harness.sandbox.world();
        world.instance("production").unwrap().world().groups.iter().any(|group| group.name == name)
    }
}

#[tokio::test]
async fn calls_of_campaign_are_logged_by_what_they_do() {
    let caller = Caller::of_production("two_instances").await;
    caller.harness.sandbox.clear_requests();
    assert_eq!(caller.query().send().await.unwrap().status(), StatusCode::OK);
    caller.write("reviewers").send().await.unwrap();
    caller.request("xtk:session#GetServerTime", "urn:xtk:session", "").send().await.unwrap();
    assert_eq!(caller.harness.calls(), ["query", "write", "GetServerTime"]);
    let instances: BTreeSet<_> =
        caller.harness.sandbox.requests().into_iter().filter_map(|request| request.instance).collect();
    assert_eq!(instances, BTreeSet::from(["production".to_owned()]));
}

#[tokio::test]
async fn the_test_page_is_served_below_the_instance_and_at_the_root() {
    let caller = Caller::of_production("two_instances").await;
    for base in [&caller.url, &caller.harness.sandbox.url()] {
        let answer = caller.harness.http.get(format!("{base}/r/test")).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("<redir"), "{base}");
    }
}

#[tokio::test]
async fn effects_change_a_soap_response() {
    let caller = Caller::of_production("first_day").await;
    let fault = caller.disturbed_query(Effect::soap_fault("SOP-330011 Error", "ODB-240000 <deadlock>")).await;
    assert_eq!(fault.status(), StatusCode::OK, "faults travel with 200");
    let text = fault.text().await.unwrap();
    assert!(text.contains("<faultstring xsi:type='xsd:string'>SOP-330011 Error</faultstring>"), "{text}");
    assert!(text.contains("ODB-240000 &lt;deadlock&gt;</detail>"), "{text}");

    let expired = caller.disturbed_query(Effect::plain_text(403, "XSV-350008 Session has expired")).await;
    assert_eq!(expired.status(), StatusCode::FORBIDDEN);
    assert_eq!(expired.text().await.unwrap(), "XSV-350008 Session has expired");

    let whole = caller.query().send().await.unwrap().bytes().await.unwrap();
    let half = caller.disturbed_query(Effect::Truncate { bytes: None }).await.bytes().await.unwrap();
    assert_eq!(half, whole.slice(..whole.len() / 2));

    let deep = caller.disturbed_query(Effect::DeepXml { depth: 100_000 }).await.text().await.unwrap();
    assert_eq!(deep.matches("<a>").count(), 100_000);

    let entities = caller.disturbed_query(Effect::EntityDeclaration).await.text().await.unwrap();
    assert!(entities.contains("<!DOCTYPE") && entities.contains("&c;"), "{entities}");

    assert_eq!(caller.query().send().await.unwrap().bytes().await.unwrap(), whole, "each fault was used up");
}

#[tokio::test]
async fn a_fault_has_the_status_of_the_instance_whether_ims_or_campaign_is_its_cause() {
    let caller = Caller::of_production("first_day").await;
    let busy = |status: u16| {
        Effect::soap_fault(
            "SOP-330007 Error while reading the token.",
            &format!("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is {status}"),
        )
    };
    for (fault_status, of_ims) in [(200, 401), (500, 429), (500, 503)] {
        let change = InstanceChange::SetBehavior { key: "fault_status".to_owned(), value: fault_status.into() };
        caller.harness.sandbox.world().instance_mut("production").unwrap().apply(change).unwrap();
        let answer = caller.disturbed_query(busy(of_ims)).await;
        assert_eq!(answer.status(), fault_status);
        let text = answer.text().await.unwrap();
        assert!(text.contains("XSV-350114") && text.contains(&format!("code is {of_ims}</detail>")), "{text}");
    }
}

#[tokio::test]
async fn a_response_in_latin1_has_the_same_names() {
    let caller = Caller::of_production("hostile_names").await;
    let answer = caller.disturbed_query(Effect::Latin1).await;
    assert_eq!(header(&answer, "content-type"), "text/xml; charset=ISO-8859-1");
    let bytes = answer.bytes().await.unwrap();
    assert!(bytes.starts_with(b"<?xml version='1.0' encoding='ISO-8859-1'?>"));
    assert!(bytes.windows(4).any(|part| part == b"zo\xEB@"), "zoë in one byte a letter");
}

#[tokio::test]
async fn a_fault_matches_only_the_schema_it_names() {
    let caller = Caller::of_production("first_day").await;
    let refusal = || Effect::soap_fault("SOP-330011 Error", "");
    caller.harness.sandbox.inject(Fault::new("write", refusal()).schema("xtk:operatorGroup"));
    assert!(!caller.write("reviewers").send().await.unwrap().text().await.unwrap().contains("Fault"));
    assert!(caller.has_group("reviewers"));
    caller.harness.sandbox.inject(Fault::new("Write", refusal()).schema("xtk:group").instance("production"));
    assert!(caller.write("others").send().await.unwrap().text().await.unwrap().contains("Fault"));
    assert!(!caller.has_group("others"), "a fault in place of the call");
}

#[tokio::test]
async fn a_write_with_a_lost_response_takes_effect() {
    let caller = Caller::of_production("first_day").await;
    caller.harness.sandbox.inject(Fault::new("write", Effect::Reset));
    assert!(caller.write("reviewers").send().await.is_err());
    assert!(!caller.has_group("reviewers"));
    caller.harness.sandbox.inject(Fault::new("write", Effect::LoseAnswer));
    assert!(caller.write("reviewers").send().await.is_err());
    assert!(caller.has_group("reviewers"));
}

#[tokio::test]
async fn changes_of_an_instance_and_of_the_organization_are_applied_all_or_none() {
    let caller = Caller::of_production("first_day").await;
    let join = |login: &str| {
        let change = InstanceChange::Join { login: login.to_owned(), group: "archive".to_owned() };
        Change::instance("production", change)
    };
    let assign = Change::assign("mona@acme.com", "Marketing");
    let mut world = caller.harness.sandbox.world();
    let before = world.describe();
    world.apply(&[join("ann@acme.com"), assign.clone(), join("nobody@acme.com")]).unwrap_err();
    assert_eq!(world.describe(), before, "all or none");
    world.apply(&[join("ann@acme.com"), assign]).unwrap();
    let memberships = world.instance("production").unwrap().world().memberships;
    assert!(memberships.contains(&("ann@acme.com".to_owned(), "archive".to_owned())));
    assert!(world.members("Marketing").contains(&"mona@acme.com".to_owned()));
}

#[tokio::test]
async fn a_write_can_be_ignored_or_made_in_part() {
    let caller = Caller::of_production("two_instances").await;
    caller.harness.sandbox.inject(Fault::new("write", Effect::IgnoreWrite));
    let answer = caller.write("reviewers").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().contains("<WriteResponse"));
    assert!(!caller.has_group("reviewers"));
    for (fault, answered) in [(false, "<WriteCollectionResponse"), (true, "XSV-350023")] {
        let names = [format!("first-{fault}"), format!("second-{fault}")];
        let rows =
            names.each_ref().map(|name| format!("<group _operation='insertOrUpdate' _key='@name' name='{name}'/>"));
        let rows = format!("<group-collection xtkschema='xtk:group'>{}</group-collection>", rows.concat());
        caller.harness.sandbox.inject(Fault::new("write", Effect::PartialWrite { rows: 1, fault }));
        let answer = caller.request("xtk:persist#WriteCollection", "urn:xtk:persist", &rows).send().await.unwrap();
        let text = answer.text().await.unwrap();
        assert!(text.contains(answered), "{text}");
        assert_eq!(names.each_ref().map(|name| caller.has_group(name)), [true, false]);
    }
}

#[tokio::test]
async fn a_query_can_miss_a_row() {
    let caller = Caller::of_production("two_instances").await;
    let plain = caller.query().send().await.unwrap().text().await.unwrap();
    let containing = "ann@acme.com".to_owned();
    let short = caller.disturbed_query(Effect::OmitEntry { containing }).await.text().await.unwrap();
    let rows = |text: &str| text.matches("<operator ").count();
    assert!(plain.contains("ann@acme.com") && !short.contains("ann@acme.com"));
    assert_eq!(rows(&short) + 1, rows(&plain));
}

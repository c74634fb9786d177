//! The responses of the simulated Campaign instance, call by call, without HTTP around it.

mod queries;
mod robustness;
mod schemas;
mod sessions;
mod variants;
mod writes;

use axum::http::Request;
use bytes::Bytes;
use campaign_group_sync::sandbox::campaign::{
    ExternalAccount, Instance, InstanceAuthentication, InstanceBehavior, InstanceChange, InstanceWorld, Operator,
    OperatorGroup, TokenStatus,
};
use quick_xml::{Reader, events::Event};

/// Ann (1001) and Bob (1002) are IMS operators, delivery (1003) and admin (1004) are groups, and the service account
/// is 1005.
fn world() -> InstanceWorld {
    InstanceWorld {
        tenant: "acme".to_owned(),
        association_mask: "Campaign - acme - (.*)".to_owned(),
        authentication: InstanceAuthentication::Native,
        login: "svc".to_owned(),
        password: r#"p&ss<"'é"#.to_owned(),
        technical_account: "svc@techacct.adobe.com".to_owned(),
        external_accounts: vec![ExternalAccount::default()],
        operators: ["ann@acme.com", "Bob@acme.com"].map(ims_operator).to_vec(),
        groups: ["delivery", "admin"]
            .map(|name| OperatorGroup { name: name.to_owned(), ..OperatorGroup::default() })
            .to_vec(),
        memberships: vec![("ann@acme.com".to_owned(), "delivery".to_owned())],
        named_rights: Vec::new(),
        behavior: InstanceBehavior::default(),
    }
}

fn ims_operator(login: &str) -> Operator {
    Operator {
        name: login.to_owned(),
        label: login.to_owned(),
        email: login.to_owned(),
        authentication: "ims".to_owned(),
        ..Operator::default()
    }
}

/// An instance and a client of it.
struct Probe {
    instance: Instance,
    session_token: String,
    security_token: String,
    bearer: Option<String>,
}

/// A response as received.
#[derive(Debug)]
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn value(&self, element: &str) -> String {
        let start = self.text.find(&format!("<{element} ")).expect("the element is there");
        let rest = &self.text[start..];
        let content = &rest[rest.find('>').unwrap() + 1..];
        content[..content.find('<').unwrap()].to_owned()
    }

    /// The content of `pdomOutput`.
    fn output(&self) -> &str {
        let start = self.text.find("<pdomOutput").unwrap_or_else(|| panic!("no output in {}", self.text));
        let rest = &self.text[start..];
        &rest[rest.find('>').unwrap() + 1..rest.find("</pdomOutput>").unwrap()]
    }

    fn assert_fault(&self, parts: &[&str]) {
        assert_eq!(self.status, 200, "{}", self.text);
        assert!(self.text.contains("<SOAP-ENV:Fault>"), "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "no {part} in {}", self.text);
        }
    }

    fn assert_done(&self) {
        assert_eq!(self.status, 200, "{}", self.text);
        assert!(!self.text.contains("Fault"), "{}", self.text);
    }
}

impl Probe {
    /// Builds the instance and signs in: with a password, or with a bearer token on each call.
    fn of(world: InstanceWorld) -> Self {
        let ims = world.authentication == InstanceAuthentication::Ims;
        let instance = Instance::new(world).expect("a consistent world");
        let (session_token, security_token) = (String::new(), String::new());
        let mut probe = Self { instance, session_token, security_token, bearer: None };
        if ims {
            probe.bearer = Some("good".to_owned());
        } else {
            probe.sign_in();
        }
        probe
    }

    fn new() -> Self {
        Self::of(world())
    }

    fn with(change: impl FnOnce(&mut InstanceBehavior)) -> Self {
        let mut probe = Self::new();
        probe.instance.adjust(change);
        probe
    }

    fn sign_in(&mut self) {
        let answer = self.logon("svc", r#"p&amp;ss&lt;"'é"#);
        self.session_token = answer.value("pstrSessionToken");
        self.security_token = answer.value("pstrSecurityToken");
    }

    fn logon(&mut self, login: &str, escaped_password: &str) -> Answer {
        let parameters = format!("<sessiontoken/><login>{login}</login><password>{escaped_password}</password><p/>");
        self.call("xtk:session#Logon", "urn:xtk:session", &parameters)
    }

    /// Calls a method with everything inside its element as given.
    fn call(&mut self, action: &str, namespace: &str, content: &str) -> Answer {
        let (_, method) = action.split_once('#').unwrap();
        let body = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
             <{method} xmlns=\"{namespace}\">{content}</{method}></soap:Body></soap:Envelope>"
        );
        self.send(Some(action), body.into_bytes())
    }

    fn send(&mut self, action: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = Request::post("http://127.0.0.1/nl/jsp/soaprouter.jsp")
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("X-Security-Token", &self.security_token);
        if let Some(action) = action {
            request = request.header("SOAPAction", action);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        self.raw(&request.body(Bytes::from(body)).unwrap())
    }

    fn raw(&mut self, request: &Request<Bytes>) -> Answer {
        let tokens = |token: &str| match token {
            "good" => TokenStatus::Valid { client_id: "client".to_owned() },
            "old" => TokenStatus::Expired,
            _ => TokenStatus::Unknown,
        };
        let response = self.instance.answer(request, &tokens);
        let text = String::from_utf8(response.body().to_vec())
            .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect());
        Answer { status: response.status().as_u16(), text }
    }

    fn query(&mut self, query_def: &str) -> Answer {
        let content = format!("<sessiontoken>{}</sessiontoken><document>{query_def}</document>", self.session_token);
        self.call("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", &content)
    }

    /// Selects paths of a schema under one condition; `order` may be empty.
    fn select(&mut self, schema: &str, paths: &[&str], condition: &str, order: &[&str]) -> String {
        let attributes = format!(r#"schema="{schema}" operation="select" lineCount="1000""#);
        let condition = format!(r#"<condition expr="{condition}"/>"#);
        self.query(&query_def(&attributes, paths, &condition, order)).output().to_owned()
    }

    fn write(&mut self, document: &str) -> Answer {
        let content = format!("<sessiontoken>{}</sessiontoken><domDoc>{document}</domDoc>", self.session_token);
        self.call("xtk:persist#Write", "urn:xtk:persist", &content)
    }

    fn write_collection(&mut self, rows: &str) -> Answer {
        let content = format!(
            "<sessiontoken>{}</sessiontoken><domDoc><operatorGroup-collection xtkschema=\"xtk:operatorGroup\">{rows}\
             </operatorGroup-collection></domDoc>",
            self.session_token
        );
        self.call("xtk:persist#WriteCollection", "urn:xtk:persist", &content)
    }

    /// The memberships as the world has them.
    fn memberships(&self) -> Vec<(String, String)> {
        self.instance.world().memberships
    }
}

fn pairs(memberships: &[(&str, &str)]) -> Vec<(String, String)> {
    memberships.iter().map(|(login, group)| ((*login).to_owned(), (*group).to_owned())).collect()
}

/// A query; `conditions` is the content of `where`.
fn query_def(attributes: &str, paths: &[&str], conditions: &str, order: &[&str]) -> String {
    let nodes =
        |paths: &[&str]| paths.iter().map(|path| format!(r#"<node expr="{path}"/>"#)).collect::<Vec<_>>().concat();
    let (select, order) = (nodes(paths), nodes(order));
    format!(
        "<queryDef {attributes}><select>{select}</select><where>{conditions}</where><orderBy>{order}</orderBy>\
         </queryDef>"
    )
}

/// Fails unless the text is one well-formed document.
fn assert_well_formed(xml: &str) {
    let mut reader = Reader::from_str(xml);
    while reader.read_event().unwrap_or_else(|error| panic!("{error} in {xml}")) != Event::Eof {}
}

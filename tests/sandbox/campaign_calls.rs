//! Calls of a simulated Campaign instance over real HTTP: sessions, bearer tokens, and the world behind the responses.

use campaign_group_sync::sandbox::campaign::{InstanceAuthentication, InstanceChange, InstanceWorld};
use campaign_group_sync::sandbox::{InstanceCredential, Sandbox, Scenario};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// A sandbox with one instance, and a client of it.
struct CampaignHarness {
    sandbox: Sandbox,
    http: reqwest::Client,
    session_token: String,
    security_token: String,
    bearer: Option<String>,
}

/// Status and text of a response.
#[derive(Debug)]
struct Answer(StatusCode, String);

impl Answer {
    fn has(&self, part: &str) -> bool {
        self.1.contains(part)
    }

    /// The text of a scalar output.
    fn value(&self, element: &str) -> String {
        let rest = self.1.split(&format!("<{element} xsi:type='xsd:string'>")).nth(1).unwrap();
        rest.split('<').next().unwrap().to_owned()
    }
}

impl CampaignHarness {
    /// Serves the first day with its instance changed as given.
    async fn to(change: impl FnOnce(&mut InstanceWorld)) -> Self {
        let mut scenario = Scenario::named("first_day").unwrap();
        change(scenario.campaign.get_mut("production").unwrap());
        let sandbox = crate::support::sandbox::start(scenario).await;
        campaign_group_sync::transport::install_cryptography();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (session_token, security_token) = (String::new(), String::new());
        Self { sandbox, http, session_token, security_token, bearer: None }
    }

    /// An instance with native sign-in, signed in.
    async fn native() -> Self {
        let mut harness = Self::to(|world| world.authentication = InstanceAuthentication::Native).await;
        let connection = harness.sandbox.connection().instances.remove(0);
        let InstanceCredential::Native { login, password } = connection.authentication else {
            panic!("the instance is native")
        };
        let content = format!("<sessiontoken/><login>{login}</login><password>{password}</password><parameters/>");
        let answer = harness.call("xtk:session#Logon", "urn:xtk:session", &content).await;
        harness.session_token = answer.value("pstrSessionToken");
        harness.security_token = answer.value("pstrSecurityToken");
        harness
    }

    /// An instance with IMS, and a bearer for it.
    async fn ims() -> Self {
        let mut harness = Self::to(|world| world.authentication = InstanceAuthentication::Ims).await;
        let mut connection = harness.sandbox.connection();
        let InstanceCredential::Ims { client_id, client_secret } = connection.instances.remove(0).authentication else {
            panic!("the instance has IMS")
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("client_secret", client_secret.as_str()),
            ("scope", "openid,AdobeID,campaign_sdk"),
        ];
        let request = harness.http.post(format!("{}/ims/token/v3", connection.ims_url)).form(&form);
        let answer: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
        harness.bearer = Some(answer["access_token"].as_str().unwrap().to_owned());
        harness
    }

    async fn call(&self, action: &str, namespace: &str, content: &str) -> Answer {
        let url = format!("{}/nl/jsp/soaprouter.jsp", self.sandbox.connection().instances.remove(0).url);
        self.send(self.http.post(url), action, namespace, content).await
    }

    async fn send(&self, request: RequestBuilder, action: &str, namespace: &str, content: &str) -> Answer {
        let (_, method) = action.split_once('#').unwrap();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope \
             xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{method} xmlns=\"{namespace}\">{content}\
             </{method}></s:Body></s:Envelope>"
        );
        let mut request = request.header("SOAPAction", action).header("X-Security-Token", &self.security_token);
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer);
        }
        let answer = request.header("Content-Type", "text/xml; charset=utf-8").body(body).send().await.unwrap();
        Answer(answer.status(), answer.text().await.unwrap())
    }

    async fn query(&self, query_def: &str) -> Answer {
        let content = format!("<sessiontoken>{}</sessiontoken><document>{query_def}</document>", self.session_token);
        self.call("xtk:queryDef#ExecuteQuery", "urn:xtk:queryDef", &content).await
    }

    async fn write(&self, document: &str) -> Answer {
        let content = format!("<sessiontoken>{}</sessiontoken><domDoc>{document}</domDoc>", self.session_token);
        self.call("xtk:persist#Write", "urn:xtk:persist", &content).await
    }

    async fn test_connection(&self) -> Answer {
        let content = format!("<sessiontoken>{}</sessiontoken>", self.session_token);
        self.call("xtk:session#TestCnx", "urn:xtk:session", &content).await
    }

    fn apply(&self, change: InstanceChange) {
        self.sandbox.world().instance_mut("production").unwrap().apply(change).unwrap();
    }

    fn instance(&self) -> InstanceWorld {
        self.sandbox.world().instance("production").unwrap().world()
    }
}

const MEMBERS: &str = "<queryDef schema=\"xtk:operatorGroup\" operation=\"select\" lineCount=\"100\"><select>\
    <node expr=\"[operator/@name]\"/></select><where><condition expr=\"[group/@name]='delivery'\"/></where><orderBy>\
    <node expr=\"[operator/@name]\"/></orderBy></queryDef>";

#[tokio::test]
async fn a_session_reads_and_writes_until_it_is_closed() {
    let harness = CampaignHarness::native().await;
    let before = harness.query(MEMBERS).await;
    assert!(before.has(r#"<operator name="karl@acme.com"/>"#) && !before.has("dev@acme.com"), "{before:?}");

    let row = |operation: &str, login: &str| {
        format!(
            "<operatorGroup xtkschema='xtk:operatorGroup' _operation='{operation}'>\
             <operator _operation='none' _key='@name' name='{login}'/>\
             <group _operation='none' _key='@name' name='delivery'/></operatorGroup>"
        )
    };
    for document in [row("insert", "dev@acme.com"), row("delete", "karl@acme.com")] {
        let written = harness.write(&document).await;
        assert!(written.0 == StatusCode::OK && written.has("<WriteResponse "), "{written:?}");
    }
    let after = harness.query(MEMBERS).await;
    assert!(after.has(r#"<operator name="dev@acme.com"/>"#) && !after.has("karl@acme.com"), "{after:?}");
    assert!(harness.instance().memberships.contains(&("dev@acme.com".to_owned(), "delivery".to_owned())));

    let content = format!("<sessiontoken>{}</sessiontoken>", harness.session_token);
    assert!(harness.call("xtk:session#Logoff", "urn:xtk:session", &content).await.has("<LogoffResponse "));
    let refused = harness.query(MEMBERS).await;
    assert!(refused.0 == StatusCode::FORBIDDEN && refused.1.starts_with("XSV-350008"), "{refused:?}");
}

#[tokio::test]
async fn a_fault_travels_with_status_200() {
    let harness = CampaignHarness::native().await;
    let answer =
        harness.query(r#"<queryDef schema="xtk:operator"><select><node expr="@nmae"/></select></queryDef>"#).await;
    assert!(answer.0 == StatusCode::OK && answer.has("<SOAP-ENV:Fault>") && answer.has("XTK-170036"), "{answer:?}");
}

#[tokio::test]
async fn a_bearer_token_of_ims_is_accepted() {
    let harness = CampaignHarness::ims().await;
    assert!(harness.test_connection().await.has("<TestCnxResponse "));
    let technical_account = harness.instance().technical_account;
    assert!(harness.instance().operators.iter().any(|operator| operator.name == technical_account));
    assert!(harness.query(MEMBERS).await.has("karl@acme.com"));
}

#[tokio::test]
async fn an_unknown_bearer_token_is_refused() {
    let mut harness = CampaignHarness::ims().await;
    harness.bearer = Some("invented".to_owned());
    let refused = harness.test_connection().await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN, "{refused:?}");
}

#[tokio::test]
async fn an_instance_is_served_under_its_name_and_the_first_one_at_the_root() {
    let harness = CampaignHarness::native().await;
    for path in ["/nl/jsp/soaprouter.jsp?soapAction=x", "/campaign/production/nl/jsp/soaprouter.jsp"] {
        let request = harness.http.post(format!("{}{path}", harness.sandbox.url()));
        let content = format!("<sessiontoken>{}</sessiontoken>", harness.session_token);
        let answer = harness.send(request, "xtk:session#TestCnx", "urn:xtk:session", &content).await;
        assert!(answer.has("<TestCnxResponse "), "{path}: {answer:?}");
    }
    let test_page = harness.http.get(format!("{}/r/test", harness.sandbox.url())).send().await.unwrap();
    assert!(test_page.text().await.unwrap().starts_with(r#"<redir status="OK""#));
}

#[tokio::test]
async fn a_change_of_the_instance_is_visible_to_the_next_call() {
    let harness = CampaignHarness::native().await;
    harness.apply(InstanceChange::Leave { login: "karl@acme.com".to_owned(), group: "delivery".to_owned() });
    assert!(!harness.query(MEMBERS).await.has("karl@acme.com"));
    harness.apply(InstanceChange::SetBehavior { key: "iso_8859_1".to_owned(), value: true.into() });
    assert!(harness.query(MEMBERS).await.has("encoding='ISO-8859-1'"));
    harness.apply(InstanceChange::ExpireSessions);
    assert_eq!(harness.query(MEMBERS).await.0, StatusCode::FORBIDDEN);
}

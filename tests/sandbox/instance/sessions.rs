//! `Logon`, sessions, bearer tokens, and the methods around them.

use campaign_group_sync::sandbox::campaign::LogonSync;
use chrono::NaiveDateTime;

use super::*;

const EXPIRED: &str = "XSV-350008 Session has expired or is invalid. Please reconnect.";
const REFUSED: &str = "XSV-350012 Invalid login or password. Connection denied.";

fn ims_world() -> InstanceWorld {
    InstanceWorld { authentication: InstanceAuthentication::Ims, ..world() }
}

fn test_connection(probe: &mut Probe) -> Answer {
    let content = format!("<sessiontoken>{}</sessiontoken>", probe.session_token);
    probe.call("xtk:session#TestCnx", "urn:xtk:session", &content)
}

#[test]
fn logon_returns_three_outputs_in_order() {
    let mut probe = Probe::new();
    let answer = probe.logon("svc", r#"p&amp;ss&lt;"'é"#);
    let positions = [
        "<pstrSessionToken xsi:type='xsd:string'>___",
        "<pSessionInfo ",
        "<serverInfo ",
        "<userInfo ",
        "<pstrSecurityToken ",
    ]
    .map(|part| answer.text.find(part).unwrap_or_else(|| panic!("no {part} in {}", answer.text)));
    assert!(positions.is_sorted());
    assert!(answer.text.contains(r#"<login-right right="admin"/>"#), "{}", answer.text);
    assert!(answer.text.contains("<LogonResponse xmlns='urn:xtk:session'"), "{}", answer.text);
}

#[test]
fn wrong_credentials_are_refused_in_plain_text() {
    let mut probe = Probe::new();
    for (login, password) in [("svc", "wrong"), ("SVC", r#"p&amp;ss&lt;"'é"#), ("ann@acme.com", ""), ("", "")] {
        let answer = probe.logon(login, password);
        assert_eq!((answer.status, answer.text.as_str()), (403, REFUSED), "{login}");
    }
}

#[test]
fn native_sign_in_is_off_where_ims_is_used() {
    let answer = Probe::of(ims_world()).logon("svc", r#"p&amp;ss&lt;"'é"#);
    assert_eq!((answer.status, answer.text.as_str()), (403, REFUSED));
}

#[test]
fn a_session_ends_by_expiry_by_logoff_and_by_a_change() {
    let mut probe = Probe::new();
    test_connection(&mut probe).assert_done();
    probe.instance.adjust(|behavior| behavior.session_seconds = 0);
    probe.sign_in();
    assert_eq!(test_connection(&mut probe).text, EXPIRED);
    probe.instance.adjust(|behavior| behavior.session_seconds = 60);

    probe.sign_in();
    let content = format!("<sessiontoken>{}</sessiontoken>", probe.session_token);
    probe.call("xtk:session#Logoff", "urn:xtk:session", &content).assert_done();
    assert_eq!(test_connection(&mut probe).status, 403);

    probe.sign_in();
    probe.instance.apply(InstanceChange::ExpireSessions).unwrap();
    assert_eq!(test_connection(&mut probe).text, EXPIRED);
}

#[test]
fn the_security_token_is_required_unless_the_behavior_says_otherwise() {
    let mut probe = Probe::new();
    probe.security_token.clear();
    assert_eq!(test_connection(&mut probe).text, EXPIRED);
    probe.instance.adjust(|behavior| behavior.session_token_only = true);
    test_connection(&mut probe).assert_done();
}

#[test]
fn the_session_token_may_come_in_a_cookie() {
    let mut probe = Probe::new();
    let body = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>\
                <TestCnx xmlns=\"urn:xtk:session\"><sessiontoken/></TestCnx></e:Body></e:Envelope>";
    let request = Request::post("/nl/jsp/soaprouter.jsp?soapAction=xtk%3Asession%23TestCnx")
        .header("SoapAction", r#""xtk:session#TestCnx""#)
        .header("Cookie", format!("a=b; __sessiontoken={}", probe.session_token))
        .header("X-Security-Token", &probe.security_token);
    probe.raw(&request.body(Bytes::from_static(body.as_bytes())).unwrap()).assert_done();
}

#[test]
fn a_session_does_not_outlive_its_operator() {
    let mut probe = Probe::new();
    probe.instance.apply(InstanceChange::RemoveOperator { login: "svc".to_owned() }).unwrap();
    assert_eq!(test_connection(&mut probe).text, EXPIRED);
}

#[test]
fn the_first_call_with_a_bearer_token_creates_its_operator() {
    let mut probe = Probe::of(ims_world());
    let is_technical =
        |operator: &Operator| operator.name == "svc@techacct.adobe.com" && operator.authentication == "ims";
    assert!(!probe.instance.world().operators.iter().any(is_technical));
    test_connection(&mut probe).assert_done();
    assert!(probe.instance.world().operators.iter().any(is_technical));
}

#[test]
fn an_expired_bearer_is_a_fault_and_an_unknown_one_is_refused() {
    let mut probe = Probe::of(ims_world());
    probe.bearer = Some("old".to_owned());
    test_connection(&mut probe).assert_fault(&["XSV-350392", "Access token has expired"]);
    probe.bearer = Some("never issued".to_owned());
    assert_eq!(test_connection(&mut probe).status, 403);
    probe.bearer = None;
    assert_eq!(test_connection(&mut probe).text, EXPIRED);
}

#[test]
fn a_bearer_can_be_exchanged_for_a_session() {
    let mut probe = Probe::of(ims_world());
    probe.bearer = None;
    let content = "<sessiontoken/><bearerToken>good</bearerToken>";
    let answer = probe.call("xtk:session#BearerTokenLogon", "urn:xtk:session", content);
    probe.session_token = answer.value("pstrSessionToken");
    probe.security_token = answer.value("pstrSecurityToken");
    test_connection(&mut probe).assert_done();
}

#[test]
fn time_and_user_need_no_session() {
    let mut probe = Probe::new();
    let time = probe.call("xtk:session#GetServerTime", "urn:xtk:session", "<sessiontoken/>");
    NaiveDateTime::parse_from_str(&time.value("ptm"), "%Y-%m-%d %H:%M:%S%.3fZ").unwrap();
    let user = probe.call("xtk:session#GetUserInfo", "urn:xtk:session", "<sessiontoken/>");
    assert!(user.text.contains(r#"loginId="0""#), "{}", user.text);
    let content = format!("<sessiontoken>{}</sessiontoken>", probe.session_token);
    let user = probe.call("xtk:session#GetUserInfo", "urn:xtk:session", &content);
    assert!(user.text.contains(r#"login="svc""#), "{}", user.text);
}

#[test]
fn the_test_page_needs_no_session() {
    let request = Request::get("http://127.0.0.1/acme/r/test").body(Bytes::new()).unwrap();
    let answer = Probe::new().raw(&request);
    assert!(answer.status == 200 && answer.text.starts_with(r#"<redir status="OK""#), "{answer:?}");
}

#[test]
fn a_user_who_signs_in_gets_the_groups_of_the_mask() {
    let mut probe = Probe::new();
    let mut sign_in = |login: &str, profiles: &[&str], sync: LogonSync| {
        let profiles = profiles.iter().map(|profile| format!("Campaign - {profile}")).collect();
        probe
            .instance
            .apply(InstanceChange::ImsLogon { login: login.to_owned(), profiles, sync })
            .map(|()| probe.memberships())
    };
    let after = sign_in("new@acme.com", &["acme - delivery", "acme - nowhere"], LogonSync::AddOnly).unwrap();
    assert_eq!(after, pairs(&[("ann@acme.com", "delivery"), ("new@acme.com", "delivery")]));
    let after = sign_in("ann@acme.com", &["acme - admin"], LogonSync::AddOnly).unwrap();
    assert!(after.contains(&("ann@acme.com".to_owned(), "delivery".to_owned())));
    let after = sign_in("ann@acme.com", &["acme - admin"], LogonSync::Replace).unwrap();
    assert_eq!(after, pairs(&[("ann@acme.com", "admin"), ("new@acme.com", "delivery")]));
    assert!(sign_in("other@acme.com", &["other - delivery"], LogonSync::AddOnly).is_err());
}

//! The kinds of faults: what each does to a call, and what it amounts to.

use std::time::{Duration, SystemTime};

use campaign_group_sync::sandbox::{Charset, Effect};

/// Which calls a kind of fault can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Any call.
    Any,
    /// Calls of UMAPI.
    Umapi,
    /// Requests for a token.
    Token,
    /// SOAP calls.
    Soap,
}

/// What a kind of fault amounts to for the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Nothing: the program gets over it without a retry that counts.
    Harmless,
    /// No answer, and Adobe may have served the call.
    NoAnswer,
    /// The server was reached, and its answer did not fit into the time of one call.
    Overdue,
    /// Adobe asks for a pause that fits into the run, and has not served the call.
    ShortPause,
    /// The server asks for a pause that fits into the run, and may have served the call.
    ServedPause,
    /// The rate is limited, and the answer does not say for how long.
    Limited,
    /// Adobe asks for a pause that does not fit into the run.
    LongPause,
    /// Credentials are refused; a new token or session may help.
    Stale,
    /// The same, in the detail of a fault, which may quote a row instead.
    StaleInside,
    /// Credentials are refused.
    Refused,
    /// The address, or what it names, does not exist.
    Absent,
    /// An answer that broke off or is garbled, as from a gateway: a retry may bring a good one.
    Garbled,
    /// An answer that is complete and not what the call returns.
    Wrong,
    /// An answer that is larger than any good one.
    Huge,
}

/// How often a kind of fault acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// On one call.
    Once,
    /// On each call until the run is over.
    On,
}

/// Shorter limits of the HTTP client, so that a test need not wait for those of the program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) read_timeout: Option<Duration>,
    pub(super) call_timeout: Option<Duration>,
    pub(super) body_bytes: Option<usize>,
}

/// One kind of fault.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) wire: Wire,
    pub(super) nature: Nature,
    pub(super) lasts: Lasts,
    pub(super) limits: Limits,
    pub(super) effect: fn() -> Effect,
}

impl Kind {
    fn new(name: &'static str, wire: Wire, nature: Nature, lasts: Lasts, effect: fn() -> Effect) -> Self {
        Self { name, wire, nature, lasts, limits: Limits::default(), effect }
    }

    /// An answer that says something else than what is so.
    pub(super) fn of_data(name: &'static str, wire: Wire, lasts: Lasts, effect: fn() -> Effect) -> Self {
        Self::new(name, wire, Nature::Wrong, lasts, effect)
    }

    fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Whether it can meet calls of this wire.
    pub(super) fn meets(&self, wire: Wire) -> bool {
        self.wire == Wire::Any || self.wire == wire
    }

    /// Whether a call that it meets takes effect all the same.
    pub(super) fn lets_it_pass(&self) -> bool {
        let is_prevented = matches!(
            (self.effect)(),
            Effect::Status { .. }
                | Effect::Html
                | Effect::SoapFault { .. }
                | Effect::DeepXml { .. }
                | Effect::Reset
                | Effect::Delay { .. }
        );
        !is_prevented
    }

    /// Whether it meets every place, also where a selection of the kinds does.
    pub(super) fn is_everywhere(&self) -> bool {
        EVERYWHERE.contains(&self.name)
    }
}

const UNAUTHORIZED: &str =
    r#"{"lastPage":false,"result":"error.unauthorized","message":"Failed to authenticate provided token"}"#;

/// The kinds that meet every place.
const EVERYWHERE: [&str; 5] =
    ["429 for too long", "503, once", "reset after the call, once", "closed inside the body", "HTML"];

/// Long enough for a call that is not disturbed, also on a busy host, and as long as a test wants to wait.
const PATIENCE: Duration = Duration::from_secs(2);

fn status(status: u16, content_type: &str, body: &str) -> Effect {
    let headers = if body.is_empty() { Vec::new() } else { vec![("content-type".to_owned(), content_type.to_owned())] };
    Effect::Status { status, headers, body: body.to_owned() }
}

fn json(code: u16, body: &str) -> Effect {
    status(code, "application/json", body)
}

fn page(code: u16) -> Effect {
    status(code, "text/html", "<html><head><title>Gateway</title></head><body>no</body></html>")
}

fn limited(retry_after: Option<&str>) -> Effect {
    match retry_after {
        Some(retry_after) => Effect::too_many_requests(retry_after),
        None => json(429, r#"{"error_code":"429050","message":"Too many requests"}"#),
    }
}

fn in_two_seconds() -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2))
}

fn with_header(name: &str, value: &str) -> Effect {
    Effect::set_header(name, value)
}

/// A fault that wraps its cause, as Campaign does.
fn fault(cause: &str) -> Effect {
    Effect::soap_fault("SOP-330011 Error while executing the method 'Call' of service 'xtk:service'.", cause)
}

fn fault_with_status(status_code: u16, string: &str) -> Effect {
    let body = format!(
        "<?xml version='1.0'?><SOAP-ENV:Envelope xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/'>\
         <SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>SOAP-ENV:Server</faultcode><faultstring>{string}</faultstring>\
         </SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    );
    status(status_code, "text/xml; charset=utf-8", &body)
}

/// The kinds that say something about the call as a whole, whatever is asked.
pub(super) fn kinds() -> Vec<Kind> {
    [rate_limits(), refusals(), failures(), connections(), bodies(), tokens(), sessions(), soap_faults()].concat()
}

fn rate_limits() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{Limited, LongPause, ServedPause, ShortPause};
    let any = |name, nature, lasts, effect| Kind::new(name, Wire::Any, nature, lasts, effect);
    vec![
        any("429 for seconds", ShortPause, Once, || limited(Some("1"))),
        any("429 until a date", ShortPause, Once, || limited(Some(&in_two_seconds()))),
        any("429 without Retry-After, once", Limited, Once, || limited(None)),
        any("429 without Retry-After", Limited, On, || limited(None)),
        any("429 with garbage, once", Limited, Once, || limited(Some("soon"))),
        any("429 with garbage", Limited, On, || limited(Some("-5"))),
        any("429 for too long", LongPause, On, || limited(Some("1000000000"))),
        any("503 for seconds", ServedPause, Once, || Effect::Status {
            status: 503,
            headers: vec![("retry-after".to_owned(), "1".to_owned())],
            body: String::new(),
        }),
    ]
}

fn refusals() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{Absent, Refused, Stale};
    use Wire::{Any, Soap, Umapi};
    vec![
        Kind::new("401, once", Any, Stale, Once, || status(401, "", "")),
        Kind::new("401", Any, Stale, On, || status(401, "", "")),
        Kind::new("401 of UMAPI, once", Umapi, Stale, Once, || json(401, UNAUTHORIZED)),
        Kind::new("401 of UMAPI", Umapi, Stale, On, || json(401, UNAUTHORIZED)),
        Kind::new("401 of the gateway", Umapi, Stale, On, || {
            json(401, r#"{"error_code":"401013","message":"Oauth token is not valid"}"#)
        }),
        Kind::new("403", Umapi, Refused, On, || status(403, "", "")),
        Kind::new("403003", Umapi, Refused, On, || {
            json(403, r#"{"error_code":"403003","message":"Api Key is invalid"}"#)
        }),
        Kind::new("403010", Umapi, Refused, On, || {
            json(403, r#"{"error_code":"403010","message":"Oauth token is missing"}"#)
        }),
        Kind::new("403023", Umapi, Refused, On, || {
            json(403, r#"{"error_code":"403023","message":"Profile is not valid"}"#)
        }),
        Kind::new("403 with HTML", Umapi, Refused, On, || page(403)),
        Kind::new("403, once", Soap, Stale, Once, || status(403, "", "")),
        Kind::new("403", Soap, Stale, On, || status(403, "", "")),
        Kind::new("403 with HTML", Soap, Stale, On, || page(403)),
        Kind::new("404", Any, Absent, On, || status(404, "", "")),
        Kind::new("404 with HTML", Any, Absent, On, || page(404)),
        Kind::new("404 of UMAPI", Umapi, Absent, On, || {
            json(404, r#"{"lastPage":false,"result":"error.group.not_found","message":"Not found: Group 11"}"#)
        }),
    ]
}

fn failures() -> Vec<Kind> {
    use Lasts::{On, Once};
    let any = |name, lasts, effect| Kind::new(name, Wire::Any, Nature::NoAnswer, lasts, effect);
    vec![
        any("500, once", Once, || json(500, r#"{"error":"internal_error"}"#)),
        any("500", On, || json(500, r#"{"error":"internal_error"}"#)),
        any("502, once", Once, || page(502)),
        any("502", On, || page(502)),
        any("503, once", Once, || page(503)),
        any("503", On, || page(503)),
        any("504, once", Once, || status(504, "", "")),
        any("504", On, || status(504, "", "")),
    ]
}

fn connections() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{Garbled, Harmless, NoAnswer, Overdue, Wrong};
    let any = |name, nature, lasts, effect| Kind::new(name, Wire::Any, nature, lasts, effect);
    let short_read = Limits { read_timeout: Some(PATIENCE), ..Limits::default() };
    let short_call = Limits { call_timeout: Some(PATIENCE), ..Limits::default() };
    vec![
        any("reset before the call, once", NoAnswer, Once, || Effect::Reset),
        any("reset before the call", NoAnswer, On, || Effect::Reset),
        any("reset after the call, once", NoAnswer, Once, || Effect::LoseAnswer),
        any("reset after the call", NoAnswer, On, || Effect::LoseAnswer),
        any("reset inside the answer, once", Garbled, Once, || Effect::ResetInside { after: None }),
        any("reset inside the answer", Garbled, On, || Effect::ResetInside { after: None }),
        any("reset after the answer", Harmless, On, || Effect::ResetAfter),
        any("closed inside the head, once", NoAnswer, Once, || Effect::CutHead { after: 30 }),
        any("closed inside the head", NoAnswer, On, || Effect::CutHead { after: 30 }),
        any("closed inside the body, once", Garbled, Once, || Effect::CutOff { after: None }),
        any("closed inside the body", Garbled, On, || Effect::CutOff { after: None }),
        any("closed when reused", Harmless, On, || Effect::ResetReused),
        any("drip", Overdue, On, || Effect::Drip { ms: 40 }).within(short_call),
        any("silence, once", NoAnswer, Once, || Effect::Delay { ms: 60_000 }).within(short_read),
        any("longer than said, once", NoAnswer, Once, || Effect::WrongLength { by: 9 }).within(short_read),
        Kind::new("shorter than said, once", Wire::Umapi, Garbled, Once, || Effect::WrongLength { by: -9 }),
        Kind::new("shorter than said", Wire::Umapi, Garbled, On, || Effect::WrongLength { by: -9 }),
        Kind::new("shorter than said", Wire::Soap, Wrong, On, || Effect::WrongLength { by: -9 }),
        Kind::new("shorter than said", Wire::Token, Wrong, On, || Effect::WrongLength { by: -9 }),
    ]
}

fn bodies() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{Garbled, Harmless, Huge, Wrong};
    use Wire::{Any, Soap, Umapi};
    let small = Limits { body_bytes: Some(256 << 10), ..Limits::default() };
    vec![
        Kind::new("cut, once", Umapi, Garbled, Once, || Effect::Truncate { bytes: None }),
        Kind::new("cut", Umapi, Garbled, On, || Effect::Truncate { bytes: None }),
        Kind::new("cut", Soap, Wrong, On, || Effect::Truncate { bytes: None }),
        Kind::new("empty", Umapi, Garbled, On, || Effect::Truncate { bytes: Some(0) }),
        Kind::new("empty", Soap, Wrong, On, || Effect::Truncate { bytes: Some(0) }),
        Kind::new("HTML, once", Umapi, Garbled, Once, || Effect::Html),
        Kind::new("HTML", Umapi, Garbled, On, || Effect::Html),
        Kind::new("HTML", Soap, Wrong, On, || Effect::Html),
        Kind::new("UTF-16", Umapi, Garbled, On, || Effect::Recode { charset: Charset::Utf16 }),
        Kind::new("UTF-16", Soap, Wrong, On, || Effect::Recode { charset: Charset::Utf16 }),
        Kind::new("unknown charset", Umapi, Harmless, On, || {
            with_header("content-type", "application/json; charset=klingon")
        }),
        Kind::new("unknown charset", Soap, Wrong, On, || with_header("content-type", "text/xml; charset=klingon")),
        Kind::new("coding that was not asked for, once", Any, Garbled, Once, || with_header("content-encoding", "br")),
        Kind::new("coding that was not asked for", Any, Garbled, On, || with_header("content-encoding", "br")),
        Kind::new("not compressed as said", Any, Garbled, On, || with_header("content-encoding", "gzip")),
        Kind::new("huge", Any, Huge, On, || Effect::Pad { bytes: 300 << 10 }).within(small),
    ]
}

fn tokens() -> Vec<Kind> {
    use Lasts::On;
    use Nature::{Refused, Wrong};
    let token = |name, nature, effect| Kind::new(name, Wire::Token, nature, On, effect);
    vec![
        token("403", Refused, || status(403, "", "")),
        token("invalid client_id", Refused, || {
            json(400, r#"{"error":"invalid_client","error_description":"invalid client_id parameter"}"#)
        }),
        token("invalid client_secret", Refused, || {
            json(400, r#"{"error":"invalid_client","error_description":"invalid client_secret parameter"}"#)
        }),
        token("invalid scope", Refused, || json(400, r#"{"error":"invalid_scope"}"#)),
        token("302", Wrong, || Effect::Status {
            status: 302,
            headers: vec![("location".to_owned(), "/login".to_owned())],
            body: r#"{"access_token":"ey-marked-token-4711"}"#.to_owned(),
        }),
        token("201 with a token", Wrong, || json(201, r#"{"access_token":"ey-marked-token-4711","expires_in":86399}"#)),
        token("HTML", Wrong, || Effect::Html),
        token("cut", Wrong, || Effect::Truncate { bytes: None }),
        token("UTF-16", Wrong, || Effect::Recode { charset: Charset::Utf16 }),
        token("without access_token", Wrong, || Effect::omit_key("/access_token")),
        token("an empty access_token", Wrong, || Effect::set_value("/access_token", "")),
        token("a token with a line break", Wrong, || Effect::set_value("/access_token", "ey-marked\r\ntoken-4711")),
        token("expires_in as text", Wrong, || Effect::set_value("/expires_in", "86399")),
    ]
}

/// A way to say that a session has expired: what it amounts to, its name once and always, and its effect.
type Expiry = (Nature, &'static str, &'static str, fn() -> Effect);

/// The ways in which Campaign says that a session or a token has expired, and refuses a sign-in.
fn sessions() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{Refused, Stale, StaleInside};
    let soap = |name, nature, lasts, effect| Kind::new(name, Wire::Soap, nature, lasts, effect);
    let expired: [Expiry; 8] = [
        (Stale, "session over as text with 403, once", "session over as text with 403", || {
            Effect::plain_text(403, "XSV-350008 Session has expired or is invalid. Please reconnect.")
        }),
        (Stale, "session over as text with 200, once", "session over as text with 200", || {
            Effect::plain_text(200, "XSV-350008 Session has expired or is invalid. Please reconnect.")
        }),
        (Stale, "session over as a fault, once", "session over as a fault", || {
            Effect::soap_fault("XSV-350008 Session has expired or is invalid. Please reconnect.", "")
        }),
        (StaleInside, "session over as a detail, once", "session over as a detail", || {
            fault("XSV-350008 Session has expired or is invalid. Please reconnect.")
        }),
        (Stale, "session over as a fault with 500, once", "session over as a fault with 500", || {
            fault_with_status(500, "XSV-350008 Session has expired or is invalid. Please reconnect.")
        }),
        (StaleInside, "token over by its code, once", "token over by its code", || {
            fault("XSV-350392 Access token is not valid")
        }),
        (StaleInside, "token over by its words, once", "token over by its words", || fault("Access token has expired")),
        (StaleInside, "token over by the status of IMS, once", "token over by the status of IMS", || {
            fault("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 401")
        }),
    ];
    let both = expired
        .iter()
        .flat_map(|(nature, once, on, effect)| [soap(once, *nature, Once, *effect), soap(on, *nature, On, *effect)]);
    let refused = [
        soap("password refused", Refused, On, || {
            Effect::plain_text(403, "XSV-350012 Invalid login or password. Connection denied.")
        }),
        soap("address refused", Refused, On, || {
            Effect::plain_text(403, "XSV-350013 The '10.0.0.1' IP address via which you are connecting is not allowed.")
        }),
    ];
    both.chain(refused).collect()
}

fn soap_faults() -> Vec<Kind> {
    use Lasts::{On, Once};
    use Nature::{NoAnswer, Wrong};
    let soap = |name, nature, lasts, effect| Kind::new(name, Wire::Soap, nature, lasts, effect);
    vec![
        soap("deadlock, once", NoAnswer, Once, || {
            fault("ODB-240000 ODBC error: {40001} deadlock detected SQLState: 40001")
        }),
        soap("deadlock", NoAnswer, On, || fault("ODB-240000 ODBC error: {40001} deadlock detected SQLState: 40001")),
        soap("IMS busy behind Campaign, once", NoAnswer, Once, || {
            fault("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 503")
        }),
        soap("IMS busy behind Campaign", NoAnswer, On, || {
            fault("XSV-350114 Unknown error during '/ims/profile/v1' IMS call, HTTP response code is 503")
        }),
        soap("entities", Wrong, On, || Effect::EntityDeclaration),
        soap("deep XML", Wrong, On, || Effect::DeepXml { depth: 5_000 }),
    ]
}

//! The SOAP router: which method a request means, whether the caller may, and how the answer goes out.

use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method as HttpMethod, Request, Response, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Instance;
use super::entity::compiled_schema;
use super::external_account::{AccountRow, Surroundings};
use super::fault::{Cause, Fault, Refusal, session_over};
use super::query::Query;
use super::schema::Schemas;
use super::select::{Manner, run};
use super::soap::{Call, Output, envelope, response};
use super::write::{Rights, Writer};
use super::xml::{Markup, latin_1};

/// The build the instance gives itself out for.
pub(super) const BUILD: &str = "9396";

/// What the simulated IMS says of a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenVerdict {
    /// Issued, and still good.
    Valid {
        /// The client it was issued to.
        client_id: String,
    },
    /// Issued once, and over.
    Expired,
    /// Never issued.
    Unknown,
}

/// The methods that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Logon,
    BearerTokenLogon,
    Logoff,
    TestCnx,
    GetUserInfo,
    GetServerTime,
    GetOption,
    ExecuteQuery,
    Write,
    WriteCollection,
    GetEntityIfMoreRecent,
}

impl Method {
    /// Finds the method of a call. `Write` belongs to the interface `xtk:persist`, so that plain
    /// `xtk:session#Write` is refused (changelog of acc-js-sdk); the piped name is that of the SDK.
    fn of(call: &Call) -> Result<Self, Fault> {
        let service = call.service.as_str();
        let is_session = matches!(service, "xtk:session" | "xtk:persist|xtk:session");
        let is_persist = matches!(service, "xtk:persist" | "xtk:persist|xtk:session");
        let method = match call.method.as_str() {
            "Logon" if is_session => Self::Logon,
            "BearerTokenLogon" if is_session => Self::BearerTokenLogon,
            "Logoff" if is_session => Self::Logoff,
            "TestCnx" if is_session => Self::TestCnx,
            "GetUserInfo" if is_session => Self::GetUserInfo,
            "GetServerTime" if is_session => Self::GetServerTime,
            "GetOption" if is_session => Self::GetOption,
            "ExecuteQuery" if service == "xtk:queryDef" => Self::ExecuteQuery,
            "Write" if is_persist => Self::Write,
            "WriteCollection" if is_persist => Self::WriteCollection,
            "GetEntityIfMoreRecent" if is_persist => Self::GetEntityIfMoreRecent,
            "GetEntityIfMoreRecent" if is_session => return Err(Fault::unknown_library("urn:xtk:session")),
            unknown => return Err(Fault::unknown_method(unknown, service)),
        };
        if method.namespaces().contains(&call.namespace.as_str()) {
            Ok(method)
        } else {
            Err(Fault::unknown_library(&format!("urn:{}", call.namespace)))
        }
    }

    /// The namespaces a method element may have, without `urn:`.
    fn namespaces(self) -> &'static [&'static str] {
        match self {
            Self::ExecuteQuery => &["xtk:queryDef"],
            Self::Write | Self::WriteCollection => &["xtk:persist", "xtk:session", "xtk:persist|xtk:session"],
            Self::GetEntityIfMoreRecent => &["xtk:persist", "xtk:persist|xtk:session"],
            _ => &["xtk:session", "xtk:persist|xtk:session"],
        }
    }

    /// The default namespace of the response element, which all that is inside inherits.
    fn response_namespace(self) -> &'static str {
        match self {
            Self::ExecuteQuery => "urn:xtk:queryDef",
            Self::Write | Self::WriteCollection => "urn:",
            Self::GetEntityIfMoreRecent => "urn:wpp:default",
            _ => "urn:xtk:session",
        }
    }
}

impl Instance {
    /// Answers one request; `tokens` says what a bearer token is worth.
    pub fn answer(&mut self, request: &Request<Bytes>, tokens: &dyn Fn(&str) -> TokenVerdict) -> Response<Bytes> {
        let path = request.uri().path();
        if path.ends_with("/nl/jsp/soaprouter.jsp") {
            if request.method() == HttpMethod::POST {
                return self.route(request, tokens);
            }
            return plain(StatusCode::METHOD_NOT_ALLOWED, "The SOAP router takes POST.".to_owned());
        }
        if path.ends_with("/r/test") && request.method() == HttpMethod::GET {
            return typed(StatusCode::OK, "text/xml; charset=utf-8", self.test_page().into_bytes());
        }
        plain(StatusCode::NOT_FOUND, "Not found.".to_owned())
    }

    fn route(&mut self, request: &Request<Bytes>, tokens: &dyn Fn(&str) -> TokenVerdict) -> Response<Bytes> {
        let call = match Call::read(request.headers(), request.body()) {
            Ok(call) => call,
            Err(fault) => return self.fault(fault),
        };
        self.settle_accounts(request);
        match self.call(request, &call, tokens) {
            Ok(content) => self.soap(&content),
            Err(Refusal::Plain(status, text)) => plain(status, text),
            Err(Refusal::Fault(fault)) => self.fault(fault),
            Err(Refusal::Execution(cause)) => self.fault(Fault::execution(&call.method, &call.service, &cause)),
        }
    }

    /// Fills in what the external accounts leave open; where the instance is reached is known with each request only.
    fn settle_accounts(&mut self, request: &Request<Bytes>) {
        let around = request.extensions().get::<Surroundings>().cloned().unwrap_or_default();
        let outline = &self.outline;
        self.tables.accounts =
            AccountRow::all(&outline.external_accounts, &around, &outline.tenant, &outline.association_mask);
    }

    fn call(
        &mut self,
        request: &Request<Bytes>,
        call: &Call,
        tokens: &dyn Fn(&str) -> TokenVerdict,
    ) -> Result<String, Refusal> {
        let method = Method::of(call).map_err(Refusal::Fault)?;
        let outputs = match method {
            Method::Logon => self.logon(call)?,
            Method::BearerTokenLogon => self.bearer_logon(call, tokens)?,
            _ => {
                let caller = self.caller(request.headers(), call, tokens)?;
                self.execute(method, call, caller)?
            }
        };
        Ok(response(&call.method, method.response_namespace(), &outputs))
    }

    fn execute(&mut self, method: Method, call: &Call, caller: Option<i64>) -> Result<Vec<Output>, Refusal> {
        match method {
            Method::GetUserInfo => return Ok(vec![Output::Document("pUserInfo", self.user_info(caller))]),
            Method::GetServerTime => return Ok(vec![Output::Scalar("ptm", "xsd:dateTime", self.now())]),
            _ => {}
        }
        let operator_id = caller.ok_or_else(session_over)?;
        match method {
            Method::Logoff => {
                self.sessions.close(&call.session_token);
                Ok(Vec::new())
            }
            Method::ExecuteQuery => self.query(call),
            Method::Write | Method::WriteCollection => self.write(method, call, self.rights(operator_id)),
            Method::GetEntityIfMoreRecent => self.entity(call),
            Method::GetOption => Ok(vec![
                Output::Scalar("pstrValue", "xsd:string", String::new()),
                Output::Scalar("pbtType", "xsd:byte", "0".to_owned()),
            ]),
            // `TestCnx` has nothing to say; the others were answered before.
            _ => Ok(Vec::new()),
        }
    }

    fn query(&mut self, call: &Call) -> Result<Vec<Output>, Refusal> {
        let query = Query::read(call.document(0)?, self.schemas())?;
        self.queries += 1;
        let dials = &self.outline.dials;
        let manner = Manner {
            seed: dials.seed.wrapping_mul(1_000_003).wrapping_add(self.queries),
            page_overlap: dials.page_overlap,
            omit_empty: dials.omit_empty,
        };
        Ok(vec![Output::Document("pdomOutput", run(&query, &self.tables, manner)?)])
    }

    fn write(&mut self, method: Method, call: &Call, rights: Rights) -> Result<Vec<Output>, Refusal> {
        let document = call.document(0)?;
        if std::mem::take(&mut self.outline.dials.deadlock_once) {
            let line = "ODB-240000 ODBC error: ERROR: deadlock detected SQLState: 40001 (iRc=-1)";
            return Err(Refusal::Execution(Cause::new(line)));
        }
        let dials = &self.outline.dials;
        let mut writer = Writer {
            tables: &mut self.tables,
            schemas: Schemas { without: &dials.schema_without },
            rights,
            absent_delete: dials.absent_delete,
        };
        match method {
            Method::WriteCollection => writer.write_collection(document, dials.write_collection)?,
            _ => writer.write(document)?,
        }
        Ok(Vec::new())
    }

    fn entity(&self, call: &Call) -> Result<Vec<Output>, Refusal> {
        let key = call.text(0)?.trim();
        let known_md5 = call.text(1).unwrap_or_default().trim();
        let must_exist = matches!(call.text(2).unwrap_or_default().trim(), "true" | "1");
        let document = match compiled_schema(key, self.schemas()) {
            None if must_exist => {
                return Err(Refusal::Execution(Cause::new(format!(
                    "XSV-350000 The entity '{key}' could not be loaded."
                ))));
            }
            Some(schema) if schema.md5 != known_md5 => schema.xml,
            // Absent and unchanged look the same.
            Some(_) | None => String::new(),
        };
        Ok(vec![Output::Document("pdomDoc", document)])
    }

    fn schemas(&self) -> Schemas<'_> {
        Schemas { without: &self.outline.dials.schema_without }
    }

    /// The instance's time as Campaign writes it.
    pub(super) fn now(&self) -> String {
        DateTime::<Utc>::from((self.clock)()).format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
    }

    fn test_page(&self) -> String {
        let (mut out, now) = (Markup::default(), self.now());
        let attributes = [
            ("status", "OK"),
            ("date", now.as_str()),
            ("build", BUILD),
            ("version", &self.outline.dials.version),
            ("sha1", "sandbox"),
            ("instance", &self.outline.tenant),
            ("sourceIP", "127.0.0.1"),
            ("host", "localhost"),
            ("localHost", "localhost"),
        ];
        out.empty("redir", &attributes);
        out.into_string()
    }

    /// A fault travels with HTTP 200, as the vendor's do.
    fn fault(&self, fault: Fault) -> Response<Bytes> {
        let fault = if self.outline.dials.show_errors { fault } else { fault.without_detail() };
        self.soap(&fault.to_xml())
    }

    fn soap(&self, content: &str) -> Response<Bytes> {
        if self.outline.dials.iso_8859_1 {
            // Only the declaration tells the encoding, as in the older documentation's samples.
            let text = envelope("<?xml version='1.0' encoding='ISO-8859-1'?>", content);
            return typed(StatusCode::OK, "text/xml", latin_1(&text));
        }
        typed(StatusCode::OK, "text/xml; charset=utf-8", envelope("<?xml version='1.0'?>", content).into_bytes())
    }
}

fn plain(status: StatusCode, text: String) -> Response<Bytes> {
    typed(status, "text/plain; charset=utf-8", text.into_bytes())
}

fn typed(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

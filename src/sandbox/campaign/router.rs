//! The SOAP router: finds the method of a request, checks the caller, and writes the response.

use std::time::SystemTime;

use axum::http::{Method as HttpMethod, Request, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::super::request::{HttpResponse, typed};
use super::Instance;
use super::compiled_schema::compiled_schema;
use super::external_account::{AccountDefaults, AccountRow};
use super::instance_behavior::CompiledSchemas;
use super::query::Query;
use super::schema::Schemas;
use super::select::{SelectOptions, run};
use super::soap::{Output, SoapCall, envelope, response};
use super::soap_fault::{CallError, Cause, SoapFault, session_over};
use super::write::{Rights, Writer};
use super::xml::{Markup, latin_1};

/// The state of a bearer token at the simulated IMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// Issued and not expired.
    Valid {
        /// The client it was issued to.
        client_id: String,
    },
    /// Issued and expired.
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
    DeleteCollection,
    GetEntityIfMoreRecent,
}

impl Method {
    /// Finds the method of a call. `Write` belongs to the interface `xtk:persist`, so that plain
    /// `xtk:session#Write` is refused (changelog of acc-js-sdk); the piped name is that of the SDK.
    fn of(call: &SoapCall) -> Result<Self, SoapFault> {
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
            "DeleteCollection" if is_persist || is_session => Self::DeleteCollection,
            "GetEntityIfMoreRecent" if is_persist => Self::GetEntityIfMoreRecent,
            "GetEntityIfMoreRecent" if is_session => return Err(SoapFault::unknown_library("urn:xtk:session")),
            unknown => return Err(SoapFault::unknown_method(unknown, service)),
        };
        if method.namespaces().contains(&call.namespace.as_str()) {
            Ok(method)
        } else {
            Err(SoapFault::unknown_library(&format!("urn:{}", call.namespace)))
        }
    }

    /// The namespaces a method element may have, without `urn:`.
    fn namespaces(self) -> &'static [&'static str] {
        match self {
            Self::ExecuteQuery => &["xtk:queryDef"],
            Self::Write | Self::WriteCollection | Self::DeleteCollection => {
                &["xtk:persist", "xtk:session", "xtk:persist|xtk:session"]
            }
            Self::GetEntityIfMoreRecent => &["xtk:persist", "xtk:persist|xtk:session"],
            _ => &["xtk:session", "xtk:persist|xtk:session"],
        }
    }

    /// The default namespace of the response element, which all that is inside inherits.
    fn response_namespace(self) -> &'static str {
        match self {
            Self::ExecuteQuery => "urn:xtk:queryDef",
            Self::Write | Self::WriteCollection | Self::DeleteCollection => "urn:",
            Self::GetEntityIfMoreRecent => "urn:wpp:default",
            _ => "urn:xtk:session",
        }
    }
}

impl Instance {
    /// Answers one request; `tokens` gives the state of a bearer token.
    pub fn answer(&mut self, request: &Request<Bytes>, tokens: &dyn Fn(&str) -> TokenStatus) -> HttpResponse {
        let path = request.uri().path();
        if path.ends_with("/nl/jsp/soaprouter.jsp") {
            if request.method() == HttpMethod::POST {
                return self.route(request, tokens);
            }
            return plain(StatusCode::METHOD_NOT_ALLOWED, "The SOAP router takes POST.".to_owned());
        }
        if path.ends_with("/r/test") && request.method() == HttpMethod::GET {
            return typed(StatusCode::OK, "text/xml; charset=utf-8", self.test_page());
        }
        plain(StatusCode::NOT_FOUND, "Not found.".to_owned())
    }

    fn route(&mut self, request: &Request<Bytes>, tokens: &dyn Fn(&str) -> TokenStatus) -> HttpResponse {
        let call = match SoapCall::read(request.headers(), request.body()) {
            Ok(call) => call,
            Err(fault) => return self.fault(fault),
        };
        self.settle_accounts(request);
        match self.call(request, &call, tokens) {
            Ok(content) => self.soap(&content),
            Err(CallError::Plain(status, text)) => plain(status, text),
            Err(CallError::Fault(fault)) => self.fault(fault),
            Err(CallError::ServerError(fault)) => self.fault_with(StatusCode::INTERNAL_SERVER_ERROR, fault),
            Err(CallError::Execution(cause)) => self.fault(SoapFault::execution(&call.method, &call.service, &cause)),
        }
    }

    /// Fills in what the external accounts leave open: only a request tells the address of the instance.
    fn settle_accounts(&mut self, request: &Request<Bytes>) {
        let defaults = request.extensions().get::<AccountDefaults>().cloned().unwrap_or_default();
        let definition = &self.definition;
        self.tables.accounts =
            AccountRow::all(&definition.external_accounts, &defaults, &definition.tenant, &definition.association_mask);
    }

    fn call(
        &mut self,
        request: &Request<Bytes>,
        call: &SoapCall,
        tokens: &dyn Fn(&str) -> TokenStatus,
    ) -> Result<String, CallError> {
        let method = Method::of(call).map_err(CallError::Fault)?;
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

    fn execute(&mut self, method: Method, call: &SoapCall, caller: Option<i64>) -> Result<Vec<Output>, CallError> {
        match method {
            Method::GetUserInfo => return Ok(vec![Output::Document("pUserInfo", self.user_info(caller))]),
            Method::GetServerTime => return Ok(vec![Output::Scalar("ptm", "xsd:dateTime", now())]),
            _ => {}
        }
        let operator_id = caller.ok_or_else(session_over)?;
        match method {
            Method::Logoff => {
                self.sessions.close(&call.session_token);
                Ok(Vec::new())
            }
            Method::ExecuteQuery => self.query(call),
            Method::Write | Method::WriteCollection | Method::DeleteCollection => {
                self.write(method, call, self.rights(operator_id))
            }
            Method::GetEntityIfMoreRecent => self.entity(call),
            Method::GetOption => self.option(call),
            // `TestCnx` returns nothing; the others were answered above.
            _ => Ok(Vec::new()),
        }
    }

    fn query(&mut self, call: &SoapCall) -> Result<Vec<Output>, CallError> {
        let query = Query::read(call.document(0)?, self.schemas())?;
        self.queries += 1;
        let behavior = &self.definition.behavior;
        let options = SelectOptions {
            seed: behavior.seed.wrapping_mul(1_000_003).wrapping_add(self.queries),
            page_overlap: behavior.page_overlap,
            omit_empty: behavior.omit_empty,
        };
        Ok(vec![Output::Document("pdomOutput", run(&query, &self.tables, options)?)])
    }

    /// `GetOption(name)`: an option that does not exist is an empty text of type 0.
    fn option(&self, call: &SoapCall) -> Result<Vec<Output>, CallError> {
        let is_set = call.text(0)?.trim() == "XtkLdap_Active" && self.definition.behavior.ldap_active;
        let (value, data_type) = if is_set { ("1", "3") } else { ("", "0") };
        Ok(vec![
            Output::Scalar("pstrValue", "xsd:string", value.to_owned()),
            Output::Scalar("pbtType", "xsd:byte", data_type.to_owned()),
        ])
    }

    fn write(&mut self, method: Method, call: &SoapCall, rights: Rights) -> Result<Vec<Output>, CallError> {
        let document = call.document(usize::from(method == Method::DeleteCollection))?;
        if std::mem::take(&mut self.definition.behavior.deadlock_once) {
            let line = "ODB-240000 ODBC error: ERROR: deadlock detected SQLState: 40001 (iRc=-1)";
            return Err(CallError::Execution(Cause::new(line)));
        }
        let behavior = &self.definition.behavior;
        let mut writer = Writer { tables: &mut self.tables, schemas: Schemas { behavior }, rights, behavior };
        match method {
            Method::WriteCollection => writer.write_collection(document)?,
            Method::DeleteCollection => writer.delete_collection(call.text(0)?.trim(), document)?,
            _ => writer.write(document)?,
        }
        Ok(Vec::new())
    }

    fn entity(&self, call: &SoapCall) -> Result<Vec<Output>, CallError> {
        if self.definition.behavior.compiled_schemas == CompiledSchemas::Refused {
            return Err(CallError::ServerError(SoapFault::entity_refused()));
        }
        let key = call.text(0)?.trim();
        let known_md5 = call.text(1).unwrap_or_default().trim();
        let must_exist = matches!(call.text(2).unwrap_or_default().trim(), "true" | "1");
        let document = match compiled_schema(key, self.schemas()) {
            None if must_exist => {
                return Err(CallError::Execution(Cause::new(format!(
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
        Schemas { behavior: &self.definition.behavior }
    }

    /// The name that the instance reports.
    pub(super) fn name(&self) -> &str {
        let name = &self.definition.behavior.instance_name;
        if name.is_empty() { &self.definition.tenant } else { name }
    }

    fn test_page(&self) -> String {
        let (mut out, now) = (Markup::default(), now());
        let attributes = [
            ("status", "OK"),
            ("date", now.as_str()),
            ("build", &self.definition.behavior.build_number),
            ("version", &self.definition.behavior.version),
            ("sha1", "sandbox"),
            ("instance", self.name()),
            ("sourceIP", "127.0.0.1"),
            ("host", "localhost"),
            ("localHost", "localhost"),
        ];
        out.empty("redir", &attributes);
        out.into_string()
    }

    fn fault(&self, fault: SoapFault) -> HttpResponse {
        let status = StatusCode::from_u16(self.definition.behavior.fault_status).unwrap_or(StatusCode::OK);
        self.fault_with(status, fault)
    }

    fn fault_with(&self, status: StatusCode, fault: SoapFault) -> HttpResponse {
        let fault = if self.definition.behavior.show_errors { fault } else { fault.without_detail() };
        let mut response = self.soap(&fault.to_xml());
        *response.status_mut() = status;
        response
    }

    /// An envelope around the content of its body, in the encoding of the instance.
    fn soap(&self, content: &str) -> HttpResponse {
        if self.definition.behavior.iso_8859_1 {
            // Only the declaration names the encoding, as in samples of the older documentation.
            let text = envelope("<?xml version='1.0' encoding='ISO-8859-1'?>", content);
            return typed(StatusCode::OK, "text/xml", latin_1(&text));
        }
        typed(StatusCode::OK, "text/xml; charset=utf-8", envelope("<?xml version='1.0'?>", content))
    }
}

/// The current time as Campaign writes it.
pub(super) fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
}

fn plain(status: StatusCode, text: String) -> HttpResponse {
    typed(status, "text/plain; charset=utf-8", text)
}

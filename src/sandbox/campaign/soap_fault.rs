//! Errors of a call: SOAP faults in Campaign's words, and the refusals of sessions in plain text.

use axum::http::StatusCode;

use super::xml::Markup;

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// A fault of the router or the envelope.
    Fault(SoapFault),
    /// A fault that has HTTP status 500 whatever that of other faults is.
    ServerError(SoapFault),
    /// The method failed: the lines of the cause, which the router wraps into SOP-330011.
    Execution(Cause),
    /// Plain text, as sessions are refused.
    Plain(StatusCode, String),
}

impl From<Cause> for CallError {
    fn from(cause: Cause) -> Self {
        Self::Execution(cause)
    }
}

/// The lines that lead a fault's detail, cause first.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(super) struct Cause(pub(super) Vec<String>);

impl Cause {
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }

    /// Adds the line of an outer layer below.
    pub(super) fn within(mut self, line: impl Into<String>) -> Self {
        self.0.push(line.into());
        self
    }
}

/// A SOAP 1.1 fault.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct SoapFault {
    code: String,
    message: String,
    detail: Option<String>,
}

impl SoapFault {
    /// A fault with these texts; no detail when it is empty.
    pub(in crate::sandbox) fn new(code: &str, message: &str, detail: &str) -> Self {
        let detail = (!detail.is_empty()).then(|| detail.to_owned());
        Self { code: code.to_owned(), message: message.to_owned(), detail }
    }

    /// An error of the sender, without detail.
    pub(super) fn client(message: impl Into<String>) -> Self {
        Self { code: "SOAP-ENV:Client".to_owned(), message: message.into(), detail: None }
    }

    /// An envelope of another SOAP version.
    pub(super) fn version_mismatch() -> Self {
        let message = "The envelope is not of SOAP 1.1.".to_owned();
        Self { code: "SOAP-ENV:VersionMismatch".to_owned(), message, detail: None }
    }

    /// The service has no such method; Campaign sends no detail.
    pub(super) fn unknown_method(method: &str, service: &str) -> Self {
        Self::client(format!("SOP-330006 The method '{method}' is not defined in SOAP service '{service}'."))
    }

    /// The namespace of the method element belongs to another library.
    pub(super) fn unknown_library(namespace: &str) -> Self {
        Self::client(format!("SOP-330024 Unspecified function library for the namespace '{namespace}'."))
    }

    /// A parameter is missing or not of its type.
    pub(super) fn parameters(method: &str, service: &str, what: &str) -> Self {
        let message = format!("Error while reading parameters of method '{method}' of service '{service}'.");
        Self { code: "SOAP-ENV:Client".to_owned(), detail: Some(format!("{what}\n{message}")), message }
    }

    /// The bearer token expired, in the words of recent builds.
    pub(super) fn bearer_expired() -> Self {
        Self {
            code: "SOAP-ENV:Client".to_owned(),
            message: "XSV-350392 Authentication by Adobe IMS failed.".to_owned(),
            detail: Some("XSV-350392 Access token has expired.".to_owned()),
        }
    }

    /// The refusal of a compiled schema, as version 8.6.3 sends it (issue 112 of acc-js-sdk).
    pub(super) fn entity_refused() -> Self {
        let message = "SOP-330023 An error occurred during the SOAP call. You don't have the required rights to view \
                       the detail.";
        Self { code: "SOAP-ENV:Error".to_owned(), message: message.to_owned(), detail: None }
    }

    /// The wrapper around an error inside a method.
    pub(super) fn execution(method: &str, service: &str, cause: &Cause) -> Self {
        let message = format!("SOP-330011 Error while executing the method '{method}' of service '{service}'.");
        let detail = format!("{}\n{message}", cause.0.join("\n"));
        Self { code: "SOAP-ENV:Server".to_owned(), message, detail: Some(detail) }
    }

    /// The fault without its detail, as a security zone with `showErrors="false"` sends it.
    pub(super) fn without_detail(mut self) -> Self {
        self.detail = self.detail.map(|_| String::new());
        self
    }

    /// The content of the envelope's body.
    pub(in crate::sandbox) fn to_xml(&self) -> String {
        let mut out = Markup::default();
        out.raw("<SOAP-ENV:Fault><faultcode>");
        out.text(&self.code);
        out.raw("</faultcode><faultstring xsi:type='xsd:string'>");
        out.text(&self.message);
        out.raw("</faultstring>");
        if let Some(detail) = &self.detail {
            out.raw("<detail xsi:type='xsd:string'>");
            out.text(detail);
            out.raw("</detail>");
        }
        out.raw("</SOAP-ENV:Fault>");
        out.into_string()
    }
}

/// The session expired, or never existed.
pub(super) fn session_over() -> CallError {
    CallError::Plain(
        StatusCode::FORBIDDEN,
        "XSV-350008 Session has expired or is invalid. Please reconnect.".to_owned(),
    )
}

/// The login or the password is wrong.
pub(super) fn credentials_refused() -> CallError {
    CallError::Plain(StatusCode::FORBIDDEN, "XSV-350012 Invalid login or password. Connection denied.".to_owned())
}

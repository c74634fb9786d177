//! SOAP 1.1: the call inside an envelope, and the envelope around a response.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use super::soap_fault::{CallError, SoapFault};
use super::xml::{self, Element, Markup};

/// The namespace of SOAP 1.1 envelopes.
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// How scalars are encoded.
const SOAP_ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// How documents are encoded.
const LITERAL_XML: &str = "http://xml.apache.org/xml-soap/literalxml";

const ENVELOPE_START: &str = "<SOAP-ENV:Envelope xmlns:xsd='http://www.w3.org/2001/XMLSchema' \
     xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xmlns:ns='http://xml.apache.org/xml-soap' \
     xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/'><SOAP-ENV:Body>";
const ENVELOPE_END: &str = "</SOAP-ENV:Body></SOAP-ENV:Envelope>";

/// One method call.
#[derive(Debug)]
pub(super) struct SoapCall {
    /// The part of the action before `#`, as `xtk:session`.
    pub(super) service: String,
    /// The part of the action after `#`.
    pub(super) method: String,
    /// The namespace of the method element, without `urn:`.
    pub(super) namespace: String,
    /// The text of the method's first child, whatever its name; that of the cookie when it is empty.
    pub(super) session_token: String,
    /// The parameters after it, which are identified by their position alone.
    pub(super) parameters: Vec<Element>,
}

impl SoapCall {
    /// Takes the call out of a request.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, SoapFault> {
        let client = |message: String| SoapFault::client(message);
        let (service, method) = action(headers).map_err(client)?;
        let text =
            xml::decoded(body).ok_or_else(|| client("The request is not in the encoding it declares.".to_owned()))?;
        let mut envelope = xml::parse(&text).map_err(client)?;
        if envelope.local_name() != "Envelope" {
            return Err(client(format!("The root element is '{}' and not a SOAP envelope.", envelope.name)));
        }
        if namespace(&[&envelope]) != ENVELOPE {
            return Err(SoapFault::version_mismatch());
        }
        let at = envelope.children.iter().position(|child| child.local_name() == "Body");
        let mut body = at.map(|at| envelope.children.swap_remove(at)).unwrap_or_default();
        if body.children.is_empty() {
            return Err(client("The envelope has no body, or an empty one.".to_owned()));
        }
        let element = body.children.remove(0);
        if element.local_name() != method {
            return Err(SoapFault::unknown_method(element.local_name(), &service));
        }
        let uri = namespace(&[&element, &body, &envelope]);
        let namespace = uri.strip_prefix("urn:").unwrap_or(uri).to_owned();
        let mut children = element.children.into_iter();
        let in_body = children.next().map(|token| token.text.trim().to_owned()).filter(|token| !token.is_empty());
        let session_token = in_body.unwrap_or_else(|| cookie_token(headers).to_owned());
        Ok(Self { service, method, namespace, session_token, parameters: children.collect() })
    }

    /// The text of a parameter; its absence is a fault.
    pub(super) fn text(&self, position: usize) -> Result<&str, CallError> {
        self.parameters.get(position).map(|parameter| parameter.text.as_str()).ok_or_else(|| self.missing(position))
    }

    /// The document inside a parameter; its absence is a fault.
    pub(super) fn document(&self, position: usize) -> Result<&Element, CallError> {
        let parameter = self.parameters.get(position).ok_or_else(|| self.missing(position))?;
        parameter.children.first().ok_or_else(|| self.missing(position))
    }

    fn missing(&self, position: usize) -> CallError {
        let what = format!("The parameter {} is missing or has no content of its type.", position + 1);
        CallError::Fault(SoapFault::parameters(&self.method, &self.service, &what))
    }
}

fn cookie_token(headers: &HeaderMap) -> &str {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix("__sessiontoken="))
        .unwrap_or_default()
}

/// Service and method of the `SOAPAction` header, which may stand in quotes.
fn action(headers: &HeaderMap) -> Result<(String, String), String> {
    let value = headers.get("soapaction").ok_or("The header 'SOAPAction' is missing.")?;
    let value = value.to_str().map_err(|_| "The header 'SOAPAction' is not text.")?.trim().trim_matches('"');
    match value.split_once('#') {
        Some((service, method)) if !service.is_empty() && !method.is_empty() => {
            Ok((service.to_owned(), method.to_owned()))
        }
        _ => Err(format!("SOP-330003 The header 'SOAPAction' is '{value}' and not of the form 'schema#Method'.")),
    }
}

/// The namespace of the first element, looked up in itself and then outwards.
fn namespace<'a>(outwards: &[&'a Element]) -> &'a str {
    let prefix = outwards.first().map_or("", |element| element.prefix());
    let declaration = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    outwards.iter().find_map(|element| element.attribute(&declaration)).unwrap_or_default()
}

/// One value that a method returns.
#[derive(Debug)]
pub(super) enum Output {
    /// A scalar: its name, its type as `xsd:string`, its text.
    Scalar(&'static str, &'static str, String),
    /// A document: its name, and its XML.
    Document(&'static str, String),
}

/// The content of the body of a response.
pub(super) fn response(method: &str, namespace: &str, outputs: &[Output]) -> String {
    let element = format!("{method}Response");
    let mut out = Markup::default();
    out.start(&element);
    out.raw(&format!(" xmlns='{namespace}' SOAP-ENV:encodingStyle='{SOAP_ENCODING}'>"));
    for output in outputs {
        match output {
            Output::Scalar(name, data_type, text) => {
                out.raw(&format!("<{name} xsi:type='{data_type}'>"));
                out.text(text);
                out.close(name);
            }
            Output::Document(name, xml) => {
                out.raw(&format!("<{name} xsi:type='ns:Element' SOAP-ENV:encodingStyle='{LITERAL_XML}'>"));
                out.raw(xml);
                out.close(name);
            }
        }
    }
    out.close(&element);
    out.into_string()
}

/// An envelope around the content of its body.
pub(in crate::sandbox) fn envelope(declaration: &str, content: &str) -> String {
    [declaration, ENVELOPE_START, content, ENVELOPE_END].concat()
}

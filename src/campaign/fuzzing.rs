//! Entrances for the fuzz targets in `fuzz`: compiled with `--cfg fuzzing` alone.

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{
    CampaignError, rows,
    soap_call::{SoapCall, condition},
    soap_response::{self, SoapResponse},
    xml_writer::{Element, can_carry},
    xtk, xtk_reader,
};
use crate::{
    domain::Operator,
    transport::{HttpResponse, SecretString},
};

/// Reads the response to a query for operators: its usable rows, and the number of the others. `None` for a response
/// without rows.
pub fn operators(
    status: u16,
    content_type: &[u8],
    body: &[u8],
    secret: &str,
) -> Result<Option<(Vec<Operator>, usize)>, CampaignError> {
    let call = SoapCall::query("xtk:operator", &Element::new("queryDef"));
    let secret = SecretString::from(secret);
    let response = response(status, content_type, body);
    match soap_response::interpret(&call, &response, &[&secret], |reader| rows::read_page::<Operator>(reader, None))? {
        SoapResponse::Returned(rows) => Ok(Some((rows.usable, rows.unusable.len()))),
        SoapResponse::SessionOver(_) | SoapResponse::Doubtful(_) => Ok(None),
    }
}

/// Interprets the response to a sign-in: all texts that the program may show of it.
pub fn sign_in(status: u16, content_type: &[u8], body: &[u8]) -> String {
    let call = SoapCall::logon("svc", &SecretString::from("password"));
    match soap_response::interpret(&call, &response(status, content_type, body), &[], |_| Ok(())) {
        Ok(response) => format!("{response:?}"),
        Err(error) => format!("{error} {error:?}"),
    }
}

/// The condition that the field equals one of the texts.
pub fn is_one_of(field: &str, texts: &[String]) -> String {
    xtk::is_one_of(field, texts.iter().map(String::as_str))
}

/// The condition that the field equals the text.
pub fn is_text(field: &str, text: &str) -> String {
    xtk::is_text(field, text)
}

/// The values of a list of XTK literals, read as Campaign reads them; `None` if the text is anything else.
pub fn literals(text: &str) -> Option<Vec<String>> {
    xtk_reader::literals(text)
}

/// The XML of a condition with this expression; `None` if XML does not allow a character of it.
pub fn condition_xml(expression: &str) -> Option<String> {
    can_carry(expression).then(|| condition(expression).to_xml())
}

/// The XML of an element with this text; `None` if XML does not allow a character of it.
pub fn text_xml(text: &str) -> Option<String> {
    can_carry(text).then(|| Element::new("e").text(text).to_xml())
}

fn response(status: u16, content_type: &[u8], body: &[u8]) -> HttpResponse {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    HttpResponse { status, headers, body: Bytes::copy_from_slice(body), certificate: None }
}

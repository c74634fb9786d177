//! The effects of faults on responses and connections.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::campaign::{SoapFault, envelope, latin_1};
use super::connection::Connection;
use super::effect::{Charset, Effect};
use super::request::{HttpResponse, typed};

/// An HTML page as a portal sends it instead of any response.
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
    <body><h1>Sign in to continue</h1><p>Your session has ended.</p></body></html>\n";

/// Entities that grow when they are resolved, as an attack would declare them.
const ENTITIES: &str = "<!DOCTYPE lolz [\n <!ENTITY a \"sandboxsandbox\">\n <!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\n \
    <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">\n <!ENTITY file SYSTEM \"file:///etc/passwd\">\n]>";

impl Effect {
    /// The response that replaces the call, for effects that have one.
    pub(super) fn instead(&self) -> Option<HttpResponse> {
        match self {
            Self::Status { status, headers, body } => {
                let mut response = HttpResponse::new(Bytes::from(body.clone()));
                *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                set_headers(&mut response, headers);
                Some(response)
            }
            Self::Html => Some(typed(StatusCode::OK, "text/html; charset=utf-8", HTML)),
            Self::SoapFault { code, string, detail } => Some(soap(&SoapFault::new(code, string, detail).to_xml())),
            Self::DeepXml { depth } => Some(soap(&("<a>".repeat(*depth) + &"</a>".repeat(*depth)))),
            _ => None,
        }
    }

    /// Changes a response.
    pub(super) fn disturb(&self, response: &mut HttpResponse) {
        match self {
            Self::Truncate { bytes } => {
                let keep = bytes.unwrap_or(response.body().len() / 2).min(response.body().len());
                response.body_mut().truncate(keep);
            }
            Self::EmptyPage => edit_json(response, |body| {
                for list in ["/users", "/groups"] {
                    if let Some(entries) = body.pointer_mut(list) {
                        *entries = Value::Array(Vec::new());
                    }
                }
                set(body, "/lastPage", &Value::Bool(false));
            }),
            Self::MissingUsers { count } => edit_json(response, |body| {
                if let Some(users) = body.pointer_mut("/users").and_then(Value::as_array_mut) {
                    users.drain(..users.len().min(*count));
                }
            }),
            Self::OmitEntry { containing } => omit_entry(response, containing),
            Self::LastPage { value } => edit_json(response, |body| set(body, "/lastPage", &Value::Bool(*value))),
            Self::OmitKey { pointer } => edit_json(response, |body| {
                at_parents(body, pointer, &|object, key| {
                    object.remove(key);
                });
            }),
            Self::SetValue { pointer, value } => edit_json(response, |body| set(body, pointer, value)),
            Self::HugeString { pointer, bytes } => {
                edit_json(response, |body| set(body, pointer, &Value::String("x".repeat(*bytes))));
            }
            Self::ReplaceText { from, to } => {
                let body = String::from_utf8_lossy(response.body()).replace(from.as_str(), to);
                *response.body_mut() = Bytes::from(body);
            }
            Self::DropHeaders { names } => {
                for name in names {
                    response.headers_mut().remove(name.as_str());
                }
            }
            Self::SetHeaders { headers } => set_headers(response, headers),
            Self::Latin1 => in_latin1(response),
            Self::Recode { charset } => recode(response, *charset),
            Self::Pad { bytes } => {
                let padded = [response.body().as_ref(), &vec![b' '; *bytes]].concat();
                *response.body_mut() = Bytes::from(padded);
            }
            Self::EntityDeclaration => declare_entities(response),
            _ => {}
        }
    }

    /// Changes the name of the encoding of a compressed response.
    pub(super) fn rename_encoding(&self, response: &mut HttpResponse) {
        if let Self::RenameEncoding { to } = self
            && response.headers().contains_key(header::CONTENT_ENCODING)
            && let Ok(name) = HeaderValue::try_from(to)
        {
            response.headers_mut().insert(header::CONTENT_ENCODING, name);
        }
    }

    /// Closes the connection, for effects that do so; true when no response is sent.
    pub(super) fn cut(&self, connection: &Connection, response: &HttpResponse) -> bool {
        match self {
            Self::Reset | Self::LoseAnswer => {
                connection.reset();
                true
            }
            Self::ResetReused if connection.has_served() => {
                connection.reset();
                true
            }
            Self::Drip { ms } => {
                connection.drip(Duration::from_millis(*ms));
                false
            }
            Self::CutOff { after } => {
                connection.close_after(after.unwrap_or(response.body().len() / 2));
                false
            }
            Self::ResetInside { after } => {
                connection.reset_after(after.unwrap_or(response.body().len() / 2));
                false
            }
            Self::ResetAfter => {
                connection.reset_after(response.body().len());
                false
            }
            Self::CutHead { after } => {
                connection.close_in_head(*after);
                false
            }
            Self::WrongLength { by } => {
                connection.lie_about_length(*by);
                false
            }
            _ => false,
        }
    }
}

fn set_headers(response: &mut HttpResponse, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// A body that is not JSON stays as it is.
fn edit_json(response: &mut HttpResponse, edit: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) {
        edit(&mut body);
        *response.body_mut() = Bytes::from(body.to_string());
    }
}

fn set(body: &mut Value, pointer: &str, value: &Value) {
    at_parents(body, pointer, &|object, key| {
        object.insert(key.to_owned(), value.clone());
    });
}

/// Visits the objects that hold the last key of a pointer; `*` goes through all entries of an array.
fn at_parents(value: &mut Value, pointer: &str, visit: &dyn Fn(&mut Map<String, Value>, &str)) {
    let pointer = pointer.trim_start_matches('/');
    match (value, pointer.split_once('/')) {
        (Value::Object(object), None) => visit(object, pointer),
        (Value::Object(object), Some((key, rest))) => {
            if let Some(inner) = object.get_mut(key) {
                at_parents(inner, rest, visit);
            }
        }
        (Value::Array(entries), Some(("*", rest))) => {
            for entry in entries {
                at_parents(entry, rest, visit);
            }
        }
        (Value::Array(entries), Some((place, rest))) => {
            if let Some(entry) = place.parse::<usize>().ok().and_then(|place| entries.get_mut(place)) {
                at_parents(entry, rest, visit);
            }
        }
        _ => {}
    }
}

fn soap(body: &str) -> HttpResponse {
    typed(StatusCode::OK, "text/xml; charset=utf-8", envelope("<?xml version='1.0'?>", body))
}

/// The part of an XML text after its declaration.
fn after_declaration(xml: &str) -> &str {
    match xml.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, document)) => document,
        None => xml,
    }
}

/// Characters outside ISO-8859-1 become references, as an XML writer does.
fn in_latin1(response: &mut HttpResponse) {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let declared = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{}", after_declaration(&text));
    *response.body_mut() = Bytes::from(latin_1(&declared));
    let content_type = HeaderValue::from_static("text/xml; charset=ISO-8859-1");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
}

/// Omits the first entry of a listing, or the first row of a query, that contains a text.
fn omit_entry(response: &mut HttpResponse, containing: &str) {
    if response.body().starts_with(b"{") {
        edit_json(response, |body| {
            for list in ["users", "groups"] {
                let Some(entries) = body.get_mut(list).and_then(Value::as_array_mut) else { continue };
                if let Some(at) = entries.iter().position(|entry| entry.to_string().contains(containing)) {
                    entries.remove(at);
                }
            }
        });
        return;
    }
    let text = String::from_utf8_lossy(response.body()).into_owned();
    *response.body_mut() = Bytes::from(without_row(&text, containing).unwrap_or(text));
}

/// An XML text without the innermost element around a text.
fn without_row(xml: &str, containing: &str) -> Option<String> {
    let at = xml.find(containing)?;
    let begin = xml.get(..at)?.rfind('<')?;
    let name: String = xml.get(begin + 1..)?.chars().take_while(|one| one.is_alphanumeric()).collect();
    let tag_end = begin + xml.get(begin..)?.find('>')? + 1;
    let end = if xml.get(..tag_end)?.ends_with("/>") {
        tag_end
    } else {
        let close = format!("</{name}>");
        tag_end + xml.get(tag_end..)?.find(&close)? + close.len()
    };
    Some([xml.get(..begin)?, xml.get(end..)?].concat())
}

fn recode(response: &mut HttpResponse, charset: Charset) {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    *response.body_mut() = match charset {
        Charset::Latin1 => latin_1(&text).into(),
        Charset::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
}

/// The response to a SOAP method that returns nothing.
pub(super) fn empty_answer(method: &str) -> HttpResponse {
    soap(&format!("<{method}Response xmlns='urn:xtk:persist'></{method}Response>"))
}

/// The fault of a collection of which Campaign wrote the first rows only.
pub(super) fn partial_write_fault() -> HttpResponse {
    let wrapper = "SOP-330011 Error while executing the method 'WriteCollection' of service 'xtk:persist'.";
    let cause = "XSV-350023 Unable to save document of type 'Operator groups (xtk:operatorGroup)'.";
    soap(&SoapFault::new("SOAP-ENV:Server", wrapper, cause).to_xml())
}

/// The body of a write with its first rows only. A row is an element with `_operation` and without content.
pub(super) fn first_rows(body: &str, rows: usize) -> String {
    let mut kept = 0;
    body.split_inclusive('>')
        .filter(|tag| {
            let is_row = tag.contains(" _operation=") && tag.ends_with("/>");
            kept += usize::from(is_row);
            !is_row || kept <= rows
        })
        .collect()
}

fn declare_entities(response: &mut HttpResponse) {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let document = after_declaration(&text).replacen("Body>", "Body>&c;", 1);
    *response.body_mut() = Bytes::from(format!("<?xml version='1.0'?>{ENTITIES}{document}"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request::json;
    use super::*;

    fn disturbed(body: &Value, effect: &Effect) -> Value {
        let mut response = json(StatusCode::OK, body);
        effect.disturb(&mut response);
        serde_json::from_slice(response.body()).unwrap()
    }

    #[test]
    fn pointers_with_stars_address_every_entry() {
        let body = json!({"users": [{"email": "a", "id": 1}, {"email": "b"}]});
        let without = disturbed(&body, &Effect::omit_key("/users/*/email"));
        assert_eq!(without, json!({"users": [{"id": 1}, {}]}));
        let second = disturbed(&body, &Effect::set_value("/users/1/email", 7));
        assert_eq!(second, json!({"users": [{"email": "a", "id": 1}, {"email": 7}]}));
    }

    #[test]
    fn an_empty_page_claims_that_more_follow() {
        let body = json!({"lastPage": true, "users": [{}]});
        assert_eq!(disturbed(&body, &Effect::EmptyPage), json!({"lastPage": false, "users": []}));
    }

    #[test]
    fn users_are_missing_from_the_beginning_of_a_page() {
        let body = json!({"lastPage": true, "users": [{"id": 1}, {"id": 2}, {"id": 3}]});
        let left = disturbed(&body, &Effect::MissingUsers { count: 2 });
        assert_eq!(left, json!({"lastPage": true, "users": [{"id": 3}]}));
    }

    #[test]
    fn latin1_is_declared_and_keeps_other_characters_as_references() {
        let mut response = soap("<a b='é€'/>");
        Effect::Latin1.disturb(&mut response);
        assert!(response.body().starts_with(b"<?xml version='1.0' encoding='ISO-8859-1'?><SOAP-ENV:Envelope"));
        assert!(response.body().windows(12).any(|part| part == b"'\xE9&#8364;'/>"));
    }

    #[test]
    fn one_entry_is_missing_from_a_listing_or_from_the_rows_of_a_query() {
        let users = json!({"lastPage": true, "users": [{"email": "a"}, {"email": "b"}, {"email": "b"}]});
        let left = disturbed(&users, &Effect::OmitEntry { containing: "\"b\"".to_owned() });
        assert_eq!(left, json!({"lastPage": true, "users": [{"email": "a"}, {"email": "b"}]}));
        let rows = "<c><o id='1' name='a'/><o id='2' name='b'><access x=''/></o></c>";
        let without = |text: &str| without_row(rows, text).unwrap();
        assert_eq!(without("name='a'"), "<c><o id='2' name='b'><access x=''/></o></c>");
        assert_eq!(without("name='b'"), "<c><o id='1' name='a'/></c>");
        assert_eq!(without_row(rows, "name='c'"), None);
    }

    #[test]
    fn the_first_rows_of_a_write_are_those_before_the_others() {
        let body = "<d><c xtkschema='x'><r _operation='insert' a='1'/><r _operation='delete' a='2'/></c></d>";
        assert_eq!(first_rows(body, 1), "<d><c xtkschema='x'><r _operation='insert' a='1'/></c></d>");
        assert_eq!(first_rows(body, 2), body);
    }

    #[test]
    fn a_body_in_another_charset_keeps_what_it_says_of_itself() {
        let recoded = |charset| {
            let mut response = soap("<a b='é'/>");
            Effect::Recode { charset }.disturb(&mut response);
            assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
            response.into_body()
        };
        assert!(recoded(Charset::Latin1).windows(4).any(|part| part == b"'\xE9'/"));
        assert!(recoded(Charset::Utf16).starts_with(b"<\0?\0x\0"));
    }

    #[test]
    fn entities_are_declared_before_the_root_and_used() {
        let mut response = soap("<a/>");
        Effect::EntityDeclaration.disturb(&mut response);
        let text = String::from_utf8_lossy(response.body()).into_owned();
        assert!(text.starts_with("<?xml version='1.0'?><!DOCTYPE"), "{text}");
        assert!(text.contains("<SOAP-ENV:Body>&c;<a/>"), "{text}");
    }
}

//! What the effects of faults do to a call: to the world before it, and to its answer.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::campaign::{SoapFault, envelope, latin_1};
use super::connection::Connection;
use super::fault::Effect;
use super::request::{HttpResponse, typed};

/// An HTML page as a portal sends it in place of any answer.
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
    <body><h1>Sign in to continue</h1><p>Your session has ended.</p></body></html>\n";

/// Entities that grow when they are resolved, as an attack would declare them.
const ENTITIES: &str = "<!DOCTYPE lolz [\n <!ENTITY a \"sandboxsandbox\">\n <!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\n \
    <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">\n <!ENTITY file SYSTEM \"file:///etc/passwd\">\n]>";

impl Effect {
    /// The answer that takes the place of the call, for effects that have one.
    pub(super) fn instead(&self) -> Option<HttpResponse> {
        match self {
            Self::Status { status, headers, body } => {
                let mut answer = HttpResponse::new(Bytes::from(body.clone()));
                *answer.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                set_headers(&mut answer, headers);
                Some(answer)
            }
            Self::Html => Some(typed(StatusCode::OK, "text/html; charset=utf-8", HTML)),
            Self::SoapFault { code, string, detail } => Some(soap(&SoapFault::new(code, string, detail).to_xml())),
            Self::DeepXml { depth } => Some(soap(&("<a>".repeat(*depth) + &"</a>".repeat(*depth)))),
            _ => None,
        }
    }

    /// Changes an answer that was made.
    pub(super) fn disturb(&self, answer: &mut HttpResponse) {
        match self {
            Self::Truncate { bytes } => {
                let keep = bytes.unwrap_or(answer.body().len() / 2).min(answer.body().len());
                answer.body_mut().truncate(keep);
            }
            Self::EmptyPage => edit_json(answer, |body| {
                for list in ["/users", "/groups"] {
                    if let Some(entries) = body.pointer_mut(list) {
                        *entries = Value::Array(Vec::new());
                    }
                }
                set(body, "/lastPage", &Value::Bool(false));
            }),
            Self::MissingUsers { count } => edit_json(answer, |body| {
                if let Some(users) = body.pointer_mut("/users").and_then(Value::as_array_mut) {
                    users.drain(..users.len().min(*count));
                }
            }),
            Self::LastPage { value } => edit_json(answer, |body| set(body, "/lastPage", &Value::Bool(*value))),
            Self::OmitKey { pointer } => edit_json(answer, |body| {
                at_parents(body, pointer, &|object, key| {
                    object.remove(key);
                });
            }),
            Self::SetValue { pointer, value } => edit_json(answer, |body| set(body, pointer, value)),
            Self::HugeString { pointer, bytes } => {
                edit_json(answer, |body| set(body, pointer, &Value::String("x".repeat(*bytes))));
            }
            Self::ReplaceText { from, to } => {
                let body = String::from_utf8_lossy(answer.body()).replace(from.as_str(), to);
                *answer.body_mut() = Bytes::from(body);
            }
            Self::DropHeaders { names } => {
                for name in names {
                    answer.headers_mut().remove(name.as_str());
                }
            }
            Self::SetHeaders { headers } => set_headers(answer, headers),
            Self::Latin1 => in_latin1(answer),
            Self::EntityDeclaration => declare_entities(answer),
            _ => {}
        }
    }

    /// Changes how an answer that was compressed names its encoding.
    pub(super) fn rename_encoding(&self, answer: &mut HttpResponse) {
        if let Self::RenameEncoding { to } = self
            && answer.headers().contains_key(header::CONTENT_ENCODING)
            && let Ok(name) = HeaderValue::try_from(to)
        {
            answer.headers_mut().insert(header::CONTENT_ENCODING, name);
        }
    }

    /// Closes the connection, for effects that do; true when nothing is answered any more.
    pub(super) fn cut(&self, connection: &Connection, answer: &HttpResponse) -> bool {
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
                connection.close_after(after.unwrap_or(answer.body().len() / 2));
                false
            }
            _ => false,
        }
    }
}

fn set_headers(answer: &mut HttpResponse, headers: &[(String, String)]) {
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
}

/// A body that is no JSON stays as it is.
fn edit_json(answer: &mut HttpResponse, edit: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_slice::<Value>(answer.body()) {
        edit(&mut body);
        *answer.body_mut() = Bytes::from(body.to_string());
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

/// The part of an XML text behind its declaration.
fn after_declaration(xml: &str) -> &str {
    match xml.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, document)) => document,
        None => xml,
    }
}

/// Characters outside ISO-8859-1 become references, as an XML writer does.
fn in_latin1(answer: &mut HttpResponse) {
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let declared = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{}", after_declaration(&text));
    *answer.body_mut() = Bytes::from(latin_1(&declared));
    let content_type = HeaderValue::from_static("text/xml; charset=ISO-8859-1");
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
}

fn declare_entities(answer: &mut HttpResponse) {
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let document = after_declaration(&text).replacen("Body>", "Body>&c;", 1);
    *answer.body_mut() = Bytes::from(format!("<?xml version='1.0'?>{ENTITIES}{document}"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request::json;
    use super::*;

    fn disturbed(body: &Value, effect: &Effect) -> Value {
        let mut answer = json(StatusCode::OK, body);
        effect.disturb(&mut answer);
        serde_json::from_slice(answer.body()).unwrap()
    }

    #[test]
    fn values_are_reached_by_pointers_with_stars() {
        let body = json!({"users": [{"email": "a", "id": 1}, {"email": "b"}]});
        let without = disturbed(&body, &Effect::omit_key("/users/*/email"));
        assert_eq!(without, json!({"users": [{"id": 1}, {}]}));
        let second = disturbed(&body, &Effect::set_value("/users/1/email", 7));
        assert_eq!(second, json!({"users": [{"email": "a", "id": 1}, {"email": 7}]}));
    }

    #[test]
    fn an_empty_page_pretends_that_more_will_come() {
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
    fn latin1_says_so_and_keeps_what_it_cannot_write() {
        let mut answer = soap("<a b='é€'/>");
        Effect::Latin1.disturb(&mut answer);
        assert!(answer.body().starts_with(b"<?xml version='1.0' encoding='ISO-8859-1'?><SOAP-ENV:Envelope"));
        assert!(answer.body().windows(12).any(|part| part == b"'\xE9&#8364;'/>"));
    }

    #[test]
    fn entities_are_declared_before_the_root_and_used() {
        let mut answer = soap("<a/>");
        Effect::EntityDeclaration.disturb(&mut answer);
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(text.starts_with("<?xml version='1.0'?><!DOCTYPE"), "{text}");
        assert!(text.contains("<SOAP-ENV:Body>&c;<a/>"), "{text}");
    }
}

//! What identifies a call of a replay, however it is written: two requests with the same key get the same responses.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use quick_xml::{XmlVersion, escape::resolve_predefined_entity, events::BytesStart, events::Event, reader::Reader};

use super::{
    replay_file::{RecordedBody, RecordedCall},
    request::{IncomingRequest, first, pairs},
};

/// The client id in the configuration of a replay begins with this, followed by the name of the credential.
pub(super) const CLIENT_PREFIX: &str = "replay-";

/// Elements whose text is a secret, which a transcript does not have.
const SECRETS: [&str; 3] = ["sessiontoken", "password", "bearerToken"];

/// What identifies a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallKey {
    /// `ims`, `umapi` or the name of an instance.
    system: String,
    credential: Option<String>,
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    action: String,
    body: String,
}

impl CallKey {
    /// The key of a recorded call.
    pub(super) fn recorded(call: &RecordedCall) -> Self {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let body = match &call.request {
            RecordedBody::Text(text) => canonical(text),
            RecordedBody::Outline { .. } => String::new(),
        };
        Self {
            system: call.system.clone(),
            credential: call.credential.clone(),
            method: call.method.clone(),
            path: parts(path),
            query: sorted(pairs(query)),
            action: action(call.soap_action.as_deref()),
            body,
        }
    }

    /// The key of a request to the replay; `None` where its path belongs to no system.
    pub(super) fn received(request: &IncomingRequest) -> Option<Self> {
        let path = request.http.uri().path();
        let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let (system, rest) = if let Some(rest) = below("/v2/usermanagement") {
            ("umapi".to_owned(), rest)
        } else if below("/ims").is_some() {
            ("ims".to_owned(), path)
        } else {
            let instance = path.strip_prefix("/campaign/")?;
            let (name, _) = instance.split_once('/')?;
            (name.to_owned(), instance.get(name.len()..)?)
        };
        let text = String::from_utf8_lossy(request.body());
        let is_token = system == "ims";
        let client = is_token.then(|| pairs(&text));
        let client = client.as_deref().and_then(|form| first(form, "client_id"));
        Some(Self {
            credential: client.and_then(|client| client.strip_prefix(CLIENT_PREFIX)).map(str::to_owned),
            system,
            method: request.method().to_string(),
            path: parts(rest),
            query: sorted(request.query.clone()),
            action: action(request.header("soapaction")),
            body: if is_token { String::new() } else { canonical(&text) },
        })
    }

    /// The call in words, for the log and for the response where it was not recorded.
    pub(super) fn shown(&self) -> String {
        let subject = if self.action.is_empty() { self.path.join("/") } else { self.action.clone() };
        format!("{} {subject} of {}", self.method, self.system)
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

fn sorted(mut query: Vec<(String, String)>) -> Vec<(String, String)> {
    query.sort();
    query
}

fn action(header: Option<&str>) -> String {
    header.unwrap_or_default().trim_matches('"').to_ascii_lowercase()
}

/// A body without what has no meaning: prefixes, declarations of namespaces, types, the order of attributes, whitespace
/// around text, and secrets. Text that is not XML stays as it is.
fn canonical(text: &str) -> String {
    if text.trim_start().starts_with('<') { elements(text).unwrap_or_else(|| text.to_owned()) } else { text.to_owned() }
}

fn elements(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let (mut out, mut open, mut pending) = (String::new(), Vec::<String>::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => {
                out.push_str(pending.trim());
                pending.clear();
                let name = start.local_name().into_inner().to_owned();
                out.push_str(&name);
                for (key, value) in attributes(&start)? {
                    // The form with quotation marks has no two readings.
                    out.extend([" ", &key, "=", &serde_json::Value::from(value).to_string()]);
                }
                out.push('>');
                open.push(name);
            }
            Event::End(_) => {
                let name = open.pop()?;
                if !SECRETS.contains(&name.as_str()) {
                    out.push_str(pending.trim());
                }
                pending.clear();
                out.push_str("</>");
            }
            Event::Text(text) => pending.push_str(&text.xml10_content()),
            Event::CData(text) => pending.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => pending.push(character),
                None => pending.push_str(resolve_predefined_entity(&reference)?),
            },
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::DocType(_) => return None,
            Event::Eof => return open.is_empty().then_some(out),
        }
    }
}

fn attributes(start: &BytesStart<'_>) -> Option<BTreeMap<String, String>> {
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        let key = attribute.key.as_ref();
        let local = attribute.key.local_name().into_inner();
        if key.starts_with("xmlns") || key.starts_with("xsi:") || local == "encodingStyle" {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        attributes.insert(local.to_owned(), value.into_owned());
    }
    Some(attributes)
}

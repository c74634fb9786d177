//! What becomes of the body of a request or response: text with pseudonyms, or an outline of what it was.

use encoding_rs::{Encoding, UTF_8};
use serde::Serialize;

use super::{
    error_text::{error_text, is_code},
    exchange_line::System,
    json_body::{ims_body, umapi_body},
    pseudonyms::Pseudonyms,
    xml_body::xml_body,
};

/// Longest plain text that is shown. Refusals of a session are one sentence.
const LONGEST_TEXT: usize = 1000;

/// Length of an XML declaration at most, in bytes.
const DECLARATION: usize = 200;

/// A body as the transcript shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Body {
    /// The text with pseudonyms; empty where there was no body.
    Text(String),
    /// What it was.
    Outline {
        /// The kind of the body.
        outline: BodyKind,
        /// Its length; `None` where the length may tell something about a secret.
        bytes: Option<usize>,
    },
}

/// The kind of a body that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyKind {
    /// The form with client id and secret.
    Credentials,
    /// A page for a browser.
    Html,
    /// XML that is incomplete, or no document of Campaign.
    Xml,
    /// JSON that is incomplete, or no document of the API.
    Json,
    /// Anything else that is text.
    Text,
    /// Bytes that are no text.
    Binary,
}

impl Body {
    /// The body of a request.
    pub(super) fn of_request(pseudonyms: &mut Pseudonyms, system: &System, bytes: &[u8]) -> Self {
        match system {
            System::Ims { .. } if !bytes.is_empty() => Self::Outline { outline: BodyKind::Credentials, bytes: None },
            _ => Self::shown(pseudonyms, system, bytes, None),
        }
    }

    /// The body of a response.
    pub(super) fn of_response(
        pseudonyms: &mut Pseudonyms,
        system: &System,
        bytes: &[u8],
        content_type: Option<&str>,
    ) -> Self {
        Self::shown(pseudonyms, system, bytes, content_type)
    }

    fn shown(pseudonyms: &mut Pseudonyms, system: &System, bytes: &[u8], content_type: Option<&str>) -> Self {
        if bytes.is_empty() {
            return Self::Text(String::new());
        }
        let outline = |outline| {
            let is_secret = matches!(system, System::Ims { .. });
            Self::Outline { outline, bytes: (!is_secret).then_some(bytes.len()) }
        };
        let Some(text) = decoded(bytes, content_type) else { return outline(BodyKind::Binary) };
        let text = text.trim_start_matches('\u{feff}');
        let start = text.trim_start();
        let shown = match (system, start.chars().next()) {
            (System::Ims { .. }, _) => ims_body(text),
            (System::Umapi, Some('{')) => umapi_body(pseudonyms, text),
            (System::Instance { .. }, Some('<')) => xml_body(pseudonyms, text),
            (_, Some(_)) if is_code(start) && text.len() <= LONGEST_TEXT => Some(error_text(pseudonyms, text)),
            _ => None,
        };
        match (shown, start.chars().next()) {
            (Some(shown), _) => Self::Text(shown),
            (None, Some('<')) if is_page(start) => outline(BodyKind::Html),
            (None, Some('<')) => outline(BodyKind::Xml),
            (None, Some('{' | '[')) => outline(BodyKind::Json),
            (None, _) => outline(BodyKind::Text),
        }
    }
}

fn is_page(start: &str) -> bool {
    let start = start.get(..20).unwrap_or(start).to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// The text of a body: in the encoding that its declaration names, else its content type, else UTF-8.
fn decoded(bytes: &[u8], content_type: Option<&str>) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..DECLARATION).unwrap_or(bytes)).into_owned();
    let declared = head.strip_prefix("<?xml").and_then(|head| head.split_once("?>")?.0.split_once("encoding"));
    let declared = declared.map(|(_, label)| label.trim_matches(['=', '"', '\'', ' ']).to_owned());
    let named = content_type.and_then(|value| {
        value.to_ascii_lowercase().split_once("charset=").map(|(_, label)| label.trim_matches(['"', ' ']).to_owned())
    });
    let encoding = declared.or(named).and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8);
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    (!text.contains('\0')).then(|| text.into_owned())
}

//! Transcripts. An even first byte: the input is the text of one, which is read if it is as it was written, and not after any
//! change. An odd one: the input is an exchange, in parts separated by bytes 0xFF, whose transcript can be read and has
//! nothing of the marked names.

use std::time::Duration;

use bytes::Bytes;
use campaign_group_sync::{
    sandbox::fuzzing::transcript,
    transcript::{RecordedConfiguration, RecordedInstance, RecordedSignIn, TranscriptRecorder},
    transport::{Exchange, ExchangeFailure, ExchangeResponse},
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{MARK, assert_unmarked, cuts, divided, marked};

const URLS: [&str; 4] = [
    "https://ims.example/ims/token/v3",
    "https://umapi.example/v2/usermanagement/",
    "https://acme.example/nl/jsp/soaprouter.jsp",
    "https://other.example/",
];

pub(crate) fn check(data: &[u8]) {
    let (choice, rest) = divided(data);
    if choice.is_multiple_of(2) {
        changed_text_is_refused(rest);
    } else {
        exchange_is_recorded(choice / 2, &marked(rest));
    }
}

fn changed_text_is_refused(text: &[u8]) {
    if transcript(text).is_err() {
        return;
    }
    for end in cuts(text.len()).step_by(7) {
        assert!(transcript(&text[..end]).is_err(), "a transcript that is cut after {end} bytes is read");
        let mut changed = text.to_vec();
        changed[end] ^= 1;
        assert!(transcript(&changed).is_err(), "a transcript whose byte {end} is changed is read");
    }
}

fn exchange_is_recorded(choice: usize, data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0xFF);
    let mut part = || parts.next().unwrap_or_default().to_vec();
    let (path, action, request, content_type, response) = (part(), part(), part(), part(), part());
    let outcome = match choice / 4 % 8 {
        0 => Err(ExchangeFailure::TimedOut),
        1 => Ok(500),
        2 => Ok(403),
        _ => Ok(200),
    };
    let recorder = TranscriptRecorder::new();
    recorder.receiver()(Exchange {
        method: "POST".to_owned(),
        url: format!("{}{}", URLS[choice % URLS.len()], String::from_utf8_lossy(&path)),
        request_headers: headers("soapaction", &action),
        request_body: Bytes::from(request),
        outcome: outcome.map(|status| ExchangeResponse {
            status,
            headers: headers("content-type", &content_type),
            body: Bytes::from(response),
        }),
        duration: Duration::from_millis(7),
    });
    let made = recorder.transcript(&configuration()).expect("random bytes");
    let text = made.text();
    assert_unmarked(text, "the transcript");
    assert_eq!(transcript(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")), 1);
    changed_text_is_refused(text.as_bytes());
}

fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}

fn configuration() -> RecordedConfiguration {
    RecordedConfiguration {
        organization_id: Some("0123456789ABCDEF01234567@AdobeOrg".to_owned()),
        ims_url: Some("https://ims.example".to_owned()),
        umapi_url: Some("https://umapi.example/v2/usermanagement".to_owned()),
        client_id: Some(format!("{MARK}1")),
        instances: vec![RecordedInstance {
            name: format!("{MARK}2"),
            url: Some("https://acme.example".to_owned()),
            tenant: Some(format!("{MARK}3")),
            association_mask: Some(format!("Campaign - {MARK} - (.*)")),
            mode: "observe",
            choices: Vec::new(),
            sign_in: RecordedSignIn::Native { login: format!("{MARK}4") },
        }],
    }
}

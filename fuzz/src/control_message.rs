//! Messages of the control socket: one line each, read back as the same message.

use campaign_group_sync::{
    daemon::control::{ControlRequest, ControlResponse, ReviewDone, RunAfterApproval, RunOrder},
    domain::RunMode,
    sync::WaitPolicy,
};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn check(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<ControlRequest>(data) {
        round_trip(&request);
    }
    if let Ok(response) = serde_json::from_slice::<ControlResponse>(data) {
        round_trip(&response);
    }
    round_trip(&request(data));
}

/// The message is one line, and the same after it was sent.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T) {
    let line = serde_json::to_string(message).expect("a message can be written");
    assert!(!line.contains(['\n', '\r']), "a message of several lines: {line}");
    let read: T = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(read, *message, "{line}");
}

/// A request with these texts.
fn request(data: &[u8]) -> ControlRequest {
    let mut texts = data.split(|byte| *byte == 0xFF).map(|text| String::from_utf8_lossy(text).into_owned());
    let mut text = || texts.next().unwrap_or_default();
    let choice = data.first().copied().unwrap_or_default();
    match choice % 6 {
        0 => ControlRequest::Status,
        1 => ControlRequest::Approve {
            digest: text(),
            approver: text(),
            run: if choice < 128 { RunAfterApproval::AtOnce } else { RunAfterApproval::AsScheduled },
        },
        2 => ControlRequest::Explain { user: text(), group: (choice < 128).then(&mut text) },
        3 => ControlRequest::Review {
            since: None,
            instance: (choice < 128).then(&mut text),
            done: Some(ReviewDone { digest: (choice < 64).then(&mut text), reviewer: text() }),
        },
        4 => ControlRequest::Unpause { approver: text() },
        _ => ControlRequest::SyncNow {
            order: RunOrder {
                mode: if choice < 128 { RunMode::Apply } else { RunMode::DryRun },
                instances: vec![text()],
                users: vec![text(), text()],
                groups: Vec::new(),
                approve: vec![text()],
                approver: text(),
                wait_policy: if choice < 64 { WaitPolicy::Bounded } else { WaitPolicy::Unbounded },
            },
        },
    }
}

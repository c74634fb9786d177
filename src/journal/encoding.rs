//! How values are written into columns: times as milliseconds, names of enums as text, everything structured as JSON.

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use crate::domain::{ChangeKey, ChangeKind, FoldedName};

use super::JournalError;

/// Structured values as JSON text; `what` names it should that fail.
pub(super) fn to_json<T: Serialize>(value: &T, what: &str) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| unreadable(what, &error))
}

/// The way back.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// An enum whose names are those of the reports.
pub(super) fn from_name<T: DeserializeOwned>(name: String, what: &str) -> Result<T, JournalError> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|error| unreadable(what, &error))
}

/// A time as it is stored.
pub(super) fn to_time(milliseconds: i64) -> Result<DateTime<Utc>, JournalError> {
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| JournalError::Unreadable { what: format!("{milliseconds} is not a time") })
}

/// A time that may be missing.
pub(super) fn to_optional_time(milliseconds: Option<i64>) -> Result<Option<DateTime<Utc>>, JournalError> {
    milliseconds.map(to_time).transpose()
}

/// A change as its three columns name it.
pub(super) fn to_key(kind: String, group: FoldedName, operator: FoldedName) -> Result<ChangeKey, JournalError> {
    Ok(ChangeKey { kind: from_name::<ChangeKind>(kind, "the kind of a change")?, group, operator })
}

fn unreadable(what: &str, error: &serde_json::Error) -> JournalError {
    JournalError::Unreadable { what: format!("{what}: {error}") }
}

//! The form of values in columns: times as milliseconds, enums by their names, structured values as JSON, an approver
//! as five columns.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::domain::{Approver, ChangeKey, ChangeKind, Digest, FoldedName, SystemUser};

use super::{
    JournalError,
    database::{Row, Value},
};

/// Writes a structured value as JSON; `what` names the value in errors.
pub(super) fn to_json<T: Serialize>(value: &T, what: &str) -> Result<String, JournalError> {
    serde_json::to_string(value).map_err(|error| unreadable(what, &error))
}

/// Reads a structured value from JSON.
pub(super) fn from_json<'t, T: Deserialize<'t>>(text: &'t str, what: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// Reads an enum by its name, which is the one in reports.
pub(super) fn from_name<T: DeserializeOwned>(name: String, what: &str) -> Result<T, JournalError> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|error| unreadable(what, &error))
}

/// Writes an enum as its name, which is the one in reports.
pub(super) fn to_name<T: Serialize>(value: &T, what: &str) -> Result<String, JournalError> {
    let unusable = || JournalError::Unreadable { what: format!("{what} has no name") };
    let name = serde_json::to_value(value).map_err(|error| unreadable(what, &error))?;
    name.as_str().map(str::to_owned).ok_or_else(unusable)
}

/// Reads a stored time.
pub(super) fn to_time(milliseconds: i64) -> Result<DateTime<Utc>, JournalError> {
    DateTime::from_timestamp_millis(milliseconds)
        .ok_or_else(|| JournalError::Unreadable { what: format!("{milliseconds} is not a valid time") })
}

/// Reads a stored time that may be missing.
pub(super) fn to_optional_time(milliseconds: Option<i64>) -> Result<Option<DateTime<Utc>>, JournalError> {
    milliseconds.map(to_time).transpose()
}

/// Reads the key of a change from its three columns.
pub(super) fn to_key(kind: String, group: FoldedName, operator: FoldedName) -> Result<ChangeKey, JournalError> {
    Ok(ChangeKey { kind: from_name::<ChangeKind>(kind, "the kind of a change")?, group, operator })
}

pub(super) fn to_digest(text: &str) -> Result<Digest, JournalError> {
    Digest::parse(text).ok_or_else(|| JournalError::Unreadable { what: format!("{text:?} is not a valid digest") })
}

/// The five columns of an approver: name, uid and user of the process, uid and user of the login.
pub(super) fn approver_values(approver: &Approver) -> [Value; 5] {
    let uid = |user: Option<&SystemUser>| user.map(|user| i64::from(user.uid)).into();
    let name = |user: Option<&SystemUser>| user.and_then(|user| user.name.clone()).into();
    let (user, login) = (approver.user(), approver.login());
    [approver.name().into(), uid(user), name(user), uid(login), name(login)]
}

/// Reads the five columns of an approver from position `at` on.
pub(super) fn approver(row: &Row, at: usize) -> Result<Approver, JournalError> {
    let user = |at: usize| {
        let (uid, name) = (row.optional_number(at)?, row.optional_text(at + 1)?);
        Ok::<_, JournalError>(uid.and_then(|uid| u32::try_from(uid).ok()).map(|uid| SystemUser { uid, name }))
    };
    Ok(Approver::claimed(&row.text(at)?).as_user(user(at + 1)?).signed_in_as(user(at + 3)?))
}

fn unreadable(what: &str, error: &serde_json::Error) -> JournalError {
    JournalError::Unreadable { what: format!("{what}: {error}") }
}

//! The record of events as a chain: each event carries a SHA-256 over its digest and the hash of its predecessor, so
//! that a later change, insertion or deletion of an event is detected. The digest covers the text of the event.
//! Retention deletes the text and keeps the digest: the chain stays complete, and what is left can be verified.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{RunId, WantedNotifications};

use super::{JournalError, database::WriteTransaction, encoding::to_json};

/// The kind of an event. The names are stored and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventKind {
    Checkpoint,
    Started,
    Interrupted,
    SourceRead,
    Planned,
    Held,
    Approved,
    /// The access was reviewed.
    Reviewed,
    Unpaused,
    /// The state was assigned to another organization.
    Assigned,
    /// Runs whose rows, but not events, an earlier version deleted.
    Forgotten,
    /// A deletion by retention.
    Deletion,
    /// An event of which retention kept only the digest; it has a table of its own.
    Deleted,
    Sending,
    Settled,
    Observed,
    InstanceEnded,
    Ended,
}

impl EventKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Started => "started",
            Self::Interrupted => "interrupted",
            Self::SourceRead => "source_read",
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Approved => "approved",
            Self::Reviewed => "reviewed",
            Self::Unpaused => "unpaused",
            Self::Assigned => "assigned",
            Self::Forgotten => "forgotten",
            Self::Deletion => "deletion",
            Self::Deleted => "deleted",
            Self::Sending => "sending",
            Self::Settled => "settled",
            Self::Observed => "observed",
            Self::InstanceEnded => "instance_ended",
            Self::Ended => "ended",
        }
    }
}

/// The last event of the record. Compared with a copy of it that is kept elsewhere (the log of another machine), a
/// record that was cut or rebuilt is detected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// The number of recorded events.
    pub position: i64,
    /// The hash of the last event, 64 hexadecimal digits.
    pub hash: String,
}

impl RecordHead {
    /// Reads `NUMBER:HASH`, as logs and reports write it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (position, hash) = text.trim().split_once(':')?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let position = position.parse().ok().filter(|position| *position > 0)?;
        is_hash.then(|| Self { position, hash: hash.to_ascii_lowercase() })
    }
}

impl std::fmt::Display for RecordHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

/// Appends an event, in the transaction of what it records, and returns it as the new head of the record.
pub(super) async fn append<T: Serialize>(
    writer: &mut WriteTransaction,
    run: Option<&str>,
    at: DateTime<Utc>,
    kind: EventKind,
    body: &T,
) -> Result<RecordHead, JournalError> {
    let body = to_json(body, "an event")?;
    // Locks the row: on a shared server, another writer waits here.
    let rows = writer.returning("update event_head set position = position + 1 returning position, hash", []).await?;
    let head =
        rows.first().ok_or_else(|| JournalError::Unreadable { what: "the record of events has no head".to_owned() })?;
    let (position, before) = (head.number(0)?, head.text(1)?);
    let at = at.timestamp_millis();
    let hash = hash(&before, position, &digest(run, at, kind.as_str(), &body));
    let sql = "insert into events (position, run, at, kind, body, hash) values ($1, $2, $3, $4, $5, $6)";
    let run = run.map(str::to_owned).into();
    let values = [position.into(), run, at.into(), kind.as_str().into(), body.into(), hash.as_str().into()];
    writer.execute(sql, values).await?;
    writer.execute("update event_head set hash = $1", [hash.as_str().into()]).await?;
    Ok(RecordHead { position, hash })
}

/// Writes an event of a run, in the transaction of everything that follows from it.
pub(super) struct EventRecorder<'a> {
    pub(super) writer: &'a mut WriteTransaction,
    pub(super) run: &'a RunId,
    pub(super) at: DateTime<Utc>,
    /// The notifications that are written with it.
    pub(super) wanted: &'a WantedNotifications,
    /// The last event that was appended.
    pub(super) head: Option<RecordHead>,
}

impl EventRecorder<'_> {
    /// Appends the event to the chain.
    pub(super) async fn append<T: Serialize>(&mut self, kind: EventKind, body: &T) -> Result<(), JournalError> {
        self.head = Some(append(self.writer, Some(self.run.as_str()), self.at, kind, body).await?);
        Ok(())
    }
}

/// The digest of an event, which stays when its text is deleted: 64 hexadecimal digits.
pub(super) fn digest(run: Option<&str>, at: i64, kind: &str, body: &str) -> String {
    hash_of(&[run.unwrap_or_default(), &at.to_string(), kind, body])
}

/// The hash of an event, over its digest and the hash before it.
pub(super) fn hash(before: &str, position: i64, digest: &str) -> String {
    hash_of(&["2", before, &position.to_string(), digest])
}

/// The hash of an event as versions before retention computed it: it can only be checked with the text.
pub(super) fn hash_without_digest(
    before: &str,
    position: i64,
    run: Option<&str>,
    at: i64,
    kind: &str,
    body: &str,
) -> String {
    hash_of(&[before, &position.to_string(), run.unwrap_or_default(), &at.to_string(), kind, body])
}

fn hash_of(fields: &[&str]) -> String {
    fingerprint_of(fields)
}

/// The hash of a list of texts. Each is preceded by its length, so that different lists never give the same text.
pub(super) fn fingerprint_of(fields: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut hasher = Sha256::new();
    for field in fields {
        let field = field.as_ref();
        hasher.update(field.len().to_string());
        hasher.update(":");
        hasher.update(field);
    }
    hexadecimal(hasher)
}

/// The hash of a text that an event names and that is stored outside of the chain.
pub(super) fn fingerprint(text: &str) -> String {
    fingerprint_of_lines([text])
}

/// The hash of the text that these parts make up.
pub(super) fn fingerprint_of_lines(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_ref());
    }
    hexadecimal(hasher)
}

/// The digest as hexadecimal digits.
pub(super) fn hexadecimal(hasher: Sha256) -> String {
    use std::fmt::Write as _;
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first event: runs of earlier versions are recorded before the chain begins.
#[derive(Serialize)]
struct Checkpoint {
    runs_before: i64,
}

/// Begins the chain of a new or migrated state. The time of the first event is that of the last run before it.
pub(super) async fn begin(writer: &mut WriteTransaction) -> Result<(), JournalError> {
    let rows = writer.rows("select count(*), coalesce(max(started_at), 0) from runs", []).await?;
    let (runs_before, at) = match rows.first() {
        Some(row) => (row.number(0)?, row.number(1)?),
        None => (0, 0),
    };
    let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
    append(writer, None, at, EventKind::Checkpoint, &Checkpoint { runs_before }).await.map(drop)
}

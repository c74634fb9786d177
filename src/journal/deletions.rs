//! The deletions by retention. Each deletion is an event of the record: verification and queries use these events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::to_the_second;

use super::{
    Journal, JournalError,
    database::ReadTransaction,
    encoding::{from_json, to_time},
};

/// The setting that caused a deletion. The names are part of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepSetting {
    /// `state.keep_runs`.
    KeepRuns,
    /// `state.keep_changes`.
    KeepChanges,
}

impl KeepSetting {
    /// The key in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::KeepRuns => "state.keep_runs",
            Self::KeepChanges => "state.keep_changes",
        }
    }
}

/// The body of the event of a deletion.
#[derive(Serialize, Deserialize)]
pub(super) struct DeletionBody {
    pub(super) setting: KeepSetting,
    /// The retention period, in milliseconds.
    pub(super) keep: i64,
    /// Everything that was deleted was recorded before this time, in milliseconds since 1970.
    pub(super) before: i64,
    pub(super) runs: Vec<String>,
    /// Ranges of positions of events that were reduced to their digests: the first and the last of each.
    pub(super) events: Vec<(i64, i64)>,
    /// The fingerprint of the memberships that were left, if ended memberships may have been deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memberships: Option<String>,
}

/// A deletion by retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The position of its event in the record.
    pub position: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The setting that caused it.
    pub setting: KeepSetting,
    /// Everything that it deleted was recorded before this time.
    pub before: DateTime<Utc>,
    /// How many runs it deleted.
    pub runs: usize,
    /// How many events it reduced to their digests.
    pub events: i64,
}

impl std::fmt::Display for Deletion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, setting, before, runs, events, .. } = self;
        let (at, before) = (to_the_second(*at), to_the_second(*before));
        write!(f, "{runs} runs and {events} events before {before} were deleted by {} at {at}", setting.key())
    }
}

/// The times from which on the record is complete. The field names are part of the JSON form of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeletedBefore {
    /// Runs without a change that began before this time are deleted, unless they are still needed.
    #[serde(serialize_with = "crate::domain::rfc3339_or_null")]
    pub runs: Option<DateTime<Utc>>,
    /// Changes and memberships that ended before this time are deleted as well.
    #[serde(serialize_with = "crate::domain::rfc3339_or_null")]
    pub changes: Option<DateTime<Utc>>,
}

impl DeletedBefore {
    /// The deletions in words, one sentence a line; empty if there are none.
    pub fn to_text(&self) -> String {
        let line = |what: &str, before: Option<DateTime<Utc>>, setting: KeepSetting| match before {
            Some(before) => format!("{what} before {} were deleted ({}).\n", to_the_second(before), setting.key()),
            None => String::new(),
        };
        line("Runs without a change", self.runs, KeepSetting::KeepRuns)
            + &line("Changes and ended memberships", self.changes, KeepSetting::KeepChanges)
    }
}

impl Journal {
    /// The times from which on the record is complete; `None` if nothing was deleted.
    pub async fn deleted_before(&self) -> Result<DeletedBefore, JournalError> {
        let mut reader = self.begin_read().await?;
        let mut before = DeletedBefore::default();
        for (deletion, _) in deletions(&mut reader).await? {
            let latest = match deletion.setting {
                KeepSetting::KeepRuns => &mut before.runs,
                KeepSetting::KeepChanges => &mut before.changes,
            };
            *latest = (*latest).max(Some(deletion.before));
        }
        Ok(before)
    }

    /// The deletion of the run with this id, or with an id that begins with it.
    pub(super) async fn deletion_of_run(&self, id: &str) -> Result<Option<(String, Deletion)>, JournalError> {
        let mut reader = self.begin_read().await?;
        let is_it = |run: &String| run.get(..id.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(id));
        for (deletion, body) in deletions(&mut reader).await?.into_iter().rev() {
            if let Some(run) = body.runs.into_iter().find(is_it) {
                return Ok(Some((run, deletion)));
            }
        }
        Ok(None)
    }
}

/// All deletions, in the order of the record.
pub(super) async fn deletions(reader: &mut ReadTransaction) -> Result<Vec<(Deletion, DeletionBody)>, JournalError> {
    let sql = "select position, at, body from events where kind = 'deletion' order by position";
    let mut found = Vec::new();
    for row in reader.rows(sql, []).await? {
        let body: DeletionBody = from_json(&row.text(2)?, "a deletion")?;
        let deletion = Deletion {
            position: row.number(0)?,
            at: to_time(row.number(1)?)?,
            setting: body.setting,
            before: to_time(body.before)?,
            runs: body.runs.len(),
            events: body.events.iter().map(|(first, last)| last - first + 1).sum(),
        };
        found.push((deletion, body));
    }
    Ok(found)
}

//! The entry of one run in the history.

use crate::domain::Outcome;

use super::{Journal, JournalError, RunEntry, run_report::Unfinished, runs::entry};

impl Journal {
    /// The entry of the run of this whole id, without the numbers of a run that has not ended; `None` for an unknown one.
    /// Its outcome is `None` while it runs.
    pub async fn run_entry(&self, run: &str) -> Result<Option<RunEntry>, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut reader = self.begin_read().await?;
        let sql = "select run, started_at, mode, outcome, summary, scope, instances from runs where run = $1";
        let rows = reader.rows(sql, [run.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut entry = entry(row)?;
        if unfinished == Unfinished::Dead {
            entry.outcome.get_or_insert(Outcome::Interrupted);
        }
        Ok(Some(entry))
    }
}

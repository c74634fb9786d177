//! The skips that a run log has named, so that each run does not name the same thousand skips again.

use std::collections::BTreeSet;

use crate::domain::{InstanceName, Skipped};

use super::{Journal, JournalError, database::Value};

/// A stored skip: its reason and its subject. The detail may change from run to run.
type NamedSkip = (String, String);

/// The skips of the last run over everything in one instance.
#[derive(Debug)]
pub struct LoggedSkips(BTreeSet<NamedSkip>);

impl LoggedSkips {
    /// The skips in `skipped` that are not among these, in their order.
    pub fn new_among<'s>(&self, skipped: &'s [Skipped]) -> Vec<&'s Skipped> {
        skipped.iter().filter(|skip| !self.0.contains(&key(skip))).collect()
    }
}

impl Journal {
    /// Stores the skips of a run over everything in this instance, and deletes those that are over.
    pub async fn remember_logged_skips(
        &self,
        instance: &InstanceName,
        LoggedSkips(named): LoggedSkips,
        skipped: &[Skipped],
    ) -> Result<(), JournalError> {
        let now: BTreeSet<NamedSkip> = skipped.iter().map(key).collect();
        if named == now {
            return Ok(());
        }
        let row = |(reason, subject): &NamedSkip| -> [Value; 3] {
            [instance.as_str().into(), reason.as_str().into(), subject.as_str().into()]
        };
        let mut writer = self.begin_write().await?;
        for gone in named.difference(&now) {
            let sql = "delete from named_skips where instance = $1 and reason = $2 and subject = $3";
            writer.execute(sql, row(gone)).await?;
        }
        let head = "insert into named_skips (instance, reason, subject)";
        writer.insert(head, now.difference(&named).map(row), "").await?;
        writer.commit().await
    }

    /// Reads the skips of the last run over everything in this instance.
    pub async fn logged_skips(&self, instance: &InstanceName) -> Result<LoggedSkips, JournalError> {
        let sql = "select reason, subject from named_skips where instance = $1";
        let rows = self.query().await?.rows(sql, [instance.as_str().into()]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_, _>>().map(LoggedSkips)
    }
}

fn key(skip: &Skipped) -> NamedSkip {
    (skip.reason.as_str().to_owned(), skip.subject.clone())
}

//! What a run log has named already, so that the same thousand skips are not named by every run.

use std::collections::BTreeSet;

use crate::domain::{InstanceName, Skipped};

use super::{Journal, JournalError, database::Value};

/// A skip as it is remembered: its reason and its subject. The detail may change from run to run.
type NamedSkip = (String, String);

/// What the last run over everything skipped in one instance.
#[derive(Debug)]
pub struct LoggedSkips(BTreeSet<NamedSkip>);

impl LoggedSkips {
    /// Those of `skipped` that are not among these, in their order.
    pub fn new_among<'s>(&self, skipped: &'s [Skipped]) -> Vec<&'s Skipped> {
        skipped.iter().filter(|skip| !self.0.contains(&key(skip))).collect()
    }
}

impl Journal {
    /// Remembers what a run over everything skipped in this instance, and forgets what is not skipped any more.
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

    /// What the last run over everything skipped in this instance.
    pub async fn logged_skips(&self, instance: &InstanceName) -> Result<LoggedSkips, JournalError> {
        let mut reader = self.begin_read().await?;
        let sql = "select reason, subject from named_skips where instance = $1";
        let rows = reader.rows(sql, [instance.as_str().into()]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_, _>>().map(LoggedSkips)
    }
}

fn key(skip: &Skipped) -> NamedSkip {
    (skip.reason.as_str().to_owned(), skip.subject.clone())
}

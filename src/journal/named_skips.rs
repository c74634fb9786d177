//! What a run log has named already, so that the same thousand skips are not named by every run.

use std::collections::BTreeSet;

use crate::domain::{InstanceName, Skipped};

use super::{Journal, JournalError, database::Value};

/// A skip as it is remembered: its reason and its subject. The detail may change from run to run.
type NamedSkip = (String, String);

impl Journal {
    /// Those of `skipped` that the last run over everything did not skip in this instance, in their order.
    pub async fn new_skips<'s>(
        &self,
        instance: &InstanceName,
        skipped: &'s [Skipped],
    ) -> Result<Vec<&'s Skipped>, JournalError> {
        let named = self.named_skips(instance).await?;
        Ok(skipped.iter().filter(|skip| !named.contains(&key(skip))).collect())
    }

    /// Remembers what a run over everything skipped in this instance, and forgets what is not skipped any more.
    pub async fn remember_skips(&self, instance: &InstanceName, skipped: &[Skipped]) -> Result<(), JournalError> {
        let named = self.named_skips(instance).await?;
        let now: BTreeSet<NamedSkip> = skipped.iter().map(key).collect();
        if named == now {
            return Ok(());
        }
        let row = |(reason, subject): &NamedSkip| -> [Value; 3] {
            [instance.as_str().into(), reason.as_str().into(), subject.as_str().into()]
        };
        let mut writing = self.writing().await?;
        for gone in named.difference(&now) {
            let sql = "delete from named_skips where instance = $1 and reason = $2 and subject = $3";
            writing.execute(sql, row(gone)).await?;
        }
        let head = "insert into named_skips (instance, reason, subject)";
        writing.insert(head, now.difference(&named).map(row), "").await?;
        writing.commit().await
    }

    async fn named_skips(&self, instance: &InstanceName) -> Result<BTreeSet<NamedSkip>, JournalError> {
        let mut looking = self.reading().await?;
        let sql = "select reason, subject from named_skips where instance = $1";
        let rows = looking.rows(sql, [instance.as_str().into()]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}

fn key(skip: &Skipped) -> NamedSkip {
    (skip.reason.as_str().to_owned(), skip.subject.clone())
}

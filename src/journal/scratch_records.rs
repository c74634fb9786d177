//! The scratch records of `probe`: recorded before they are created, and until their removal was read back. They belong
//! to an address, whatever the configuration calls the instance there.

use chrono::{DateTime, Utc};

use crate::domain::{RememberedScratch, ScratchKind};

use super::{Journal, JournalError, encoding::from_name};

impl Journal {
    /// The scratch records that probes created, or were about to create, in the instance at this address.
    pub async fn scratch_records(&self, address: &str) -> Result<Vec<RememberedScratch>, JournalError> {
        let sql = "select kind, label, id from scratch_records where address = $1 order by recorded_at, kind, label";
        let rows = self.query().await?.rows(sql, [address.into()]).await?;
        let record = |row: &super::database::Row| {
            let kind = from_name::<ScratchKind>(row.text(0)?, "the kind of a scratch record")?;
            Ok(RememberedScratch { kind, label: row.text(1)?, id: row.optional_number(2)? })
        };
        rows.iter().map(record).collect()
    }

    /// Records that a scratch record is about to be created, or the id that it has.
    pub async fn remember_scratch_record(
        &self,
        address: &str,
        record: &RememberedScratch,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        let sql = "insert into scratch_records (address, kind, label, id, recorded_at) values ($1, $2, $3, $4, $5)
                   on conflict (address, kind, label) do update set id = excluded.id";
        let (kind, at) = (record.kind.as_str().into(), at.timestamp_millis().into());
        writer.execute(sql, [address.into(), kind, record.label.as_str().into(), record.id.into(), at]).await?;
        writer.commit().await
    }

    /// Forgets a scratch record, whose removal was read back.
    pub async fn forget_scratch_record(&self, address: &str, record: &RememberedScratch) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        let sql = "delete from scratch_records where address = $1 and kind = $2 and label = $3";
        writer.execute(sql, [address.into(), record.kind.as_str().into(), record.label.as_str().into()]).await?;
        writer.commit().await
    }
}

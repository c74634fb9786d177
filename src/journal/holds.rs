//! The held plans that wait for an approval, and since when.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, HeldRecord, InstanceName};

use super::{
    Journal, JournalError,
    database::{ReadTransaction, Row},
    held_plans::held_by_real_run,
};

/// A held plan that waits for an approval. The field names are part of the JSON form of the status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HoldEntry {
    /// The digest that an approval names.
    pub digest: Digest,
    /// The instance that holds it, as the configuration spells it.
    pub instance: String,
    /// When this digest was first held.
    #[serde(serialize_with = "crate::domain::rfc3339")]
    pub since: DateTime<Utc>,
    /// How many changes are held under this digest.
    pub changes: usize,
}

impl Journal {
    /// The plans that real runs hold, sorted by instance, the oldest first. The plan of a dry run, or of an observed
    /// instance, holds nothing.
    pub async fn holds(&self) -> Result<Vec<HoldEntry>, JournalError> {
        let rows = self.query().await?.rows("select instance, digest, at, record, held_since from held", []).await?;
        let hold = |(record, since): (HeldRecord, DateTime<Utc>)| HoldEntry {
            instance: record.instance.to_string(),
            since: since.trunc_subsecs(0),
            changes: record.changes.len(),
            digest: record.digest,
        };
        let mut holds =
            rows.iter().filter_map(|row| held_by_real_run(row).transpose()).collect::<Result<Vec<_>, _>>()?;
        holds.sort_by(|(one, one_since), (other, other_since)| {
            (&one.instance, one_since, &one.digest).cmp(&(&other.instance, other_since, &other.digest))
        });
        Ok(holds.into_iter().map(hold).collect())
    }

    /// Whether there are holds, and the next run can use an approval for each of them.
    pub async fn are_approved(&self, holds: &[HoldEntry], now: DateTime<Utc>) -> Result<bool, JournalError> {
        let sql = "select instance, digest from approvals where expires_at > $1 and begun_at is null";
        let rows = self.query().await?.rows(sql, [now.timestamp_millis().into()]).await?;
        let pair = |row: &Row| Ok::<_, JournalError>((row.text(0)?, row.text(1)?));
        let approved = rows.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let is_approved = |hold: &HoldEntry| {
            approved.iter().any(|(instance, digest)| *instance == hold.instance && digest == hold.digest.as_str())
        };
        Ok(!holds.is_empty() && holds.iter().all(is_approved))
    }
}

/// When each digest was first held that real runs hold in this instance.
pub(super) async fn held_since(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
) -> Result<BTreeMap<Digest, DateTime<Utc>>, JournalError> {
    let sql = "select instance, digest, at, record, held_since from held where instance = $1";
    let mut found = BTreeMap::new();
    for row in reader.rows(sql, [instance.as_str().into()]).await? {
        found.extend(held_by_real_run(&row)?.map(|(record, since)| (record.digest, since)));
    }
    Ok(found)
}

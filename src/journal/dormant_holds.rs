//! Holds that later plans do not contain, because a listing lacks the profile, or Campaign lacks the group or the
//! operator.

use crate::domain::{EarlierHold, InstanceName};

use super::{
    Journal, JournalError,
    database::{Transaction, Value, WriteTransaction, read_error},
    encoding::{from_json, to_json, to_key},
};

impl Journal {
    /// Replaces the stored dormant holds of an instance.
    pub async fn remember_dormant_holds(
        &self,
        instance: &InstanceName,
        holds: &[EarlierHold],
    ) -> Result<(), JournalError> {
        let mut writer = self.begin_write().await?;
        remember_dormant_holds(&mut writer, instance, holds).await?;
        writer.commit().await
    }
}

/// Replaces the stored dormant holds of an instance.
pub(super) async fn remember_dormant_holds(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    holds: &[EarlierHold],
) -> Result<(), JournalError> {
    if dormant_holds(writer.transaction(), instance).await? == holds {
        return Ok(());
    }
    let row = |held: &EarlierHold| -> Result<[Value; 6], JournalError> {
        let EarlierHold { key, why, limits } = held;
        Ok([
            instance.as_str().into(),
            key.kind.as_str().into(),
            key.group.as_str().into(),
            key.operator.as_str().into(),
            why.as_str().into(),
            to_json(limits, "the limits of a hold")?.into(),
        ])
    };
    let rows = holds.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    writer.execute("delete from dormant_holds where instance = $1", [instance.as_str().into()]).await?;
    let head = "insert into dormant_holds (instance, op, group_folded, operator_folded, why, limits)";
    writer.insert(head, rows, "").await
}

/// The dormant holds of an instance, sorted by change.
pub(super) async fn dormant_holds(
    reader: &mut Transaction,
    instance: &InstanceName,
) -> Result<Vec<EarlierHold>, JournalError> {
    let sql = "select op, group_folded, operator_folded, why, limits from dormant_holds where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await.map_err(read_error)?;
    let held = rows.iter().map(|row| {
        Ok(EarlierHold {
            key: to_key(row.text(0)?, row.folded(1)?, row.folded(2)?)?,
            why: row.text(3)?,
            limits: from_json(&row.text(4)?, "the limits of a hold")?,
        })
    });
    let mut held = held.collect::<Result<Vec<_>, JournalError>>()?;
    held.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(held)
}

//! Held plans, which wait for an approval, and the holds of undos, as they are stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    ApprovedChange, ChangeKey, EarlierHold, HeldRecord, HeldState, InstanceName, Limits, RunId, UndoHold,
};

use super::{
    JournalError,
    database::{ReadTransaction, Row, WriteTransaction},
    dormant_holds::remember_dormant_holds,
    encoding::{from_json, to_digest, to_json, to_time},
};

/// The stored form of a held plan.
#[derive(Serialize, Deserialize)]
struct StoredHeld {
    run: RunId,
    is_dry_run: bool,
    is_narrowed: bool,
    changes: Vec<ApprovedChange>,
    held: Vec<StoredHeldBefore>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undo: Option<UndoHold>,
}

#[derive(Serialize, Deserialize)]
struct StoredHeldBefore {
    key: ChangeKey,
    why: String,
    limits: Limits,
}

/// Writes what the plan of an instance holds now, and returns whether that is new. A run over everything replaces what
/// was held in that instance before; a narrowed run, and a dry run, adds to it or replaces the record of the same
/// digest.
///
/// What a real run over everything holds stays so if a dry run or a narrowed run holds the same digest. Only an undo of
/// the same run replaces what an undo holds, and it ends when its time is over.
pub(super) async fn hold(
    writer: &mut WriteTransaction,
    held: &HeldState<'_>,
    at: DateTime<Utc>,
) -> Result<bool, JournalError> {
    if let Some(dormant) = held.dormant {
        remember_dormant_holds(writer, held.instance, dormant).await?;
    }
    let before = held_in(writer, held.instance).await?;
    if let Some(record) = held.record {
        write_held(writer, held.instance, record).await?;
    }
    let kept = held.record.map(|record| &record.digest);
    let is_over = |earlier: &&HeldRecord| match (&earlier.undo, held.undo_of) {
        _ if Some(&earlier.digest) == kept => false,
        (None, None) => held.is_all(),
        (None, Some(_)) => false,
        (Some(undo), None) => held.is_all() && undo.until <= at,
        (Some(undo), Some(run)) => undo.run == *run,
    };
    let over: Vec<&HeldRecord> = before.iter().filter(is_over).collect();
    for earlier in &over {
        forget_held(writer, earlier).await?;
    }
    Ok(match kept {
        Some(digest) => !before.iter().any(|earlier| earlier.digest == *digest),
        None => !over.is_empty(),
    })
}

/// All held plans of one instance.
pub(super) async fn held_in(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
) -> Result<Vec<HeldRecord>, JournalError> {
    let sql = "select instance, digest, at, record from held where instance = $1";
    let rows = writer.rows(sql, [instance.as_str().into()]).await?;
    rows.iter().map(held_record).collect()
}

pub(super) async fn forget_held(writer: &mut WriteTransaction, record: &HeldRecord) -> Result<(), JournalError> {
    let sql = "delete from held where instance = $1 and digest = $2";
    writer.execute(sql, [record.instance.as_str().into(), record.digest.as_str().into()]).await
}

/// Reads the columns instance, digest, at and record.
pub(super) fn held_record(row: &Row) -> Result<HeldRecord, JournalError> {
    let stored: StoredHeld = from_json(&row.text(3)?, "a held plan")?;
    let held = stored.held.into_iter().map(|held| EarlierHold { key: held.key, why: held.why, limits: held.limits });
    Ok(HeldRecord {
        instance: InstanceName::new(row.text(0)?),
        digest: to_digest(&row.text(1)?)?,
        run: stored.run,
        at: to_time(row.number(2)?)?,
        is_dry_run: stored.is_dry_run,
        is_narrowed: stored.is_narrowed,
        changes: stored.changes,
        held: held.collect(),
        undo: stored.undo,
    })
}

/// Reads the columns instance, digest, at, record and `held_since`; `None` for the plan of a dry run, which holds
/// nothing.
pub(super) fn held_by_real_run(row: &Row) -> Result<Option<(HeldRecord, DateTime<Utc>)>, JournalError> {
    let record = held_record(row)?;
    if record.is_dry_run {
        return Ok(None);
    }
    let since = row.optional_number(4)?.map(to_time).transpose()?.unwrap_or(record.at);
    Ok(Some((record, since)))
}

/// Writes one held plan. It is held since the first real run that held its digest; a dry run holds nothing.
async fn write_held(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    record: &HeldRecord,
) -> Result<(), JournalError> {
    let sql = "select instance, digest, at, record, held_since from held where instance = $1 and digest = $2";
    let rows = writer.rows(sql, [instance.as_str().into(), record.digest.as_str().into()]).await?;
    let before = rows.first().map(held_record).transpose()?;
    let since = rows.first().map(held_by_real_run).transpose()?.flatten().map_or(record.at, |(_, since)| since);
    if record.is_dry_run && before.as_ref().is_some_and(|before| !before.is_dry_run) {
        return Ok(());
    }
    let held = record.held.iter().map(|held| StoredHeldBefore {
        key: held.key.clone(),
        why: held.why.clone(),
        limits: held.limits.clone(),
    });
    let is_full_already = before.is_some_and(|before| !before.is_dry_run && !before.is_narrowed);
    let stored = StoredHeld {
        run: record.run.clone(),
        is_dry_run: record.is_dry_run,
        is_narrowed: record.is_narrowed && !is_full_already,
        changes: record.changes.clone(),
        held: held.collect(),
        undo: record.undo.clone(),
    };
    let sql = "insert into held (instance, digest, at, record, held_since) values ($1, $2, $3, $4, $5)
               on conflict (instance, digest) do update set
                   at = excluded.at, record = excluded.record, held_since = excluded.held_since";
    let values = [
        instance.as_str().into(),
        record.digest.as_str().into(),
        record.at.timestamp_millis().into(),
        to_json(&stored, "a held plan")?.into(),
        since.timestamp_millis().into(),
    ];
    writer.execute(sql, values).await
}

/// The plans that real runs and undos hold in this instance, the oldest first. A dry run holds nothing.
pub(super) async fn held_by_runs(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
) -> Result<Vec<HeldRecord>, JournalError> {
    let sql = "select instance, digest, at, record from held where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await?;
    let mut records = rows.iter().map(held_record).collect::<Result<Vec<_>, _>>()?;
    records.retain(|record| !record.is_dry_run || record.undo.is_some());
    records.sort_by(|a, b| (a.at, &a.digest).cmp(&(b.at, &b.digest)));
    Ok(records)
}

/// The changes that these plans hold, each once, as in the latest plan.
pub(super) fn held_changes<'r>(records: impl Iterator<Item = &'r HeldRecord>) -> Vec<EarlierHold> {
    let held = records.filter(|record| !record.is_dry_run).flat_map(|record| &record.held);
    let by_key: BTreeMap<&ChangeKey, &EarlierHold> = held.map(|held| (&held.key, held)).collect();
    by_key.into_values().cloned().collect()
}

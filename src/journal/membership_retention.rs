//! Deletes ended memberships from the access record, and seals those that are left.
//!
//! The events of deleted memberships are deleted too, so that the remaining events do not show how memberships began.
//! Each deletion therefore marks all memberships that are left as sealed, and its event carries a fingerprint over
//! them. A verification starts with the sealed memberships and replays the later events.

use super::{
    JournalError,
    chain::fingerprint,
    database::{ReadTransaction, Row, Transaction, WriteTransaction, read_error},
};

/// The time at which the last of the `limit` oldest memberships and managed groups ended, of those that ended before
/// `before`; `None` if there are none.
pub(super) async fn oldest_ended(
    reader: &mut ReadTransaction,
    before: i64,
    limit: i64,
) -> Result<Option<i64>, JournalError> {
    let sql = "select max(until) from (
                   select until from (
                       select until from stays where until < $1
                       union all select until from managed_groups where until < $1) as ended
                   order by until limit $2) as oldest";
    let rows = reader.rows(sql, [before.into(), limit.into()]).await?;
    Ok(rows.first().map(|row| row.optional_number(0)).transpose()?.flatten())
}

/// Deletes memberships and managed groups that ended at this time or before.
pub(super) async fn delete_ended(writer: &mut WriteTransaction, until: i64) -> Result<(), JournalError> {
    writer.execute("delete from stays where until <= $1", [until.into()]).await?;
    writer.execute("delete from managed_groups where until <= $1", [until.into()]).await
}

/// Stores with the memberships that a run granted who approved them: the changes of the run are going to be deleted.
pub(super) async fn keep_approvers(writer: &mut WriteTransaction, run: &str) -> Result<(), JournalError> {
    let sql = "select instance, group_folded, operator_folded, approved_by from changes
               where run = $1 and op = 'add' and approved_by is not null";
    for row in writer.rows(sql, [run.into()]).await? {
        let sql = "update stays set approved_by = $1
                   where instance = $2 and group_folded = $3 and login_folded = $4 and granted_by = $5";
        let (instance, group, login) = (row.text(0)?.into(), row.text(1)?.into(), row.text(2)?.into());
        writer.execute(sql, [row.text(3)?.into(), instance, group, login, run.into()]).await?;
    }
    Ok(())
}

/// Marks every membership as sealed, and returns the fingerprint over them.
pub(super) async fn seal(writer: &mut WriteTransaction) -> Result<String, JournalError> {
    for sql in [
        "update stays set vouched = 1 where until is null and vouched is null",
        "update stays set vouched = 2 where until is not null and (vouched is null or vouched = 1)",
    ] {
        writer.execute(sql, []).await?;
    }
    let memberships = sealed_memberships(writer.transaction()).await?;
    Ok(fingerprint_of(&memberships))
}

/// A membership that the last deletion sealed.
pub(super) struct SealedMembership {
    pub(super) instance: String,
    pub(super) group: String,
    pub(super) login: String,
    /// Whether it was open at the time of the deletion.
    pub(super) was_open: bool,
    /// The values that the fingerprint covers. It does not cover times, because wrong times are corrected.
    line: String,
}

/// Reads the sealed memberships.
pub(super) async fn sealed_memberships(transaction: &mut Transaction) -> Result<Vec<SealedMembership>, JournalError> {
    let sql =
        "select instance, group_folded, login_folded, login, granted_by, approved_by, vouched, ended_by from stays
               where vouched is not null";
    let rows = transaction.rows(sql, []).await.map_err(read_error)?;
    rows.iter().map(membership).collect()
}

fn membership(row: &Row) -> Result<SealedMembership, JournalError> {
    let (instance, group, login) = (row.text(0)?, row.text(1)?, row.text(2)?);
    let was_open = row.number(6)? == 1;
    // The end of a membership that was open then is in a later event.
    let ended_by = if was_open { None } else { row.optional_text(7)? };
    let parts = serde_json::json!([
        instance,
        group,
        login,
        row.text(3)?,
        row.optional_text(4)?,
        row.optional_text(5)?,
        was_open,
        ended_by
    ]);
    Ok(SealedMembership { instance, group, login, was_open, line: parts.to_string() })
}

/// The fingerprint over memberships, independent of their order.
pub(super) fn fingerprint_of(memberships: &[SealedMembership]) -> String {
    let mut lines: Vec<&str> = memberships.iter().map(|membership| membership.line.as_str()).collect();
    lines.sort_unstable();
    fingerprint(&lines.join("\n"))
}

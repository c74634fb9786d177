//! The list of all approvals that were given: who gave each one, when, for what, and which run used it.

use chrono::{DateTime, Utc};

use crate::domain::{ApprovedChange, Approver, Digest, InstanceName, RunId};

use super::{
    Journal, JournalError,
    database::{Row, WriteTransaction},
    encoding::{self, approver_values, to_optional_time, to_time},
};

/// The result of an approval in one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedApproval {
    /// The instance.
    pub instance: InstanceName,
    /// The run that held the plan.
    pub run: RunId,
    /// The changes that it releases.
    pub changes: Vec<ApprovedChange>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The run whose undo holds the plan; `None` if any run over everything applies it.
    pub undo_of: Option<RunId>,
    /// When the same approver gave the approval before, if that approval is still unused: then nothing was recorded.
    pub given_before: Option<DateTime<Utc>>,
}

/// A given approval in one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenApproval {
    /// The instance whose held plan it releases.
    pub instance: InstanceName,
    /// The digest of the plan.
    pub digest: String,
    /// Who gave it.
    pub approver: Approver,
    /// When it was given.
    pub at: DateTime<Utc>,
    /// When it expires: a run must begin to use it before that.
    pub expires_at: DateTime<Utc>,
    /// How many changes it releases.
    pub changes: i64,
    /// The run that began to apply it; `None` if none did, or a run of an earlier version, which did not record it.
    pub used_by: Option<RunId>,
    /// When the run began to apply it.
    pub used_at: Option<DateTime<Utc>>,
}

/// Writes an approval that was recorded as this event.
pub(super) async fn remember(
    writer: &mut WriteTransaction,
    event: i64,
    (digest, approver, at): (&Digest, &Approver, DateTime<Utc>),
    released: &[&RecordedApproval],
) -> Result<(), JournalError> {
    let rows = released.iter().map(|approved| {
        let [name, uid, user, login_uid, login] = approver_values(approver);
        [
            event.into(),
            approved.instance.as_str().into(),
            digest.as_str().into(),
            name,
            uid,
            user,
            login_uid,
            login,
            at.timestamp_millis().into(),
            approved.expires_at.timestamp_millis().into(),
            i64::try_from(approved.changes.len()).unwrap_or(i64::MAX).into(),
        ]
    });
    let head = "insert into given_approvals (event, instance, digest, approver, approver_uid, approver_user,
                    approver_login_uid, approver_login_user, at, expires_at, changes)";
    writer.insert(head, rows, "").await
}

/// Writes that a run began to apply the last approval of this digest.
pub(super) async fn used(
    writer: &mut WriteTransaction,
    run: &RunId,
    instance: &InstanceName,
    at: DateTime<Utc>,
    digest: &Digest,
) -> Result<(), JournalError> {
    let sql = "update given_approvals set used_by = $1, used_at = $2
               where instance = $3 and digest = $4 and used_at is null and event = (
                   select max(last.event) from given_approvals last where last.instance = $3 and last.digest = $4)";
    let values = [run.as_str().into(), at.timestamp_millis().into(), instance.as_str().into(), digest.as_str().into()];
    writer.execute(sql, values).await
}

impl Journal {
    /// The given approvals, the last recorded first, at most `limit`.
    pub async fn given_approvals(&self, limit: usize) -> Result<Vec<GivenApproval>, JournalError> {
        let sql = "select instance, digest, at, expires_at, changes, used_by, used_at,
                       approver, approver_uid, approver_user, approver_login_uid, approver_login_user
                   from given_approvals order by event desc, at desc, instance limit $1";
        let rows = self.query().await?.rows(sql, [i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
        rows.iter().map(given).collect()
    }
}

fn given(row: &Row) -> Result<GivenApproval, JournalError> {
    Ok(GivenApproval {
        instance: InstanceName::new(row.text(0)?),
        digest: row.text(1)?,
        at: to_time(row.number(2)?)?,
        expires_at: to_time(row.number(3)?)?,
        changes: row.number(4)?,
        used_by: row.optional_text(5)?.map(RunId::new),
        used_at: to_optional_time(row.optional_number(6)?)?,
        approver: encoding::approver(row, 7)?,
    })
}

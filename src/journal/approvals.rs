//! Approvals of held plans.
//!
//! An approval is *given* until a run applies its first change. Then it is *in use* with the changes that are left of
//! it. When none is left, it is *spent*.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{
    Approval, ApprovalState, ApprovedChange, Approver, BegunApproval, ChangeKey, ChangeKind, Digest, HeldRecord,
    InstanceName, ProductProfileName, RunId, UnfinishedDisablement,
};

use super::{
    Journal, JournalError, RecordedApproval,
    chain::{EventKind, append},
    database::{ReadTransaction, Transaction, Value, WriteTransaction, read_error},
    encoding::{self, approver_values, to_digest, to_key, to_time},
    given_approvals,
    held_plans::{forget_held, held_in, held_record},
    unfinished_disablements::{forget, unfinished_disablements},
};

/// Why nothing was approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// No plan of that digest is held.
    #[error("no held plan has the digest {digest}{}", held_in_words(held))]
    NotHeld {
        /// The requested digest.
        digest: Digest,
        /// The digests of the held plans.
        held: Vec<Digest>,
    },
    /// It was approved before, a run has begun to apply it, and it is not held again.
    #[error("{digest} was already approved by {approver}, and none of its changes is waiting for an approval")]
    AppliedBefore {
        /// The requested digest.
        digest: Digest,
        /// Who approved it.
        approver: Approver,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn held_in_words(held: &[Digest]) -> String {
    match held {
        [] => "; nothing is held".to_owned(),
        held => format!("; held plans: {}", held.iter().map(Digest::as_str).collect::<Vec<_>>().join(", ")),
    }
}

impl Journal {
    /// All held plans, sorted by instance.
    pub async fn held(&self) -> Result<Vec<HeldRecord>, JournalError> {
        let rows = self.query().await?.rows("select instance, digest, at, record from held", []).await?;
        let mut records = rows.iter().map(held_record).collect::<Result<Vec<_>, _>>()?;
        records.sort_by(|a, b| (&a.instance, a.at, &a.digest).cmp(&(&b.instance, b.at, &b.digest)));
        Ok(records)
    }

    /// Records the approval of the held plan with this digest, in every instance that holds it. An approval that the
    /// same approver gave before, and that no run has used yet, is not recorded again.
    pub async fn approve(
        &self,
        digest: &Digest,
        approver: &Approver,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Vec<RecordedApproval>, ApproveError> {
        let records = self.approvable(digest).await?;
        let mut writer = self.begin_write().await?;
        let mut recorded = Vec::new();
        for record in records {
            let before = waiting_approval(&mut writer, &record, approver, at).await?;
            if before.is_none() {
                write_approval(&mut writer, &record, approver, at, expires_at).await?;
            }
            let HeldRecord { instance, run, changes, undo, .. } = record;
            let undo_of = undo.map(|undo| undo.run);
            let (given_before, expires_at) = before.map_or((None, expires_at), |(given, until)| (Some(given), until));
            recorded.push(RecordedApproval { instance, run, changes, expires_at, undo_of, given_before });
        }
        let new: Vec<&RecordedApproval> = recorded.iter().filter(|approved| approved.given_before.is_none()).collect();
        if !new.is_empty() {
            let instances = new.iter().map(|approved| approved.instance.as_str()).collect();
            let body = ApprovalBody { digest: digest.as_str(), instances, approver: approver.to_string() };
            let event = append(&mut writer, None, at, EventKind::Approved, &body).await?.position;
            given_approvals::remember(&mut writer, event, (digest, approver, at), &new).await?;
        }
        writer.commit().await?;
        Ok(recorded)
    }

    /// The held plans with this digest, of all instances, which an approval would release. Never empty.
    pub async fn approvable(&self, digest: &Digest) -> Result<Vec<HeldRecord>, ApproveError> {
        let mut records = self.held().await?;
        if !records.iter().any(|record| record.digest == *digest) {
            if let Some(approver) = self.approver_of_begun(digest).await? {
                return Err(ApproveError::AppliedBefore { digest: digest.clone(), approver });
            }
            let held: BTreeSet<Digest> = records.into_iter().map(|record| record.digest).collect();
            return Err(ApproveError::NotHeld { digest: digest.clone(), held: held.into_iter().collect() });
        }
        records.retain(|record| record.digest == *digest);
        Ok(records)
    }

    /// Who approved the plan with this digest that a run has begun to apply, whether the approval has expired or not.
    async fn approver_of_begun(&self, digest: &Digest) -> Result<Option<Approver>, JournalError> {
        let sql = "select approver, approver_uid, approver_user, approver_login_uid, approver_login_user from approvals
                   where digest = $1 and begun_at is not null order by at desc limit 1";
        let rows = self.query().await?.rows(sql, [digest.as_str().into()]).await?;
        rows.first().map(|row| encoding::approver(row, 0)).transpose()
    }

    /// The approval of this digest that expired, at `now` or before, without being used: who gave it, and when it
    /// expired.
    pub async fn expired_approval(
        &self,
        instance: &InstanceName,
        digest: &Digest,
        now: DateTime<Utc>,
    ) -> Result<Option<(Approver, DateTime<Utc>)>, JournalError> {
        let sql = "select expires_at, approver, approver_uid, approver_user, approver_login_uid, approver_login_user
                   from approvals
                   where instance = $1 and digest = $2 and expires_at <= $3 and begun_at is null";
        let values = [instance.as_str().into(), digest.as_str().into(), now.timestamp_millis().into()];
        let rows = self.query().await?.rows(sql, values).await?;
        rows.first().map(|row| Ok((encoding::approver(row, 1)?, to_time(row.number(0)?)?))).transpose()
    }

    /// Deletes these changes from the approvals in use, the undone changes and the unfinished disablements: they were
    /// made, or are not wanted any more.
    pub async fn spend(&self, instance: &InstanceName, changes: &[ChangeKey]) -> Result<(), JournalError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut writer = self.begin_write().await?;
        spend_in(&mut writer, instance, changes).await?;
        writer.commit().await
    }

    /// Stores the changes that an undo took back: changes that would repeat what an administrator undid.
    pub async fn remember_undone(
        &self,
        instance: &InstanceName,
        run: &RunId,
        changes: &[ChangeKey],
    ) -> Result<(), JournalError> {
        let changes: BTreeSet<&ChangeKey> = changes.iter().collect();
        if changes.is_empty() {
            return Ok(());
        }
        let rows = changes.into_iter().map(|key| {
            let [instance, op, group, operator] = columns(instance, key);
            [instance, op, group, operator, run.as_str().into()]
        });
        let mut writer = self.begin_write().await?;
        let head = "insert into undone (instance, op, group_folded, operator_folded, run)";
        let tail = "on conflict (instance, op, group_folded, operator_folded) do update set run = excluded.run";
        writer.insert(head, rows, tail).await?;
        writer.commit().await
    }
}

pub(super) async fn undone(reader: &mut Transaction, instance: &InstanceName) -> Result<Vec<ChangeKey>, JournalError> {
    let sql = "select op, group_folded, operator_folded from undone where instance = $1";
    let rows = reader.rows(sql, [instance.as_str().into()]).await.map_err(read_error)?;
    let keys: Result<Vec<_>, _> = rows.iter().map(|row| to_key(row.text(0)?, row.folded(1)?, row.folded(2)?)).collect();
    let mut keys = keys?;
    keys.sort();
    Ok(keys)
}

#[derive(Serialize)]
struct ApprovalBody<'a> {
    digest: &'a str,
    instances: Vec<&'a str>,
    approver: String,
}

/// Deletes changes from the approvals in use, the undone changes and the unfinished disablements.
pub(super) async fn spend_in(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    changes: &[ChangeKey],
) -> Result<(), JournalError> {
    // A run has many changes, and few of them were approved or undone.
    let sql = "select c.op, c.group_folded, c.operator_folded from approved_changes c
               join approvals a on a.instance = c.instance and a.digest = c.digest
               where c.instance = $1 and a.begun_at is not null";
    let approved = writer.rows(sql, [instance.as_str().into()]).await?;
    let mut known: HashSet<ChangeKey> = undone(writer.transaction(), instance).await?.into_iter().collect();
    for row in approved {
        known.insert(to_key(row.text(0)?, row.folded(1)?, row.folded(2)?)?);
    }
    let unfinished = unfinished_disablements(writer.transaction(), instance).await?;
    known.extend(unfinished.iter().map(UnfinishedDisablement::key));
    let spent: BTreeSet<&ChangeKey> = changes.iter().filter(|key| known.contains(key)).collect();
    for key in spent {
        for sql in [
            // An approval that no run has begun to apply stays complete, because its digest stands for all of it.
            "delete from approved_changes
             where instance = $1 and op = $2 and group_folded = $3 and operator_folded = $4 and digest in (
                 select a.digest from approvals a where a.instance = $1 and a.begun_at is not null)",
            "delete from undone where instance = $1 and op = $2 and group_folded = $3 and operator_folded = $4",
        ] {
            writer.execute(sql, columns(instance, key)).await?;
        }
        if key.kind == ChangeKind::DisableOperator {
            forget(writer, instance, &key.operator).await?;
        }
    }
    Ok(())
}

fn columns(instance: &InstanceName, key: &ChangeKey) -> [Value; 4] {
    [instance.as_str().into(), key.kind.as_str().into(), (&key.group).into(), (&key.operator).into()]
}

/// When this approver gave the unused approval of this plan, and when it expires; `None` if another approver gave it,
/// it has expired, or a run has begun to apply it.
async fn waiting_approval(
    writer: &mut WriteTransaction,
    record: &HeldRecord,
    approver: &Approver,
    now: DateTime<Utc>,
) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, JournalError> {
    let sql = "select at, expires_at, approver, approver_uid, approver_user, approver_login_uid, approver_login_user
               from approvals
               where instance = $1 and digest = $2 and expires_at > $3 and begun_at is null";
    let values = [record.instance.as_str().into(), record.digest.as_str().into(), now.timestamp_millis().into()];
    let rows = writer.rows(sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if encoding::approver(row, 2)? != *approver {
        return Ok(None);
    }
    Ok(Some((to_time(row.number(0)?)?, to_time(row.number(1)?)?)))
}

async fn write_approval(
    writer: &mut WriteTransaction,
    record: &HeldRecord,
    approver: &Approver,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), JournalError> {
    let (instance, digest) = (record.instance.as_str(), record.digest.as_str());
    let sql = "insert into approvals (instance, digest, at, expires_at, approver, approver_uid, approver_user,
                   approver_login_uid, approver_login_user)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
               on conflict (instance, digest) do update set
                   approver = excluded.approver, approver_uid = excluded.approver_uid,
                   approver_user = excluded.approver_user, approver_login_uid = excluded.approver_login_uid,
                   approver_login_user = excluded.approver_login_user, at = excluded.at,
                   expires_at = excluded.expires_at, begun_at = null";
    let [name, uid, user, login_uid, login] = approver_values(approver);
    let (at, expires_at) = (at.timestamp_millis().into(), expires_at.timestamp_millis().into());
    let values = [instance.into(), digest.into(), at, expires_at, name, uid, user, login_uid, login];
    writer.execute(sql, values).await?;
    let sql = "delete from approved_changes where instance = $1 and digest = $2";
    writer.execute(sql, [instance.into(), digest.into()]).await?;
    let changes: BTreeMap<&ChangeKey, &ProductProfileName> =
        record.changes.iter().map(|change| (&change.key, &change.profile)).collect();
    let rows = changes.into_iter().map(|(key, profile)| {
        let [instance, op, group, operator] = columns(&record.instance, key);
        [instance, digest.into(), op, group, operator, profile.as_str().into()]
    });
    let head = "insert into approved_changes (instance, digest, op, group_folded, operator_folded, profile)";
    writer.insert(head, rows, "").await
}

/// Writes that a run begins to apply an approved plan. The plan is not held any more; if the run dies, the next run
/// continues with the changes that are left.
pub(super) async fn begin(
    writer: &mut WriteTransaction,
    run: &RunId,
    instance: &InstanceName,
    at: DateTime<Utc>,
    begun: BegunApproval<'_>,
) -> Result<(), JournalError> {
    given_approvals::used(writer, run, instance, at, begun.digest).await?;
    let sql = "update approvals set begun_at = $1 where instance = $2 and digest = $3 and begun_at is null";
    let values = [at.timestamp_millis().into(), instance.as_str().into(), begun.digest.as_str().into()];
    writer.execute(sql, values).await?;
    for record in held_in(writer, instance).await? {
        if record.digest == *begun.digest || begun.is_all && record.undo.is_none() {
            forget_held(writer, &record).await?;
        }
    }
    Ok(())
}

/// The approvals that expire after `now`, the oldest first, with the changes that are left of them.
pub(super) async fn approvals_in_force(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    now: DateTime<Utc>,
) -> Result<Vec<Approval>, JournalError> {
    let sql = "select a.digest, a.at, a.begun_at, c.op, c.group_folded, c.operator_folded, c.profile,
                   a.approver, a.approver_uid, a.approver_user, a.approver_login_uid, a.approver_login_user
               from approvals a
               join approved_changes c on c.instance = a.instance and c.digest = a.digest
               where a.instance = $1 and a.expires_at > $2";
    let mut found: BTreeMap<(i64, Digest), Approval> = BTreeMap::new();
    for row in reader.rows(sql, [instance.as_str().into(), now.timestamp_millis().into()]).await? {
        let (digest, approver) = (to_digest(&row.text(0)?)?, encoding::approver(&row, 7)?);
        let state = if row.optional_number(2)?.is_some() { ApprovalState::InUse } else { ApprovalState::Given };
        let change = ApprovedChange {
            key: to_key(row.text(3)?, row.folded(4)?, row.folded(5)?)?,
            profile: ProductProfileName::new(row.text(6)?),
        };
        let given_at = Some(to_time(row.number(1)?)?);
        let none = || Approval { digest: digest.clone(), approver, given_at, state, changes: Vec::new() };
        found.entry((row.number(1)?, digest.clone())).or_insert_with(none).changes.push(change);
    }
    for approval in found.values_mut() {
        approval.changes.sort();
    }
    Ok(found.into_values().collect())
}

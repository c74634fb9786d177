//! The call budget of a credential: the calls of all processes within the last minute.

use chrono::{DateTime, Utc};

use crate::domain::{CALL_WINDOW, CallKind, CallPurpose, OrganizationId, PendingCall, SentCall};

use super::{
    Journal, JournalError, ListingKind,
    call_windows::write_first_page,
    database::{Transaction, WriteTransaction},
    encoding::to_time,
};

/// Key of the advisory lock that prevents two nodes from reserving at once in one `PostgreSQL` database; any constant
/// that no other lock uses.
const RESERVATION_LOCK: i64 = 0x6367_735f_6361_6c6c;

impl Journal {
    /// Reserves one call of the credential `client_id`, to be sent at `now`; otherwise returns when it may be sent. In
    /// the same transaction, a request for page 0 of a listing of `organization` is recorded as made.
    ///
    /// Times later than `now`, which a wrong clock has written, count as `now` from then on.
    pub async fn reserve_call(
        &self,
        client_id: &str,
        organization: &OrganizationId,
        call: &PendingCall,
        now: DateTime<Utc>,
    ) -> Result<Result<(), DateTime<Utc>>, JournalError> {
        if !call.is_counted() && !call.is_first_page {
            return Ok(Ok(()));
        }
        let mut writer = self.begin_write().await?;
        if matches!(writer.transaction(), Transaction::Postgres { .. }) {
            writer.execute("select pg_advisory_xact_lock($1)", [RESERVATION_LOCK.into()]).await?;
        }
        let blocked = if call.is_counted() { counted(&mut writer, client_id, call, now).await? } else { None };
        if blocked.is_none() && call.is_first_page {
            write_first_page(&mut writer, organization, listing(call.kind), Some(now)).await?;
        }
        writer.commit().await?;
        Ok(blocked.map_or(Ok(()), Err))
    }
}

/// Counts the call, or returns when it may be sent.
async fn counted(
    writer: &mut WriteTransaction,
    client_id: &str,
    call: &PendingCall,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, JournalError> {
    let (kind, stamp) = (kind_name(call.kind), now.timestamp_millis());
    writer.execute("update sent_calls set at = $1 where at > $1", [stamp.into()]).await?;
    let oldest = (now - CALL_WINDOW).timestamp_millis();
    writer.execute("delete from sent_calls where at <= $1", [oldest.into()]).await?;
    let sql = "select at, purpose from sent_calls where credential = $1 and kind = $2 order by at";
    let rows = writer.rows(sql, [client_id.into(), kind.into()]).await?;
    let sent = rows
        .iter()
        .map(|row| Ok(SentCall { at: to_time(row.number(0)?)?, purpose: purpose_of(&row.text(1)?) }))
        .collect::<Result<Vec<_>, JournalError>>()?;
    let blocked = call.blocked_until(&sent);
    if blocked.is_none() {
        let sql = "insert into sent_calls (credential, kind, purpose, at) values ($1, $2, $3, $4)";
        let values = [client_id.into(), kind.into(), purpose_name(call.purpose).into(), stamp.into()];
        writer.execute(sql, values).await?;
    }
    Ok(blocked)
}

fn listing(kind: CallKind) -> ListingKind {
    match kind {
        CallKind::Users => ListingKind::Users,
        CallKind::Groups => ListingKind::Groups,
    }
}

fn kind_name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Users => "users",
        CallKind::Groups => "groups",
    }
}

fn purpose_name(purpose: CallPurpose) -> &'static str {
    match purpose {
        CallPurpose::Run => "run",
        CallPurpose::Lookup => "question",
    }
}

fn purpose_of(name: &str) -> CallPurpose {
    if name == purpose_name(CallPurpose::Lookup) { CallPurpose::Lookup } else { CallPurpose::Run }
}

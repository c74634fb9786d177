//! The record of one user, or operator, in one instance.

use crate::domain::{
    AccessRecord, CurrentHold, FoldedName, InstanceName, MembershipPeriod, OperatorGroupName, PastChange, RunId,
};

use super::{
    Journal, JournalError,
    database::{ReadTransaction, Row},
    encoding::{to_optional_time, to_time},
    held_plans::held_by_real_run,
    run_report::Unfinished,
    stored_changes::{StoredChange, change_columns},
};

impl Journal {
    /// Everything that is recorded about the operators with these logins, compared folded: the last `limit` planned
    /// changes, without dry runs; all membership periods in managed groups; and what real runs hold.
    pub async fn operator_record(
        &self,
        instance: &InstanceName,
        logins: &[FoldedName],
        limit: usize,
    ) -> Result<AccessRecord, JournalError> {
        let unfinished = self.unfinished().await?;
        let mut reader = self.begin_read().await?;
        let mut record = AccessRecord::default();
        let mut positioned = Vec::new();
        for login in logins {
            positioned.extend(changes(&mut reader, instance, login, limit, unfinished).await?);
            record.periods.extend(membership_periods(&mut reader, instance, login).await?);
        }
        positioned.sort_by_key(|(position, _)| *position);
        record.is_cut = positioned.len() >= limit.max(1);
        record.changes = positioned.into_iter().map(|(_, change)| change).collect();
        record.held = held(&mut reader, instance, logins).await?;
        Ok(record)
    }
}

/// The position of a run in the order of recording, and that of the change within its plan.
type Position = (i64, i64);

async fn changes(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    login: &FoldedName,
    limit: usize,
    unfinished: Unfinished,
) -> Result<Vec<(Position, PastChange)>, JournalError> {
    let sql = concat!(
        "select ",
        change_columns!(),
        ", changes.run, r.run_outcome, r.scope, r.run_position, position from changes
           join (select run as of_run, mode, scope, outcome as run_outcome, position as run_position from runs) r
               on r.of_run = changes.run
           where instance = $1 and operator_folded = $2 and r.mode = 'apply'
           order by r.run_position desc, position desc limit $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let past = |row: &Row| {
        let change = StoredChange::read(row)?;
        let (run, at) = (RunId::new(row.text(10)?), change.at);
        let change = change.into_report(row.optional_text(11)?.as_deref(), unfinished);
        let position = (row.number(13)?, row.number(14)?);
        Ok((position, PastChange { run, scope: row.optional_text(12)?, at, change }))
    };
    let values = [instance.as_str().into(), login.into(), limit.into()];
    reader.rows(sql, values).await?.iter().map(past).collect()
}

async fn membership_periods(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    login: &FoldedName,
) -> Result<Vec<MembershipPeriod>, JournalError> {
    // The name of the group is the last one in the record.
    let sql = "select s.group_folded, s.since, s.until, s.granted_by, s.ended_by,
                   (select min(g.since) from managed_groups g
                    where g.instance = s.instance and g.group_folded = s.group_folded),
                   (select max(g.until) from managed_groups g
                    where g.instance = s.instance and g.group_folded = s.group_folded and g.until = s.until
                        and not exists (select 1 from managed_groups n where n.instance = g.instance
                            and n.group_folded = g.group_folded and n.since = g.until)),
                   (select g.group_name from managed_groups g
                    where g.instance = s.instance and g.group_folded = s.group_folded order by g.since desc limit 1)
               from stays s where s.instance = $1 and s.login_folded = $2 order by s.since";
    reader.rows(sql, [instance.as_str().into(), login.into()]).await?.iter().map(membership_period).collect()
}

fn membership_period(row: &Row) -> Result<MembershipPeriod, JournalError> {
    let (folded, since) = (row.text(0)?, row.number(1)?);
    Ok(MembershipPeriod {
        group: OperatorGroupName::new(row.optional_text(7)?.unwrap_or(folded)),
        since: to_time(since)?,
        until: to_optional_time(row.optional_number(2)?)?,
        granted_by: row.optional_text(3)?.map(RunId::new),
        ended_by: row.optional_text(4)?.map(RunId::new),
        is_first_sight: row.optional_number(5)? == Some(since),
        ended_with_group: row.optional_number(6)?.is_some(),
    })
}

async fn held(
    reader: &mut ReadTransaction,
    instance: &InstanceName,
    logins: &[FoldedName],
) -> Result<Vec<CurrentHold>, JournalError> {
    let sql = "select instance, digest, at, record, held_since from held where instance = $1";
    let mut held: Vec<CurrentHold> = Vec::new();
    for row in reader.rows(sql, [instance.as_str().into()]).await? {
        let Some((record, since)) = held_by_real_run(&row)? else { continue };
        let of_operator = record.changes.into_iter().filter(|change| logins.contains(&change.key.operator));
        held.extend(of_operator.map(|change| CurrentHold { key: change.key, digest: record.digest.clone(), since }));
    }
    held.sort_by(|one, other| (one.since, &one.digest).cmp(&(other.since, &other.digest)));
    Ok(held)
}

//! Reads what an access review shows of one instance: groups and members, the changes of a period, what the last complete
//! run found, and operators to look at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::{
    ChangeReport, FoldedName, GrantRecord, GroupRecord, InstanceReport, MemberRecord, OperatorsRecord, Outcome,
    PeriodRecord, ReadRecord,
};

use super::{
    JournalError, MemberDetail,
    database::{ReadTransaction, Row, Transaction, read_error},
    encoding::{from_json, to_optional_time, to_time},
    instance_plans::report_column,
    membership_periods::of_change,
    seen_operators::{StoredOperator, each_operator},
    stored_changes::{StoredChange, change_columns},
};

/// The rows of `managed_groups` of one instance, by folded name, each in the order of time.
pub(super) struct GroupRows(BTreeMap<FoldedName, Vec<GroupRow>>);

/// A time in which a group was managed under one name and one profile.
struct GroupRow {
    name: String,
    profile: String,
    since: i64,
    until: Option<i64>,
}

impl GroupRows {
    pub(super) async fn read(transaction: &mut Transaction, instance: &str) -> Result<Self, JournalError> {
        let sql = "select group_folded, group_name, profile, since, until from managed_groups
                   where instance = $1 order by since, until is null";
        let mut rows: BTreeMap<FoldedName, Vec<GroupRow>> = BTreeMap::new();
        for row in transaction.rows(sql, [instance.into()]).await.map_err(read_error)? {
            let (name, profile) = (row.text(1)?, row.text(2)?);
            let group = GroupRow { name, profile, since: row.number(3)?, until: row.optional_number(4)? };
            rows.entry(row.folded(0)?).or_default().push(group);
        }
        Ok(Self(rows))
    }

    /// The names of the groups that ceased to be managed after this time, and are not managed now.
    pub(super) fn former(&self, since: Option<DateTime<Utc>>) -> Vec<String> {
        let since = since.map_or(i64::MIN, |since| since.timestamp_millis());
        let ceased = self.0.values().filter_map(|rows| {
            let is_managed = rows.iter().any(|row| row.until.is_none());
            let until = rows.iter().filter_map(|row| row.until).max()?;
            (!is_managed && until > since).then(|| rows.last().map(|row| row.name.clone()))?
        });
        ceased.collect()
    }

    /// The last name of the group; the folded one where it is not recorded.
    fn name(&self, folded: &FoldedName) -> String {
        let last = self.0.get(folded).and_then(|rows| rows.last());
        last.map_or_else(|| folded.as_str().to_owned(), |row| row.name.clone())
    }

    /// Whether a membership with this beginning was there when the group was first seen.
    fn is_first_sight(&self, folded: &FoldedName, since: i64) -> bool {
        self.0.get(folded).is_some_and(|rows| rows.iter().map(|row| row.since).min() == Some(since))
    }

    /// Whether the group ceased to be managed at this time. A new name or profile of the group begins a row at the time at
    /// which the row before it ends.
    fn ended_at(&self, folded: &FoldedName, until: i64) -> bool {
        self.0.get(folded).is_some_and(|rows| {
            rows.iter().any(|row| row.until == Some(until)) && !rows.iter().any(|row| row.since == until)
        })
    }
}

/// The groups that are managed now with their members, by folded names.
pub(super) async fn groups_now(
    transaction: &mut Transaction,
    instance: &str,
    rows: &GroupRows,
    detail: MemberDetail,
) -> Result<Vec<GroupRecord>, JournalError> {
    let mut groups: BTreeMap<&FoldedName, GroupRecord> = BTreeMap::new();
    for (folded, rows) in &rows.0 {
        let (Some(open), Some(first)) = (rows.iter().rfind(|row| row.until.is_none()), rows.first()) else { continue };
        let group = GroupRecord {
            folded: folded.clone(),
            group: open.name.clone(),
            profile: open.profile.clone(),
            since: to_time(first.since)?,
            members: Vec::new(),
        };
        groups.insert(folded, group);
    }
    let sql = match detail {
        MemberDetail::Login => {
            "select group_folded, login_folded, login, since from stays where instance = $1 and until is null"
        }
        MemberDetail::Cause => concat!(
            "select s.group_folded, s.login_folded, s.login, s.since, s.granted_by, ",
            of_change!("profile", "granted_by", "add"),
            ", coalesce(s.approved_by, ",
            of_change!("approved_by", "granted_by", "add"),
            ") from stays s where s.instance = $1 and s.until is null"
        ),
    };
    for row in transaction.rows(sql, [instance.into()]).await.map_err(read_error)? {
        if let Some(group) = groups.get_mut(&row.folded(0)?) {
            group.members.push(MemberRecord {
                folded: row.folded(1)?,
                login: row.text(2)?,
                since: to_time(row.number(3)?)?,
                granted: match detail {
                    MemberDetail::Login => GrantRecord::default(),
                    MemberDetail::Cause => grant(&row, 4)?,
                },
            });
        }
    }
    Ok(groups.into_values().map(sorted).collect())
}

/// Members by folded login, each once: of a membership that an earlier version stored twice, the first one.
fn sorted(mut group: GroupRecord) -> GroupRecord {
    group.members.sort_by(|one, other| (&one.folded, one.since).cmp(&(&other.folded, other.since)));
    group.members.dedup_by(|later, first| later.folded == first.folded);
    group
}

/// Reads the run, the profile and the approver of a change.
fn grant(row: &Row, at: usize) -> Result<GrantRecord, JournalError> {
    Ok(GrantRecord {
        run: row.optional_text(at)?,
        profile: row.optional_text(at + 1)?,
        approved_by: row.optional_text(at + 2)?,
    })
}

/// The memberships that began or ended after `since`; all for `None`.
pub(super) async fn periods(
    reader: &mut ReadTransaction,
    instance: &str,
    groups: &GroupRows,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<PeriodRecord>, JournalError> {
    let sql = concat!(
        "select s.group_folded, s.login, s.since, s.until, s.granted_by, ",
        of_change!("profile", "granted_by", "add"),
        ", coalesce(s.approved_by, ",
        of_change!("approved_by", "granted_by", "add"),
        "), s.ended_by, ",
        of_change!("profile", "ended_by", "remove"),
        ", ",
        of_change!("approved_by", "ended_by", "remove"),
        " from stays s where s.instance = $1 and (s.since > $2 or s.until > $2)"
    );
    let since = since.map_or(i64::MIN, |since| since.timestamp_millis());
    let period = |row: &Row| {
        let (group, began, until) = (row.folded(0)?, row.number(2)?, row.optional_number(3)?);
        Ok(PeriodRecord {
            group: groups.name(&group),
            login: row.text(1)?,
            since: to_time(began)?,
            until: to_optional_time(until)?,
            is_first_sight: groups.is_first_sight(&group, began),
            ended_with_group: until.is_some_and(|until| groups.ended_at(&group, until)),
            granted: grant(row, 4)?,
            ended: grant(row, 7)?,
        })
    };
    reader.rows(sql, [instance.into(), since.into()]).await?.iter().map(period).collect()
}

/// What the last run over everything found that read the instance completely.
pub(super) async fn last_complete_read(
    reader: &mut ReadTransaction,
    instance: &str,
) -> Result<Option<ReadRecord>, JournalError> {
    let sql = concat!(
        "select r.run, plans.at, ",
        report_column!(),
        ", coalesce(plans.same_as, r.run), r.position from runs r join plans on plans.run = r.run
         where plans.instance = $1 and plans.ended_at is not null and r.scope is null and r.position < $2
         order by r.position desc limit 1"
    );
    let mut before = i64::MAX;
    loop {
        let rows = reader.rows(sql, [instance.into(), before.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let report: InstanceReport = from_json(&row.text(2)?, "a plan")?;
        if !is_complete(report.outcome) {
            before = row.number(4)?;
            continue;
        }
        let removals = removals(reader, &row.text(3)?, instance).await?;
        return Ok(Some(ReadRecord { run: row.text(0)?, at: to_time(row.number(1)?)?, report, removals }));
    }
}

/// Whether a run with this outcome has read the instance and the organization completely.
fn is_complete(outcome: Outcome) -> bool {
    match outcome {
        Outcome::InSync | Outcome::ChangesPending | Outcome::Applied | Outcome::Partial | Outcome::Held => true,
        Outcome::Incomplete
        | Outcome::Throttled
        | Outcome::Unavailable
        | Outcome::Locked
        | Outcome::Refused
        | Outcome::Misconfigured
        | Outcome::Failed
        | Outcome::Interrupted => false,
    }
}

/// The removals of a plan that were not made.
async fn removals(reader: &mut ReadTransaction, run: &str, instance: &str) -> Result<Vec<ChangeReport>, JournalError> {
    let sql = concat!(
        "select ",
        change_columns!(),
        " from changes where run = $1 and instance = $2 and op = 'remove' and outcome not in ('applied', 'already')
          order by position"
    );
    let rows = reader.rows(sql, [run.into(), instance.into()]).await?;
    rows.iter().map(|row| Ok(StoredChange::read(row)?.report)).collect()
}

/// The operators that are disabled or in no group; `None` where no run has stored that of all operators.
pub(super) async fn operators(
    reader: &mut ReadTransaction,
    instance: &str,
) -> Result<Option<OperatorsRecord>, JournalError> {
    let (mut without_group, mut disabled, mut is_stored) = (BTreeSet::new(), BTreeSet::new(), false);
    let visit = |operator: StoredOperator<'_>| {
        is_stored = true;
        if operator.disabled {
            disabled.insert(operator.login.into_owned());
        } else if operator.in_groups == 0 {
            without_group.insert(operator.login.into_owned());
        }
    };
    each_operator(reader, instance, visit).await?;
    let sorted = |logins: BTreeSet<String>| logins.into_iter().collect();
    let record = || OperatorsRecord { without_group: sorted(without_group), disabled: sorted(disabled) };
    Ok(is_stored.then(record))
}

//! The access record: who was in which managed group, and when. Each period of a membership has a beginning and an end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::domain::{FoldedName, RunId};

use super::{
    Journal, JournalError, database::ReadTransaction, encoding::to_time, membership_periods::LOGINS_A_CHUNK,
    reviewed_access::of_change,
};

/// Who is in the managed groups of one instance. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceAccess {
    /// The instance.
    pub name: String,
    /// Its managed groups, sorted by name.
    pub groups: Vec<GroupAccess>,
}

/// Who is in one group. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupAccess {
    /// The group.
    pub group: String,
    /// The product profile that it follows.
    #[serde(skip)]
    pub profile: String,
    /// Its members, sorted by login.
    pub members: Vec<MemberAccess>,
}

/// One membership. Its JSON form is the login.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberAccess {
    /// The operator.
    pub login: String,
    /// When the membership was first seen.
    pub since: DateTime<Utc>,
    /// The run that granted it; `None` if it was made in Campaign, or by a run of an earlier version.
    pub granted_by: Option<RunId>,
    /// Who approved the grant, if an approval released it and this was asked for.
    pub approved_by: Option<String>,
}

impl GroupAccess {
    /// The logins of its members, sorted.
    pub fn logins(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.login.as_str())
    }
}

impl Serialize for MemberAccess {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.login)
    }
}

/// What is read of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberDetail {
    /// The login and the beginning.
    Login,
    /// Also what the change that made it records.
    Cause,
}

impl Journal {
    /// Who was in which managed group at that time, by instance and group; empty before the first run. From `now` on,
    /// it is the last observation, whatever the clock showed at that time.
    pub async fn access(
        &self,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        detail: MemberDetail,
    ) -> Result<Vec<InstanceAccess>, JournalError> {
        let mut reader = self.begin_read().await?;
        let at = if at < now { at.timestamp_millis() } else { i64::MAX };
        let mut instances: BTreeMap<String, BTreeMap<FoldedName, GroupAccess>> = BTreeMap::new();
        let sql = "select instance, group_folded, group_name, profile from managed_groups
                   where since <= $1 and (until is null or until > $1)";
        for row in reader.rows(sql, [at.into()]).await? {
            let group = GroupAccess { group: row.text(2)?, profile: row.text(3)?, members: Vec::new() };
            instances.entry(row.text(0)?).or_default().insert(row.folded(1)?, group);
        }
        for (name, groups) in &mut instances {
            for (folded, group) in groups {
                group.members = open_at(&mut reader, (name, folded), at, detail).await?;
            }
        }
        for (name, group, member) in ended_after(&mut reader, at, detail).await? {
            if let Some(group) = instances.get_mut(&name).and_then(|groups| groups.get_mut(&group)) {
                group.members.push(member);
            }
        }
        let access = |(name, groups): (String, BTreeMap<FoldedName, GroupAccess>)| InstanceAccess {
            name,
            groups: groups.into_values().map(sorted).collect(),
        };
        Ok(instances.into_iter().map(access).collect())
    }
}

/// The columns of a membership: instance, folded group, folded login, login, beginning, run and approver.
type StoredMembership = (String, String, String, String, i64, Option<String>, Option<String>);

const MEMBERSHIP_COLUMNS: &str = "instance, group_folded, login_folded, login, since, granted_by, approved_by";

/// The statement that reads memberships on this condition; with the approvers only for [`MemberDetail::Cause`], because
/// to find them takes longer than all the rest.
macro_rules! memberships {
    ($detail:expr, $condition:literal) => {
        match $detail {
            MemberDetail::Login => memberships!(@approver ["null"], $condition),
            MemberDetail::Cause => memberships!(
                @approver ["coalesce(s.approved_by, ", of_change!("approved_by", "granted_by", "add"), ")"],
                $condition
            ),
        }
    };
    (@approver [$($approver:tt)*], $condition:literal) => {
        concat!(
            "select instance, group_folded, login_folded, login, since, granted_by, ",
            $($approver)*,
            " as approved_by from stays s where ",
            $condition
        )
    };
}

/// The members of a group at that time who are in it now.
async fn open_at(
    reader: &mut ReadTransaction,
    (instance, group): (&str, &FoldedName),
    at: i64,
    detail: MemberDetail,
) -> Result<Vec<MemberAccess>, JournalError> {
    let sql = memberships!(
        detail,
        "instance = $1 and group_folded = $2 and until is null and login_folded > $3 and since <= $4
         order by login_folded limit $5"
    );
    let (mut members, mut last) = (Vec::new(), String::new());
    loop {
        let values = [instance.into(), group.into(), last.as_str().into(), at.into(), LOGINS_A_CHUNK.into()];
        let rows: Vec<StoredMembership> = reader.chunk((MEMBERSHIP_COLUMNS, sql), values).await?;
        match rows.last() {
            Some((_, _, login_folded, ..)) => last.clone_from(login_folded),
            None => return Ok(members),
        }
        for row in rows {
            members.push(membership(row)?.2);
        }
    }
}

/// The memberships of that time that have ended since, with the names of their instances and groups.
async fn ended_after(
    reader: &mut ReadTransaction,
    at: i64,
    detail: MemberDetail,
) -> Result<Vec<(String, FoldedName, MemberAccess)>, JournalError> {
    let sql = memberships!(detail, "since <= $1 and until > $1");
    let rows: Vec<StoredMembership> = reader.chunk((MEMBERSHIP_COLUMNS, sql), [at.into()]).await?;
    rows.into_iter().map(membership).collect()
}

fn membership(row: StoredMembership) -> Result<(String, FoldedName, MemberAccess), JournalError> {
    let (instance, group, _, login, since, granted_by, approved_by) = row;
    let member = MemberAccess { login, since: to_time(since)?, granted_by: granted_by.map(RunId::new), approved_by };
    Ok((instance, FoldedName::stored(group), member))
}

/// Each login once, sorted.
fn sorted(mut group: GroupAccess) -> GroupAccess {
    group.members.sort();
    group.members.dedup_by(|later, first| later.login == first.login);
    group
}

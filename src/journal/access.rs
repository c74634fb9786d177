//! The access record: who was in which managed group, and when. Each period of a membership has a beginning and an end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::RunId;

use super::{
    Journal, JournalError,
    database::{ChunkText, ReadTransaction},
    encoding::to_time,
    membership_periods::{LOGINS_A_CHUNK, of_change},
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
    /// The run that granted it; `None` if it was made in Campaign, or by a run of an earlier version. Read for
    /// [`MemberDetail::Cause`] only.
    pub granted_by: Option<RunId>,
    /// Who approved the grant, if an approval released it. Read for [`MemberDetail::Cause`] only.
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
    /// Also the run that granted the membership, and what is recorded about that change.
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
        // By instance and folded name.
        let mut instances: BTreeMap<String, BTreeMap<String, GroupAccess>> = BTreeMap::new();
        let sql = "select instance, group_folded, group_name, profile from managed_groups
                   where since <= $1 and (until is null or until > $1)";
        for row in reader.rows(sql, [at.into()]).await? {
            let group = GroupAccess { group: row.text(2)?, profile: row.text(3)?, members: Vec::new() };
            instances.entry(row.text(0)?).or_default().insert(row.text(1)?, group);
        }
        if instances.is_empty() {
            return Ok(Vec::new());
        }
        let mut add = |row: StoredMembership<'_>| {
            let instance = instances.get_mut(&*row.instance);
            if let Some(group) = instance.and_then(|groups| groups.get_mut(&*row.group_folded)) {
                let (login, since) = (row.login, to_time(row.since)?);
                let granted_by = row.granted_by.map(RunId::new);
                group.members.push(MemberAccess { login, since, granted_by, approved_by: row.approved_by });
            }
            Ok(())
        };
        open_then(&mut reader, at, detail, &mut add).await?;
        ended_since(&mut reader, at, detail, &mut add).await?;
        let access = |(name, groups): (_, BTreeMap<_, _>)| InstanceAccess {
            name,
            groups: groups.into_values().map(sorted).collect(),
        };
        Ok(instances.into_iter().map(access).collect())
    }
}

/// A membership as it is read, in the order of its columns.
#[derive(Deserialize)]
struct StoredMembership<'t> {
    #[serde(borrow)]
    instance: ChunkText<'t>,
    #[serde(borrow)]
    group_folded: ChunkText<'t>,
    #[serde(borrow)]
    login_folded: ChunkText<'t>,
    login: String,
    since: i64,
    until: Option<i64>,
    granted_by: Option<String>,
    approved_by: Option<String>,
}

const MEMBERSHIP_COLUMNS: &str = "instance, group_folded, login_folded, login, since, until, granted_by, approved_by";

/// The statement that reads memberships on this condition; with runs and approvers only for [`MemberDetail::Cause`]:
/// nothing else shows them, and finding approvers takes longer than everything else.
macro_rules! memberships {
    ($detail:expr, $condition:literal) => {
        match $detail {
            MemberDetail::Login => memberships!(@cause ["null as granted_by, null"], $condition),
            MemberDetail::Cause => memberships!(
                @cause ["granted_by, coalesce(s.approved_by, ", of_change!("approved_by", "granted_by", "add"), ")"],
                $condition
            ),
        }
    };
    (@cause [$($cause:tt)*], $condition:literal) => {
        concat!(
            "select instance, group_folded, login_folded, login, since, until, ",
            $($cause)*,
            " as approved_by from stays s where ",
            $condition
        )
    };
}

/// Reads the memberships that were open at that time and still are. A membership that an earlier version opened twice
/// may be read once.
async fn open_then(
    reader: &mut ReadTransaction,
    at: i64,
    detail: MemberDetail,
    mut add: impl FnMut(StoredMembership<'_>) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let sql = memberships!(
        detail,
        "until is null and (instance, group_folded, login_folded) > ($1, $2, $3) and since <= $4
         order by instance, group_folded, login_folded limit $5"
    );
    let mut last = ["", "", ""].map(str::to_owned);
    loop {
        let [instance, group, login] = last.each_ref().map(|name| name.as_str().into());
        let values = [instance, group, login, at.into(), LOGINS_A_CHUNK.into()];
        let chunk = reader.chunk((MEMBERSHIP_COLUMNS, sql), values).await?;
        let rows: Vec<StoredMembership<'_>> = chunk.rows()?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = [&row.instance, &row.group_folded, &row.login_folded].map(|name| name.to_string());
        rows.into_iter().try_for_each(&mut add)?;
    }
}

/// Reads the memberships that were open at that time and have ended since.
async fn ended_since(
    reader: &mut ReadTransaction,
    at: i64,
    detail: MemberDetail,
    mut add: impl FnMut(StoredMembership<'_>) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let sql = memberships!(detail, "until >= $1 and since <= $2 order by until limit $3");
    let (mut from, mut limit) = (at.saturating_add(1), LOGINS_A_CHUNK);
    loop {
        let chunk = reader.chunk((MEMBERSHIP_COLUMNS, sql), [from.into(), at.into(), limit.into()]).await?;
        let mut rows: Vec<StoredMembership<'_>> = chunk.rows()?;
        let Some(last) = rows.last().and_then(|row| row.until) else { return Ok(()) };
        if rows.len() < usize::try_from(limit).unwrap_or_default() {
            return rows.into_iter().try_for_each(add);
        }
        // The limit may cut off others that ended at the last time: all of that time are read again from there, at once if
        // they are more. To sort them further would take longer than to read them twice.
        rows.truncate(rows.partition_point(|row| row.until < Some(last)));
        (from, limit) = (last, if rows.is_empty() { limit.saturating_mul(2) } else { LOGINS_A_CHUNK });
        rows.into_iter().try_for_each(&mut add)?;
    }
}

/// Each login once, sorted.
fn sorted(mut group: GroupAccess) -> GroupAccess {
    group.members.sort();
    group.members.dedup_by(|later, first| later.login == first.login);
    group
}

//! The access record: who was in which managed group, and when. Each period of a membership has a beginning and an end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::{
    ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, FoldedName, GroupObservation, InstanceName, ObservedGroups,
    OperatorLogin, RunId, SharedText,
};

use super::{
    Journal, JournalError,
    chain::{EventKind, EventRecorder},
    database::{ReadTransaction, Value, WriteTransaction},
    encoding::to_time,
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

/// Most logins that are read at once.
const LOGINS_A_CHUNK: i64 = 10_000;

/// With so many memberships, a difference is recorded, and the groups that are left follow in another event: the text of
/// an event is in memory several times while it is written.
const MEMBERSHIPS_AN_EVENT: usize = 10_000;

/// The difference between an observation of Campaign and the access record. It has each group as a whole: an event shows
/// by itself whether its group was seen for the first time.
#[derive(Default)]
struct ObservedDifference<'a> {
    managed: Vec<&'a GroupObservation>,
    unmanaged: Vec<FoldedName>,
    came: Vec<(FoldedName, &'a OperatorLogin)>,
    left: Vec<(FoldedName, FoldedName)>,
}

/// The changes of the access record by an observation, as an event stores them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccessDifference {
    pub(super) instance: String,
    /// Groups with the profile that they follow now.
    pub(super) managed: Vec<(SharedText, SharedText)>,
    /// Folded names of groups that follow no profile any more.
    pub(super) unmanaged: Vec<SharedText>,
    /// Folded names of groups with the login of a new member.
    pub(super) came: Vec<(SharedText, SharedText)>,
    /// Folded names of groups with the folded login of a former member.
    pub(super) left: Vec<(SharedText, SharedText)>,
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

/// Records who was seen in the managed groups: a new member begins a period that no run granted, and a missing one ends
/// its period. Groups that are not observed are not managed any more, if all groups were observed.
///
/// The groups are compared and recorded one after the other: all memberships of a large instance at once would be most
/// of the memory of a run.
pub(super) async fn observe(
    recorder: &mut EventRecorder<'_>,
    observed: &ObservedGroups<'_>,
) -> Result<(), JournalError> {
    let instance = observed.instance;
    let managed = open_groups(recorder.writer, instance).await?;
    let with_members = groups_with_members(recorder.writer, instance).await?;
    let mut groups: BTreeMap<FoldedName, Option<&GroupObservation>> =
        observed.groups.iter().map(|group| (group.group.folded(), Some(group))).collect();
    if observed.is_all {
        for former in managed.keys().chain(&with_members) {
            groups.entry(former.clone()).or_default();
        }
    }
    let mut difference = ObservedDifference::default();
    for (name, group) in &groups {
        let known = (managed.get(name), with_members.contains(name));
        difference.add(recorder.writer, instance, (name, *group), known).await?;
        if difference.memberships() >= MEMBERSHIPS_AN_EVENT {
            std::mem::take(&mut difference).record(recorder, instance).await?;
        }
    }
    difference.record(recorder, instance).await
}

/// Writes which memberships a run granted and removed.
pub(super) async fn settle(
    writer: &mut WriteTransaction,
    run: &RunId,
    at: DateTime<Utc>,
    instance: &InstanceName,
    changes: &[ChangeReport],
) -> Result<(), JournalError> {
    let mut begun: Vec<[Value; 5]> = Vec::new();
    let mut ended: BTreeMap<(i64, Option<&str>), Vec<Membership>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for change in changes.iter().filter(|change| change.outcome.is_in_place()) {
        let at = change.at.unwrap_or(at).timestamp_millis();
        // A change that Campaign already held before the write was not made by this run.
        let run = (change.outcome == ChangeOutcome::Applied).then(|| run.as_str());
        let key = change.key();
        if !seen.insert(key.clone()) {
            continue;
        }
        let ChangeKey { kind, group, operator } = key;
        let login = change.operator.as_deref().unwrap_or_default();
        match kind {
            ChangeKind::Add => {
                let run = run.map(str::to_owned).into();
                begun.push([group.into(), operator.into(), login.into(), at.into(), run]);
            }
            ChangeKind::Remove => ended.entry((at, run)).or_default().push((group, operator)),
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
        }
    }
    begin_periods(writer, instance, begun).await?;
    for ((at, run), memberships) in ended {
        end_periods(writer, instance, memberships, (at, run.map(str::to_owned).into())).await?;
    }
    Ok(())
}

/// The folded names of a group and an operator.
type Membership = (FoldedName, FoldedName);

/// Begins the given memberships (group, folded login, login, time, run), unless they are open already.
const BEGIN_PERIODS: (&str, &str) = (
    "insert into stays (instance, group_folded, login_folded, login, since, granted_by)
     select $1, given.column1, given.column2, given.column3, given.column4, given.column5 from (",
    ") as given where not exists (
        select 1 from stays open where open.instance = $1 and open.group_folded = given.column1
            and open.login_folded = given.column2 and open.until is null)",
);

/// Ends the given memberships (group, folded login, instance). If the clock was set back, a period ends when it began,
/// not earlier. The instance is a column of every row: compared with a single value, `SQLite` would rather read every
/// membership of the instance for each row.
const END_PERIODS: (&str, &str) = (
    "update stays set until = case when since > $1 then since else $1 end, ended_by = $2 from (",
    ") as given where instance = given.column3 and until is null
                and group_folded = given.column1 and login_folded = given.column2",
);

/// Begins memberships, by group, folded login, login, time and run; not those that are open already.
async fn begin_periods(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    memberships: Vec<[Value; 5]>,
) -> Result<(), JournalError> {
    writer.for_rows(BEGIN_PERIODS, [instance.as_str().into()], memberships).await.map(drop)
}

/// Ends memberships at this time, by this run.
async fn end_periods(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    memberships: Vec<Membership>,
    (at, run): (i64, Value),
) -> Result<(), JournalError> {
    let rows = memberships.into_iter();
    let rows = rows.map(|(group, operator)| [group.into(), operator.into(), instance.as_str().into()]);
    writer.for_rows(END_PERIODS, [at.into(), run], rows).await.map(drop)
}

/// Spelling and profile of the groups that are managed now, by folded name.
async fn open_groups(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
) -> Result<BTreeMap<FoldedName, (String, String)>, JournalError> {
    let sql = "select group_folded, group_name, profile from managed_groups where instance = $1 and until is null";
    let rows = writer.rows(sql, [instance.as_str().into()]).await?;
    rows.iter().map(|row| Ok((row.folded(0)?, (row.text(1)?, row.text(2)?)))).collect()
}

/// The folded names of the groups with open memberships.
async fn groups_with_members(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
) -> Result<BTreeSet<FoldedName>, JournalError> {
    let sql = "select distinct group_folded from stays where instance = $1 and until is null";
    let rows = writer.rows(sql, [instance.as_str().into()]).await?;
    rows.iter().map(|row| row.folded(0)).collect()
}

/// Passes the folded login of each open membership of a group to `visit`.
async fn open_members(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    group: &FoldedName,
    mut visit: impl FnMut(&str),
) -> Result<(), JournalError> {
    let sql = "select login_folded from stays
               where instance = $1 and group_folded = $2 and until is null and login_folded > $3
               order by login_folded limit $4";
    let mut last = String::new();
    loop {
        let values = [instance.as_str().into(), group.into(), last.as_str().into(), LOGINS_A_CHUNK.into()];
        let logins: Vec<(String,)> = writer.chunk(("login_folded", sql), values).await?;
        for (login,) in &logins {
            visit(login);
        }
        match logins.into_iter().next_back() {
            Some((login,)) => last = login,
            None => return Ok(()),
        }
    }
}

impl<'a> ObservedDifference<'a> {
    /// Adds how a group differs from the access record, which has this spelling and profile for it and says whether it
    /// has members; `None` for a group that is not managed any more.
    async fn add(
        &mut self,
        writer: &mut WriteTransaction,
        instance: &InstanceName,
        (name, group): (&FoldedName, Option<&'a GroupObservation>),
        (known, has_members): (Option<&(String, String)>, bool),
    ) -> Result<(), JournalError> {
        match group {
            // A new spelling, or another profile, begins a new row of the record.
            Some(group) => {
                let is_known = known.is_some_and(|(spelling, profile)| {
                    spelling == group.group.as_str() && profile == group.profile.as_str()
                });
                self.managed.extend((!is_known).then_some(group));
            }
            None => self.unmanaged.extend(known.map(|_| name.clone())),
        }
        let logins = group.map(|group| group.members.as_slice()).unwrap_or_default();
        let mut members: Vec<(FoldedName, &OperatorLogin)> =
            logins.iter().rev().map(|login| (login.folded(), login)).collect();
        // Of two spellings of one login, the last one counts.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        members.dedup_by(|(later, _), (first, _)| later == first);
        let mut is_recorded = vec![false; members.len()];
        if has_members {
            let visit = |login: &str| match members.binary_search_by(|(member, _)| member.as_str().cmp(login)) {
                Ok(at) => is_recorded.iter_mut().skip(at).take(1).for_each(|mark| *mark = true),
                Err(_) => self.left.push((name.clone(), FoldedName::stored(login))),
            };
            open_members(writer, instance, name, visit).await?;
            // A membership that an earlier version opened twice ends once in the event.
            self.left.dedup();
        }
        let came = members.into_iter().zip(is_recorded).filter(|(_, is_recorded)| !is_recorded);
        self.came.extend(came.map(|((_, login), _)| (name.clone(), login)));
        Ok(())
    }

    /// The number of memberships.
    fn memberships(&self) -> usize {
        self.came.len() + self.left.len()
    }

    fn is_empty(&self) -> bool {
        self.managed.is_empty() && self.unmanaged.is_empty() && self.memberships() == 0
    }

    /// Records the difference, if there is any.
    async fn record(self, recorder: &mut EventRecorder<'_>, instance: &InstanceName) -> Result<(), JournalError> {
        if self.is_empty() {
            return Ok(());
        }
        let event = self.to_event(instance);
        self.write(recorder.writer, instance, recorder.at.timestamp_millis()).await?;
        recorder.append(EventKind::Observed, &event).await
    }

    /// The event form of the difference.
    fn to_event(&self, instance: &InstanceName) -> AccessDifference {
        let group = |group: &&GroupObservation| (group.group.to_shared(), group.profile.to_shared());
        let came = |(group, login): &(FoldedName, &OperatorLogin)| (group.to_shared(), login.to_shared());
        let left = |(group, login): &Membership| (group.to_shared(), login.to_shared());
        AccessDifference {
            instance: instance.to_string(),
            managed: self.managed.iter().map(group).collect(),
            unmanaged: self.unmanaged.iter().map(FoldedName::to_shared).collect(),
            came: self.came.iter().map(came).collect(),
            left: self.left.iter().map(left).collect(),
        }
    }

    async fn write(self, writer: &mut WriteTransaction, name: &InstanceName, at: i64) -> Result<(), JournalError> {
        let instance = || Value::from(name.as_str());
        // If the clock was set back, the period ends when it began, not earlier.
        let close = "update managed_groups set until = case when since > $1 then since else $1 end
                     where instance = $2 and group_folded = $3 and until is null";
        let renewed = self.managed.iter().map(|group| group.group.folded());
        for group in self.unmanaged.into_iter().chain(renewed) {
            writer.execute(close, [at.into(), instance(), group.into()]).await?;
        }
        end_periods(writer, name, self.left, (at, Value::Text(None))).await?;
        let managed = self.managed.iter().map(|group| {
            let (name, profile) = (group.group.as_str(), group.profile.as_str());
            [instance(), group.group.folded().into(), name.into(), profile.into(), at.into()]
        });
        let head = "insert into managed_groups (instance, group_folded, group_name, profile, since)";
        writer.insert(head, managed, "").await?;
        let came = self
            .came
            .into_iter()
            .map(|(group, login)| [instance(), group.into(), login.folded().into(), login.as_str().into(), at.into()]);
        writer.insert("insert into stays (instance, group_folded, login_folded, login, since)", came, "").await
    }
}

#[cfg(test)]
mod tests {
    use super::{super::database::plans::is_searched_by, *};

    #[tokio::test]
    async fn an_open_membership_is_found_by_its_group_and_login() {
        let index = "stays_open (instance=? AND group_folded=? AND login_folded=?)";
        is_searched_by(index, BEGIN_PERIODS, ["i".into()]).await;
        is_searched_by(index, END_PERIODS, [1.into(), "run".into()]).await;
    }
}

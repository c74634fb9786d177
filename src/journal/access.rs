//! The access record: who was in which managed group, and when. Each period of a membership has a beginning and an end.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::{
    ChangeKey, ChangeKind, ChangeOutcome, ChangeReport, FoldedName, GroupObservation, InstanceName, ObservedGroups,
    OperatorLogin, RunId,
};

use super::{
    Journal, JournalError,
    database::{Row, Value, WriteTransaction},
    encoding::to_time,
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
    /// Who approved the grant, if an approval released it.
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

/// The open memberships of one group: the logins of its members, by folded login.
type LoginsByFoldedName = HashMap<FoldedName, String>;

/// The difference between an observation of Campaign and the access record.
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
    pub(super) managed: Vec<(String, String)>,
    /// Folded names of groups that follow no profile any more.
    pub(super) unmanaged: Vec<String>,
    /// Folded names of groups with the login of a new member.
    pub(super) came: Vec<(String, String)>,
    /// Folded names of groups with the folded login of a former member.
    pub(super) left: Vec<(String, String)>,
}

impl Journal {
    /// Who was in which managed group at that time, by instance and group; empty before the first run. From `now` on,
    /// it is the last observation, whatever the clock showed at that time.
    pub async fn access(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<InstanceAccess>, JournalError> {
        let mut reader = self.begin_read().await?;
        let at = if at < now { at.timestamp_millis() } else { i64::MAX };
        let mut instances: BTreeMap<String, BTreeMap<FoldedName, GroupAccess>> = BTreeMap::new();
        let sql = "select instance, group_folded, group_name, profile from managed_groups
                   where since <= $1 and (until is null or until > $1)";
        for row in reader.rows(sql, [at.into()]).await? {
            instances.entry(row.text(0)?).or_default().insert(row.folded(1)?, group_access(&row)?);
        }
        let sql = "select s.instance, s.group_folded, s.login, s.since, s.granted_by,
                       coalesce(s.approved_by, (select c.approved_by from changes c
                        where c.run = s.granted_by and c.instance = s.instance and c.group_folded = s.group_folded
                            and c.operator_folded = s.login_folded and c.op = 'add'))
                   from stays s where s.since <= $1 and (s.until is null or s.until > $1)";
        for row in reader.rows(sql, [at.into()]).await? {
            let groups = instances.get_mut(&row.text(0)?);
            if let Some(group) = groups.and_then(|groups| row.folded(1).ok().and_then(|group| groups.get_mut(&group))) {
                group.members.push(member_access(&row)?);
            }
        }
        let access = |(name, groups): (String, BTreeMap<FoldedName, GroupAccess>)| InstanceAccess {
            name,
            groups: groups.into_values().map(sorted).collect(),
        };
        Ok(instances.into_iter().map(access).collect())
    }
}

/// Reads the columns `group_name` and `profile`, from the third on.
fn group_access(row: &Row) -> Result<GroupAccess, JournalError> {
    Ok(GroupAccess { group: row.text(2)?, profile: row.text(3)?, members: Vec::new() })
}

/// Reads the columns `login`, `since` and `granted_by` and the approver, from the third on.
fn member_access(row: &Row) -> Result<MemberAccess, JournalError> {
    Ok(MemberAccess {
        login: row.text(2)?,
        since: to_time(row.number(3)?)?,
        granted_by: row.optional_text(4)?.map(RunId::new),
        approved_by: row.optional_text(5)?,
    })
}

/// Each login once, sorted.
fn sorted(mut group: GroupAccess) -> GroupAccess {
    group.members.sort();
    group.members.dedup_by(|later, first| later.login == first.login);
    group
}

/// Writes who was seen in the managed groups, and returns what changed: a new member begins a period that no run
/// granted, and a missing one ends its period. Groups that are not observed are not managed any more, if all groups
/// were observed.
pub(super) async fn observe(
    writer: &mut WriteTransaction,
    at: DateTime<Utc>,
    observed: &ObservedGroups<'_>,
) -> Result<Option<AccessDifference>, JournalError> {
    let instance = observed.instance;
    let managed = open_groups(writer, instance).await?;
    let periods = open_periods(writer, instance).await?;
    let difference = difference(observed.groups, observed.is_all, &managed, periods);
    if difference.is_empty() {
        return Ok(None);
    }
    let event = difference.to_event(instance);
    difference.write(writer, instance, at.timestamp_millis()).await?;
    Ok(Some(event))
}

/// Writes which memberships a run granted and removed.
pub(super) async fn settle(
    writer: &mut WriteTransaction,
    run: &RunId,
    at: DateTime<Utc>,
    instance: &InstanceName,
    changes: &[ChangeReport],
) -> Result<(), JournalError> {
    for change in changes.iter().filter(|change| change.outcome.is_in_place()) {
        let at = change.at.unwrap_or(at).timestamp_millis();
        // A change that Campaign already held before the write was not made by this run.
        let run: Value = (change.outcome == ChangeOutcome::Applied).then(|| run.to_string()).into();
        let ChangeKey { kind, group, operator } = change.key();
        let login = change.operator.as_deref().unwrap_or_default();
        match kind {
            ChangeKind::Add => begin_period(writer, instance, (group, operator), login, (at, run)).await?,
            ChangeKind::Remove => end_period(writer, instance, (group, operator), (at, run)).await?,
            ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
        }
    }
    Ok(())
}

/// The folded names of a group and an operator.
type Membership = (FoldedName, FoldedName);

async fn begin_period(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    (group, operator): Membership,
    login: &str,
    (at, run): (i64, Value),
) -> Result<(), JournalError> {
    let sql = "select 1 from stays where instance = $1 and group_folded = $2 and login_folded = $3 and until is null";
    let values = [instance.as_str().into(), (&group).into(), (&operator).into()];
    if !writer.rows(sql, values).await?.is_empty() {
        return Ok(());
    }
    let sql = "insert into stays (instance, group_folded, login_folded, login, since, granted_by)
               values ($1, $2, $3, $4, $5, $6)";
    let values = [instance.as_str().into(), group.into(), operator.into(), login.into(), at.into(), run];
    writer.execute(sql, values).await
}

/// If the clock was set back, the period ends when it began, not earlier.
async fn end_period(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
    (group, operator): Membership,
    (at, run): (i64, Value),
) -> Result<(), JournalError> {
    let sql = "update stays set until = case when since > $1 then since else $1 end, ended_by = $2
               where instance = $3 and group_folded = $4 and login_folded = $5 and until is null";
    writer.execute(sql, [at.into(), run, instance.as_str().into(), group.into(), operator.into()]).await
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

async fn open_periods(
    writer: &mut WriteTransaction,
    instance: &InstanceName,
) -> Result<BTreeMap<FoldedName, LoginsByFoldedName>, JournalError> {
    let sql = "select group_folded, login_folded, login from stays where instance = $1 and until is null";
    let mut periods: BTreeMap<FoldedName, LoginsByFoldedName> = BTreeMap::new();
    for row in writer.rows(sql, [instance.as_str().into()]).await? {
        periods.entry(row.folded(0)?).or_default().insert(row.folded(1)?, row.text(2)?);
    }
    Ok(periods)
}

fn difference<'a>(
    groups: &'a [GroupObservation],
    is_all: bool,
    managed: &BTreeMap<FoldedName, (String, String)>,
    mut periods: BTreeMap<FoldedName, LoginsByFoldedName>,
) -> ObservedDifference<'a> {
    let mut difference = ObservedDifference::default();
    let observed: BTreeMap<FoldedName, &GroupObservation> =
        groups.iter().map(|group| (group.group.folded(), group)).collect();
    for (name, group) in &observed {
        // A new spelling, or another profile, begins a new row of the record.
        let is_known = managed
            .get(name)
            .is_some_and(|(spelling, profile)| spelling == group.group.as_str() && profile == group.profile.as_str());
        if !is_known {
            difference.managed.push(group);
        }
        let mut before = periods.remove(name).unwrap_or_default();
        let members: BTreeMap<FoldedName, &OperatorLogin> =
            group.members.iter().map(|login| (login.folded(), login)).collect();
        for (folded, login) in members {
            if before.remove(&folded).is_none() {
                difference.came.push((name.clone(), login));
            }
        }
        difference.left.extend(before.into_keys().map(|login| (name.clone(), login)));
    }
    if is_all {
        difference.unmanaged.extend(managed.keys().filter(|name| !observed.contains_key(*name)).cloned());
        let gone =
            periods.into_iter().flat_map(|(name, members)| members.into_keys().map(move |login| (name.clone(), login)));
        difference.left.extend(gone);
    }
    difference
}

impl ObservedDifference<'_> {
    fn is_empty(&self) -> bool {
        self.managed.is_empty() && self.unmanaged.is_empty() && self.came.is_empty() && self.left.is_empty()
    }

    /// The event form of the difference.
    fn to_event(&self, instance: &InstanceName) -> AccessDifference {
        let group = |group: &&GroupObservation| (group.group.to_string(), group.profile.to_string());
        let came = |(group, login): &(FoldedName, &OperatorLogin)| (group.as_str().to_owned(), login.to_string());
        let left = |(group, login): &Membership| (group.as_str().to_owned(), login.as_str().to_owned());
        AccessDifference {
            instance: instance.to_string(),
            managed: self.managed.iter().map(group).collect(),
            unmanaged: self.unmanaged.iter().map(|group| group.as_str().to_owned()).collect(),
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
        for membership in self.left {
            end_period(writer, name, membership, (at, Value::Text(None))).await?;
        }
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

//! Who was in which managed group, and when: every stay with its beginning and its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::{FoldedName, InstanceName, OperatorGroupName, OperatorLogin, ProductProfileName};

use super::{
    Journal, JournalError,
    database::{Reading, Value, Writing},
};

/// One managed group as Campaign was seen to hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The group.
    pub group: OperatorGroupName,
    /// The profile it follows.
    pub profile: ProductProfileName,
    /// All its members, managed or not.
    pub members: Vec<OperatorLogin>,
}

/// Who is in the managed groups of one instance. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceAccess {
    /// The instance.
    pub name: String,
    /// Its managed groups, by name.
    pub groups: Vec<GroupAccess>,
}

/// Who is in one group. The field names are part of the JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupAccess {
    /// The group.
    pub group: String,
    /// Logins, sorted.
    pub members: Vec<String>,
}

/// What is written of one group, by the folded logins of its members.
type Members = HashMap<FoldedName, String>;

/// The difference between what was seen and what is written.
#[derive(Default)]
struct Difference<'a> {
    managed: Vec<&'a Observation>,
    unmanaged: Vec<FoldedName>,
    came: Vec<(FoldedName, &'a OperatorLogin)>,
    left: Vec<(FoldedName, FoldedName)>,
}

impl Journal {
    /// Writes who was seen in the managed groups: new members begin a stay, missing ones end theirs. With `is_all`, groups
    /// that are not observed are not managed any more; otherwise nothing is said of them.
    pub async fn observe(
        &self,
        instance: &InstanceName,
        at: DateTime<Utc>,
        groups: &[Observation],
        is_all: bool,
    ) -> Result<(), JournalError> {
        let mut looking = self.reading().await?;
        let managed = open_groups(&mut looking, instance).await?;
        let stays = open_stays(&mut looking, instance).await?;
        drop(looking);
        let difference = difference(groups, is_all, &managed, stays);
        if difference.is_empty() {
            return Ok(());
        }
        let mut writing = self.writing().await?;
        difference.write(&mut writing, instance, at.timestamp_millis()).await?;
        writing.commit().await
    }

    /// Who was in which managed group at that time, by instance and group; empty before the first run. From `now` on it is
    /// what was seen last, whatever the clock showed when it was seen.
    pub async fn access(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<InstanceAccess>, JournalError> {
        let mut looking = self.reading().await?;
        let at = if at < now { at.timestamp_millis() } else { i64::MAX };
        let mut instances: BTreeMap<String, BTreeMap<FoldedName, (String, BTreeSet<String>)>> = BTreeMap::new();
        let sql = "select instance, group_folded, group_name from managed_groups
                   where since <= $1 and (until is null or until > $1)";
        for row in looking.rows(sql, [at.into()]).await? {
            instances.entry(row.text(0)?).or_default().insert(row.folded(1)?, (row.text(2)?, BTreeSet::new()));
        }
        let sql = "select instance, group_folded, login from stays
                   where since <= $1 and (until is null or until > $1)";
        for row in looking.rows(sql, [at.into()]).await? {
            let groups = instances.get_mut(&row.text(0)?);
            if let Some((_, members)) =
                groups.and_then(|groups| row.folded(1).ok().and_then(|group| groups.get_mut(&group)))
            {
                members.insert(row.text(2)?);
            }
        }
        let access = |(name, groups): (String, BTreeMap<FoldedName, (String, BTreeSet<String>)>)| InstanceAccess {
            name,
            groups: groups
                .into_values()
                .map(|(group, members)| GroupAccess { group, members: members.into_iter().collect() })
                .collect(),
        };
        Ok(instances.into_iter().map(access).collect())
    }
}

/// Spelling and profile of the groups that are managed now, by folded name.
async fn open_groups(
    looking: &mut Reading,
    instance: &InstanceName,
) -> Result<BTreeMap<FoldedName, (String, String)>, JournalError> {
    let sql = "select group_folded, group_name, profile from managed_groups where instance = $1 and until is null";
    let rows = looking.rows(sql, [instance.as_str().into()]).await?;
    rows.iter().map(|row| Ok((row.folded(0)?, (row.text(1)?, row.text(2)?)))).collect()
}

async fn open_stays(
    looking: &mut Reading,
    instance: &InstanceName,
) -> Result<BTreeMap<FoldedName, Members>, JournalError> {
    let sql = "select group_folded, login_folded, login from stays where instance = $1 and until is null";
    let mut stays: BTreeMap<FoldedName, Members> = BTreeMap::new();
    for row in looking.rows(sql, [instance.as_str().into()]).await? {
        stays.entry(row.folded(0)?).or_default().insert(row.folded(1)?, row.text(2)?);
    }
    Ok(stays)
}

fn difference<'a>(
    groups: &'a [Observation],
    is_all: bool,
    managed: &BTreeMap<FoldedName, (String, String)>,
    mut stays: BTreeMap<FoldedName, Members>,
) -> Difference<'a> {
    let mut difference = Difference::default();
    let observed: BTreeMap<FoldedName, &Observation> =
        groups.iter().map(|group| (group.group.folded(), group)).collect();
    for (name, group) in &observed {
        // A new spelling, or another profile, begins a new line of the record.
        let is_known = managed
            .get(name)
            .is_some_and(|(spelling, profile)| spelling == group.group.as_str() && profile == group.profile.as_str());
        if !is_known {
            difference.managed.push(group);
        }
        let mut before = stays.remove(name).unwrap_or_default();
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
            stays.into_iter().flat_map(|(name, members)| members.into_keys().map(move |login| (name.clone(), login)));
        difference.left.extend(gone);
    }
    difference
}

impl Difference<'_> {
    fn is_empty(&self) -> bool {
        self.managed.is_empty() && self.unmanaged.is_empty() && self.came.is_empty() && self.left.is_empty()
    }

    async fn write(self, writing: &mut Writing, instance: &InstanceName, at: i64) -> Result<(), JournalError> {
        let instance = || Value::from(instance.as_str());
        // A clock that was set back ends nothing before it began.
        let close = "update managed_groups set until = case when since > $1 then since else $1 end
                     where instance = $2 and group_folded = $3 and until is null";
        let renewed = self.managed.iter().map(|group| group.group.folded());
        for group in self.unmanaged.into_iter().chain(renewed) {
            writing.execute(close, [at.into(), instance(), group.into()]).await?;
        }
        let leave = "update stays set until = case when since > $1 then since else $1 end
                     where instance = $2 and group_folded = $3 and login_folded = $4 and until is null";
        for (group, login) in self.left {
            writing.execute(leave, [at.into(), instance(), group.into(), login.into()]).await?;
        }
        let managed = self.managed.iter().map(|group| {
            let (name, profile) = (group.group.as_str(), group.profile.as_str());
            [instance(), group.group.folded().into(), name.into(), profile.into(), at.into()]
        });
        let head = "insert into managed_groups (instance, group_folded, group_name, profile, since)";
        writing.insert(head, managed, "").await?;
        let came = self
            .came
            .into_iter()
            .map(|(group, login)| [instance(), group.into(), login.folded().into(), login.as_str().into(), at.into()]);
        writing.insert("insert into stays (instance, group_folded, login_folded, login, since)", came, "").await
    }
}

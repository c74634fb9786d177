//! What an observation of Campaign changes in the access record.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{FoldedName, GroupObservation, InstanceName, ObservedGroups, OperatorLogin, SharedText};

use super::{
    JournalError,
    chain::{EventKind, EventRecorder},
    database::{ChunkText, Value, WriteTransaction},
    membership_periods::{LOGINS_A_CHUNK, Membership, end_periods},
};

/// The number of memberships at which a difference is recorded; the remaining groups follow in the next event, because the
/// text of an event is in memory several times while it is written.
const MEMBERSHIPS_AN_EVENT: usize = 10_000;

/// The difference between an observation of Campaign and the access record. It has each group as a whole: an event shows
/// by itself whether its group was seen for the first time.
#[derive(Default)]
struct ObservedDifference<'a> {
    managed: Vec<&'a GroupObservation>,
    /// The managed groups that had another spelling or followed another profile before.
    replaced: Vec<FoldedName>,
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

/// What the access record has of a group now.
struct RecordedGroup<'a> {
    name: &'a FoldedName,
    /// Spelling and profile; `None` if the group is not managed.
    shown: Option<&'a (String, String)>,
    has_members: bool,
}

/// Records who was seen in the managed groups: a new member begins a period that no run granted, and a missing one ends
/// its period. Groups that are not observed are not managed any more, if all groups were observed.
///
/// The groups are compared and recorded one after the other: all memberships of a large instance at once would be most
/// of the memory of a run. With the first of several events, the head of the record is locked: on a shared server, other
/// instances wait with their events for the end of this transaction.
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
        let known = RecordedGroup { name, shown: managed.get(name), has_members: with_members.contains(name) };
        difference.add(recorder.writer, instance, *group, &known).await?;
        if difference.memberships() >= MEMBERSHIPS_AN_EVENT {
            std::mem::take(&mut difference).record(recorder, instance).await?;
        }
    }
    difference.record(recorder, instance).await
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
        let chunk = writer.chunk(("login_folded", sql), values).await?;
        let logins: Vec<(ChunkText<'_>,)> = chunk.rows()?;
        for (login,) in &logins {
            visit(login);
        }
        match logins.last() {
            Some((login,)) => last = login.to_string(),
            None => return Ok(()),
        }
    }
}

impl<'a> ObservedDifference<'a> {
    /// Adds how a group differs from the access record; `None` for a group that is not managed any more.
    async fn add(
        &mut self,
        writer: &mut WriteTransaction,
        instance: &InstanceName,
        group: Option<&'a GroupObservation>,
        recorded: &RecordedGroup<'_>,
    ) -> Result<(), JournalError> {
        let name = recorded.name;
        match group {
            // A new spelling, or another profile, begins a new row of the record.
            Some(group) => {
                let is_known = recorded.shown.is_some_and(|(spelling, profile)| {
                    spelling == group.group.as_str() && profile == group.profile.as_str()
                });
                if !is_known {
                    self.managed.push(group);
                    self.replaced.extend(recorded.shown.map(|_| name.clone()));
                }
            }
            None => self.unmanaged.extend(recorded.shown.map(|_| name.clone())),
        }
        let logins = group.map(|group| group.members.as_slice()).unwrap_or_default();
        let mut members: Vec<(FoldedName, &OperatorLogin)> =
            logins.iter().rev().map(|login| (login.folded(), login)).collect();
        // Of two spellings of one login, the last one counts.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        members.dedup_by(|(later, _), (first, _)| later == first);
        let mut is_recorded = vec![false; members.len()];
        if recorded.has_members {
            let visit = |login: &str| match members.binary_search_by(|(member, _)| member.as_str().cmp(login)) {
                Ok(at) => is_recorded.iter_mut().skip(at).take(1).for_each(|mark| *mark = true),
                Err(_) => self.left.push((name.clone(), FoldedName::stored(login))),
            };
            open_members(writer, instance, name, visit).await?;
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
    async fn record(mut self, recorder: &mut EventRecorder<'_>, instance: &InstanceName) -> Result<(), JournalError> {
        if self.is_empty() {
            return Ok(());
        }
        // A membership that an earlier version opened twice ends once in the event.
        self.left.dedup();
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
        for group in self.replaced.into_iter().chain(self.unmanaged) {
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

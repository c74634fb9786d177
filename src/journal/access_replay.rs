//! Computes from the events alone who is in which managed group, and compares that with the access record. If retention
//! deleted events, it begins with the memberships that the last deletion sealed.

use std::collections::BTreeMap;

use crate::domain::{ChangeKind, ChangeOutcome, FoldedName, OperatorGroupName};

use super::{
    JournalError,
    database::ReadTransaction,
    encoding::from_json,
    membership_retention::{fingerprint_of, sealed_memberships},
    observed_access::AccessDifference,
    stored_changes::SettledBody,
};

/// The instance, and the folded names of the group and the operator.
type Membership = (String, FoldedName, FoldedName);

/// The periods of one membership.
#[derive(Clone, Default)]
struct Periods {
    begun: usize,
    is_open: bool,
    /// Those that began after the last deletion, which seals the others.
    unsealed: Vec<Period>,
}

/// One period of a membership.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Period {
    /// The run that granted it; `None` if it was made in Campaign.
    granted_by: Option<String>,
    end: PeriodEnd,
}

/// The end of a period.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PeriodEnd {
    /// It has none.
    Open,
    /// A run ended it; `None` if it was ended in Campaign.
    By(Option<String>),
}

/// A managed group: the instance and the folded name.
type ManagedGroup = (String, FoldedName);

/// The memberships that the events record.
#[derive(Default)]
pub(super) struct AccessReplay {
    memberships: BTreeMap<Membership, Periods>,
    /// The spelling and the profile of each managed group; `None` if it is not managed any more.
    groups: BTreeMap<ManagedGroup, Option<(String, String)>>,
    /// The position of the event after which the replay begins.
    after: i64,
    /// The differences that were found before that event.
    faults: Vec<String>,
}

impl AccessReplay {
    /// The memberships that the last deletion of old changes, at this position of the record, left; its event carries
    /// their fingerprint.
    pub(super) async fn left_by(
        reader: &mut ReadTransaction,
        position: i64,
        expected: &str,
    ) -> Result<Self, JournalError> {
        let left = sealed_memberships(reader.transaction()).await?;
        let mut replay = Self { after: position, ..Self::default() };
        if fingerprint_of(&left) != expected {
            replay.faults.push("the memberships are not those that the last deletion of old changes sealed".to_owned());
        }
        for membership in left {
            let key = (membership.instance, FoldedName::stored(membership.group), FoldedName::stored(membership.login));
            let periods = replay.memberships.entry(key).or_default();
            periods.begun += 1;
            periods.is_open |= membership.was_open;
        }
        Ok(replay)
    }

    /// Whether the event at this position is part of the replay.
    pub(super) fn is_replayed(&self, position: i64) -> bool {
        position > self.after
    }

    /// Applies an observation.
    pub(super) fn observed(&mut self, body: &str) -> Result<(), JournalError> {
        let AccessDifference { instance, managed, unmanaged, came, left } = from_json(body, "an event")?;
        for group in unmanaged {
            self.groups.insert((instance.clone(), FoldedName::stored(group)), None);
        }
        for (group, profile) in managed {
            let key = (instance.clone(), OperatorGroupName::new(&group).folded());
            self.groups.insert(key, Some((group.to_string(), profile.to_string())));
        }
        for (group, login) in left {
            self.end((instance.clone(), FoldedName::stored(group), FoldedName::stored(login)), None);
        }
        for (group, login) in came {
            self.begin((instance.clone(), FoldedName::stored(group), FoldedName::new(&login)), None);
        }
        Ok(())
    }

    /// Applies the changes that a run made.
    pub(super) async fn settled(
        &mut self,
        reader: &mut ReadTransaction,
        run: &str,
        body: &str,
    ) -> Result<(), JournalError> {
        let body: SettledBody = from_json(body, "an event")?;
        for change in body.changes(reader, run, ChangeOutcome::is_in_place).await? {
            let key = change.key();
            let membership = (body.instance.clone(), key.group, key.operator);
            let by = (change.outcome == ChangeOutcome::Applied).then(|| run.to_owned());
            match key.kind {
                ChangeKind::Add => self.begin(membership, by),
                ChangeKind::Remove => self.end(membership, by),
                ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, membership: Membership, granted_by: Option<String>) {
        let periods = self.memberships.entry(membership).or_default();
        if !periods.is_open {
            periods.begun += 1;
            periods.unsealed.push(Period { granted_by, end: PeriodEnd::Open });
        }
        periods.is_open = true;
    }

    fn end(&mut self, membership: Membership, ended_by: Option<String>) {
        let periods = self.memberships.entry(membership).or_default();
        if let Some(open) = periods.unsealed.last_mut().filter(|period| period.end == PeriodEnd::Open) {
            open.end = PeriodEnd::By(ended_by);
        }
        periods.is_open = false;
    }

    /// The differences between the access record and the events, in words. A migrated state has memberships without an
    /// event, so that only those with an event are compared.
    pub(super) async fn compare(
        mut self,
        reader: &mut ReadTransaction,
        is_migrated: bool,
    ) -> Result<Vec<String>, JournalError> {
        let mut stored: BTreeMap<Membership, Periods> = BTreeMap::new();
        let mut faults = std::mem::take(&mut self.faults);
        faults.extend(self.compare_groups(reader, is_migrated).await?);
        // A deletion seals all memberships, whatever version recorded them.
        let is_migrated = is_migrated && self.after == 0;
        let sql =
            "select instance, group_folded, login_folded, until, login, approved_by, vouched, granted_by, ended_by
                   from stays";
        for row in reader.rows(sql, []).await? {
            let login = row.text(4)?;
            if FoldedName::new(&login) != row.folded(2)? {
                faults.push(format!("the access record names {login} instead of the recorded operator"));
            }
            if row.optional_number(6)?.is_none() && row.optional_text(5)?.is_some() {
                faults.push(format!("the access record names an approver of {login} that is in no event"));
            }
            let periods = stored.entry((row.text(0)?, row.folded(1)?, row.folded(2)?)).or_default();
            let is_open = row.optional_number(3)?.is_none();
            periods.begun += 1;
            periods.is_open |= is_open;
            if row.optional_number(6)?.is_none() {
                let end = if is_open { PeriodEnd::Open } else { PeriodEnd::By(row.optional_text(8)?) };
                periods.unsealed.push(Period { granted_by: row.optional_text(7)?, end });
            }
        }
        for periods in stored.values_mut().chain(self.memberships.values_mut()) {
            periods.unsealed.sort_unstable();
        }
        if !is_migrated {
            for membership in stored.keys() {
                self.memberships.entry(membership.clone()).or_default();
            }
        }
        let differs = |(membership, expected): &(&Membership, &Periods)| {
            let found = stored.get(*membership).cloned().unwrap_or_default();
            let is_history_other = found.begun != expected.begun || found.unsealed != expected.unsealed;
            found.is_open != expected.is_open || (!is_migrated && is_history_other)
        };
        let words = |((instance, group, login), _): (&Membership, &Periods)| {
            let (group, login) = (group.as_str(), login.as_str());
            format!("the access record of {login} in group \"{group}\" of instance {instance} differs from the events")
        };
        Ok(self.memberships.iter().filter(differs).map(words).chain(faults).collect())
    }

    /// The differences between the groups that are stored as managed and the events, in words. If groups were recorded
    /// before the replay begins, only those that an event names are compared.
    async fn compare_groups(
        &self,
        reader: &mut ReadTransaction,
        is_migrated: bool,
    ) -> Result<Vec<String>, JournalError> {
        let sql = "select instance, group_folded, group_name, profile from managed_groups where until is null";
        let mut stored: BTreeMap<ManagedGroup, (String, String)> = BTreeMap::new();
        for row in reader.rows(sql, []).await? {
            stored.insert((row.text(0)?, row.folded(1)?), (row.text(2)?, row.text(3)?));
        }
        let is_complete = !is_migrated && self.after == 0;
        let unknown = stored.keys().filter(|key| is_complete && !self.groups.contains_key(*key));
        let changed = self.groups.iter().filter(|(key, recorded)| stored.get(*key) != recorded.as_ref());
        let words = |(instance, group): &ManagedGroup| {
            format!("the managed group \"{}\" of instance {instance} differs from the events", group.as_str())
        };
        Ok(unknown.chain(changed.map(|(key, _)| key)).map(words).collect())
    }
}

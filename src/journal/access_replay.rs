//! Computes from the events alone who is in which managed group, and compares that with the access record. If retention
//! deleted events, it begins with the memberships that the last deletion sealed.

use std::collections::BTreeMap;

use crate::domain::{ChangeKind, ChangeOutcome, FoldedName};

use super::{
    JournalError,
    access::AccessDifference,
    database::ReadTransaction,
    encoding::from_json,
    membership_retention::{fingerprint_of, sealed_memberships},
    stored_changes::SettledBody,
};

/// The instance, and the folded names of the group and the operator.
type Membership = (String, FoldedName, FoldedName);

/// How many periods a membership has, and whether the last one is open.
#[derive(Clone, Copy, Default)]
struct PeriodCount {
    begun: usize,
    is_open: bool,
}

/// The memberships that the events record.
#[derive(Default)]
pub(super) struct AccessReplay {
    memberships: BTreeMap<Membership, PeriodCount>,
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
        let AccessDifference { instance, came, left, .. } = from_json(body, "an event")?;
        for (group, login) in came {
            self.begin((instance.clone(), FoldedName::stored(group), FoldedName::new(&login)));
        }
        for (group, login) in left {
            self.end((instance.clone(), FoldedName::stored(group), FoldedName::stored(login)));
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
            match key.kind {
                ChangeKind::Add => self.begin(membership),
                ChangeKind::Remove => self.end(membership),
                ChangeKind::CreateGroup | ChangeKind::CreateOperator | ChangeKind::DisableOperator => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, membership: Membership) {
        let periods = self.memberships.entry(membership).or_default();
        periods.begun += usize::from(!periods.is_open);
        periods.is_open = true;
    }

    fn end(&mut self, membership: Membership) {
        self.memberships.entry(membership).or_default().is_open = false;
    }

    /// The differences between the access record and the events, in words. A migrated state has memberships without an
    /// event, so that only those with an event are compared.
    pub(super) async fn compare(
        mut self,
        reader: &mut ReadTransaction,
        is_migrated: bool,
    ) -> Result<Vec<String>, JournalError> {
        let mut stored: BTreeMap<Membership, PeriodCount> = BTreeMap::new();
        let mut faults = std::mem::take(&mut self.faults);
        // A deletion seals all memberships, whatever version recorded them.
        let is_migrated = is_migrated && self.after == 0;
        let sql = "select instance, group_folded, login_folded, until, login, approved_by, vouched from stays";
        for row in reader.rows(sql, []).await? {
            let login = row.text(4)?;
            if FoldedName::new(&login) != row.folded(2)? {
                faults.push(format!("the access record names {login} instead of the recorded operator"));
            }
            if row.optional_number(6)?.is_none() && row.optional_text(5)?.is_some() {
                faults.push(format!("the access record names an approver of {login} that is in no event"));
            }
            let periods = stored.entry((row.text(0)?, row.folded(1)?, row.folded(2)?)).or_default();
            periods.begun += 1;
            periods.is_open |= row.optional_number(3)?.is_none();
        }
        if !is_migrated {
            for membership in stored.keys() {
                self.memberships.entry(membership.clone()).or_default();
            }
        }
        let differs = |(membership, expected): &(&Membership, &PeriodCount)| {
            let found = stored.get(*membership).copied().unwrap_or_default();
            found.is_open != expected.is_open || (!is_migrated && found.begun != expected.begun)
        };
        let words = |((instance, group, login), _): (&Membership, &PeriodCount)| {
            let (group, login) = (group.as_str(), login.as_str());
            format!("the access record of {login} in group \"{group}\" of instance {instance} differs from the events")
        };
        Ok(self.memberships.iter().filter(differs).map(words).chain(faults).collect())
    }
}

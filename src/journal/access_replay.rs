//! Who is in which managed group, by the events alone: compared with the access record that is stored beside them. Where
//! retention deleted events, it begins with the memberships that the last deletion vouches for.

use std::collections::BTreeMap;

use crate::domain::{ChangeKind, ChangeOutcome, FoldedName};

use super::{
    JournalError,
    access::AccessDifference,
    changes::SettledBody,
    database::ReadTransaction,
    encoding::from_json,
    membership_retention::{fingerprint_of, sealed_memberships},
};

/// Instance, group and operator, the names folded.
type Membership = (String, FoldedName, FoldedName);

/// How often a membership began, and whether it lasts.
#[derive(Clone, Copy, Default)]
struct PeriodCount {
    begun: usize,
    is_open: bool,
}

/// The memberships that events tell of.
#[derive(Default)]
pub(super) struct AccessReplay {
    memberships: BTreeMap<Membership, PeriodCount>,
    /// The event from which on it replays.
    after: i64,
    /// What does not agree before that.
    faults: Vec<String>,
}

impl AccessReplay {
    /// What the last deletion of old changes, at this place in the record, left; its event tells the fingerprint.
    pub(super) async fn left_by(
        reader: &mut ReadTransaction,
        position: i64,
        expected: &str,
    ) -> Result<Self, JournalError> {
        let left = sealed_memberships(reader.transaction()).await?;
        let mut replay = Self { after: position, ..Self::default() };
        if fingerprint_of(&left) != expected {
            replay.faults.push("the memberships are not those that the last deletion of old changes left".to_owned());
        }
        for membership in left {
            let key = (membership.instance, FoldedName::stored(membership.group), FoldedName::stored(membership.login));
            let periods = replay.memberships.entry(key).or_default();
            periods.begun += 1;
            periods.is_open |= membership.was_open;
        }
        Ok(replay)
    }

    /// Whether an event at this place tells something that is not known yet.
    pub(super) fn is_replayed(&self, position: i64) -> bool {
        position > self.after
    }

    /// Takes what an observation changed.
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

    /// Takes what a run made.
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

    /// What the access record says otherwise, in words. Memberships that an earlier version recorded began before the first
    /// event: of a migrated state, only those that events tell of are compared.
    pub(super) async fn compare(
        mut self,
        reader: &mut ReadTransaction,
        is_migrated: bool,
    ) -> Result<Vec<String>, JournalError> {
        let mut stored: BTreeMap<Membership, PeriodCount> = BTreeMap::new();
        let mut faults = std::mem::take(&mut self.faults);
        // A deletion vouches for all memberships, whatever version recorded them.
        let is_migrated = is_migrated && self.after == 0;
        let sql = "select instance, group_folded, login_folded, until, login, approved_by, vouched from stays";
        for row in reader.rows(sql, []).await? {
            let login = row.text(4)?;
            if FoldedName::new(&login) != row.folded(2)? {
                faults.push(format!("the access record names {login}, who is not who was recorded"));
            }
            if row.optional_number(6)?.is_none() && row.optional_text(5)?.is_some() {
                faults.push(format!("the access record names an approver of {login} whom no event tells of"));
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
            format!("the access record of {login} in group \"{group}\" of instance {instance} is not what was recorded")
        };
        Ok(self.memberships.iter().filter(differs).map(words).chain(faults).collect())
    }
}

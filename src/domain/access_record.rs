//! The access record of one user in one instance: planned changes, membership periods, and held changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    ChangeKey, ChangeKind, ChangeOutcome, Digest, FoldedName, OperatorGroupName, PastChange, RecordedEvent,
    RecordedKind, RunId,
};

/// A membership of an operator in a managed group from its first to its last sight by runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipPeriod {
    /// The operator group, in the recorded spelling.
    pub group: OperatorGroupName,
    /// When the membership was first seen.
    pub since: DateTime<Utc>,
    /// When it was first seen missing; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
    /// The run that added it; `None` if no run did.
    pub granted_by: Option<RunId>,
    /// The run that removed it; `None` if no run did.
    pub ended_by: Option<RunId>,
    /// Whether it existed when a run first read the group.
    pub is_first_sight: bool,
    /// Whether it ended because the group stopped being managed.
    pub ended_with_group: bool,
}

/// A change that is held under a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentHold {
    /// The change.
    pub key: ChangeKey,
    /// The digest to approve.
    pub digest: Digest,
    /// When this digest was first held.
    pub since: DateTime<Utc>,
}

/// Everything that is recorded about one user in one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRecord {
    /// The planned changes of runs that could write, in recording order.
    pub changes: Vec<PastChange>,
    /// The memberships in managed groups.
    pub periods: Vec<MembershipPeriod>,
    /// Held changes of this user, without those of dry runs.
    pub held: Vec<CurrentHold>,
    /// Whether older changes are recorded and not included.
    pub is_cut: bool,
}

impl AccessRecord {
    /// The groups in the record, by folded name, in the recorded spelling.
    pub fn groups(&self) -> BTreeMap<FoldedName, OperatorGroupName> {
        let changed = self.changes.iter().filter_map(|past| past.change.group.as_deref()).map(OperatorGroupName::new);
        let groups = changed.chain(self.periods.iter().map(|period| period.group.clone()));
        groups.filter(|group| !group.folded().is_empty()).map(|group| (group.folded(), group)).collect()
    }

    /// The last planned change of this group.
    pub fn last_change(&self, group: &FoldedName) -> Option<&PastChange> {
        self.changes.iter().rev().find(|past| is_of_group(past, group))
    }

    /// The membership in this group that still lasts.
    pub fn current_period(&self, group: &FoldedName) -> Option<&MembershipPeriod> {
        self.periods.iter().find(|period| period.until.is_none() && period.group.folded() == *group)
    }

    /// The digest under which this change is held.
    pub fn held_under(&self, key: &ChangeKey) -> Option<&CurrentHold> {
        self.held.iter().find(|held| held.key == *key)
    }

    /// All events of the membership in this group, in chronological order.
    pub fn of_group(&self, group: &FoldedName) -> Vec<RecordedEvent> {
        let changes: Vec<_> = self.changes.iter().filter(|past| is_of_group(past, group)).collect();
        let periods = self.periods.iter().filter(|period| period.group.folded() == *group);
        let by_hand = periods.flat_map(|period| by_hand(period, &changes));
        in_order(changes.iter().map(|past| of_run(past)).chain(by_hand))
    }

    /// When runs created or disabled the operator, in chronological order.
    pub fn of_operator(&self) -> Vec<RecordedEvent> {
        let about =
            |past: &&PastChange| matches!(past.change.op, ChangeKind::CreateOperator | ChangeKind::DisableOperator);
        in_order(self.changes.iter().filter(about).map(of_run))
    }
}

fn is_of_group(past: &PastChange, group: &FoldedName) -> bool {
    let is_membership = matches!(past.change.op, ChangeKind::Add | ChangeKind::Remove);
    is_membership && past.change.group.as_deref().is_some_and(|name| FoldedName::new(name) == *group)
}

/// The beginning of the scope of an undo.
const UNDO: &str = "undo of run ";

fn of_run(past: &PastChange) -> RecordedEvent {
    let change = &past.change;
    let at = change.at.unwrap_or(past.at);
    let undone = past.scope.as_deref().and_then(|scope| scope.strip_prefix(UNDO));
    RecordedEvent {
        at,
        what: match change.op {
            ChangeKind::Remove => RecordedKind::Remove,
            ChangeKind::CreateOperator => RecordedKind::CreateOperator,
            ChangeKind::DisableOperator => RecordedKind::DisableOperator,
            ChangeKind::Add | ChangeKind::CreateGroup => RecordedKind::Add,
        },
        outcome: Some(change.outcome),
        run: Some(past.run.clone()),
        reason: Some(change.reason.to_string()).filter(|reason| !reason.is_empty()),
        detail: change.detail.clone(),
        approved_by: change.approved_by.clone(),
        undo_of: undone.map(RunId::new),
        runs: 1,
        last_at: at,
    }
}

/// The beginning and the end of a membership that no run caused.
fn by_hand(period: &MembershipPeriod, changes: &[&PastChange]) -> impl Iterator<Item = RecordedEvent> {
    // Earlier versions did not store the run with the period: a change that was confirmed at the same moment explains
    // it too.
    let is_explained = |kind: ChangeKind, at: DateTime<Utc>| {
        let in_place = |past: &&&PastChange| past.change.op == kind && past.change.outcome == ChangeOutcome::Applied;
        changes.iter().filter(in_place).any(|past| past.at == at)
    };
    let began = period.granted_by.is_none() && !is_explained(ChangeKind::Add, period.since);
    let beginning = began.then(|| {
        let what = if period.is_first_sight { RecordedKind::FirstSeen } else { RecordedKind::Appeared };
        seen(period.since, what)
    });
    let ended = period.until.filter(|until| period.ended_by.is_none() && !is_explained(ChangeKind::Remove, *until));
    let end = ended.map(|until| {
        let what = if period.ended_with_group { RecordedKind::Unmanaged } else { RecordedKind::Vanished };
        seen(until, what)
    });
    beginning.into_iter().chain(end)
}

fn seen(at: DateTime<Utc>, what: RecordedKind) -> RecordedEvent {
    let (outcome, run, reason, detail, approved_by, undo_of) = (None, None, None, None, None, None);
    RecordedEvent { at, what, outcome, run, reason, detail, approved_by, undo_of, runs: 1, last_at: at }
}

/// Sorts events by time, events of one moment in recording order, and merges identical events of consecutive runs.
fn in_order(events: impl Iterator<Item = RecordedEvent>) -> Vec<RecordedEvent> {
    let mut events: Vec<_> = events.collect();
    events.sort_by_key(|event| event.at);
    let mut merged: Vec<RecordedEvent> = Vec::with_capacity(events.len());
    for event in events {
        match merged.last_mut().filter(|last| is_repeated(last, &event)) {
            Some(last) => {
                last.runs += 1;
                last.last_at = event.last_at;
            }
            None => merged.push(event),
        }
    }
    merged
}

/// Whether a run recorded the same event again without effect.
fn is_repeated(before: &RecordedEvent, event: &RecordedEvent) -> bool {
    let same = |event: &RecordedEvent| {
        let RecordedEvent { what, outcome, reason, detail, approved_by, undo_of, .. } = event.clone();
        (what, outcome, reason, detail, approved_by, undo_of)
    };
    !event.outcome.is_none_or(ChangeOutcome::is_in_place) && same(before) == same(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ChangeReport;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_413_600 + 60 * minute, 0).expect("a time")
    }

    fn change(minute: i64, run: &str, op: ChangeKind, outcome: ChangeOutcome) -> PastChange {
        PastChange {
            run: RunId::new(run),
            scope: None,
            at: at(minute),
            change: ChangeReport {
                op,
                operator: Some("ann@acme.com".into()),
                group: Some("delivery".into()),
                profile: "Campaign - acme - delivery".into(),
                reason: "".into(),
                outcome,
                detail: None,
                at: outcome.is_seen().then(|| at(minute)),
                approved_by: None,
            },
        }
    }

    fn period(since: i64, until: Option<i64>) -> MembershipPeriod {
        MembershipPeriod {
            group: OperatorGroupName::new("Delivery"),
            since: at(since),
            until: until.map(at),
            granted_by: None,
            ended_by: None,
            is_first_sight: false,
            ended_with_group: false,
        }
    }

    fn check(changes: Vec<PastChange>, periods: Vec<MembershipPeriod>, expected: &[(i64, RecordedKind, usize)]) {
        let record = AccessRecord { changes, periods, ..AccessRecord::default() };
        let merged = record.of_group(&FoldedName::new("DELIVERY"));
        let merged: Vec<_> = merged.into_iter().map(|event| (event.at, event.what, event.runs)).collect();
        let expected: Vec<_> = expected.iter().map(|(minute, what, runs)| (at(*minute), *what, *runs)).collect();
        assert_eq!(merged, expected);
    }

    #[test]
    fn memberships_that_no_run_changed_were_changed_in_campaign() {
        use RecordedKind::{Add, Appeared, FirstSeen, Remove, Unmanaged, Vanished};
        check(Vec::new(), vec![period(1, Some(5))], &[(1, Appeared, 1), (5, Vanished, 1)]);
        let first = MembershipPeriod { is_first_sight: true, ended_with_group: true, ..period(1, Some(5)) };
        check(Vec::new(), vec![first], &[(1, FirstSeen, 1), (5, Unmanaged, 1)]);
        let (granted_by, ended_by) = (Some(RunId::new("A")), Some(RunId::new("B")));
        let by_runs = MembershipPeriod { granted_by, ended_by, ..period(1, Some(5)) };
        let runs = vec![
            change(1, "A", ChangeKind::Add, ChangeOutcome::Applied),
            change(5, "B", ChangeKind::Remove, ChangeOutcome::Applied),
        ];
        check(runs.clone(), vec![by_runs], &[(1, Add, 1), (5, Remove, 1)]);
        // As recorded by earlier versions.
        check(runs, vec![period(1, Some(5))], &[(1, Add, 1), (5, Remove, 1)]);
    }

    #[test]
    fn identical_events_of_consecutive_runs_are_merged() {
        use ChangeOutcome::{Applied, Held};
        use RecordedKind::{Add, Remove};
        let held = |minute, run| change(minute, run, ChangeKind::Remove, Held);
        let applied = |minute, run, op| change(minute, run, op, Applied);
        let changes = vec![
            held(1, "A"),
            held(2, "B"),
            held(3, "C"),
            applied(4, "D", ChangeKind::Remove),
            applied(5, "E", ChangeKind::Add),
            held(6, "F"),
        ];
        check(changes, Vec::new(), &[(1, Remove, 3), (4, Remove, 1), (5, Add, 1), (6, Remove, 1)]);
    }
}

//! What the record tells of one user in one instance: planned changes, periods in groups, and what is held.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    ChangeKey, ChangeKind, ChangeOutcome, Digest, FoldedName, OperatorGroupName, PastChange, RecordedEvent,
    RecordedKind, RunId,
};

/// A period of an operator in a managed group, as runs saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipPeriod {
    /// The operator group, as the record spells it.
    pub group: OperatorGroupName,
    /// When the membership was first seen.
    pub since: DateTime<Utc>,
    /// When it was first seen to be gone; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
    /// The run that granted it; `None` where no run did.
    pub granted_by: Option<RunId>,
    /// The run that took it; `None` where no run did.
    pub ended_by: Option<RunId>,
    /// Whether it was there when a run first saw the group.
    pub is_first_sight: bool,
    /// Whether it ended together with the observation of the group.
    pub ended_with_group: bool,
}

/// A change that is held under a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentHold {
    /// Names the change.
    pub key: ChangeKey,
    /// What an approval names.
    pub digest: Digest,
    /// When this digest was first held.
    pub since: DateTime<Utc>,
}

/// Everything that is recorded of one user in one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRecord {
    /// The planned changes of runs that could write, in the order of recording.
    pub changes: Vec<PastChange>,
    /// The periods in managed groups.
    pub periods: Vec<MembershipPeriod>,
    /// What real runs hold of this user.
    pub held: Vec<CurrentHold>,
    /// Whether older changes than these are recorded.
    pub is_cut: bool,
}

impl AccessRecord {
    /// The groups that the record speaks of, by folded name, as it spells them.
    pub fn groups(&self) -> BTreeMap<FoldedName, OperatorGroupName> {
        let changed = self.changes.iter().filter_map(|past| past.change.group.as_deref()).map(OperatorGroupName::new);
        let groups = changed.chain(self.periods.iter().map(|period| period.group.clone()));
        groups.filter(|group| !group.folded().is_empty()).map(|group| (group.folded(), group)).collect()
    }

    /// The last planned change of this group.
    pub fn last_change(&self, group: &FoldedName) -> Option<&PastChange> {
        self.changes.iter().rev().find(|past| is_of_group(past, group))
    }

    /// The period in this group that lasts.
    pub fn current_period(&self, group: &FoldedName) -> Option<&MembershipPeriod> {
        self.periods.iter().find(|period| period.until.is_none() && period.group.folded() == *group)
    }

    /// The digest under which this change is held.
    pub fn held_under(&self, key: &ChangeKey) -> Option<&CurrentHold> {
        self.held.iter().find(|held| held.key == *key)
    }

    /// Everything that happened to the membership of this group, in the order of time.
    pub fn of_group(&self, group: &FoldedName) -> Vec<RecordedEvent> {
        let changes: Vec<_> = self.changes.iter().filter(|past| is_of_group(past, group)).collect();
        let periods = self.periods.iter().filter(|period| period.group.folded() == *group);
        let by_hand = periods.flat_map(|period| by_hand(period, &changes));
        in_order(changes.iter().map(|past| of_run(past)).chain(by_hand))
    }

    /// When runs created or disabled the operator, in the order of time.
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

/// What the scope of a run begins with that takes another one back.
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
        reason: Some(change.reason.clone()).filter(|reason| !reason.is_empty()),
        detail: change.detail.clone(),
        approved_by: change.approved_by.clone(),
        undo_of: undone.map(RunId::new),
        runs: 1,
        last_at: at,
    }
}

/// What no run did: the beginning and the end of a period that no change of a run explains.
fn by_hand(period: &MembershipPeriod, changes: &[&PastChange]) -> impl Iterator<Item = RecordedEvent> {
    // Earlier versions did not note the run at the period: a change that was seen at the very moment explains it as well.
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

/// Sorts events by time, those of one moment as they were recorded, and tells what several runs in a row recorded in the
/// same words once.
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

/// Whether a run recorded the same again and nothing came of it.
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
                operator: Some("ann@acme.com".to_owned()),
                group: Some("delivery".to_owned()),
                profile: "Campaign - acme - delivery".to_owned(),
                reason: String::new(),
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
    fn what_no_run_did_was_done_in_campaign() {
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
        // As earlier versions recorded it.
        check(runs, vec![period(1, Some(5))], &[(1, Add, 1), (5, Remove, 1)]);
    }

    #[test]
    fn what_several_runs_recorded_in_the_same_words_is_told_once() {
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

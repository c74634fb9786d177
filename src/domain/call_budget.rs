//! Adobe's call limits: which call counts against which limit, and when the next call may be sent.

use std::{num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// How long a call counts against its limit. One second longer than Adobe's minute: network delays vary, so that calls
/// sent slightly more than a minute apart can arrive slightly less than a minute apart.
pub const CALL_WINDOW: Duration = Duration::from_secs(61);

/// The longest pause that the program obeys when Adobe asks for one. The longest reported pause is under an hour
/// (user-sync.py issue 813).
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(2);

/// Calls of a limit above this rate are not counted in the state. No run makes 100 calls a second, so such a rate means
/// "no limit", and a transaction for each call would only slow the run down.
const MOST_COUNTED: u32 = 6_000;

/// Lookups get one part in this many of the calls of a minute.
const LOOKUPS_SHARE: u32 = 5;

/// Which of Adobe's limits a call counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// The users of the organization, the members of one profile, and single users together.
    Users,
    /// The groups listing.
    Groups,
}

/// What a call is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallPurpose {
    /// A run, or a command that prepares one. Waits until the limit permits the call.
    #[default]
    Run,
    /// A lookup of one user, as `explain` makes it. Gets a fifth of the calls, never waits, and leaves the rest to
    /// runs.
    Lookup,
}

/// A call that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingCall {
    /// The limit that it counts against.
    pub kind: CallKind,
    /// What it is made for.
    pub purpose: CallPurpose,
    /// That limit, in calls a minute.
    pub per_minute: NonZeroU32,
    /// Whether it requests page 0 of a listing of the organization.
    pub is_first_page: bool,
}

/// A call that was sent less than [`CALL_WINDOW`] ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentCall {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// What it was sent for.
    pub purpose: CallPurpose,
}

impl PendingCall {
    /// Whether calls at this rate are counted in the state.
    pub fn is_counted(&self) -> bool {
        self.per_minute.get() <= MOST_COUNTED
    }

    /// When the call may be sent; `None` if it may be sent now. `sent` are the calls of its kind within the last
    /// [`CALL_WINDOW`], oldest first.
    ///
    /// A lookup is not sent while lookups have used their fifth, nor while runs alone have used the rest, because a run
    /// at full speed needs every call that becomes free.
    pub fn blocked_until(&self, sent: &[SentCall]) -> Option<DateTime<Utc>> {
        let limit = self.per_minute.get() as usize;
        let all = nth_from_end(sent.iter(), limit);
        let blocking = match self.purpose {
            CallPurpose::Run => all,
            CallPurpose::Lookup => {
                let fifth = (limit / LOOKUPS_SHARE as usize).max(1);
                let of = |purpose| sent.iter().filter(move |call| call.purpose == purpose);
                let lookups = nth_from_end(of(CallPurpose::Lookup), fifth);
                let runs = nth_from_end(of(CallPurpose::Run), limit.saturating_sub(fifth).max(1));
                all.max(lookups).max(runs)
            }
        };
        blocking.map(|at| at + CALL_WINDOW)
    }
}

/// When the call was sent that must leave the window before the next one keeps to `limit`; `None` where the next one
/// may be sent now.
fn nth_from_end<'a>(sent: impl DoubleEndedIterator<Item = &'a SentCall>, limit: usize) -> Option<DateTime<Utc>> {
    sent.rev().nth(limit.saturating_sub(1)).map(|call| call.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_413_600 + second, 0).expect("a time")
    }

    /// `sent` holds seconds and, for each, `r` for a run or `l` for a lookup.
    fn check(per_minute: u32, purpose: CallPurpose, sent: &[(i64, char)], expected: Option<i64>) {
        let purpose_of = |letter| if letter == 'l' { CallPurpose::Lookup } else { CallPurpose::Run };
        let calls: Vec<_> =
            sent.iter().map(|(second, letter)| SentCall { at: at(*second), purpose: purpose_of(*letter) }).collect();
        let per_minute = NonZeroU32::new(per_minute).expect("not zero");
        let call = PendingCall { kind: CallKind::Users, purpose, per_minute, is_first_page: false };
        assert_eq!(call.blocked_until(&calls), expected.map(at), "{per_minute} {purpose:?} {sent:?}");
    }

    #[test]
    fn a_run_may_use_all_calls_and_waits_for_the_oldest_to_leave_the_window() {
        let run = CallPurpose::Run;
        check(2, run, &[], None);
        check(2, run, &[(0, 'r')], None);
        check(2, run, &[(0, 'r'), (5, 'r')], Some(61));
        check(2, run, &[(0, 'l'), (5, 'r')], Some(61));
        // More calls than the limit permits, as after the limit was lowered.
        check(2, run, &[(0, 'r'), (5, 'r'), (9, 'r')], Some(66));
    }

    #[test]
    fn lookups_get_a_fifth_and_leave_the_rest_to_a_run_at_full_speed() {
        let lookup = CallPurpose::Lookup;
        check(10, lookup, &[(0, 'l')], None);
        check(10, lookup, &[(0, 'l'), (3, 'l')], Some(61));
        check(10, lookup, &[(0, 'l'), (3, 'l'), (4, 'r')], Some(61));
        let runs: Vec<_> = (0..8).map(|second| (second, 'r')).collect();
        check(10, lookup, runs.get(..7).expect("seven"), None);
        check(10, lookup, &runs, Some(61));
        // A fifth of less than five is one.
        check(2, lookup, &[], None);
        check(2, lookup, &[(0, 'l')], Some(61));
        check(1, lookup, &[(7, 'r')], Some(68));
    }

    #[test]
    fn calls_at_a_rate_that_means_no_limit_are_not_counted() {
        let call = |per_minute| PendingCall {
            kind: CallKind::Users,
            purpose: CallPurpose::Run,
            per_minute: NonZeroU32::new(per_minute).expect("not zero"),
            is_first_page: false,
        };
        assert!(call(25).is_counted() && call(6_000).is_counted());
        assert!(!call(1_000_000).is_counted());
    }
}

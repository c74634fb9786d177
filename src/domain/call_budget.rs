//! Adobe's limits on calls: what counts against which limit, and when one more call may be sent.

use std::{num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// How long a call counts. A second more than a minute: calls reach Adobe after varying delays, and 25 that were sent just
/// over a minute apart may arrive just under one.
pub const CALL_WINDOW: Duration = Duration::from_secs(61);

/// The longest pause that is obeyed, whatever Adobe asks for: the longest on record is under an hour (user-sync.py issue 813).
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(2);

/// Rates above this are not counted in the state. No sequence of answers is read at 100 calls a second, so such a rate stands
/// for "no limit", and a transaction for each call would be the limit instead.
const MOST_COUNTED: u32 = 6_000;

/// Questions get one part in this many of the calls of a minute.
const QUESTIONS_SHARE: u32 = 5;

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
    /// A run, or a command that prepares one. Waits until the budget has room.
    #[default]
    Run,
    /// A question about a user. Gets a fifth of the budget, never waits, and gives way to runs.
    Question,
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
    /// When.
    pub at: DateTime<Utc>,
    /// What for.
    pub purpose: CallPurpose,
}

impl PendingCall {
    /// Whether calls at this rate are counted in the state.
    pub fn is_counted(&self) -> bool {
        self.per_minute.get() <= MOST_COUNTED
    }

    /// When the call may be sent; `None` for now. `sent` are the calls of its kind within the last [`CALL_WINDOW`], oldest
    /// first.
    ///
    /// A question gives way: it is not sent while questions have used their fifth, nor while runs alone have used the rest,
    /// because a run at full speed needs every call that becomes free.
    pub fn blocked_until(&self, sent: &[SentCall]) -> Option<DateTime<Utc>> {
        let limit = self.per_minute.get() as usize;
        let all = nth_from_end(sent.iter(), limit);
        let blocking = match self.purpose {
            CallPurpose::Run => all,
            CallPurpose::Question => {
                let fifth = (limit / QUESTIONS_SHARE as usize).max(1);
                let of = |purpose| sent.iter().filter(move |call| call.purpose == purpose);
                let questions = nth_from_end(of(CallPurpose::Question), fifth);
                let runs = nth_from_end(of(CallPurpose::Run), limit.saturating_sub(fifth).max(1));
                all.max(questions).max(runs)
            }
        };
        blocking.map(|at| at + CALL_WINDOW)
    }
}

/// When the call was sent that has to leave the window before one more fits into `room`; `None` where one fits now.
fn nth_from_end<'a>(sent: impl DoubleEndedIterator<Item = &'a SentCall>, room: usize) -> Option<DateTime<Utc>> {
    sent.rev().nth(room.saturating_sub(1)).map(|call| call.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_413_600 + second, 0).expect("a time")
    }

    /// `sent` holds seconds and, for each, `r` for a run or `q` for a question.
    fn check(per_minute: u32, purpose: CallPurpose, sent: &[(i64, char)], expected: Option<i64>) {
        let purpose_of = |letter| if letter == 'q' { CallPurpose::Question } else { CallPurpose::Run };
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
        check(2, run, &[(0, 'q'), (5, 'r')], Some(61));
        // More calls than allowed, as after the limit was lowered.
        check(2, run, &[(0, 'r'), (5, 'r'), (9, 'r')], Some(66));
    }

    #[test]
    fn questions_get_a_fifth_and_give_way_to_a_run_at_full_speed() {
        let question = CallPurpose::Question;
        check(10, question, &[(0, 'q')], None);
        check(10, question, &[(0, 'q'), (3, 'q')], Some(61));
        check(10, question, &[(0, 'q'), (3, 'q'), (4, 'r')], Some(61));
        let runs: Vec<_> = (0..8).map(|second| (second, 'r')).collect();
        check(10, question, runs.get(..7).expect("seven"), None);
        check(10, question, &runs, Some(61));
        // A fifth of less than five is one.
        check(2, question, &[], None);
        check(2, question, &[(0, 'q')], Some(61));
        check(1, question, &[(7, 'r')], Some(68));
    }

    #[test]
    fn a_rate_that_stands_for_no_limit_is_not_counted() {
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

//! A cron expression in a time zone, and its next tick.

use std::fmt;

use chrono::{DateTime, FixedOffset, Offset, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::{
    Cron, JobType,
    errors::CronError,
    parser::{CronParser, Seconds},
};

/// The word in place of an expression for no schedule.
const OFF: &str = "off";

/// Seconds, minutes, hours, day of month, month, day of week.
const FIELDS: usize = 6;

/// How many gaps between ticks are considered: with one tick an hour they include a weekend.
const GAPS: usize = 100;

/// The step of the search for a change of the offset: no time zone changes its offset and back within a day.
const DAY: TimeDelta = TimeDelta::days(1);

/// The ticks of a cron expression in one time zone; or none.
///
/// A single time of day (`0 30 2 * * *`) has one tick a day also when the clocks change: if they skip the time, the
/// tick is the first moment after the change; if they repeat it, the tick is in the first of the two hours. A repeated
/// time (`0 */10 * * * *`, `0 0 2,14 * * *`) has a tick whenever the clocks show it: none in a skipped hour, two in a
/// repeated one.
#[derive(Clone, PartialEq)]
pub struct Schedule {
    cron: Option<Cron>,
    timezone: Tz,
}

/// Why a schedule is invalid or cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The expression does not have six fields; a crontab has five.
    #[error("\"{expression}\" has {found} instead of six fields: second, minute, hour, day of month, month, day of week{}",
        if *.found == 5 { format!("; put the second in front: \"0 {expression}\"") } else { String::new() })]
    Fields {
        /// What was given.
        expression: String,
        /// How many fields it has.
        found: usize,
    },
    /// A field is invalid.
    #[error("\"{expression}\" is not a valid cron expression")]
    Unreadable {
        /// What was given.
        expression: String,
        /// The error of the parser.
        source: CronError,
    },
    /// The expression names a day that does not exist, such as 31 February.
    #[error("\"{expression}\" is never due: it names a day that does not exist")]
    Never {
        /// What was given.
        expression: String,
    },
    /// The time zone is not one of the IANA database.
    #[error("\"{name}\" is not a time zone of the IANA database; the most similar name is \"{nearest}\"")]
    Timezone {
        /// What was given.
        name: String,
        /// The time zone with the most similar name.
        nearest: &'static str,
    },
    /// The timer for the next tick could not be set.
    #[error("the timer for the next run could not be set")]
    Timer(#[source] tokio_cron_scheduler::JobSchedulerError),
    /// The thread of the timer could not be started.
    #[error("the timer for the next run could not be started")]
    TimerThread(#[source] std::io::Error),
}

impl Schedule {
    /// Parses six fields, seconds first, or `off`; and the name of a time zone such as `Europe/Berlin`.
    ///
    /// Where both a day of the month and a day of the week are given, both must match.
    pub fn parse(cron: &str, timezone: &str) -> Result<Self, ScheduleError> {
        let timezone: Tz = timezone
            .trim()
            .parse()
            .map_err(|_| ScheduleError::Timezone { name: timezone.to_owned(), nearest: nearest_timezone(timezone) })?;
        let expression = cron.trim();
        if expression.eq_ignore_ascii_case(OFF) {
            return Ok(Self { cron: None, timezone });
        }
        let found = expression.split_whitespace().count();
        if found != FIELDS {
            return Err(ScheduleError::Fields { expression: expression.to_owned(), found });
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build()
            .parse(expression)
            .map_err(|source| ScheduleError::Unreadable { expression: expression.to_owned(), source })?;
        let schedule = Self { cron: Some(cron), timezone };
        match schedule.next_after(DateTime::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never { expression: expression.to_owned() }),
        }
    }

    /// Whether there are no ticks at all.
    pub fn is_off(&self) -> bool {
        self.cron.is_none()
    }

    /// The first tick after `after`, on a whole second; `None` when the schedule is off.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let cron = self.cron.as_ref()?;
        let after = after.trunc_subsecs(0);
        match cron.determine_job_type() {
            JobType::FixedTime => next_fixed_time(cron, self.timezone, after),
            JobType::IntervalWildcard => next_repeated_time(cron, self.timezone, after),
        }
    }

    /// The shortest and the longest time between two of the next ticks after `after`; `None` when the schedule is off.
    pub fn gaps_after(&self, after: DateTime<Utc>) -> Option<(TimeDelta, TimeDelta)> {
        let first = self.next_after(after)?;
        let ticks = std::iter::successors(Some(first), |tick| self.next_after(*tick)).skip(1).take(GAPS);
        let (_, gaps) = ticks.fold((first, None), |(before, gaps), tick| {
            let gap = tick - before;
            let (shortest, longest) = gaps.unwrap_or((gap, gap));
            (tick, Some((gap.min(shortest), gap.max(longest))))
        });
        gaps
    }

    /// The time zone of the ticks.
    pub fn timezone(&self) -> Tz {
        self.timezone
    }
}

/// Shows the expression and the time zone: `0 30 2 * * * Europe/Berlin`, or `off`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cron {
            Some(cron) => write!(f, "{} {}", cron.as_str(), self.timezone),
            None => f.write_str(OFF),
        }
    }
}

/// Shows the same as `Display`: the fields of the parsed expression would fill pages.
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({self})")
    }
}

/// The next tick of a single time of day. croner moves a skipped time to the end of the gap, and answers the first of
/// two repeated times. From within the second of two equal hours it answers a time of the first one, which has passed:
/// the search then continues from there.
fn next_fixed_time(cron: &Cron, timezone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut from = after.with_timezone(&timezone);
    loop {
        let next = cron.find_next_occurrence(&from, false).ok()?;
        if next > after {
            return Some(next.to_utc());
        }
        from = next;
    }
}

/// The next tick of a repeated time. croner uses local times and skips the second of two equal hours. With a fixed
/// offset each local time occurs once, so the search goes through periods of constant offset.
fn next_repeated_time(cron: &Cron, timezone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (mut from, mut inclusive) = (after, false);
    loop {
        let local = from.with_timezone(&offset(timezone, from));
        let next = cron.find_next_occurrence(&local, inclusive).ok()?.to_utc();
        match next_offset_change(timezone, from, next) {
            None => return Some(next),
            Some(change) => (from, inclusive) = (change, true),
        }
    }
}

/// The first second in `from..=until` at which the offset is no longer that of `from`.
fn next_offset_change(timezone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let before = offset(timezone, from);
    let mut same = from;
    let mut other = loop {
        let probe = (same + DAY).min(until);
        if offset(timezone, probe) != before {
            break probe;
        }
        if probe == until {
            return None;
        }
        same = probe;
    };
    while other - same > TimeDelta::seconds(1) {
        let middle = same + TimeDelta::seconds((other - same).num_seconds() / 2);
        if offset(timezone, middle) == before {
            same = middle;
        } else {
            other = middle;
        }
    }
    Some(other)
}

fn offset(timezone: Tz, at: DateTime<Utc>) -> FixedOffset {
    timezone.offset_from_utc_datetime(&at.naive_utc()).fix()
}

fn nearest_timezone(name: &str) -> &'static str {
    let name = name.trim().to_lowercase();
    TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .min_by_key(|zone| strsim::damerau_levenshtein(&zone.to_lowercase(), &name))
        .unwrap_or("UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the ticks after `from`, in local time with the offset, which distinguishes a repeated hour.
    fn check(cron: &str, timezone: &str, from: &str, expected: &[&str]) {
        let schedule = Schedule::parse(cron, timezone).expect("a valid schedule");
        let mut at: DateTime<Utc> = from.parse().expect("a time");
        let ticks: Vec<String> = expected
            .iter()
            .map(|_| {
                at = schedule.next_after(at).expect("a tick");
                at.with_timezone(&schedule.timezone()).format("%m-%d %H:%M:%S%:z").to_string()
            })
            .collect();
        assert_eq!(ticks, expected, "{cron} {timezone} from {from}");
    }

    #[test]
    fn ticks_follow_the_clocks_of_the_time_zone() {
        check("0 0 */2 * * *", "UTC", "2026-11-22T05:59:59Z", &["11-22 06:00:00+00:00", "11-22 08:00:00+00:00"]);
        check(
            "0 30 3 * * *",
            "Europe/Berlin",
            "2026-01-10T00:00:00Z",
            &["01-10 03:30:00+01:00", "01-11 03:30:00+01:00"],
        );
        check(
            "0 0 9 * * MON",
            "America/New_York",
            "2026-06-01T12:00:00Z",
            &["06-01 09:00:00-04:00", "06-08 09:00:00-04:00"],
        );
        check(
            "* * * * * *",
            "Asia/Kolkata",
            "2026-06-01T00:00:00.7Z",
            &["06-01 05:30:01+05:30", "06-01 05:30:02+05:30"],
        );
    }

    #[test]
    fn a_tick_itself_is_not_its_own_successor() {
        check("0 0 6 * * *", "UTC", "2026-11-22T06:00:00Z", &["11-23 06:00:00+00:00"]);
        check("0 0 6 * * *", "UTC", "2026-11-22T06:00:00.9Z", &["11-23 06:00:00+00:00"]);
    }

    #[test]
    fn in_spring_a_skipped_time_is_due_right_after_the_change() {
        let berlin = "Europe/Berlin";
        check(
            "0 30 2 * * *",
            berlin,
            "2026-03-28T00:00:00Z",
            &["03-28 02:30:00+01:00", "03-29 03:00:00+02:00", "03-30 02:30:00+02:00"],
        );
        check(
            "0 30 3 * * *",
            berlin,
            "2026-03-28T00:00:00Z",
            &["03-28 03:30:00+01:00", "03-29 03:30:00+02:00", "03-30 03:30:00+02:00"],
        );
        check(
            "0 */30 * * * *",
            berlin,
            "2026-03-29T00:00:00Z",
            &["03-29 01:30:00+01:00", "03-29 03:00:00+02:00", "03-29 03:30:00+02:00"],
        );
        check(
            "0 0 */2 * * *",
            berlin,
            "2026-03-28T22:30:00Z",
            &["03-29 00:00:00+01:00", "03-29 04:00:00+02:00", "03-29 06:00:00+02:00"],
        );
    }

    #[test]
    fn in_autumn_a_single_time_is_due_once_and_a_repeated_one_twice() {
        let berlin = "Europe/Berlin";
        check(
            "0 30 2 * * *",
            berlin,
            "2026-10-24T00:00:00Z",
            &["10-24 02:30:00+02:00", "10-25 02:30:00+02:00", "10-26 02:30:00+01:00"],
        );
        check(
            "0 30 3 * * *",
            berlin,
            "2026-10-24T00:00:00Z",
            &["10-24 03:30:00+02:00", "10-25 03:30:00+01:00", "10-26 03:30:00+01:00"],
        );
        check(
            "0 */30 * * * *",
            berlin,
            "2026-10-24T23:45:00Z",
            &[
                "10-25 02:00:00+02:00",
                "10-25 02:30:00+02:00",
                "10-25 02:00:00+01:00",
                "10-25 02:30:00+01:00",
                "10-25 03:00:00+01:00",
            ],
        );
    }

    #[test]
    fn from_within_the_second_of_two_equal_hours_the_next_tick_is_later() {
        check("0 30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", &["10-26 02:30:00+01:00"]);
        check("0 30 2 * * *", "Europe/Berlin", "2026-10-25T01:40:00Z", &["10-26 02:30:00+01:00"]);
        check("0 */30 * * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", &["10-25 02:30:00+01:00"]);
    }

    #[test]
    fn a_distant_tick_is_found_across_many_clock_changes() {
        check("0 0 0 29 2 *", "Europe/Berlin", "2026-03-01T00:00:00Z", &["02-29 00:00:00+01:00"]);
        check(
            "0 */20 0 1 7 *",
            "Europe/Berlin",
            "2026-10-01T00:00:00Z",
            &["07-01 00:00:00+02:00", "07-01 00:20:00+02:00"],
        );
    }

    #[test]
    fn the_shortest_and_the_longest_gap_between_ticks_are_computed() {
        let gaps = |cron: &str| {
            let from = "2026-11-22T00:00:00Z".parse().expect("a time");
            Schedule::parse(cron, "UTC").expect("valid").gaps_after(from)
        };
        assert_eq!(gaps("0 0 */2 * * *"), Some((TimeDelta::hours(2), TimeDelta::hours(2))));
        assert_eq!(gaps("0 0 9,17 * * MON-FRI"), Some((TimeDelta::hours(8), TimeDelta::hours(64))));
        assert_eq!(gaps("off"), None);
    }

    #[test]
    fn off_is_a_schedule_without_ticks() {
        for off in ["off", " OFF "] {
            let schedule = Schedule::parse(off, "UTC").expect("off is allowed");
            assert_eq!(schedule.next_after(DateTime::UNIX_EPOCH), None);
            assert_eq!(schedule.to_string(), "off");
        }
    }

    #[test]
    fn an_invalid_expression_is_refused_with_a_remedy() {
        for (cron, timezone, expected) in [
            (
                "0 3 * * *",
                "UTC",
                "has 5 instead of six fields: second, minute, hour, day of month, month, day of week; put the second in front: \"0 0 3 * * *\"",
            ),
            ("", "UTC", "\"\" has 0 instead of six fields"),
            ("@daily", "UTC", "\"@daily\" has 1 instead of six fields"),
            ("0 0 3 * * * 2027", "UTC", "has 7 instead of six fields"),
            ("0 61 3 * * *", "UTC", "\"0 61 3 * * *\" is not a valid cron expression"),
            ("0 0 3 * * BLA", "UTC", "is not a valid cron expression"),
            ("0 0 3 31 2 *", "UTC", "\"0 0 3 31 2 *\" is never due"),
            ("* * * 30 2 *", "Europe/Berlin", "is never due"),
            (
                "0 0 3 * * *",
                "Europe/Berln",
                "\"Europe/Berln\" is not a time zone of the IANA database; the most similar name is \"Europe/Berlin\"",
            ),
            ("0 0 3 * * *", "europe/berlin", "the most similar name is \"Europe/Berlin\""),
            ("off", "CES", "is not a time zone"),
        ] {
            let message = Schedule::parse(cron, timezone).expect_err("must be refused").to_string();
            assert!(message.contains(expected), "{cron:?} {timezone:?}: {message}");
        }
    }
}

//! Parses points in time from arguments.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

/// The accepted forms of a time of day without an offset.
const WITHOUT_OFFSET: [&str; 4] = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];

/// Parses RFC 3339, a date, or a date with a time of day. The last two are in `zone`, and a date is the beginning of
/// its day. A time after `now` is an error, because future memberships are unknown.
pub(super) fn parse_past_time<Z: TimeZone>(text: &str, zone: &Z, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let moment = moment(text.trim(), zone)
        .ok_or("must be a time such as 2026-11-22T14:00:00Z, \"2026-11-22 14:00\" or 2026-11-22".to_owned())?;
    if moment > now { Err("is in the future".to_owned()) } else { Ok(moment) }
}

fn moment<Z: TimeZone>(text: &str, zone: &Z) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let local = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .map(midnight)
        .or_else(|| WITHOUT_OFFSET.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()))?;
    // At the end of daylight saving time the first of two equal times; at its beginning a skipped time is an hour
    // later.
    let here = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    here(local).or_else(|| here(local.checked_add_signed(TimeDelta::hours(1))?)).map(|moment| moment.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;

    use super::*;

    #[test]
    fn a_time_without_offset_is_in_the_local_time_zone() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 14, 0, 0).single().expect("a time");
        let check = |text: &str, expected: &str| {
            let moment = parse_past_time(text, &Berlin, now).map(|moment| moment.to_rfc3339());
            assert_eq!(moment.as_deref(), Ok(expected), "{text}");
        };
        check("2026-11-22T14:00:00Z", "2026-11-22T14:00:00+00:00");
        check("2026-11-22T14:00:00+02:00", "2026-11-22T12:00:00+00:00");
        check("2026-11-22", "2026-11-21T23:00:00+00:00");
        check(" 2026-11-22 14:00 ", "2026-11-22T13:00:00+00:00");
        check("2026-11-22 14:00:30", "2026-11-22T13:00:30+00:00");
        check("2026-11-22T14:00", "2026-11-22T13:00:00+00:00");
        check("2026-07-01 00:00", "2026-06-30T22:00:00+00:00");
        // A time that occurs twice, and a skipped one.
        check("2026-10-25 02:30", "2026-10-25T00:30:00+00:00");
        check("2026-03-29 02:30", "2026-03-29T01:30:00+00:00");
    }

    #[test]
    fn invalid_and_future_times_are_refused() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 14, 0, 0).single().expect("a time");
        for text in ["", "yesterday", "22.11.2026", "2026-13-01", "2026-11-22 25:00", "2026-11"] {
            assert!(parse_past_time(text, &Berlin, now).is_err_and(|why| why.contains("must be a time")), "{text}");
        }
        for text in ["2026-11-22T14:00:01Z", "2026-11-22 15:01", "2026-11-23"] {
            assert_eq!(parse_past_time(text, &Berlin, now), Err("is in the future".to_owned()), "{text}");
        }
    }
}

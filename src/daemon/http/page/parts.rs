//! The smallest parts of the page: times, names, badges and counts. Each renders itself, so that a template only places it.

use askama::{Template, filters::Safe};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::{ChangeOutcome, Outcome, to_the_second};

/// The time at which a page is made, and the time zone of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) now: DateTime<Utc>,
    pub(super) zone: Tz,
}

/// A time, readable and for programs.
#[derive(Template)]
#[template(
    source = "<time datetime=\"{{ machine }}\">{{ shown }}</time>\
              {% if let Some(distance) = distance %} ({{ distance }}){% endif %}",
    ext = "html",
    config = "src/daemon/http/page/askama.toml"
)]
pub(super) struct TimePart {
    machine: String,
    shown: String,
    distance: Option<String>,
}

/// Text from outside the program, isolated from the reading direction of the surrounding text.
#[derive(Template)]
#[template(source = "<bdi>{{ text }}</bdi>", ext = "html", config = "src/daemon/http/page/askama.toml")]
pub(super) struct NamePart {
    text: String,
}

/// The id of a run, with a link to its page.
#[derive(Template)]
#[template(
    source = "<a href=\"/runs/{{ id|urlencode }}\"><code>{{ id }}</code></a>",
    ext = "html",
    config = "src/daemon/http/page/askama.toml"
)]
pub(super) struct RunLinkPart {
    id: String,
}

/// A word on a background whose colour rates it.
#[derive(Clone, Copy, Template)]
#[template(
    source = "<span class=\"badge {{ class }}\">{{ word }}</span>",
    ext = "html",
    config = "src/daemon/http/page/askama.toml"
)]
pub(super) struct BadgePart {
    class: &'static str,
    word: &'static str,
}

// Their templates have already escaped the values: the escaper does not change them.
pub(super) type Time = Safe<TimePart>;
pub(super) type Name = Safe<NamePart>;
pub(super) type RunLink = Safe<RunLinkPart>;
pub(super) type Badge = Safe<BadgePart>;

impl Clock {
    /// The time with the zone's abbreviation, or its offset where the zone has none.
    pub(super) fn time(&self, at: DateTime<Utc>) -> Time {
        let shown = at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string();
        Safe(TimePart { machine: to_the_second(at), shown, distance: None })
    }

    /// The same, with the distance from now.
    pub(super) fn time_and_distance(&self, at: DateTime<Utc>) -> Time {
        Safe(TimePart { distance: Some(distance(at - self.now)), ..self.time(at).0 })
    }
}

impl TimePart {
    /// The readable time.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }
}

impl BadgePart {
    /// The word on it.
    pub(super) fn word(self) -> &'static str {
        self.word
    }
}

/// Text from outside the program.
pub(super) fn name(text: impl Into<String>) -> Name {
    Safe(NamePart { text: text.into() })
}

/// The link to the page of a run.
pub(super) fn run_link(id: impl Into<String>) -> RunLink {
    Safe(RunLinkPart { id: id.into() })
}

/// This word on a background of this class.
pub(super) fn badge(class: &'static str, word: &'static str) -> Badge {
    Safe(BadgePart { class, word })
}

/// How a run or an instance ended; `None` while it runs.
pub(super) fn outcome_badge(outcome: Option<Outcome>) -> Badge {
    match outcome {
        None => badge("info", "running"),
        Some(Outcome::InSync) => badge("good", "in sync"),
        Some(Outcome::Applied) => badge("good", "applied"),
        Some(Outcome::ChangesPending) => badge("info", "changes pending"),
        Some(Outcome::Partial) => badge("doubt", "partial"),
        Some(Outcome::Held) => badge("doubt", "held"),
        Some(Outcome::Throttled) => badge("doubt", "rate limited"),
        Some(Outcome::Interrupted) => badge("doubt", "interrupted"),
        Some(Outcome::Locked) => badge("doubt", "locked"),
        Some(Outcome::Incomplete) => badge("bad", "incomplete"),
        Some(Outcome::Unavailable) => badge("bad", "unavailable"),
        Some(Outcome::Refused | Outcome::Misconfigured) => badge("bad", "refused"),
        Some(Outcome::Failed) => badge("bad", "failed"),
    }
}

/// The outcome of a change.
pub(super) fn change_badge(outcome: ChangeOutcome) -> Badge {
    let class = match outcome {
        ChangeOutcome::Applied => "good",
        ChangeOutcome::Already | ChangeOutcome::Pending => "info",
        ChangeOutcome::Held | ChangeOutcome::Unconfirmed => "doubt",
        ChangeOutcome::Failed => "bad",
    };
    badge(class, outcome.as_str())
}

/// `in 23 minutes`, `5 hours ago`.
fn distance(delta: TimeDelta) -> String {
    let amount = match delta.num_seconds().unsigned_abs() {
        0 => return "now".to_owned(),
        seconds @ 1..=119 => counted(seconds, "second"),
        seconds @ 120..=7_199 => counted(seconds / 60, "minute"),
        seconds @ 7_200..=172_799 => counted(seconds / 3_600, "hour"),
        seconds => counted(seconds / 86_400, "day"),
    };
    if delta > TimeDelta::zero() { format!("in {amount}") } else { format!("{amount} ago") }
}

/// `870 ms`, `5.1 s`, `3 min 20 s`, `1 h 5 min`.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds / 1_000 {
        0 => format!("{milliseconds} ms"),
        seconds @ 1..60 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `1 change`, `3 changes`.
pub(super) fn counted(number: impl TryInto<u64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The number of entries of a long list that are not shown; `None` where all are shown.
pub(super) fn more(all: usize, shown: usize, what: &str) -> Option<String> {
    all.checked_sub(shown).filter(|more| *more > 0).map(|more| format!("{} more", counted(more, what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_has_one_unit() {
        let shown = |seconds| distance(TimeDelta::seconds(seconds));
        assert_eq!(shown(0), "now");
        assert_eq!(shown(1), "in 1 second");
        assert_eq!(shown(119), "in 119 seconds");
        assert_eq!(shown(-120), "2 minutes ago");
        assert_eq!(shown(7_200), "in 2 hours");
        assert_eq!(shown(-172_800), "2 days ago");
    }

    #[test]
    fn a_duration_has_two_units_at_most() {
        let shown = [870, 5_123, 60_000, 200_000, 3_900_000].map(duration);
        assert_eq!(shown, ["870 ms", "5.1 s", "1 min 0 s", "3 min 20 s", "1 h 5 min"]);
    }

    #[test]
    fn a_time_shows_the_abbreviation_of_its_zone_or_the_offset() {
        let check = |zone: Tz, at: &str, expected: &str| {
            let now = at.parse().expect("a time");
            assert_eq!(Clock { now, zone }.time(now).0.shown(), expected);
        };
        check(Tz::UTC, "2026-11-22T06:00:00Z", "2026-11-22 06:00:00 UTC");
        check(Tz::Europe__Berlin, "2026-11-22T06:00:00Z", "2026-11-22 07:00:00 CET");
        check(Tz::Europe__Berlin, "2026-07-22T06:00:00Z", "2026-07-22 08:00:00 CEST");
        check(Tz::America__Sao_Paulo, "2026-11-22T06:00:00Z", "2026-11-22 03:00:00 -03");
    }
}

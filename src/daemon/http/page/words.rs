//! Times, outcomes and numbers as people read them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Outcome, to_the_second};

use super::markup::Html;

/// A time for machines and people, and how far away it is.
pub(super) fn time_and_distance(html: &mut Html, at: DateTime<Utc>, now: DateTime<Utc>) {
    time(html, at);
    html.raw(" (").text(&distance(at - now)).raw(")");
}

/// A time for machines and people.
pub(super) fn time(html: &mut Html, at: DateTime<Utc>) {
    let machine = to_the_second(at);
    html.raw("<time datetime=\"").text(&machine).raw("\">").text(&shown(at)).raw("</time>");
}

/// A time to the second, in UTC.
pub(super) fn shown(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
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

/// `1 change`, `3 changes`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A number of a report for [`counted`].
pub(super) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What an outcome is called, on a ground that says how good it is.
pub(super) fn outcome(html: &mut Html, outcome: Option<Outcome>) {
    let (class, word) = match outcome {
        None => ("badge info", "running"),
        Some(Outcome::InSync) => ("badge good", "in sync"),
        Some(Outcome::Applied) => ("badge good", "applied"),
        Some(Outcome::ChangesPending) => ("badge info", "changes pending"),
        Some(Outcome::Partial) => ("badge doubt", "partial"),
        Some(Outcome::Held) => ("badge doubt", "held"),
        Some(Outcome::Throttled) => ("badge doubt", "throttled"),
        Some(Outcome::Interrupted) => ("badge doubt", "interrupted"),
        Some(Outcome::Locked) => ("badge doubt", "locked"),
        Some(Outcome::Incomplete) => ("badge bad", "incomplete"),
        Some(Outcome::Unavailable) => ("badge bad", "unavailable"),
        Some(Outcome::Refused | Outcome::Misconfigured) => ("badge bad", "refused"),
        Some(Outcome::Failed) => ("badge bad", "failed"),
    };
    badge(html, class, word);
}

/// A word on a coloured ground.
pub(super) fn badge(html: &mut Html, class: &'static str, word: &'static str) {
    html.raw("<span class=\"").raw(class).raw("\">").raw(word).raw("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_one_unit() {
        let told = |seconds| distance(TimeDelta::seconds(seconds));
        assert_eq!(told(0), "now");
        assert_eq!(told(1), "in 1 second");
        assert_eq!(told(119), "in 119 seconds");
        assert_eq!(told(-120), "2 minutes ago");
        assert_eq!(told(7_200), "in 2 hours");
        assert_eq!(told(-172_800), "2 days ago");
    }
}

//! The parts of an access review that every format for readers shows alike: the lines about each instance, and the lists of
//! what changed and of what to look at.

use chrono::{DateTime, Utc};

use crate::domain::{
    ReviewedChange, ReviewedGroup, ReviewedInstance, ReviewedMember, SinceOrigin, WithoutProfile, to_the_second,
};

/// The head of the column with the approver.
pub(super) const APPROVED_BY: &str = "Approved by";

/// A list of the review.
pub(super) struct Section {
    /// The heading, without a count.
    pub(super) title: String,
    /// The heads of the columns.
    pub(super) heads: &'static [&'static str],
    /// The rows; `None` where what it lists is not known.
    pub(super) rows: Option<Vec<Vec<String>>>,
}

impl Section {
    fn new(title: impl Into<String>, heads: &'static [&'static str], rows: Option<Vec<Vec<String>>>) -> Self {
        Self { title: title.into(), heads, rows }
    }

    /// The heading with the number of rows.
    pub(super) fn heading(&self) -> String {
        match &self.rows {
            Some(rows) if !rows.is_empty() => format!("{} ({})", self.title, rows.len()),
            _ => self.title.clone(),
        }
    }

    /// What stands in place of rows.
    pub(super) fn without_rows(&self) -> Option<&'static str> {
        match &self.rows {
            None => Some("not known"),
            Some(rows) if rows.is_empty() => Some("none"),
            Some(_) => None,
        }
    }
}

/// The date of a time in UTC: a review is about days.
pub(super) fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// The sentence about a configured instance that is not in the review.
pub(super) fn never_read(instance: &str) -> String {
    format!("Instance {instance} was never read: no run has read it yet, and nothing is known about its access.")
}

/// The sentences about an instance, before its groups.
pub(super) fn facts(instance: &ReviewedInstance) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(read) = &instance.read {
        facts.push(format!("Read by run {} at {}.", read.run, to_the_second(read.at)));
    }
    let begin = match (instance.since_origin, instance.since, &instance.last_review) {
        (SinceOrigin::LastReview, Some(_), Some(last)) => {
            format!("since the last review, at {} by {}", to_the_second(last.at), last.reviewed_by)
        }
        (_, Some(since), _) => format!("since {}", to_the_second(since)),
        (_, None, _) => "since the beginning of the record; no review is recorded yet".to_owned(),
    };
    facts.push(format!("Changes {begin}."));
    if let Some(last) = &instance.last_review {
        let same = if last.digest == instance.digest { "the same as" } else { "not the same as" };
        facts.push(format!("The access is {same} at the last review ({}).", date(last.at)));
    }
    facts.extend(instance.notes.iter().cloned());
    facts
}

/// What is remarkable about a member.
pub(super) fn remarks(member: &ReviewedMember) -> Vec<String> {
    let without = member.without_profile.as_ref().map(|why| format!("without the profile: {}", in_words(why)));
    let disabled = (member.disabled == Some(true)).then(|| "disabled".to_owned());
    without.into_iter().chain(disabled).collect()
}

/// Why a membership is kept without the profile, in words.
pub(super) fn in_words(why: &str) -> &str {
    match why {
        "held" => "the removal is held and waits for an approval",
        "pending" => "the removal is planned and was not made",
        "unconfirmed" => "a second read did not confirm the removal",
        "failed" => "the removal failed",
        "not-managed" => "the operator does not sign in through Adobe",
        "protected" => "the operator is protected",
        "protected-minimum" => "the group is protected",
        "profile-gone" => "the profile is gone",
        other => other,
    }
}

/// How many members a group has, in words.
pub(super) fn members(group: &ReviewedGroup) -> String {
    match group.members.len() {
        0 => "no members".to_owned(),
        count => counted(count, "member"),
    }
}

/// `1 group`, `3 groups`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The lists of an instance: what changed, and what to look at.
pub(super) fn sections(instance: &ReviewedInstance) -> Vec<Section> {
    const CHANGE: &[&str] = &["Date", "Operator", "Operator group", "How", APPROVED_BY];
    let joined = instance.joined.iter().map(|it| change(it, it.cause.joined())).collect();
    let left = instance.left.iter().map(|it| change(it, it.cause.left())).collect();
    let one = |names: &[String]| names.iter().map(|name| vec![name.clone()]).collect::<Vec<_>>();
    let mut sections = vec![Section::new("Added", CHANGE, Some(joined)), Section::new("Removed", CHANGE, Some(left))];
    for (title, groups) in [
        ("Groups that are managed since then", &instance.new_groups),
        ("Groups that are not managed any more", &instance.former_groups),
    ] {
        if !groups.is_empty() {
            sections.push(Section::new(title, &["Operator group"], Some(one(groups))));
        }
    }
    let without_profile = instance.without_profile.as_ref().map(|without| {
        let row = |it: &WithoutProfile| {
            vec![it.login.clone(), it.group.clone(), in_words(&it.why).to_owned(), it.detail.clone()]
        };
        without.iter().map(row).collect()
    });
    let undecided = instance.undecided.as_ref().map(|skipped| {
        skipped.iter().map(|it| vec![it.subject.clone(), it.reason.as_str().to_owned(), it.detail.clone()]).collect()
    });
    let disabled = instance.disabled_operators.as_ref().map(|operators| {
        operators.iter().map(|operator| vec![operator.login.clone(), groups_of(&operator.groups)]).collect()
    });
    let unused = instance
        .profiles_without_users
        .as_ref()
        .map(|profiles| profiles.iter().map(|it| vec![it.profile.clone(), it.group.clone()]).collect());
    sections.extend([
        Section::new("Members without the profile", &["Operator", "Operator group", "Why", "Detail"], without_profile),
        Section::new("Not decided by the last run", &["Subject", "Reason", "Detail"], undecided),
        Section::new(
            "Operators without a group",
            &["Operator"],
            instance.operators_without_group.as_ref().map(|logins| one(logins)),
        ),
        Section::new("Disabled operators", &["Operator", "Managed groups"], disabled),
        Section::new("Groups without members", &["Operator group"], Some(one(&instance.groups_without_members))),
        Section::new("Profiles that no user has", &["Product profile", "Operator group"], unused),
    ]);
    sections
}

fn groups_of(groups: &[String]) -> String {
    if groups.is_empty() { "no managed group".to_owned() } else { groups.join(", ") }
}

fn change(change: &ReviewedChange, how: String) -> Vec<String> {
    let approver = change.cause.approved_by.clone().unwrap_or_default();
    vec![date(change.at), change.login.clone(), change.group.clone(), how, approver]
}

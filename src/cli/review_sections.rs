//! The parts of an access review that every format for readers shows alike: the lines about each instance, and the lists of
//! what changed and of what to look at.

use chrono::{DateTime, Utc};

use crate::domain::{ReviewedChange, ReviewedGroup, ReviewedInstance, ReviewedMember, SinceOrigin, to_the_second};

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
    let without = member.without_profile.as_ref().map(|why| format!("without the profile: {why}"));
    let disabled = (member.disabled == Some(true)).then(|| "disabled".to_owned());
    without.into_iter().chain(disabled).collect()
}

/// The heading of a group.
pub(super) fn members(group: &ReviewedGroup) -> String {
    match group.members.len() {
        0 => "no members".to_owned(),
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    }
}

/// The lists of an instance: what changed, and what to look at.
pub(super) fn sections(instance: &ReviewedInstance) -> Vec<Section> {
    const CHANGE: &[&str] = &["Date", "Operator", "Operator group", "How", "Approved by"];
    let changes = |changes: &[ReviewedChange]| Some(changes.iter().map(change).collect());
    let one = |names: &[String]| names.iter().map(|name| vec![name.clone()]).collect::<Vec<_>>();
    let mut sections = vec![
        Section::new("Added", CHANGE, changes(&instance.joined)),
        Section::new("Removed", CHANGE, changes(&instance.left)),
    ];
    for (title, groups) in [
        ("Groups that are managed since then", &instance.new_groups),
        ("Groups that are not managed any more", &instance.former_groups),
    ] {
        if !groups.is_empty() {
            sections.push(Section::new(title, &["Operator group"], Some(one(groups))));
        }
    }
    let without_profile = instance.without_profile.as_ref().map(|without| {
        without.iter().map(|it| vec![it.login.clone(), it.group.clone(), it.why.clone(), it.detail.clone()]).collect()
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
        Section::new(
            "Members without the profile",
            &["Operator", "Operator group", "Why", "What it means"],
            without_profile,
        ),
        Section::new("Not decided by the last run", &["Subject", "Reason", "What it means"], undecided),
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

fn change(change: &ReviewedChange) -> Vec<String> {
    let cause = &change.cause;
    let how = match &cause.run {
        Some(run) => format!("{}, run {run}", cause.described(None)),
        None => cause.described(None),
    };
    vec![
        date(change.at),
        change.login.clone(),
        change.group.clone(),
        how,
        cause.approved_by.clone().unwrap_or_default(),
    ]
}

//! The access review as CSV: one row for each membership and for each entry of the lists.

use crate::domain::{AccessReview, MembershipCause, ReviewedChange, ReviewedInstance, to_the_second};

use super::csv;

/// New columns come last, so that scripts which use column numbers keep working.
const HEAD: &str =
    "at,instance,kind,login,group,profile,time,origin,run,approved_by,detail,disabled,keep_or_remove\r\n";

/// One row. Empty cells are what the kind of row does not have.
#[derive(Default)]
struct Row<'a> {
    kind: &'static str,
    login: &'a str,
    group: &'a str,
    profile: &'a str,
    time: String,
    origin: &'static str,
    run: &'a str,
    approved_by: &'a str,
    detail: String,
    disabled: &'static str,
}

/// The rows of all instances, for a spreadsheet. What is not known has no row.
pub(super) fn csv(review: &AccessReview) -> String {
    let at = to_the_second(review.at);
    let mut out = HEAD.to_owned();
    for instance in &review.instances {
        for row in rows(instance) {
            let cells = [
                at.as_str(),
                instance.name.as_str(),
                row.kind,
                row.login,
                row.group,
                row.profile,
                row.time.as_str(),
                row.origin,
                row.run,
                row.approved_by,
                row.detail.as_str(),
                row.disabled,
                "",
            ];
            csv::row(&mut out, cells);
        }
    }
    for instance in &review.never_read {
        let mut cells = [""; 13];
        (cells[0], cells[1], cells[2]) = (&at, instance, "never_read");
        csv::row(&mut out, cells);
    }
    out
}

fn rows(instance: &ReviewedInstance) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for group in &instance.groups {
        rows.extend(group.members.iter().map(|member| Row {
            login: &member.login,
            group: &group.group,
            profile: member.cause.profile.as_deref().unwrap_or(&group.profile),
            time: to_the_second(member.since),
            detail:
                member.without_profile.as_ref().map(|why| format!("without the profile: {why}")).unwrap_or_default(),
            disabled: match member.disabled {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            },
            ..of_cause("member", &member.cause)
        }));
    }
    rows.extend(instance.joined.iter().map(|change| of_change("added", change)));
    rows.extend(instance.left.iter().map(|change| of_change("removed", change)));
    rows.extend(instance.without_profile.iter().flatten().map(|without| Row {
        kind: "without_profile",
        login: &without.login,
        group: &without.group,
        detail: format!("{}: {}", without.why, without.detail),
        ..Row::default()
    }));
    rows.extend(instance.undecided.iter().flatten().map(|skipped| Row {
        kind: "undecided",
        login: &skipped.subject,
        detail: format!("{}: {}", skipped.reason.as_str(), skipped.detail),
        ..Row::default()
    }));
    let operators = instance.operators_without_group.iter().flatten();
    rows.extend(operators.map(|login| Row { kind: "operator_without_group", login, ..Row::default() }));
    rows.extend(instance.disabled_operators.iter().flatten().map(|operator| Row {
        kind: "disabled_operator",
        login: &operator.login,
        detail: operator.groups.join(", "),
        disabled: "yes",
        ..Row::default()
    }));
    for (kind, groups) in [
        ("group_without_members", &instance.groups_without_members),
        ("new_group", &instance.new_groups),
        ("former_group", &instance.former_groups),
    ] {
        rows.extend(groups.iter().map(|group| Row { kind, group, ..Row::default() }));
    }
    rows.extend(instance.profiles_without_users.iter().flatten().map(|unused| Row {
        kind: "profile_without_users",
        group: &unused.group,
        profile: &unused.profile,
        ..Row::default()
    }));
    rows
}

fn of_change<'a>(kind: &'static str, change: &'a ReviewedChange) -> Row<'a> {
    Row {
        login: &change.login,
        group: &change.group,
        profile: change.cause.profile.as_deref().unwrap_or_default(),
        time: to_the_second(change.at),
        ..of_cause(kind, &change.cause)
    }
}

fn of_cause<'a>(kind: &'static str, cause: &'a MembershipCause) -> Row<'a> {
    Row {
        kind,
        origin: cause.origin.as_str(),
        run: cause.run.as_deref().unwrap_or_default(),
        approved_by: cause.approved_by.as_deref().unwrap_or_default(),
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::review_sample::review, *};

    #[test]
    fn a_review_as_csv_has_a_row_for_each_entry_and_no_formula() {
        let text = csv(&review());
        let columns = HEAD.trim_end().split(',').count();
        assert!(text.lines().all(|line| line.split(',').count() >= columns), "{text}");
        insta::assert_snapshot!(text.replace("\r\n", " CRLF\n"));
    }
}

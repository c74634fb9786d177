//! The report of a run as text.

use anstyle::Style;

use crate::domain::{
    ApprovalNote, ChangeKind, ChangeOutcome, ChangeReport, InstanceMode, InstanceReport, Outcome, RunMode, RunReport,
    SourceKind, SourceReport, Summary, name_shown, printable, to_the_second,
};

use super::styles::{BAD, BOLD, DIM, DOUBT, GOOD, columns, line, styled};

/// The report.
pub(super) fn text(report: &RunReport) -> String {
    let mut out = String::new();
    let mode = match report.mode {
        RunMode::Apply => "",
        RunMode::DryRun => "dry run, ",
    };
    let outcome = styled(style_of(report.outcome), sentence_of(report));
    let began = to_the_second(report.started_at);
    line(&mut out, &format!("{BOLD}Run {}{BOLD:#} at {began} ({mode}{})", report.run, duration(report.duration_ms)));
    line(&mut out, &source_line(report));
    if let Some(error) = &report.error {
        line(&mut out, &styled(BAD, &printable(error)));
    }
    for warning in &report.warnings {
        line(&mut out, &note(warning));
    }
    for instance in &report.instances {
        line(&mut out, "");
        instance_section(&mut out, instance, report.undo_of.as_deref());
    }
    line(&mut out, "");
    line(&mut out, &outcome);
    out
}

/// The outcome of a run in words. A given digest that is not held results in `held`, although no instance holds
/// anything.
pub(super) fn sentence_of(report: &RunReport) -> &'static str {
    match report.outcome {
        Outcome::Held if report.instances.iter().all(|instance| instance.held.is_none()) => {
            "The given digest is not held: nothing was released."
        }
        Outcome::InSync => "In sync: nothing to do.",
        Outcome::ChangesPending => "Changes are pending; nothing was written.",
        Outcome::Applied => "All changes were applied.",
        Outcome::Partial => "Finished; some items failed or were skipped.",
        Outcome::Held => "A guard holds changes; they were not applied.",
        Outcome::Incomplete => "Adobe or Campaign could not be read completely; nothing was written there.",
        Outcome::Throttled => "Adobe asked for a longer pause than this run may wait; retry later.",
        Outcome::Unavailable => "Adobe or Campaign is temporarily unavailable; retry later.",
        Outcome::Locked => "Another run is in progress.",
        Outcome::Refused => "Credentials were refused.",
        Outcome::Misconfigured => "The configuration of this host does not fit; the error says what.",
        Outcome::Failed => "Unexpected failure.",
        Outcome::Interrupted => "Interrupted before its end; the next run continues from the state of Campaign.",
    }
}

/// The numbers of one instance, without zeros.
pub(super) fn summary_line(summary: &Summary) -> String {
    let rest = format!("{} unchanged, {} skipped", summary.unchanged, summary.skipped);
    match summary.planned() {
        0 => format!("nothing to change; {rest}"),
        _ => format!("{}: {}; {rest}", nonzero(&planned(summary)), nonzero(&became(summary))),
    }
}

fn planned(summary: &Summary) -> [(usize, &'static str); 5] {
    [
        (summary.create_group, "groups to create"),
        (summary.create_operator, "operators to create"),
        (summary.add, "to add"),
        (summary.remove, "to remove"),
        (summary.disable_operator, "to disable"),
    ]
}

fn became(summary: &Summary) -> [(usize, &'static str); 6] {
    [
        (summary.applied, "applied"),
        (summary.already, "already in place"),
        (summary.failed, "failed"),
        (summary.held, "held"),
        (summary.unconfirmed, "not confirmed"),
        (summary.pending, "pending"),
    ]
}

fn nonzero(counts: &[(usize, &str)]) -> String {
    let shown: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    shown.join(", ")
}

pub(super) fn source_line(report: &RunReport) -> String {
    let source = &report.source;
    let how = match (source.complete, source.read) {
        (true, Some(SourceKind::Profiles)) => "profile by profile",
        (true, Some(SourceKind::Users)) => return users_line(source),
        (true, _) => "all users",
        (false, _) => {
            return format!("Organization {}: not read ({})", source.organization, counted(source.calls, "call"));
        }
    };
    let (users, calls) = (counted(source.users, "user"), counted(source.calls, "call"));
    let profiles = counted(source.profiles as u64, "product profile");
    format!("Organization {}: {users}, {profiles}, read completely ({how}, {calls})", source.organization)
}

/// The source of a run for given users: the number of profiles is that of the stored listing.
fn users_line(source: &SourceReport) -> String {
    let (found, calls) = (counted(source.users, "active user"), counted(source.calls, "call"));
    let profiles = counted(source.profiles as u64, "product profile");
    format!(
        "Organization {}: only the given users were read: {found} found ({calls}); {profiles} known from the \
         last listing",
        source.organization
    )
}

/// A count with its noun, whose plural ends in "s".
pub(super) fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

pub(super) fn mode_of(mode: InstanceMode) -> &'static str {
    match mode {
        InstanceMode::Apply => "apply",
        InstanceMode::Observe => {
            "observe: nothing is written; when the plan is right, write mode = \"apply\" for this instance"
        }
    }
}

/// The numbers without zeros, for a list of runs; empty when all are zero.
pub(super) fn numbers(summary: &Summary) -> String {
    let changes = match summary.planned() {
        0 => String::new(),
        _ => format!("{}: {}", nonzero(&planned(summary)), nonzero(&became(summary))),
    };
    let parts = [changes, nonzero(&[(summary.skipped, "skipped")])];
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The commands that release held changes; those of an undo need another undo after the approval.
fn how_to_release(digest: &str, undo_of: Option<&str>) -> String {
    let approve = format!("if these changes are right: campaign-group-sync approve {digest}");
    match undo_of {
        Some(run) => format!("{approve}\n  and then: campaign-group-sync undo {run} --apply"),
        None => format!("{approve}  (or --sync-now --approve {digest})"),
    }
}

fn note(warning: &str) -> String {
    styled(DOUBT, &format!("Note: {}", printable(warning)))
}

fn instance_section(out: &mut String, instance: &InstanceReport, undo_of: Option<&str>) {
    line(out, &format!("{BOLD}{}{BOLD:#} ({})", instance.name, mode_of(instance.mode)));
    if let Some(error) = &instance.error {
        line(out, &format!("  {}", styled(BAD, &printable(error))));
    }
    for warning in &instance.warnings {
        line(out, &format!("  {}", note(warning)));
    }
    if !instance.matched_profiles.is_empty() {
        let rows = instance.matched_profiles.iter().map(|matched| {
            let users = counted(matched.members as u64, "user");
            (DIM, vec![matched.group.clone(), users, matched.profile.clone()])
        });
        columns(out, "  ", rows);
    }
    if !instance.changes.is_empty() {
        line(out, "");
        columns(out, "  ", instance.changes.iter().map(change_row));
    }
    for because in details(&instance.changes) {
        line(out, &format!("  {}", styled(DOUBT, &because)));
    }
    for approval in &instance.approvals {
        line(out, &format!("  {}", printable(&approval_of(approval, &instance.changes))));
    }
    if let Some(digest) = &instance.held {
        line(out, &format!("  {}", styled(DOUBT, &format!("held as {digest}"))));
        line(out, &format!("  {}", how_to_release(digest, undo_of)));
    }
    if !instance.orphaned.is_empty() {
        line(out, "");
        line(out, "  Orphaned (the profile is missing):");
        let rows = instance.orphaned.iter().map(|orphan| {
            (
                DOUBT,
                vec![
                    name_shown(&orphan.group).into_owned(),
                    counted(orphan.members as u64, "member"),
                    orphan.profile.clone(),
                ],
            )
        });
        columns(out, "  ", rows);
    }
    if !instance.skipped.is_empty() {
        line(out, "");
        line(out, "  Skipped:");
        columns(
            out,
            "  ",
            instance.skipped.iter().map(|skipped| {
                let style = if skipped.reason.could_not_be_placed() { DOUBT } else { DIM };
                (
                    style,
                    vec![
                        skipped.reason.as_str().to_owned(),
                        name_shown(&skipped.subject).into_owned(),
                        skipped.detail.clone(),
                    ],
                )
            }),
        );
    }
    if instance.error.is_none() || instance.summary.planned() > 0 {
        line(out, "");
        line(out, &format!("  {}", summary_line(&instance.summary)));
    }
}

/// Why changes were held, failed or not confirmed; a reason of several changes is shown once, with their number.
fn details(changes: &[ChangeReport]) -> Vec<String> {
    let mut reasons: Vec<(&ChangeReport, &str, usize)> = Vec::new();
    for (change, detail) in changes.iter().filter_map(|change| Some((change, change.detail.as_deref()?))) {
        let same =
            |(other, why, _): &&mut (&ChangeReport, &str, usize)| other.outcome == change.outcome && *why == detail;
        match reasons.iter_mut().find(same) {
            Some((_, _, count)) => *count += 1,
            None => reasons.push((change, detail, 1)),
        }
    }
    let sentence = |(change, detail, count): (&ChangeReport, &str, usize)| {
        let what = if count == 1 { printable(&change.described()).into_owned() } else { format!("{count} changes") };
        format!("{}: {what}: {}", change.outcome.as_str(), printable(detail))
    };
    reasons.into_iter().map(sentence).collect()
}

/// An approval, with the number of changes that it released.
pub(super) fn approval_of(approval: &ApprovalNote, changes: &[ChangeReport]) -> String {
    let is_released = |change: &&ChangeReport| change.approved_by.as_ref() == Some(&approval.described);
    let released = counted(changes.iter().filter(is_released).count() as u64, "change");
    let ApprovalNote { digest, described, at, .. } = approval;
    format!("{released} approved by {described} at {} as {digest}", to_the_second(*at))
}

fn change_row(change: &ChangeReport) -> (Style, Vec<String>) {
    let character = match change.op {
        ChangeKind::Add => "+",
        ChangeKind::Remove => "-",
        ChangeKind::DisableOperator => "x",
        ChangeKind::CreateOperator | ChangeKind::CreateGroup => "*",
    };
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    let outcome = change.outcome.as_str().to_owned();
    (
        style_of_change(change),
        vec![
            character.to_owned(),
            text(change.operator.as_deref()),
            text(change.group.as_deref()),
            outcome,
            change.reason.to_string(),
        ],
    )
}

/// The colour of a change, by its kind and outcome.
pub(super) fn style_of_change(change: &ChangeReport) -> Style {
    match (change.outcome, change.op) {
        (ChangeOutcome::Held | ChangeOutcome::Unconfirmed, _) => DOUBT,
        (ChangeOutcome::Failed, _) => BAD.bold(),
        (_, ChangeKind::Remove | ChangeKind::DisableOperator) => BAD,
        (_, ChangeKind::Add | ChangeKind::CreateOperator | ChangeKind::CreateGroup) => GOOD,
    }
}

pub(super) fn style_of(outcome: Outcome) -> Style {
    match outcome {
        Outcome::InSync | Outcome::Applied => GOOD,
        Outcome::ChangesPending | Outcome::Partial | Outcome::Held => DOUBT,
        Outcome::Incomplete
        | Outcome::Throttled
        | Outcome::Unavailable
        | Outcome::Locked
        | Outcome::Refused
        | Outcome::Misconfigured
        | Outcome::Failed
        | Outcome::Interrupted => BAD,
    }
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{
        cli::report_markdown,
        domain::{Orphan, SourceReport},
    };

    /// A run that holds the disabling of an operator, with warnings.
    fn held() -> RunReport {
        let change = ChangeReport {
            op: ChangeKind::DisableOperator,
            operator: Some("karl@acme.com".into()),
            group: None,
            profile: "Campaign - acme - delivery".into(),
            reason: "in no group any more".into(),
            outcome: ChangeOutcome::Held,
            detail: Some("1 removal exceeds guard.max_removals = 0".to_owned()),
            at: None,
            approved_by: None,
        };
        let instance = InstanceReport {
            name: "production".to_owned(),
            mode: InstanceMode::Apply,
            outcome: Outcome::Held,
            error: None,
            warnings: vec!["the mask matches one profile less".to_owned()],
            held: Some("0123456789abcdef".to_owned()),
            held_since: None,
            orphaned: vec![Orphan { group: "ops".to_owned(), profile: "Campaign - acme - ops".to_owned(), members: 3 }],
            matched_profiles: Vec::new(),
            skipped: Vec::new(),
            summary: Summary::of(std::slice::from_ref(&change), 0, 9),
            changes: vec![change],
            approvals: Vec::new(),
        };
        RunReport {
            version: 1,
            run: "01KB0000000000000000000001".to_owned(),
            mode: RunMode::Apply,
            started_at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            duration_ms: 5_123,
            outcome: Outcome::Held,
            misconfigured: false,
            error: None,
            warnings: vec!["new profiles\u{1b}[2J will be seen after 08:00".to_owned()],
            source: SourceReport {
                organization: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
                users: 12,
                profiles: 6,
                calls: 3,
                read: Some(SourceKind::Profiles),
                complete: true,
            },
            instances: vec![instance],
            record: None,
            undo_of: None,
            approvals: Vec::new(),
        }
    }

    #[test]
    fn a_held_plan_as_text_names_the_commands_that_release_it() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&held())));
    }

    #[test]
    fn a_held_plan_as_markdown_names_the_commands_that_release_it() {
        insta::assert_snapshot!(report_markdown::markdown(&held()));
    }

    #[test]
    fn numbers_do_not_show_zeros() {
        let check = |summary: Summary, expected: &str| assert_eq!(numbers(&summary), expected);
        check(Summary::default(), "");
        check(Summary { unchanged: 9, ..Summary::default() }, "");
        check(Summary { skipped: 2, ..Summary::default() }, "2 skipped");
        check(Summary { add: 1, failed: 1, skipped: 2, ..Summary::default() }, "1 to add: 1 failed; 2 skipped");
    }
}

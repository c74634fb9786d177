//! `explain`: why a person is, or is not, in a group, told from the user to the last change.

use anstyle::Style;

use crate::{
    domain::{Explanation, Finding, GroupExplanation, OperatorGroupName, Verdict, printable, to_the_second},
    journal::Journal,
    sync,
};

use super::{
    CommandError,
    arguments::{Arguments, ExplainArguments, OutputFormat},
    exit_code::Exit,
    layout::{BAD, BOLD, DIM, DOUBT, GOOD, line, painted},
    markdown::cell,
    report_json::json,
    start::start,
    terminal::print,
};

/// Ends with 0 whenever there is an answer: what could not be found out is part of it.
pub(super) async fn run(arguments: &Arguments, explain: &ExplainArguments) -> Result<Exit, CommandError> {
    let (settings, _) = start(arguments)?;
    let journal = Journal::open_existing(&settings.journal_options()).await?;
    let options = settings.sync_options();
    let group = explain.group.as_deref().map(OperatorGroupName::new);
    let explanation = sync::explain(&options, journal.as_ref(), &explain.email, group.as_ref()).await;
    print(&match arguments.output {
        OutputFormat::Text => text(&explanation),
        OutputFormat::Json => json(&explanation)?,
        OutputFormat::Markdown => markdown(&explanation),
    })?;
    Ok(Exit::Done)
}

fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    let person = printable(&explanation.person);
    line(&mut out, &format!("{BOLD}{person}{BOLD:#} ({})", to_the_second(explanation.at)));
    findings(&mut out, "  ", &explanation.findings);
    for instance in &explanation.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}{}{BOLD:#}", printable(&instance.name)));
        findings(&mut out, "  ", &instance.findings);
        for group in &instance.groups {
            line(&mut out, "");
            line(&mut out, &format!("  {BOLD}{}{BOLD:#}: {}", printable(&group.group), membership_of(group)));
            findings(&mut out, "    ", &group.findings);
        }
    }
    out
}

fn findings(out: &mut String, indent: &str, findings: &[Finding]) {
    for finding in findings {
        let (mark, style) = mark_of(finding.verdict);
        // As wide as the widest station.
        let station = format!("{:<16}", finding.station.title());
        line(out, &format!("{indent}{} {station}  {}", painted(style, mark), printable(&finding.text)));
    }
}

fn markdown(explanation: &Explanation) -> String {
    let mut out = String::new();
    line(&mut out, &format!("# {} ({})", cell(&explanation.person), to_the_second(explanation.at)));
    bullets(&mut out, &explanation.findings);
    for instance in &explanation.instances {
        line(&mut out, &format!("\n## {}", cell(&instance.name)));
        bullets(&mut out, &instance.findings);
        for group in &instance.groups {
            line(&mut out, &format!("\n### {}: {}", cell(&group.group), membership_of(group)));
            bullets(&mut out, &group.findings);
        }
    }
    out
}

fn bullets(out: &mut String, findings: &[Finding]) {
    if !findings.is_empty() {
        line(out, "");
    }
    for finding in findings {
        let (mark, _) = mark_of(finding.verdict);
        line(out, &format!("- {mark} **{}**: {}", finding.station.title(), cell(&finding.text)));
    }
}

fn membership_of(group: &GroupExplanation) -> &'static str {
    match group.is_member {
        Some(true) => "a member",
        Some(false) => "not a member",
        None => "not known whether a member",
    }
}

fn mark_of(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Yes => ("✓", GOOD),
        Verdict::No => ("✗", BAD),
        Verdict::Unknown => ("?", DOUBT),
        Verdict::Note => ("·", DIM),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{InstanceExplanation, Station};

    fn finding(station: Station, verdict: Verdict, text: &str) -> Finding {
        Finding { station, verdict, text: text.to_owned() }
    }

    fn explanation() -> Explanation {
        use Verdict::{No, Note, Unknown, Yes};
        let delivery = GroupExplanation {
            group: "delivery".to_owned(),
            is_member: Some(false),
            findings: vec![
                finding(Station::Profile, No, "does not have the profile \"Campaign - acme - delivery\""),
                finding(Station::Mask, Yes, "the mask \"Campaign - acme - (.*)\" makes the group delivery of it"),
                finding(Station::OperatorGroup, No, "the operator is not in the group"),
                finding(Station::LastChange, Note, "removed by run 01KB at 2026-11-22T06:00:00Z"),
                finding(Station::NextRun, Note, "changes nothing"),
            ],
        };
        let odd = GroupExplanation { group: "a|b\u{202e}".to_owned(), is_member: None, findings: Vec::new() };
        Explanation {
            person: "ann@acme.com".to_owned(),
            at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            ask_again_at: None,
            findings: vec![finding(Station::User, Yes, "is an active user of the organization")],
            instances: vec![
                InstanceExplanation {
                    name: "production".to_owned(),
                    findings: vec![finding(Station::Operator, Yes, "is the operator ann@acme.com")],
                    groups: vec![delivery, odd],
                },
                InstanceExplanation {
                    name: "stage".to_owned(),
                    findings: vec![finding(Station::Operator, Unknown, "Campaign does not answer")],
                    groups: Vec::new(),
                },
            ],
        }
    }

    #[test]
    fn an_explanation_reads_from_the_user_to_the_last_change() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&explanation())));
    }

    #[test]
    fn an_explanation_fits_into_a_ticket() {
        insta::assert_snapshot!(markdown(&explanation()));
    }
}

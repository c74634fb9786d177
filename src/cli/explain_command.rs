//! `explain`: why a user is in groups or not, from the Admin Console to the last change in Campaign.

use anstyle::Style;

use crate::{
    daemon::control::{ControlClient, ControlRequest, ControlResponse},
    domain::{
        Explanation, Finding, GroupExplanation, OperatorGroupName, RecordedEvent, Station, Verdict, printable,
        to_the_second,
    },
    journal::Journal,
    settings::{self, Settings},
    sync,
};

use super::{
    CommandError,
    arguments::{Arguments, ExplainArguments, OutputFormat},
    bootstrap::start_log,
    daemon_client::{connect, connect_without_secrets, unexpected_answer},
    exit_status::ExitStatus,
    json::json,
    markdown::cell,
    styles::{BAD, BOLD, DIM, DOUBT, GOOD, line, styled, wrapped},
    terminal::print,
};

/// The longest accepted name: an e-mail address has at most 254 characters (RFC 5321), a login of Campaign fewer.
const LONGEST_NAME: usize = 320;

/// Exits with 0 when the explanation is complete. Otherwise it shows what is known, and exits with the status of the
/// failure to read Adobe or Campaign.
pub(super) async fn run(arguments: &Arguments, explain: &ExplainArguments) -> Result<ExitStatus, CommandError> {
    let query = ExplainQuery::of(explain)?;
    let readable = settings::load_partial(&arguments.sources());
    let explanation = match readable.complete() {
        Ok(settings) => {
            start_log(arguments, &settings)?;
            query.ask(&settings).await?
        }
        Err(error) => query.ask_daemon(connect_without_secrets(&readable, error).await?).await?,
    };
    print(&match arguments.output {
        OutputFormat::Text => text(&explanation),
        OutputFormat::Json => json(&explanation)?,
        OutputFormat::Markdown => markdown(&explanation),
    })?;
    Ok(ExitStatus::of_answer(&explanation))
}

/// The user, or operator, and the group to explain.
struct ExplainQuery {
    user: String,
    group: Option<String>,
}

impl ExplainQuery {
    fn of(arguments: &ExplainArguments) -> Result<Self, CommandError> {
        let user = name("EMAIL", &arguments.email)?;
        let group = arguments.group.as_deref().map(|group| name("GROUP", group)).transpose()?;
        Ok(Self { user, group })
    }

    /// Explains in this process; where this user may not read the state, the daemon explains.
    async fn ask(self, settings: &Settings) -> Result<Explanation, CommandError> {
        let group = self.group.as_ref().map(OperatorGroupName::new);
        let explained = async |journal: Option<&Journal>| {
            Box::pin(sync::explain(&settings.sync_options(), journal, &self.user, group.as_ref())).await
        };
        match Journal::with_existing(&settings.journal_options(), explained).await {
            Ok(explanation) => Ok(explanation),
            Err(error) => match connect(settings).await {
                Some(daemon) => self.ask_daemon(daemon).await,
                None => Err(error.into()),
            },
        }
    }

    async fn ask_daemon(self, mut daemon: ControlClient) -> Result<Explanation, CommandError> {
        let Self { user, group } = self;
        daemon.send(&ControlRequest::Explain { user, group }).await.map_err(CommandError::Control)?;
        match daemon.receive().await.map_err(CommandError::Control)? {
            ControlResponse::Explanation { explanation } => Ok(*explanation),
            other => Err(unexpected_answer(other)),
        }
    }
}

/// A name to search for, without surrounding spaces.
fn name(what: &str, given: &str) -> Result<String, CommandError> {
    let name = given.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(CommandError::Usage(format!("{what} is empty: give a name")));
    }
    if length > LONGEST_NAME {
        return Err(CommandError::Usage(format!(
            "{what} has {length} characters; the longest possible name has {LONGEST_NAME}"
        )));
    }
    Ok(name.to_owned())
}

fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    let user = printable(&explanation.user);
    line(&mut out, &format!("{BOLD}{user}{BOLD:#} ({})", to_the_second(explanation.at)));
    line(&mut out, &format!("organization {}", printable(&explanation.organization)));
    findings(&mut out, "  ", explanation.findings.iter());
    for instance in &explanation.instances {
        line(&mut out, "");
        line(&mut out, &format!("{BOLD}instance {}{BOLD:#}", printable(&instance.name)));
        findings(&mut out, "  ", instance.findings.iter());
        record(&mut out, "  ", &instance.record);
        if instance.groups.is_empty() {
            line(&mut out, "  no operator group of this user is known");
        }
        for group in &instance.groups {
            line(&mut out, "");
            line(&mut out, &format!("  {BOLD}{}{BOLD:#}: {}", printable(&group.group), membership_of(group)));
            findings(&mut out, "    ", group.findings.iter().filter(|finding| is_shown(finding)));
            record(&mut out, "    ", &group.record);
        }
    }
    out
}

fn findings<'a>(out: &mut String, indent: &str, findings: impl Iterator<Item = &'a Finding>) {
    for finding in findings {
        let (mark, style) = mark_of(finding.verdict);
        // The width of the longest title.
        let station = format!("{:<16}", finding.station.title());
        let column = indent.len() + 20;
        let text = wrapped(&finding.text, column);
        line(out, &format!("{indent}{} {station}  {text}", styled(style, mark)));
    }
}

/// Whether the finding is shown: the last change is not, because it is the last line of the record.
fn is_shown(finding: &Finding) -> bool {
    finding.station != Station::LastChange
}

fn record(out: &mut String, indent: &str, events: &[RecordedEvent]) {
    if events.is_empty() {
        return;
    }
    line(out, &format!("{indent}record"));
    for event in events {
        let text = wrapped(&event.in_words(), indent.len() + 24);
        line(out, &format!("{indent}  {}  {text}", to_the_second(event.at)));
    }
}

fn markdown(explanation: &Explanation) -> String {
    let mut out = String::new();
    line(&mut out, &format!("# {} ({})", cell(&explanation.user), to_the_second(explanation.at)));
    line(&mut out, &format!("\nOrganization {}", cell(&explanation.organization)));
    bullets(&mut out, &explanation.findings, &[]);
    for instance in &explanation.instances {
        line(&mut out, &format!("\n## Instance {}", cell(&instance.name)));
        bullets(&mut out, &instance.findings, &instance.record);
        for group in &instance.groups {
            line(&mut out, &format!("\n### {}: {}", cell(&group.group), membership_of(group)));
            bullets(&mut out, &group.findings, &group.record);
        }
    }
    out
}

fn bullets(out: &mut String, findings: &[Finding], record: &[RecordedEvent]) {
    if !findings.is_empty() {
        line(out, "");
    }
    for finding in findings.iter().filter(|finding| is_shown(finding)) {
        let (mark, _) = mark_of(finding.verdict);
        line(out, &format!("- {mark} **{}**: {}", finding.station.title(), cell(&finding.text)));
    }
    for event in record {
        line(out, &format!("- {} {}", to_the_second(event.at), cell(&event.in_words())));
    }
}

fn membership_of(group: &GroupExplanation) -> &'static str {
    match group.is_member {
        Some(true) => "a member",
        Some(false) => "not a member",
        None => "membership unknown",
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
    use crate::domain::{ChangeOutcome, InstanceExplanation, NextRun, NextRunAction, RecordedKind, RunId};

    fn finding(station: Station, verdict: Verdict, text: &str) -> Finding {
        Finding { station, verdict, text: text.to_owned() }
    }

    fn explanation() -> Explanation {
        use Verdict::{No, Note, Unknown, Yes};
        let at = |hour: i64| DateTime::from_timestamp(1_795_370_400 + 3600 * hour, 0).expect("a time");
        let event = |hour, what, outcome| RecordedEvent {
            at: at(hour),
            what,
            outcome,
            run: None,
            reason: None,
            detail: None,
            approved_by: None,
            undo_of: None,
            runs: 1,
            last_at: at(hour),
        };
        let removed = RecordedEvent {
            run: Some(RunId::new("01KB0000000000000000000003")),
            reason: Some("not a member of profile Campaign - acme - delivery".to_owned()),
            approved_by: Some("root (uid 0, signed in as carol, uid 1004)".to_owned()),
            ..event(6, RecordedKind::Remove, Some(ChangeOutcome::Applied))
        };
        let held = RecordedEvent {
            run: Some(RunId::new("01KB0000000000000000000001")),
            runs: 3,
            last_at: at(5),
            detail: Some("3 removals exceed guard.max_removals = 2".to_owned()),
            ..event(1, RecordedKind::Remove, Some(ChangeOutcome::Held))
        };
        let next_run = NextRun {
            does: NextRunAction::Nothing,
            text: "nothing: it is as it should be".to_owned(),
            digest: None,
            held_since: None,
        };
        let delivery = GroupExplanation {
            group: "delivery".to_owned(),
            is_member: Some(false),
            is_wanted: Some(false),
            record: vec![
                event(0, RecordedKind::FirstSeen, None),
                held,
                removed,
                event(8, RecordedKind::Appeared, None),
            ],
            next_run: next_run.clone(),
            findings: vec![
                finding(Station::Profile, No, "does not have the profile \"Campaign - acme - delivery\""),
                finding(Station::Mask, Yes, "the mask \"Campaign - acme - (.*)\" maps it to delivery"),
                finding(Station::OperatorGroup, No, "the operator is not in the group"),
                finding(Station::LastChange, Note, "removed by run 01KB at 2026-11-22T06:00:00Z"),
                finding(Station::NextRun, Note, "changes nothing"),
            ],
        };
        let odd = GroupExplanation {
            group: "a|b\u{202e}".to_owned(),
            is_member: None,
            is_wanted: None,
            findings: Vec::new(),
            record: Vec::new(),
            next_run,
        };
        Explanation {
            version: Explanation::VERSION,
            organization: "0123456789ABCDEF01234567@AdobeOrg".to_owned(),
            unanswered: Vec::new(),
            user: "ann@acme.com".to_owned(),
            at: DateTime::from_timestamp(1_795_413_600, 0).expect("a time"),
            retry_at: None,
            findings: vec![finding(Station::User, Yes, "is an active user of the organization")],
            instances: vec![
                InstanceExplanation {
                    name: "production".to_owned(),
                    findings: vec![finding(Station::Operator, Yes, "is the operator ann@acme.com")],
                    groups: vec![delivery, odd],
                    record: Vec::new(),
                },
                InstanceExplanation {
                    name: "stage".to_owned(),
                    findings: vec![finding(Station::Operator, Unknown, "Campaign does not answer")],
                    groups: Vec::new(),
                    record: Vec::new(),
                },
            ],
        }
    }

    #[test]
    fn an_explanation_as_text_goes_from_the_user_to_the_last_change() {
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&explanation())));
    }

    #[test]
    fn an_explanation_as_markdown_has_a_section_for_each_group() {
        insta::assert_snapshot!(markdown(&explanation()));
    }
}

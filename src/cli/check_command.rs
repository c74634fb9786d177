//! `check`: every prerequisite with its evidence and what to do.

use chrono::Utc;

use crate::{
    check::{self, Cause, CheckReport, Extent, Finding, Reach, Section, Verdict},
    observability::{Level, start_logging},
    settings::{self, Readable, Sources},
};

use super::{
    CommandError,
    arguments::{Arguments, CheckArguments, OutputFormat},
    daemon_reach::said_by_daemon,
    exit_code::Exit,
    layout::{BAD, BOLD, DIM, DOUBT, GOOD, harmless, line, painted},
    own_sandbox::OwnSandbox,
    report_json::json,
    terminal::{ProgressLine, print},
};

pub(super) async fn run(arguments: &Arguments, check: &CheckArguments) -> Result<Exit, CommandError> {
    let Some(name) = &check.sandbox else {
        let sources = Sources::of_process(arguments.config.clone());
        return Box::pin(checked(arguments, check, &sources, settings::readable(&sources), Extent::Service)).await;
    };
    let sandbox = OwnSandbox::start(name).await?;
    let exit = Box::pin(checked(arguments, check, &sandbox.sources(), sandbox.readable(), Extent::Sandbox)).await;
    sandbox.stop().await;
    exit
}

async fn checked(
    arguments: &Arguments,
    options: &CheckArguments,
    sources: &Sources,
    mut settings: Readable,
    extent: Extent,
) -> Result<Exit, CommandError> {
    settings.keep_instances(&options.instance).map_err(CommandError::Usage)?;
    if let Some(configured) = &settings.log {
        let logging = configured.options(arguments.log_level(Level::Error), ProgressLine::colours());
        start_logging(&logging, ProgressLine::new())?;
    }
    let reach = if options.offline { Reach::Offline } else { Reach::Online };
    let daemon = match (&settings.control, extent) {
        (Some(control), Extent::Service) => Some(said_by_daemon(&control.socket).await),
        _ => None,
    };
    let request = check::Request { settings: &settings, sources, reach, extent, daemon, now: Utc::now() };
    let report = check::check(&request).await;
    print(&match arguments.output {
        OutputFormat::Text => text(&report),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(exit(&report))
}

fn exit(report: &CheckReport) -> Exit {
    match report.gravest() {
        Some(Cause::Configuration) => Exit::Configuration,
        Some(Cause::Refused) => Exit::Refused,
        Some(Cause::Incomplete) => Exit::Incomplete,
        Some(Cause::Unavailable) => Exit::Unavailable,
        None if report.count(Verdict::Warning) > 0 => Exit::Partial,
        None => Exit::Done,
    }
}

fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    let mut heading = String::new();
    let width = report.findings.iter().map(|finding| finding.title.chars().count()).max().unwrap_or_default().min(60);
    for finding in &report.findings {
        let above = heading_of(finding);
        if above != heading {
            if !heading.is_empty() {
                out.push('\n');
            }
            line(&mut out, &painted(BOLD, &harmless(&above)));
            heading = above;
        }
        one_finding(&mut out, finding, width);
    }
    out.push('\n');
    line(&mut out, &summary(report));
    out
}

fn one_finding(out: &mut String, finding: &Finding, width: usize) {
    let (style, word) = match finding.verdict {
        Verdict::Ok => (GOOD, "ok"),
        Verdict::NotChecked => (DIM, "-"),
        Verdict::Warning => (DOUBT, "warning"),
        Verdict::Failed => (BAD, "FAILED"),
    };
    let is_quiet = matches!(finding.verdict, Verdict::Ok | Verdict::NotChecked) && !finding.evidence.contains('\n');
    if is_quiet {
        let evidence = painted(DIM, &harmless(&finding.evidence));
        line(out, &format!("  {}  {:width$}  {evidence}", painted(style, &format!("{word:7}")), finding.title));
        return;
    }
    line(out, &format!("  {}  {}", painted(style, &format!("{word:7}")), finding.title));
    for evidence in finding.evidence.lines() {
        line(out, &format!("           {}", harmless(evidence)));
    }
    if !finding.remedy.is_empty() {
        line(out, &format!("           {} {}", painted(BOLD, "->"), harmless(&finding.remedy)));
    }
}

fn heading_of(finding: &Finding) -> String {
    let name = match finding.section {
        Section::Configuration => "Configuration",
        Section::ExperienceCloud => "Experience Cloud",
        Section::Campaign => "Campaign",
        Section::Names => "Mask and names",
        Section::Host => "Host",
    };
    match &finding.instance {
        Some(instance) => format!("{name}: {instance}"),
        None => name.to_owned(),
    }
}

fn summary(report: &CheckReport) -> String {
    let count = |verdict| report.count(verdict);
    format!(
        "{} failed, {} warnings, {} ok, {} not checked.",
        count(Verdict::Failed),
        count(Verdict::Warning),
        count(Verdict::Ok),
        count(Verdict::NotChecked)
    )
}

fn markdown(report: &CheckReport) -> String {
    let mut out = format!("# Check\n\n{}\n", summary(report));
    let mut heading = String::new();
    for finding in &report.findings {
        let above = heading_of(finding);
        if above != heading {
            line(
                &mut out,
                &format!(
                    "\n## {}\n\n| Verdict | Prerequisite | Evidence | Remedy |\n| --- | --- | --- | --- |",
                    cell(&above)
                ),
            );
            heading = above;
        }
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::NotChecked => "not checked",
            Verdict::Warning => "**warning**",
            Verdict::Failed => "**failed**",
        };
        let cells = [verdict.to_owned(), cell(&finding.title), cell(&finding.evidence), cell(&finding.remedy)];
        line(&mut out, &format!("| {} |", cells.join(" | ")));
    }
    out
}

/// Text within a cell of a table: names cannot end it, format it or become HTML.
fn cell(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| escaped(&harmless(line))).collect();
    lines.join("<br>")
}

fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for sign in line.chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '\\' | '*' | '_' | '`' | '[' | ']' => out.extend(['\\', sign]),
            other => out.push(other),
        }
    }
    out
}

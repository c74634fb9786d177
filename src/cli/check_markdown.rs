//! The report of `check` in Markdown, for tickets.

use crate::check::{CheckReport, Verdict};

use super::{
    check_text::{heading_of, summary},
    layout::{harmless, line},
};

/// The report, a table for each section.
pub(super) fn markdown(report: &CheckReport) -> String {
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
